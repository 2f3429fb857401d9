//! Photographs of any size into a cache of small ones.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageDecoder, ImageReader, RgbImage};
use polychromify_core::{Error, Result};
use rayon::prelude::*;

use super::cache::{Failure, Index, Photo, Writer};
use super::table::{Row, draw_splits, read_table};

/// Photographs that are decoded in parallel before they are written: bounds the memory.
const CHUNK: usize = 256;

/// What to prepare, and where to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of photographs.
    pub photos: PathBuf,
    /// Table of files and splits; without one the splits are drawn.
    pub table: Option<PathBuf>,
    /// Splits to take; empty for all.
    pub splits: Vec<String>,
    /// Height and width of each photograph in the cache, in pixels.
    pub size: usize,
    /// Seed of the draw without a table.
    pub seed: u64,
    /// Threads; 0 for one a core.
    pub jobs: usize,
    /// The cache file.
    pub output: PathBuf,
}

/// Reads every photograph once and writes the cache, whole or not at all.
///
/// Photographs that cannot be read are passed over and remembered in [`Index::failures`].
/// `observe(done, all)` is called now and then with the number of photographs.
///
/// # Errors
///
/// When the table or the folder cannot be read, no photograph can, or the cache cannot be written.
pub fn prepare(settings: &Settings, observe: &mut dyn FnMut(usize, usize)) -> Result<Index> {
    if settings.size == 0 {
        return Err(Error::Train("the size of photographs has to be at least 1 pixel".to_owned()));
    }
    let rows = chosen_rows(settings)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(settings.jobs).build();
    let pool = pool.map_err(|error| Error::Train(format!("cannot start threads: {error}")))?;
    let mut writer = Writer::create(&settings.output, settings.size)?;
    let (mut done, mut first_failure) = (0, None);
    for chunk in rows.chunks(CHUNK) {
        let read = |row: &Row| read_photo(&locate(settings, &row.file), settings.size);
        let photos: Vec<_> = pool.install(|| chunk.par_iter().map(read).collect());
        for (row, photo) in chunk.iter().cloned().zip(photos) {
            let Row { file, split, source, weight } = row;
            match photo {
                Ok(((width, height), samples)) => {
                    writer.push(Photo { file, split, source, width, height, weight }, &samples)?;
                }
                Err(error) => {
                    writer.push_failure(Failure { file, split, reason: error.to_string() });
                    first_failure.get_or_insert(error);
                }
            }
        }
        done += chunk.len();
        observe(done, rows.len());
    }
    match first_failure {
        Some(error) if writer.is_empty() => Err(error),
        _ => writer.finish(),
    }
}

/// Reads a photograph, turns it upright and squeezes it to `size` x `size` pixels with an
/// antialiased triangle filter over sRGB: its upright size and the interleaved samples.
///
/// # Errors
///
/// When the file cannot be read, is not an image, or is truncated or otherwise damaged.
pub fn read_photo(path: &Path, size: usize) -> Result<((u32, u32), Vec<u8>)> {
    let photo = decode(path)?;
    let size = size as u32;
    let small = imageops::resize(&photo, size, size, FilterType::Triangle);
    Ok((photo.dimensions(), small.into_raw()))
}

fn decode(path: &Path) -> Result<RgbImage> {
    let bytes = fs::read(path).map_err(Error::io(path, "read"))?;
    let damaged = |reason: String| Error::Damaged { path: path.to_owned(), reason };
    let not_an_image =
        |reason: &str| Error::NotAnImage { path: path.to_owned(), reason: reason.to_owned() };
    if bytes.is_empty() {
        return Err(not_an_image("the file is empty"));
    }
    let format = image::guess_format(&bytes)
        .map_err(|_| not_an_image("its first bytes are those of no known format"))?;
    if format == image::ImageFormat::Jpeg && !jpeg_is_whole(&bytes) {
        return Err(damaged("truncated: no end of image after the last scan".to_owned()));
    }
    let decoded = (|| {
        let mut decoder = ImageReader::with_format(Cursor::new(&bytes), format).into_decoder()?;
        let orientation = decoder.orientation()?;
        let mut photo = DynamicImage::from_decoder(decoder)?;
        photo.apply_orientation(orientation);
        Ok(photo.into_rgb8())
    })();
    decoded.map_err(|error: image::ImageError| damaged(error.to_string()))
}

/// Whether an end-of-image marker follows the last start of scan.
///
/// The decoder fills a truncated JPEG with gray and says nothing. Entropy-coded data holds neither
/// marker, since it follows each 0xFF with a zero (ITU T.81, B.1.1.5).
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let last = |second: u8| bytes.windows(2).rposition(|pair| pair == [0xFF, second]);
    last(0xD9) > last(0xDA)
}

fn chosen_rows(settings: &Settings) -> Result<Vec<Row>> {
    let mut rows = match &settings.table {
        Some(table) => read_table(table)?,
        None => draw_splits(&settings.photos, settings.seed)?,
    };
    for split in &settings.splits {
        if !rows.iter().any(|row| row.split == *split) {
            let place = settings.table.as_ref().unwrap_or(&settings.photos).display();
            return Err(Error::Train(format!("{place}: no photograph has the split `{split}`")));
        }
    }
    if !settings.splits.is_empty() {
        rows.retain(|row| settings.splits.contains(&row.split));
    }
    Ok(rows)
}

/// Tables name files relative to the folder of photographs or to the one that they lie in.
fn locate(settings: &Settings, file: &str) -> PathBuf {
    let path = settings.photos.join(file);
    let beside = settings.table.as_deref().map(|table| table.with_file_name(file));
    match beside {
        Some(beside) if !path.exists() && beside.exists() => beside,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn webp_is_read_as_jpeg_and_png_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("photo.webp");
        let photo = RgbImage::from_fn(4, 2, |x, y| Rgb([60 * x as u8, 90 * y as u8, 7]));
        photo.save(&path).unwrap();
        let (size, samples) = read_photo(&path, 2).unwrap();
        assert_eq!(size, (4, 2));
        // A triangle of two pixels: 3 parts each of 0 and 60, 1 of 120.
        assert_eq!(samples[..3], [43, 0, 7]);
    }

    #[test]
    fn a_truncated_webp_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("photo.webp");
        RgbImage::from_fn(40, 40, |x, y| Rgb([(x * y) as u8, x as u8, y as u8]))
            .save(&path)
            .unwrap();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let error = read_photo(&path, 8).unwrap_err().to_string();
        assert!(error.contains("photo.webp: damaged: "), "{error}");
    }
}
