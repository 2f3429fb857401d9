//! Scans without colors, as each network paints them: the whole pipeline, borders and painter
//! included, at the size of a sheet.

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use polychromify_core::{
    Colorizer, Device, Error, Hints, Info, Limits, Result, SamplesMut, Scan, Thumbnail, Weights,
};
use polychromify_image::resample::Resampler;

use super::sheet::sheet;

/// Longest side of a scan on the sheet, in pixels.
const SIDE: u32 = 400;

/// Rows read at a time.
const BAND: usize = 64;

/// A sheet of scans: gray, and as each network colors it. Scans that cannot be read are left out,
/// with the reason in the list beside the sheet.
///
/// # Errors
///
/// When the weights do not fit, the device fails or no scan can be read.
pub fn scan_sheet(
    contestants: &[Weights],
    device: &Device,
    scans: &[PathBuf],
) -> Result<(RgbImage, Vec<String>)> {
    let colorizers: Vec<_> = contestants
        .iter()
        .map(|weights| Colorizer::open(weights, device))
        .collect::<Result<_>>()?;
    let (mut groups, mut failures) = (Vec::new(), Vec::new());
    for path in scans {
        match color(path, &colorizers) {
            Ok(group) => groups.push(group),
            Err(error @ Error::Tensor(_)) => return Err(error),
            Err(error) => failures.push(error.to_string()),
        }
    }
    if groups.is_empty() {
        let reason = failures.first().map_or("there are none", String::as_str);
        return Err(Error::Train(format!("no scan could be read for the sheet: {reason}")));
    }
    let headings: Vec<&str> =
        std::iter::once("gray").chain(contestants.iter().map(Weights::name)).collect();
    Ok((sheet(&groups, &headings), failures))
}

/// Gray, and as each colorizer paints it, upright.
fn color(path: &Path, colorizers: &[Colorizer]) -> Result<Vec<RgbImage>> {
    let mut scan = Scan::open(path, &Limits::new(1 << 32, 1 << 30))?;
    let info = scan.info().clone();
    let small = small_size(info.width, info.height);
    let as_index = |(width, height): (u32, u32)| (width as usize, height as usize);
    let mut resampler = Resampler::new(as_index((info.width, info.height)), as_index(small));
    let mut lightness: Vec<f32> = Vec::new();
    let mut thumbnails: Vec<Thumbnail> = colorizers
        .iter()
        .map(|c| Thumbnail::new(info.width, info.height, info.orientation, c.work_area()))
        .collect();
    scan.read_lightness(BAND, &mut |y, rows| {
        for row in rows.chunks_exact(info.width as usize) {
            resampler.push_row(row, &mut |row| lightness.extend_from_slice(row));
        }
        for thumbnail in &mut thumbnails {
            thumbnail.push_rows(y, rows);
        }
        Ok(())
    })?;
    let mut group = Vec::with_capacity(colorizers.len() + 1);
    for (colorizer, thumbnail) in colorizers.iter().zip(thumbnails) {
        let chroma = colorizer.predict(&thumbnail.finish(), &Hints::default())?;
        let saturations: &[f32] = if group.is_empty() { &[0.0, 1.0] } else { &[1.0] };
        for &saturation in saturations {
            let mut rgb = vec![0; 3 * lightness.len()];
            let painter = chroma.painter(small.0, small.1, saturation);
            painter.paint_rows(0, &lightness, SamplesMut::Eight(&mut rgb));
            group.push(upright(&rgb, small, &info));
        }
    }
    Ok(group)
}

/// A size of at most [`SIDE`] pixels a side, in the scan's proportions.
fn small_size(width: u32, height: u32) -> (u32, u32) {
    let scale = (f64::from(SIDE) / f64::from(width.max(height))).min(1.0);
    let side = |pixels: u32| ((f64::from(pixels) * scale).round() as u32).max(1);
    (side(width), side(height))
}

fn upright(rgb: &[u8], size: (u32, u32), info: &Info) -> RgbImage {
    let stored = (size.0 as usize, size.1 as usize);
    let (width, height) = info.orientation.upright_size(stored);
    let mut picture = RgbImage::new(width as u32, height as u32);
    for (i, pixel) in rgb.chunks_exact(3).enumerate() {
        let (x, y) = info.orientation.to_upright((i % stored.0, i / stored.0), stored);
        picture.put_pixel(x as u32, y as u32, Rgb([pixel[0], pixel[1], pixel[2]]));
    }
    picture
}

#[cfg(test)]
mod tests {
    use polychromify_core::DeviceChoice;

    use super::super::tests::gray_weights;
    use super::*;

    #[test]
    fn scans_of_any_size_are_laid_out_and_unreadable_ones_named() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["wide.png", "high.png", "broken.png"].map(|name| folder.path().join(name));
        image::GrayImage::from_fn(900, 300, |x, y| image::Luma([(x + y) as u8]))
            .save(&paths[0])
            .unwrap();
        image::GrayImage::from_fn(30, 70, |x, y| image::Luma([(x * y) as u8]))
            .save(&paths[1])
            .unwrap();
        std::fs::write(&paths[2], b"no scan").unwrap();
        let device = Device::open(DeviceChoice::Cpu).unwrap();
        let weights = [gray_weights(folder.path())];
        let (sheet, failures) = scan_sheet(&weights, &device, &paths).unwrap();
        assert_eq!(sheet.dimensions(), (2 * (2 * 404 + 4), 137 + 4 + 12));
        assert!(failures.len() == 1 && failures[0].contains("broken.png"), "{failures:?}");
        assert!(scan_sheet(&weights, &device, &paths[2..]).is_err());
    }
}
