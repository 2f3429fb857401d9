//! Puts the three exposures of Prokudin-Gorskii's plates together: photographs of before 1915 whose
//! true colors are known.
//!
//! ```sh
//! cargo run --release -p polychromify-train --example plates -- \
//!     target/plates ../shared/historical/prokudin_plates/*.jpg
//! polychromify-train evaluate --photos target/plates --sheet plates.png
//! ```
//!
//! A plate has the exposures through a blue, a green and a red filter from the top. Blue and red
//! are moved onto green where their gradients agree best, from coarse to fine. What was moved past
//! the green one's edge, and the plates' own borders, are cut off. Each channel is then stretched so
//! that one pixel in a hundred is black and one white, which takes most of the filters' cast.

use std::error::Error;
use std::path::Path;

use image::imageops::{self, FilterType};
use image::{GrayImage, Rgb, RgbImage};

/// Longest side of an exposure while it is worked on, and least side at the coarsest step.
const SIDE: u32 = 800;
const COARSEST: u32 = 60;

/// Share of a side that is cut off, and most that an exposure is moved by.
const CUT: f32 = 0.07;
const REACH: f32 = 0.06;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let output = arguments.next().ok_or("plates OUTPUT FILE...")?;
    std::fs::create_dir_all(&output)?;
    for file in arguments {
        let plate = image::open(&file)?.into_luma8();
        let name = Path::new(&file).file_stem().ok_or("a file has a name")?;
        let path = Path::new(&output).join(name).with_extension("png");
        compose(&plate).save(&path)?;
    }
    Ok(())
}

fn compose(plate: &GrayImage) -> RgbImage {
    let (width, height) = (plate.width(), plate.height() / 3);
    let scale = (SIDE as f32 / width.max(height) as f32).min(1.0);
    let size = [width, height].map(|side| (side as f32 * scale) as u32);
    let [blue, green, red] = [0, 1, 2].map(|i| {
        let exposure = imageops::crop_imm(plate, 0, i * height, width, height).to_image();
        imageops::resize(&exposure, size[0], size[1], FilterType::Triangle)
    });
    let moves = [&red, &green, &blue].map(|exposure| register(exposure, &green));
    let [left, top] = size.map(|side| (side as f32 * CUT) as u32);
    let (width, height) = (size[0] - 2 * left, size[1] - 2 * top);
    let channels = [&red, &green, &blue].map(|channel| levels(channel, left, top));
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([0, 1, 2].map(|c| {
            let exposure = [&red, &green, &blue][c];
            let at = |at: u32, by: i32, side: u32| at.saturating_add_signed(by).min(side - 1);
            let (dx, dy) = moves[c];
            let value = exposure[(at(x + left, dx, size[0]), at(y + top, dy, size[1]))].0[0];
            let (black, white) = channels[c];
            (255.0 * (f32::from(value) - black) / (white - black)).round() as u8
        }))
    })
}

/// The values that one pixel in a hundred is below and above, without the borders.
fn levels(exposure: &GrayImage, left: u32, top: u32) -> (f32, f32) {
    let inside = |x: u32, y: u32| {
        (left..exposure.width() - left).contains(&x) && (top..exposure.height() - top).contains(&y)
    };
    let pixels = exposure.enumerate_pixels().filter(|(x, y, _)| inside(*x, *y));
    let mut values: Vec<u8> = pixels.map(|(_, _, pixel)| pixel.0[0]).collect();
    values.sort_unstable();
    let at = |share: usize| f32::from(values[(values.len() - 1) * share / 100]);
    (at(1), at(99).max(at(1) + 1.0))
}

/// How far `moving` is off `fixed`: pixel `(x + dx, y + dy)` of it shows what `(x, y)` does.
fn register(moving: &GrayImage, fixed: &GrayImage) -> (i32, i32) {
    let (width, height) = fixed.dimensions();
    let (mut dx, mut dy) = (0, 0);
    let steps = (width.min(height) / COARSEST).max(1).ilog2();
    for step in (0..=steps).rev() {
        let (w, h) = (width >> step, height >> step);
        let small = |exposure| edges(&imageops::resize(exposure, w, h, FilterType::Triangle));
        let (one, two) = (small(fixed), small(moving));
        let reach = if step == steps { (REACH * w.max(h) as f32).ceil() as i32 } else { 2 };
        let mut best = (f32::NEG_INFINITY, dx, dy);
        for y in dy - reach..=dy + reach {
            for x in dx - reach..=dx + reach {
                let likeness = likeness(&one, &two, (w.cast_signed(), h.cast_signed()), (x, y));
                if likeness > best.0 {
                    best = (likeness, x, y);
                }
            }
        }
        (dx, dy) = (best.1, best.2);
        if step > 0 {
            (dx, dy) = (2 * dx, 2 * dy);
        }
    }
    (dx, dy)
}

/// Size of the gradient: exposures differ in tone, not in where edges are.
fn edges(exposure: &GrayImage) -> Vec<f32> {
    let (width, height) = exposure.dimensions();
    let at = |x: u32, y: u32| f32::from(exposure[(x.min(width - 1), y.min(height - 1))].0[0]);
    let gradient = |i: u32| {
        let (x, y) = (i % width, i / width);
        (at(x + 1, y) - at(x, y)).hypot(at(x, y + 1) - at(x, y))
    };
    (0..width * height).map(gradient).collect()
}

/// Normalized correlation of what is within the borders.
fn likeness(one: &[f32], two: &[f32], (w, h): (i32, i32), (dx, dy): (i32, i32)) -> f32 {
    let [left, top] = [w, h].map(|side| (side as f32 * CUT) as i32);
    let (mut product, mut squares) = (0.0, 0.0);
    for y in top..h - top {
        for x in left..w - left {
            let (u, v) = (x + dx, y + dy);
            if (0..w).contains(&u) && (0..h).contains(&v) {
                let (a, b) = (one[(y * w + x) as usize], two[(v * w + u) as usize]);
                product += a * b;
                squares += b * b;
            }
        }
    }
    product / squares.max(1.0).sqrt()
}
