//! A photograph of any size as a small one.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageDecoder, ImageReader, RgbImage};
use polychromify_core::{Error, Result};

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
