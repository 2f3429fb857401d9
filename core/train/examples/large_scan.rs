//! Writes a large gray scan of 16 bits, uncompressed in one strip, for `scripts/large-scan`: slopes,
//! edges and grain, so that compressing it takes what a photograph takes.
//!
//! ```sh
//! cargo run --release -p polychromify-core --example large_scan -- WIDTH HEIGHT FILE [--big]
//! ```

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};

/// Standard deviation of the grain, of 65535: that of a print scanned at 600 pixels an inch.
const GRAIN: f32 = 400.0;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [width, height, path, big @ ..] = &arguments[..] else {
        return Err("large_scan WIDTH HEIGHT FILE [--big]".into());
    };
    let (width, height): (u32, u32) = (width.parse()?, height.parse()?);
    let big = big.first().is_some_and(|flag| flag == "--big");
    let bytes = 2 * u64::from(width) * u64::from(height);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);

    let directory = if big { 16 } else { 8 };
    out.write_all(if big { b"II+\0\x08\0\0\0" } else { b"II*\0" })?;
    number(&mut out, big, directory)?;
    let tags: [(u16, u16, u64); 9] = [
        (256, 4, width.into()),
        (257, 4, height.into()),
        (258, 3, 16),
        (259, 3, 1),
        (262, 3, 1),
        (273, if big { 16 } else { 4 }, 0),
        (277, 3, 1),
        (278, 4, height.into()),
        (279, if big { 16 } else { 4 }, bytes),
    ];
    let count = tags.len() as u64;
    let pixels = directory + if big { 8 + 20 * count + 8 } else { 2 + 12 * count + 4 };
    if big {
        out.write_all(&count.to_le_bytes())?;
    } else {
        out.write_all(&(count as u16).to_le_bytes())?;
    }
    for (tag, kind, value) in tags {
        out.write_all(&tag.to_le_bytes())?;
        out.write_all(&kind.to_le_bytes())?;
        number(&mut out, big, 1)?;
        number(&mut out, big, if tag == 273 { pixels } else { value })?;
    }
    number(&mut out, big, 0)?;

    let grain: Vec<f32> = grain(1 << 16);
    let across: Vec<f32> = (0..width).map(|x| (x as f32 / width as f32 * 9.0).sin()).collect();
    let mut row = Vec::with_capacity(2 * width as usize);
    let mut state = 1_u32;
    for y in 0..height {
        let down = (y as f32 / height as f32 * 7.0).cos();
        row.clear();
        for (x, across) in (0_u32..).zip(&across) {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let edge = if (x / 997 + y / 1511).is_multiple_of(2) { 6000.0 } else { 0.0 };
            let value = 30000.0 + 11000.0 * (across + down) + edge + grain[(state >> 16) as usize];
            row.extend((value as u16).to_le_bytes());
        }
        out.write_all(&row)?;
    }
    out.flush()?;
    Ok(())
}

/// An offset or a count.
fn number(out: &mut impl Write, big: bool, value: u64) -> std::io::Result<()> {
    if big {
        out.write_all(&value.to_le_bytes())
    } else {
        out.write_all(&(value as u32).to_le_bytes())
    }
}

/// Numbers that are nearly normal: sums of twelve even ones.
fn grain(count: usize) -> Vec<f32> {
    let mut state = 7_u32;
    let mut even = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..count).map(|_| GRAIN * (0..12).map(|_| even()).sum::<f32>()).collect()
}
