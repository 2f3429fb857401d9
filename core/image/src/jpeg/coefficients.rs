//! Decodes the pictures that the library for the common ones gets wrong or refuses: scans of single
//! components, sampling factors that do not divide each other or are no powers of two, heights that
//! are told late, samples of 12 bits.
//!
//! As libjpeg-turbo does it, within a code: its "islow" inverse transform, its "fancy" upsampling
//! (`jdsample.c`), and the conversion of JFIF (ITU-T T.871, 7).

use rayon::prelude::*;

use super::check::read;
use super::codes::Keep;
use super::scans::{Grid, factors, size};
use super::segments::{Component, Frame, Segments};
use crate::budget::Budget;

/// Place of the coefficients in a block, in zigzag order (ISO 10918-1, figure A.6).
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Interleaved samples of all components, in the color space of the file, and the bytes that were
/// passed over.
pub(crate) fn decode(
    segments: &Segments<'_>,
    budget: &Budget,
) -> Result<(Vec<u16>, usize), String> {
    let frame = &segments.frame;
    let (blocks, passed_over) =
        read(segments, budget, |grid| Blocks(vec![[0; 64]; grid.blocks()]))?;
    let quantization = quantization(segments)?;
    let (width, height) = (usize::from(frame.width), usize::from(frame.height));
    let count = frame.components.len();
    let mut samples = vec![0; width * height * count];
    for (index, (component, blocks)) in frame.components.iter().zip(blocks).enumerate() {
        let plane = plane(frame, *component, &blocks, &quantization[index]);
        drop(blocks);
        let factors = factors(frame, *component);
        let enlarge = Enlarge { plane: &plane, size: (width, height), factors };
        samples.par_chunks_mut(width * count).enumerate().for_each(|(y, row)| {
            let mut line = Vec::with_capacity(width + 1);
            enlarge.row(y, &mut line);
            for (pixel, sample) in row.chunks_exact_mut(count).zip(line) {
                pixel[index] = sample;
            }
        });
    }
    Ok((samples, passed_over))
}

/// Coefficients of a component in zigzag order.
struct Blocks(Vec<[i16; 64]>);

impl Keep for Blocks {
    const VALUES: bool = true;

    fn set(&mut self, block: usize, k: usize, value: i32) {
        self.0[block][k] = value as i16;
    }

    fn refine(&mut self, block: usize, k: usize, low: u8) {
        let value = &mut self.0[block][k];
        let bit = 1_i16 << low;
        if k == 0 {
            *value |= bit;
        } else if *value & bit == 0 {
            *value += if *value < 0 { -bit } else { bit };
        }
    }

    fn nonzero(&self, block: usize) -> u64 {
        (1..64).filter(|&k| self.0[block][k] != 0).fold(0, |mask, k| mask | 1 << k)
    }
}

/// The quantization table of each component, in zigzag order: as it is before its first scan.
fn quantization(segments: &Segments<'_>) -> Result<Vec<[f32; 64]>, String> {
    let broken = || "a broken quantization table".to_string();
    let mut tables: [Option<[f32; 64]>; 4] = [None; 4];
    let mut found = vec![None; segments.frame.components.len()];
    for scan in &segments.scans {
        for mut data in scan.quantization.iter().copied() {
            while let Some((&head, rest)) = data.split_first() {
                let bytes = if head >> 4 == 0 { 1 } else { 2 };
                let (numbers, rest) = rest.split_at_checked(64 * bytes).ok_or_else(broken)?;
                let table = tables.get_mut(usize::from(head & 15)).ok_or_else(broken)?;
                let number = |k: usize| match bytes {
                    1 => f32::from(numbers[k]),
                    _ => f32::from(u16::from_be_bytes([numbers[2 * k], numbers[2 * k + 1]])),
                };
                *table = Some(std::array::from_fn(number));
                data = rest;
            }
        }
        let (&count, selectors) = scan.header.split_first().ok_or_else(broken)?;
        for selector in selectors.chunks_exact(2).take(count.into()) {
            let components = segments.frame.components.iter().zip(&mut found);
            for (component, found) in components.filter(|(c, _)| c.id == selector[0]) {
                let table = tables.get(usize::from(component.quantization)).copied().flatten();
                *found = found.or(table);
            }
        }
    }
    found.into_iter().collect::<Option<_>>().ok_or("a quantization table is missing".into())
}

/// Samples of a component.
struct Plane {
    samples: Vec<u16>,
    /// Samples from one row to the next.
    stride: usize,
    /// Those that count: blocks are filled up to the right and below.
    width: usize,
    height: usize,
}

fn plane(frame: &Frame, component: Component, blocks: &Blocks, steps: &[f32; 64]) -> Plane {
    let grid = Grid::new(frame, component);
    let stride = 8 * grid.stride;
    let middle = f32::from(1_u16 << (frame.precision - 1));
    let basis = basis();
    let mut samples = vec![0; 64 * grid.blocks()];
    let rows = samples.par_chunks_mut(8 * stride).zip(blocks.0.par_chunks(grid.stride));
    rows.for_each(|(rows, blocks)| {
        for (x, block) in blocks.iter().enumerate() {
            let values = inverse_transform(block, steps, &basis);
            for (y, line) in values.chunks_exact(8).enumerate() {
                let to = &mut rows[y * stride + 8 * x..][..8];
                for (to, value) in to.iter_mut().zip(line) {
                    *to = (value + middle).round().clamp(0.0, 2.0 * middle - 1.0) as u16;
                }
            }
        }
    });
    let (width, height) = size(frame, component);
    Plane { samples, stride, width, height }
}

/// By sample and frequency: the cosines of ISO 10918-1, A.3.3, with their factors.
fn basis() -> [[f32; 8]; 8] {
    std::array::from_fn(|x| {
        std::array::from_fn(|u| {
            let scale = if u == 0 { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 };
            let angle = (2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0;
            (0.5 * scale * libm::cos(angle)) as f32
        })
    })
}

fn inverse_transform(block: &[i16; 64], steps: &[f32; 64], basis: &[[f32; 8]; 8]) -> [f32; 64] {
    let mut frequencies = [0.0; 64];
    for (k, &place) in ZIGZAG.iter().enumerate() {
        frequencies[usize::from(place)] = f32::from(block[k]) * steps[k];
    }
    let mut rows = [0.0; 64]; // by vertical frequency and column
    for v in 0..8 {
        for x in 0..8 {
            rows[8 * v + x] = (0..8).map(|u| basis[x][u] * frequencies[8 * v + u]).sum();
        }
    }
    let mut samples = [0.0; 64];
    for y in 0..8 {
        for x in 0..8 {
            samples[8 * y + x] = (0..8).map(|v| basis[y][v] * rows[8 * v + x]).sum();
        }
    }
    samples
}

/// Makes rows of the picture's width of a plane.
struct Enlarge<'a> {
    plane: &'a Plane,
    size: (usize, usize),
    /// How often a sample stands in a row and in a column; 0: no whole number of times.
    factors: (usize, usize),
}

impl Enlarge<'_> {
    /// Appends the picture's row `y`.
    fn row(&self, y: usize, line: &mut Vec<u16>) {
        let (width, rows) = (self.plane.width, self.plane.height);
        let at = |row: usize| {
            let start = row.min(rows - 1) * self.plane.stride;
            &self.plane.samples[start..start + width]
        };
        // libjpeg does not smooth rows of less than three samples.
        let smooth = self.factors.0 == 2 && width > 2;
        // The nearer row and the farther one.
        let (near, far) =
            (y / 2, if y.is_multiple_of(2) { (y / 2).saturating_sub(1) } else { y / 2 + 1 });
        match self.factors {
            (1, 2) => {
                let bias = 1 + (y % 2) as u16;
                let sums = at(near).iter().zip(at(far)).map(|(n, f)| (3 * n + f + bias) >> 2);
                line.extend(sums);
            }
            (2, 2) if smooth => {
                let sums: Vec<u16> =
                    at(near).iter().zip(at(far)).map(|(near, far)| 3 * near + far).collect();
                double(&sums, 4, line);
            }
            (2, 1) if smooth => double(at(y), 2, line),
            (horizontal, vertical) => {
                let nearest = |at: usize, part: usize, whole: usize, factor: usize| match factor {
                    0 => (2 * at + 1) * part / (2 * whole),
                    _ => at / factor,
                };
                let row = at(nearest(y, rows, self.size.1, vertical));
                let samples =
                    (0..self.size.0).map(|x| row[nearest(x, width, self.size.0, horizontal)]);
                line.extend(samples);
            }
        }
        line.truncate(self.size.0);
    }
}

/// Twice as many samples: three parts of the nearer and one of the farther. The samples are those of
/// the picture times 2^(`shift` - 2).
fn double(samples: &[u16], shift: u32, line: &mut Vec<u16>) {
    let (left, right) = if shift == 2 { (1, 2) } else { (8, 7) };
    let last = samples.len() - 1;
    for (x, &sample) in samples.iter().enumerate() {
        let sample = u32::from(sample);
        let weighed =
            |neighbor: u16, bias: u32| ((3 * sample + u32::from(neighbor) + bias) >> shift) as u16;
        let edge = |bias: u32| ((4 * sample + if shift == 2 { 0 } else { bias }) >> shift) as u16;
        line.push(if x == 0 { edge(left) } else { weighed(samples[x - 1], left) });
        line.push(if x == last { edge(right) } else { weighed(samples[x + 1], right) });
    }
}
