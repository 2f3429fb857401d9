//! The lightness of a file as this program reads it, beside what ImageMagick reads (by libjpeg-turbo,
//! libtiff, libpng, libwebp and Little CMS).

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use polychromify_image::color::profile::Lightness;
use polychromify_image::{Limits, Reader, Samples, Source};

/// CIE L* (D65), 0..=100, of each pixel, row by row.
pub struct Page {
    pub width: usize,
    pub height: usize,
    pub lightness: Vec<f32>,
}

/// How far two readings of a page are apart.
#[derive(Clone, Copy, Debug)]
pub struct Difference {
    /// Mean of L*.
    pub mean: f32,
    /// The largest of L*, but for one pixel in a thousand.
    pub most: f32,
}

/// A page, from 0, as this program reads it.
///
/// # Errors
///
/// In the words that a user reads.
pub fn ours(path: &Path, page: usize) -> Result<Page, String> {
    let limits = Limits::new(1 << 30, 4 << 30);
    let source = File::open(path).and_then(Source::new).map_err(|error| error.to_string())?;
    let read = || {
        let (_, mut header, mut reader) = Reader::open(source, &limits)?;
        if page > 0 {
            header = reader.select(page)?;
        }
        let conversion = Lightness::new(&header.space, header.layout, &mut Vec::new());
        let mut samples = Samples::new(header.layout.depth);
        reader.start()?;
        reader.read_rows(header.height as usize, &mut samples)?;
        reader.finish()?;
        let mut lightness = Vec::new();
        conversion.convert(header.layout, samples.all(), &mut lightness);
        let (width, height) = (header.width as usize, header.height as usize);
        Ok(Page { width, height, lightness })
    };
    read().map_err(|error: polychromify_image::Error| error.to_string())
}

/// A directory of the file, from 0, as `ImageMagick` reads it; `None` if it does not.
pub fn theirs(path: &Path, directory: usize) -> Option<Page> {
    const SRGB: &str =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../core/image/src/color/output_profiles/srgb.icc");
    // ImageMagick gives YCbCr of a TIFF as if it were red, green and blue.
    let ycc = Command::new("tiffinfo").arg(path).output();
    let ycc = ycc.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(": YCbCr"));
    let folder = tempfile::tempdir().ok()?;
    let rgba = folder.path().join("rgba.tif");
    if ycc && directory == 0 {
        let made = Command::new("tiff2rgba").arg(path).arg(&rgba).output().ok()?;
        if !made.status.success() {
            return None;
        }
    }
    let path = if rgba.exists() { &rgba } else { path };
    let mut convert = Command::new("convert");
    convert.arg(format!("{}[{directory}]", path.display())).args(["-alpha", "off"]);
    convert.args(["-intent", "relative", "+black-point-compensation", "-profile", SRGB]);
    convert.args([
        "-strip",
        "-colorspace",
        "Lab",
        "-channel",
        "R",
        "-separate",
        "-depth",
        "16",
        "pgm:-",
    ]);
    let output = convert.stdin(Stdio::null()).output().ok()?;
    let mut words = output.stdout.splitn(4, u8::is_ascii_whitespace);
    let mut number = || std::str::from_utf8(words.next()?).ok()?.parse::<usize>().ok();
    let _magic = number();
    let (width, height) = (number()?, number()?);
    let data = words.next()?.splitn(2, |&byte| byte == b'\n').nth(1)?;
    let lightness = data.as_chunks().0.iter();
    let lightness = lightness.map(|&v| f32::from(u16::from_be_bytes(v)) / 655.35).collect();
    Some(Page { width, height, lightness })
}

/// How far two readings are apart; `None` if they are of different sizes.
pub fn difference(one: &Page, other: &Page) -> Option<Difference> {
    if (one.width, one.height) != (other.width, other.height) {
        return None;
    }
    let pairs = one.lightness.iter().zip(&other.lightness);
    let mut apart: Vec<f32> = pairs.map(|(one, other)| (one - other).abs()).collect();
    apart.sort_by(f32::total_cmp);
    let mean = apart.iter().sum::<f32>() / apart.len() as f32;
    Some(Difference { mean, most: apart[(apart.len() - 1) * 999 / 1000] })
}
