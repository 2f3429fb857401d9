//! Mean colors of the cells of a coarse grid, gathered while a scan is read.

use super::{Lab, Toning, WorkImage};

/// Cells at most: enough for quartiles, and large enough that means are free of grain.
const CELLS: f64 = 1024.0;

/// Rows and columns of pixels that are taken in a cell at most.
const TAKEN: usize = 16;

/// Sums over cells; pixels keep their stored order.
#[derive(Clone, Debug)]
pub(crate) struct Cells {
    size: (usize, usize),
    grid: (usize, usize),
    /// Every so many columns and rows are taken.
    steps: (usize, usize),
    sums: Vec<[f64; 3]>,
    counts: Vec<u32>,
}

impl Cells {
    /// For a picture stored as `width` x `height` pixels, at least 1.
    pub(crate) fn new(width: u32, height: u32) -> Self {
        let size = (width as usize, height as usize);
        let aspect = (f64::from(width) / f64::from(height)).clamp(0.25, 4.0);
        let columns = ((CELLS * aspect).sqrt() as usize).clamp(1, size.0);
        let rows = ((CELLS / aspect).sqrt() as usize).clamp(1, size.1);
        let steps = ((size.0 / columns / TAKEN).max(1), (size.1 / rows / TAKEN).max(1));
        let cells = columns * rows;
        let (sums, counts) = (vec![[0.0; 3]; cells], vec![0; cells]);
        Self { size, grid: (columns, rows), steps, sums, counts }
    }

    /// Adds whole rows from row `y` on: pixels of `channels` samples, the first three red, green
    /// and blue, of which `full` is the largest. Rows come in order, any number at a time.
    pub(crate) fn add<T: Copy + Into<f32>>(
        &mut self,
        y: u32,
        samples: &[T],
        channels: usize,
        full: f32,
    ) {
        let (width, height) = self.size;
        for (i, row) in samples.chunks_exact(channels * width).enumerate() {
            let y = y as usize + i;
            if !y.is_multiple_of(self.steps.1) {
                continue;
            }
            let first = y * self.grid.1 / height * self.grid.0;
            for x in (0..width).step_by(self.steps.0) {
                let pixel = &row[channels * x..][..3];
                let pixel = [pixel[0], pixel[1], pixel[2]].map(|v| f64::from(v.into() / full));
                if pixel.iter().all(|v| v.is_finite()) {
                    let cell = first + x * self.grid.0 / width;
                    self.counts[cell] += 1;
                    for (sum, v) in self.sums[cell].iter_mut().zip(pixel) {
                        *sum += v;
                    }
                }
            }
        }
    }

    /// What the picture within the borders of a thumbnail shows; `to_linear` turns interleaved
    /// samples, 0..=1, into linear sRGB.
    pub(crate) fn judge(&self, image: &WorkImage, to_linear: impl FnOnce(&mut [f32])) -> Toning {
        let (columns, rows) = self.grid;
        let stored = image.orientation.upright_size(image.size());
        let mut rgb = Vec::with_capacity(3 * self.sums.len());
        for cell in 0..self.sums.len() {
            let middle = |at: usize, cells: usize, side: usize| (2 * at + 1) * side / (2 * cells);
            let at =
                (middle(cell % columns, columns, stored.0), middle(cell / columns, rows, stored.1));
            let (x, y) = image.orientation.to_upright(at, stored);
            let inside = image.borders().is_none_or(|borders| borders.hold_picture_at(x, y));
            if inside && self.counts[cell] > 0 {
                rgb.extend(self.sums[cell].map(|sum| (sum / f64::from(self.counts[cell])) as f32));
            }
        }
        to_linear(&mut rgb);
        let colors = rgb.chunks_exact(3);
        let colors =
            colors.map(|p| Lab::from_linear([p[0], p[1], p[2]].map(|v| v.clamp(0.0, 1.0))));
        Toning::of(&colors.collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use polychromify_image::color::lab;

    use super::*;
    use crate::colorize::tone::Verdict;
    use crate::{Orientation, Thumbnail};

    fn judged(width: u32, rgb: &[u8], band: usize, orientation: Orientation) -> Toning {
        let height = rgb.len() as u32 / 3 / width;
        let mut cells = Cells::new(width, height);
        let mut thumbnail = Thumbnail::new(width, height, orientation, 100 * 100);
        let mut lightness = vec![0.0; rgb.len() / 3];
        lab::lightness_from_srgb8(rgb, &mut lightness);
        thumbnail.push_rows(0, &lightness);
        for (i, rows) in rgb.chunks(3 * band * width as usize).enumerate() {
            cells.add((i * band) as u32, rows, 3, 255.0);
        }
        cells.judge(&thumbnail.finish(), |rgb| {
            for v in rgb {
                *v = lab::srgb_to_linear(*v);
            }
        })
    }

    /// Patches of many hues.
    fn patches(width: u32, height: u32) -> Vec<u8> {
        (0..width * height)
            .map(|i| (i % width, i / width))
            .flat_map(|(x, y)| {
                let hue = f64::from(x / 7 + 3 * (y / 5));
                [0.0, 2.1, 4.2].map(|c| (120.0 + 60.0 * (hue + c).sin()) as u8)
            })
            .collect()
    }

    #[test]
    fn bands_and_orientation_do_not_matter() {
        let rgb = patches(200, 130);
        let whole = judged(200, &rgb, 130, Orientation::Upright);
        for band in [1, 7, 64] {
            assert_eq!(judged(200, &rgb, band, Orientation::Upright), whole);
        }
        assert_eq!(whole.verdict, Verdict::Color);
        assert_eq!(judged(200, &rgb, 130, Orientation::Rotate90), whole);
    }

    #[test]
    fn one_pixel_is_judged() {
        assert_eq!(judged(1, &[9, 9, 9], 1, Orientation::Upright).verdict, Verdict::Gray);
    }
}
