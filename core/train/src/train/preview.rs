//! Pictures as a recipe makes them, to look at before a run.

use std::path::Path;

use image::{Rgb, RgbImage};
use polychromify_core::internals::model::CHROMA_SCALE;
use polychromify_core::{Error, Result};
use polychromify_image::color::lab::Lab;

use super::cache::Cache;
use super::dataset::Dataset;
use super::recipe::Recipe;

/// Columns of pairs.
const COLUMNS: usize = 4;

/// Writes a sheet of pictures of an epoch as the recipe varies them, each as the network sees it with
/// what is held for true beside it; returns how long a picture took on one thread, in milliseconds.
///
/// # Errors
///
/// When the cache cannot be read, has none of the splits, or the file cannot be written.
pub fn preview(
    data: &Path,
    splits: &[String],
    recipe: &Recipe,
    [count, seed]: [usize; 2],
    output: &Path,
) -> Result<f64> {
    let photos = Dataset::read(&Cache::open(data)?, splits, None)?;
    let items = photos.varied(seed as u64, 0, true, Some(count));
    let started = std::time::Instant::now();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.map_err(|error| Error::Train(format!("cannot start a thread: {error}")))?;
    let planes = pool.install(|| photos.planes_of(&items, Some(recipe)));
    let milliseconds = started.elapsed().as_secs_f64() * 1e3 / count as f64;
    let (size, area) = (recipe.size, recipe.size * recipe.size);
    let (width, height) = (2 * COLUMNS * size, count.div_ceil(COLUMNS) * size);
    let sheet = RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let (column, x) = (x as usize / size, x as usize % size);
        let (row, y) = (y as usize / size, y as usize % size);
        let (picture, pixel) = (row * COLUMNS + column / 2, y * size + x);
        if picture >= count {
            return Rgb([255; 3]);
        }
        let l = planes.lightness[picture * area + pixel];
        let chroma = |c: usize| CHROMA_SCALE * planes.chroma[(2 * picture + c) * area + pixel];
        let [a, b] = if column % 2 == 0 { [0.0; 2] } else { [chroma(0), chroma(1)] };
        Rgb(Lab { l, a, b }.to_srgb_clipped().map(|value| (255.0 * value + 0.5) as u8))
    });
    let written = sheet.save_with_format(output, image::ImageFormat::Png);
    written
        .map_err(|error| Error::Train(format!("{}: cannot write: {error}", output.display())))?;
    Ok(milliseconds)
}
