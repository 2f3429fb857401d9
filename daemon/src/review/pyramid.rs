//! A picture in memory at all sizes, for deep zoom: each level has half the pixels a side of the one
//! before, down to a single one. Levels are counted as in Deep Zoom images, from the smallest.

use jpeg_encoder::{ColorType, Encoder};
use polychromify_core::{Orientation, Result, Scan};
use rayon::prelude::*;

/// Pixels a side of a tile.
pub(super) const TILE: usize = 512;

/// Rows that are read at once.
pub(super) const BAND: usize = 64;

/// An upright picture at all sizes.
pub(super) struct Pyramid {
    /// Gray or sRGB.
    channels: usize,
    /// The largest first.
    levels: Vec<Pixels>,
}

/// Of a scan, before it is read: its upright size, that of the largest level, and how many levels there
/// are.
pub(super) fn geometry(scan: &Scan, most: u64) -> ((usize, usize), (usize, usize), u32) {
    let info = scan.info();
    let full = info.orientation.upright_size((info.width as usize, info.height as usize));
    let factor = factor(scan, most);
    let (width, height) = (full.0.div_ceil(factor), full.1.div_ceil(factor));
    let levels = width.max(height).next_power_of_two().ilog2() + 1;
    (full, (width, height), levels)
}

/// Pixels of a scan a side that make one of the largest level.
fn factor(scan: &Scan, most: u64) -> usize {
    let (width, height) = (scan.info().width as usize, scan.info().height as usize);
    let channels = if scan.has_colors() { 3 } else { 1 };
    let mut factor = 1;
    while width.div_ceil(factor) as u64 * height.div_ceil(factor) as u64 * channels * 4 / 3 > most {
        factor *= 2;
    }
    factor
}

/// Interleaved samples of 8 bits, row by row.
#[derive(Clone)]
pub(super) struct Pixels {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: usize,
    pub(super) samples: Vec<u8>,
}

impl Pyramid {
    /// Reads the selected page of a scan; its largest sizes are left out as far as they take more
    /// than `most` bytes.
    pub(super) fn read(scan: &mut Scan, most: u64) -> Result<Self> {
        let channels = if scan.has_colors() { 3 } else { 1 };
        let factor = factor(scan, most);
        let mut levels = vec![Pixels::read(scan, channels, factor)?];
        while let Some(last) = levels.last()
            && last.width.max(last.height) > 1
        {
            let half = last.halved();
            levels.push(half);
        }
        Ok(Self { channels, levels })
    }

    /// Width and height of the largest level.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.levels[0].width, self.levels[0].height)
    }

    /// The same, and how many levels there are.
    pub(super) fn size_and_levels(&self) -> ((usize, usize), u32) {
        (self.size(), self.levels.len() as u32)
    }

    /// Memory that it takes.
    pub(super) fn bytes(&self) -> u64 {
        self.levels.iter().map(|level| level.samples.len() as u64).sum()
    }

    /// A level by its number, from the smallest.
    pub(super) fn level(&self, number: usize) -> Option<&Pixels> {
        self.levels.get(self.levels.len().checked_sub(number + 1)?)
    }

    /// The level whose longest side is nearest to `side`, or less than a quarter above it.
    pub(super) fn of_side(&self, side: usize) -> &Pixels {
        let fits = |level: &&Pixels| 4 * level.width.max(level.height) <= 5 * side;
        self.levels.iter().find(fits).unwrap_or(self.levels.last().expect("at least one"))
    }

    /// The color at a place, 0..=1 in both directions.
    pub(super) fn color_at(&self, x: f32, y: f32) -> [u8; 3] {
        let Pixels { width, height, samples, .. } = &self.levels[0];
        let at = |place: f32, side: usize| ((place * side as f32) as usize).min(side - 1);
        let i = (at(y, *height) * width + at(x, *width)) * self.channels;
        [0, 1, 2].map(|c| samples[i + c.min(self.channels - 1)])
    }
}

impl Pixels {
    /// Reads a scan upright, each pixel the mean of `factor` rows and columns.
    pub(super) fn read(scan: &mut Scan, channels: usize, factor: usize) -> Result<Self> {
        let info = scan.info().clone();
        let (width, height) = (info.width as usize, info.height as usize);
        let mut reducer = Reducer::new((width, height), channels, factor);
        scan.read_srgb(BAND, &mut |_, rgb| {
            rgb.chunks_exact(3 * width).for_each(|row| reducer.push(row));
            Ok(())
        })?;
        Ok(reducer.finish().turned(info.orientation))
    }

    /// The part of a tile, in columns and rows of tiles; `None`: it lies outside.
    pub(super) fn part(&self, column: usize, row: usize) -> Option<Part> {
        let (x, y) = (column.checked_mul(TILE)?, row.checked_mul(TILE)?);
        let inside = x < self.width && y < self.height;
        inside.then(|| Part {
            x,
            y,
            width: TILE.min(self.width - x),
            height: TILE.min(self.height - y),
        })
    }

    /// The pixels of a part.
    pub(super) fn cut(&self, part: Part) -> Self {
        let Part { x, y, width, height } = part;
        let mut samples = Vec::with_capacity(width * height * self.channels);
        for y in y..y + height {
            let start = (y * self.width + x) * self.channels;
            samples.extend_from_slice(&self.samples[start..start + width * self.channels]);
        }
        Self { width, height, channels: self.channels, samples }
    }

    /// As a JPEG, below a quality of 90 with chroma of half the size; `None`: it is too large for one.
    pub(super) fn jpeg(&self, quality: u8) -> Option<Vec<u8>> {
        let (width, height) = (self.width.try_into().ok()?, self.height.try_into().ok()?);
        let mut bytes = Vec::new();
        let encoder = Encoder::new(&mut bytes, quality);
        let kind = if self.channels == 1 { ColorType::Luma } else { ColorType::Rgb };
        encoder.encode(&self.samples, width, height, kind).ok()?;
        Some(bytes)
    }

    /// As a PNG.
    pub(super) fn png(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(
            &mut bytes,
            self.width.try_into().ok()?,
            self.height.try_into().ok()?,
        );
        let gray = self.channels == 1;
        encoder.set_color(if gray { png::ColorType::Grayscale } else { png::ColorType::Rgb });
        encoder.write_header().ok()?.write_image_data(&self.samples).ok()?;
        Some(bytes)
    }

    /// Half the pixels a side, each the mean of four.
    fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let (from, channels) = (self.width * self.channels, self.channels);
        let mut samples = vec![0; width * height * channels];
        samples.par_chunks_exact_mut(width * channels).enumerate().for_each(|(y, out)| {
            let upper = &self.samples[2 * y * from..][..from];
            let lower = &self.samples[(2 * y + 1).min(self.height - 1) * from..][..from];
            for (x, out) in out.chunks_exact_mut(channels).enumerate() {
                let (left, right) = (2 * x * channels, (2 * x + 1).min(self.width - 1) * channels);
                for (c, out) in out.iter_mut().enumerate() {
                    let sum =
                        [upper[left + c], upper[right + c], lower[left + c], lower[right + c]];
                    *out = ((sum.map(u16::from).iter().sum::<u16>() + 2) / 4) as u8;
                }
            }
        });
        Self { width, height, channels, samples }
    }

    /// The upright picture of one that is stored in this orientation.
    fn turned(self, orientation: Orientation) -> Self {
        if orientation == Orientation::Upright {
            return self;
        }
        let (stored, channels) = ((self.width, self.height), self.channels);
        let (width, height) = orientation.upright_size(stored);
        let mut samples = vec![0; self.samples.len()];
        for (i, pixel) in self.samples.chunks_exact(channels).enumerate() {
            let (x, y) = orientation.to_upright((i % stored.0, i / stored.0), stored);
            samples[(y * width + x) * channels..][..channels].copy_from_slice(pixel);
        }
        Self { width, height, channels, samples }
    }
}

/// Part of a level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// Takes means of whole blocks of pixels while rows come in.
struct Reducer {
    width: usize,
    rows_left: usize,
    channels: usize,
    factor: usize,
    sums: Vec<u32>,
    /// Rows in the sums.
    rows: usize,
    out: Pixels,
}

impl Reducer {
    fn new((width, height): (usize, usize), channels: usize, factor: usize) -> Self {
        let (to_width, to_height) = (width.div_ceil(factor), height.div_ceil(factor));
        let samples = Vec::with_capacity(to_width * to_height * channels);
        let out = Pixels { width: to_width, height: to_height, channels, samples };
        let sums = vec![0; to_width * channels];
        Self { width, rows_left: height, channels, factor, sums, rows: 0, out }
    }

    /// Adds a row of sRGB; of gray one, each three samples are the same.
    fn push(&mut self, row: &[u8]) {
        self.rows_left -= 1;
        if self.factor == 1 {
            let samples = &mut self.out.samples;
            match self.channels {
                1 => samples.extend(row.iter().step_by(3)),
                _ => samples.extend_from_slice(row),
            }
            return;
        }
        let blocks = row.chunks(3 * self.factor).zip(self.sums.chunks_exact_mut(self.channels));
        for (block, sums) in blocks {
            for pixel in block.chunks_exact(3) {
                for (sum, &sample) in sums.iter_mut().zip(pixel) {
                    *sum += u32::from(sample);
                }
            }
        }
        self.rows += 1;
        if self.rows == self.factor || self.rows_left == 0 {
            let last = self.width - (self.out.width - 1) * self.factor;
            for (i, sum) in self.sums.iter_mut().enumerate() {
                let is_last = i / self.channels + 1 == self.out.width;
                let columns = if is_last { last } else { self.factor };
                let count = (columns * self.rows) as u32;
                self.out.samples.push(((*sum + count / 2) / count) as u8);
                *sum = 0;
            }
            self.rows = 0;
        }
    }

    fn finish(self) -> Pixels {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_at_the_edges_are_means_of_what_is_there() {
        let mut reducer = Reducer::new((3, 3), 1, 2);
        for row in [[0, 2, 9], [4, 6, 9], [8, 8, 1]] {
            reducer.push(&row.map(|value| [value; 3]).concat());
        }
        let out = reducer.finish();
        assert_eq!((out.width, out.height, out.samples), (2, 2, vec![3, 9, 8, 1]));
    }

    #[test]
    fn halves_round_up_and_repeat_the_last_row_and_column() {
        let samples = vec![0, 2, 9, 4, 6, 9, 8, 8, 1];
        let whole = Pixels { width: 3, height: 3, channels: 1, samples };
        let half = whole.halved();
        assert_eq!((half.width, half.height, half.samples), (2, 2, vec![3, 9, 8, 1]));
    }
}
