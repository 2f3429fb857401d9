//! Shows that color stops at edges: paints photographs with their own chroma at work size, blurred
//! as a network's is, by the painter and by bilinear interpolation, and prints both errors.
//!
//! ```sh
//! cargo build --release --workspace --features polychromify-core/train --example upsampling
//! target/release/examples/upsampling PHOTO... --output PNG
//! ```
//!
//! The picture shows, for a detail of each photograph: bilinear | painter | original.

use std::error::Error;
use std::io::Write;

use image::{Rgb, RgbImage, imageops};
use polychromify_core::lab::{self, Lab};
use polychromify_core::{ChromaMap, Orientation, SamplesMut, Thumbnail};

/// Work size in pixels, that of the network Polychromify.
const AREA: usize = 128 * 128;

/// Standard deviation in work pixels of the blur that stands for the way a network's chroma bleeds
/// over edges.
const BLEEDING: f32 = 1.5;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let mut output = None;
    if let Some(at) = args.iter().position(|arg| arg == "--output") {
        output = Some(args.remove(at + 1));
        args.remove(at);
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

/// Details of 240 pixels from the middle, twice enlarged, one photograph a row.
fn sheet(details: &[[RgbImage; 3]]) -> RgbImage {
    let mut sheet = RgbImage::new(3 * 480, 480 * details.len() as u32);
    for (row, versions) in details.iter().enumerate() {
        for (column, version) in versions.iter().enumerate() {
            let (x, y) = (version.width() / 2 - 120, version.height() / 2 - 120);
            let detail = imageops::crop_imm(version, x, y, 240, 240).to_image();
            let detail = imageops::resize(&detail, 480, 480, imageops::FilterType::Nearest);
            let (x, y) = (480 * column as u32, 480 * row as u32);
            imageops::replace(&mut sheet, &detail, x.into(), y.into());
        }
    }
    sheet
}
