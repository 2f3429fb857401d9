//! Shows that color stops at edges: paints photographs with their own chroma at work size, blurred
//! as a network's is, by the painter and by bilinear interpolation, and prints both errors.
//!
//! ```sh
//! cargo build --release --workspace --example upsampling
//! target/release/examples/upsampling PHOTO... --output PNG
//! ```
//!
//! The picture shows the detail of each photograph in which the two differ most: bilinear | painter |
//! original.

use std::error::Error;
use std::io::Write;

use image::{Rgb, RgbImage, imageops};
use polychromify_core::{ChromaMap, Orientation, SamplesMut, Thumbnail};
use polychromify_image::color::lab::{self, Lab};

/// Work size in pixels, that of the network Polychromify.
const AREA: usize = 128 * 128;

/// Standard deviation in work pixels of the blur that stands for the way a network's chroma bleeds
/// over edges.
const BLEEDING: f32 = 1.5;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let mut output = None;
    if let Some(at) = args.iter().position(|arg| arg == "--output") {
        args.remove(at);
        if at == args.len() {
            return Err("--output needs a file".into());
        }
        output = Some(args.remove(at));
    }
    let mut details = Vec::new();
    let mut out = std::io::stdout();
    writeln!(out, "| photograph | bilinear: RMS error of ab | painter |\n|---|---|---|")?;
    for path in &args {
        let photo = image::open(path)?.to_rgb8();
        let (bilinear, painted) = (paint_bilinear(&photo), paint(&photo));
        let (old, new) = (error(&photo, &bilinear), error(&photo, &painted));
        writeln!(out, "| {path} | {old:.2} | {new:.2} |")?;
        details.push([bilinear, painted, photo]);
    }
    if let Some(output) = output {
        sheet(&details).save(output)?;
    }
    Ok(())
}

/// Rows of L*, a* and b* of a photograph.
fn planes(photo: &RgbImage) -> [Vec<f32>; 3] {
    let n = (photo.width() * photo.height()) as usize;
    let mut planes = [vec![0.0; n], vec![0.0; n], vec![0.0; n]];
    let [l, a, b] = &mut planes;
    lab::planes_from_srgb8(photo.as_raw(), l, a, b);
    planes
}

/// The photograph's chroma at work size, with its guide.
fn work_size(photo: &RgbImage) -> ChromaMap {
    let [l, a, b] = planes(photo).map(|plane| {
        let mut thumbnail =
            Thumbnail::new(photo.width(), photo.height(), Orientation::Upright, AREA);
        thumbnail.push_rows(0, &plane);
        thumbnail.finish()
    });
    let (width, height) = l.size();
    let map = image::ImageBuffer::from_fn(width as u32, height as u32, |x, y| {
        let i = y as usize * width + x as usize;
        Rgb([a.lightness()[i] / 256.0 + 0.5, b.lightness()[i] / 256.0 + 0.5, 0.0_f32])
    });
    let map = imageops::blur(&map, BLEEDING);
    let chroma: Vec<[f32; 2]> =
        map.pixels().map(|p| [(p.0[0] - 0.5) * 256.0, (p.0[1] - 0.5) * 256.0]).collect();
    ChromaMap::new(&l, &chroma)
}

fn paint(photo: &RgbImage) -> RgbImage {
    let mut painted = RgbImage::new(photo.width(), photo.height());
    let painter = work_size(photo).painter(photo.width(), photo.height(), 1.0);
    painter.paint_rows(0, &planes(photo)[0], SamplesMut::Eight(&mut painted));
    painted
}

fn paint_bilinear(photo: &RgbImage) -> RgbImage {
    let map = work_size(photo);
    let (width, height) = map.size();
    let small = image::ImageBuffer::from_fn(width as u32, height as u32, |x, y| {
        let [a, b] = map.chroma()[y as usize * width + x as usize];
        Rgb([a / 256.0 + 0.5, b / 256.0 + 0.5, 0.0_f32])
    });
    let large =
        imageops::resize(&small, photo.width(), photo.height(), imageops::FilterType::Triangle);
    let [l, ..] = planes(photo);
    RgbImage::from_fn(photo.width(), photo.height(), |x, y| {
        let [a, b, _] = large.get_pixel(x, y).0.map(|v| (v - 0.5) * 256.0);
        let l = l[(y * photo.width() + x) as usize];
        let (_, linear) = lab::fit_chroma(Lab { l, a, b });
        Rgb(linear.map(|v| (lab::linear_to_srgb(v) * 255.0).round() as u8))
    })
}

/// Root mean square distance in ab.
fn error(photo: &RgbImage, painted: &RgbImage) -> f64 {
    let ([_, a, b], [_, c, d]) = (planes(photo), planes(painted));
    let squares = (0..a.len()).map(|i| f64::from((a[i] - c[i]).powi(2) + (b[i] - d[i]).powi(2)));
    (squares.sum::<f64>() / a.len() as f64).sqrt()
}

/// Height and width in pixels of a detail.
const DETAIL: u32 = 160;

/// The detail of each photograph in which the first two versions differ most, three times enlarged,
/// one photograph a row.
fn sheet(details: &[[RgbImage; 3]]) -> RgbImage {
    let side = 3 * DETAIL;
    let mut sheet = RgbImage::new(3 * side, side * details.len() as u32);
    for (row, versions) in (0..).zip(details) {
        let (x, y) = largest_difference(&versions[0], &versions[1]);
        for (column, version) in (0..).zip(versions) {
            let detail = imageops::crop_imm(version, x, y, DETAIL, DETAIL).to_image();
            let detail = imageops::resize(&detail, side, side, imageops::FilterType::Nearest);
            let (x, y): (u32, u32) = (side * column, side * row);
            imageops::replace(&mut sheet, &detail, x.into(), y.into());
        }
    }
    sheet
}

/// Top left of the detail with the largest sum of absolute differences.
fn largest_difference(one: &RgbImage, other: &RgbImage) -> (u32, u32) {
    let step = (DETAIL / 2) as usize;
    let starts = |side: u32| (0..=side.saturating_sub(DETAIL)).step_by(step);
    let difference = |&(x, y): &(u32, u32)| {
        let [one, other] =
            [one, other].map(|photo| imageops::crop_imm(photo, x, y, DETAIL, DETAIL).to_image());
        let samples = one.as_raw().iter().zip(other.as_raw());
        samples.map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>()
    };
    let corners = starts(one.height()).flat_map(|y| starts(one.width()).map(move |x| (x, y)));
    corners.max_by_key(difference).unwrap_or_default()
}
