//! Where a network is of two minds, and what the other mind is.
//!
//! The bins tell how likely each color is in each block of 4x4 pixels. Blocks of like lightness,
//! color and place make parts of the picture; a part whose blocks agree on two colors far from each
//! other could be either: a sky blue or at sunset, a meadow green or dry. Colors of single blocks
//! would be patches.

use super::frame::Frame;
use crate::colorize::hints::HintRegion;
use crate::nn::model::BLOCK;

/// Most parts of a picture.
const PARTS: usize = 8;
/// Passes of the clustering; it settles after some ten.
const PASSES: usize = 20;
/// Least share of the picture that a part has to be to get another color.
const LEAST_PART: f32 = 0.03;
/// Colors within this distance are one: two bins.
const NEAR: f32 = 20.0;
/// Least distance of another color from the one that the part has.
const APART: f32 = 25.0;
/// Least likelihood of another color, as a share of the likeliest one's.
const LEAST_LIKELY: f32 = 0.35;

/// The blocks of a picture with what the network thinks of them.
pub(super) struct Cells<'a> {
    centers: &'a [[f32; 2]],
    columns: usize,
    grid: Vec<Option<Cell>>,
}

/// A block.
struct Cell {
    /// Mean of the predicted `(a, b)`.
    chroma: [f32; 2],
    /// How likely each bin is, in 0..=1.
    shares: Vec<f32>,
    /// Pixels of the work image.
    pixels: Vec<usize>,
    /// What parts are told by.
    features: [f32; 5],
}

/// Another color of a part.
struct Other {
    part: usize,
    shift: [f32; 2],
    score: f32,
}

impl<'a> Cells<'a> {
    /// `chroma` is the work image's, `shares` those of the frame's blocks, row by row.
    pub(super) fn new(
        frame: &Frame<'_>,
        chroma: &[[f32; 2]],
        shares: Vec<Vec<f32>>,
        centers: &'a [[f32; 2]],
    ) -> Self {
        let Frame { image, area, size } = *frame;
        let columns = size.0 / BLOCK;
        let cell = |(i, shares): (usize, Vec<f32>)| {
            let (left, top) = (area.left + i % columns * BLOCK, area.top + i / columns * BLOCK);
            if left + BLOCK > area.right || top + BLOCK > area.bottom {
                return None;
            }
            let rows = top..top + BLOCK;
            let pixels: Vec<usize> =
                rows.flat_map(|y| (left..left + BLOCK).map(move |x| y * image.width + x)).collect();
            let mean = |value: &dyn Fn(usize) -> f32| {
                pixels.iter().map(|&i| value(i)).sum::<f32>() / pixels.len() as f32
            };
            let chroma = [0, 1].map(|c| mean(&|i| chroma[i][c]));
            let lightness = mean(&|i| image.lightness[i]);
            let place = |at: usize, length: usize| at as f32 / length as f32;
            let features = [
                chroma[0] / 8.0,
                chroma[1] / 8.0,
                lightness / 20.0,
                2.0 * place(left, image.width),
                2.0 * place(top, image.height),
            ];
            Some(Cell { chroma, shares, pixels, features })
        };
        Self { centers, columns, grid: shares.into_iter().enumerate().map(cell).collect() }
    }

    /// What to hint for each other coloring, the likeliest first.
    pub(super) fn alternatives(&self) -> Vec<Vec<HintRegion>> {
        let parts = self.parts();
        let mut others: Vec<Other> =
            (0..PARTS).flat_map(|part| self.others(&parts, part)).collect();
        others.sort_by(|one, two| two.score.total_cmp(&one.score));
        others.iter().map(|other| self.regions(&parts, other)).filter(|v| !v.is_empty()).collect()
    }

    /// The part that each cell belongs to: k-means, begun with cells far from each other.
    fn parts(&self) -> Vec<Option<usize>> {
        let cells: Vec<&Cell> = self.grid.iter().flatten().collect();
        let distance = |one: &[f32; 5], two: &[f32; 5]| {
            one.iter().zip(two).map(|(one, two)| (one - two) * (one - two)).sum::<f32>()
        };
        let nearest = |means: &[[f32; 5]], cell: &Cell| {
            let distances = means.iter().map(|mean| distance(mean, &cell.features)).enumerate();
            distances.min_by(|one, two| one.1.total_cmp(&two.1)).unwrap_or((0, f32::INFINITY))
        };
        let mut means: Vec<[f32; 5]> =
            cells.first().map(|cell| cell.features).into_iter().collect();
        while means.len() < PARTS.min(cells.len()) {
            let away = |cell: &&&Cell| nearest(&means, cell).1;
            let farthest = cells.iter().max_by(|one, two| away(one).total_cmp(&away(two)));
            means.extend(farthest.map(|cell| cell.features));
        }
        for _ in 0..PASSES {
            let mut sums = vec![([0.0; 5], 0.0); means.len()];
            for cell in &cells {
                let (sum, count) = &mut sums[nearest(&means, cell).0];
                sum.iter_mut().zip(cell.features).for_each(|(sum, value)| *sum += value);
                *count += 1.0;
            }
            for (mean, (sum, count)) in means.iter_mut().zip(sums) {
                if count > 0.0 {
                    *mean = sum.map(|sum| sum / count);
                }
            }
        }
        self.grid.iter().map(|cell| cell.as_ref().map(|cell| nearest(&means, cell).0)).collect()
    }

    /// The other likely colors of a part.
    fn others(&self, parts: &[Option<usize>], part: usize) -> Vec<Other> {
        let all = self.grid.iter().flatten().count() as f32;
        let of_part = self.grid.iter().zip(parts).filter(|(_, of)| **of == Some(part));
        let cells: Vec<&Cell> = of_part.filter_map(|(cell, _)| cell.as_ref()).collect();
        let count = cells.len() as f32;
        if count < LEAST_PART * all || cells.is_empty() {
            return Vec::new();
        }
        let mut shares = vec![0.0; self.centers.len()];
        for cell in &cells {
            shares.iter_mut().zip(&cell.shares).for_each(|(sum, share)| *sum += share / count);
        }
        let now = [0, 1].map(|c| cells.iter().map(|cell| cell.chroma[c]).sum::<f32>() / count);
        let likely: Vec<f32> =
            self.centers.iter().map(|center| mass(self.centers, &shares, *center).0).collect();
        let most = likely.iter().copied().fold(0.0, f32::max);
        let mut found: Vec<([f32; 2], f32)> = Vec::new();
        let mut order: Vec<usize> = (0..likely.len()).collect();
        order.sort_by(|one, two| likely[*two].total_cmp(&likely[*one]));
        for i in order {
            let (_, color) = mass(self.centers, &shares, self.centers[i]);
            let far =
                |other: [f32; 2]| libm::hypotf(color[0] - other[0], color[1] - other[1]) >= APART;
            if likely[i] >= LEAST_LIKELY * most
                && far(now)
                && found.iter().all(|(other, _)| far(*other))
            {
                found.push((color, likely[i]));
            }
        }
        let other = |(color, likely): ([f32; 2], f32)| Other {
            part,
            shift: [color[0] - now[0], color[1] - now[1]],
            score: likely / most * (count / all).sqrt(),
        };
        found.into_iter().map(other).collect()
    }

    /// Hints that give a part its other color: on the cells within it, and not at its border, where
    /// the network knows better.
    fn regions(&self, parts: &[Option<usize>], other: &Other) -> Vec<HintRegion> {
        let within = |i: usize| {
            let column = i % self.columns;
            let neighbors = [
                (column > 0).then(|| i - 1),
                (column + 1 < self.columns).then_some(i + 1),
                i.checked_sub(self.columns),
                Some(i + self.columns),
            ];
            let alike = |neighbor: usize| {
                parts.get(neighbor).is_none_or(|part| part.is_none_or(|part| part == other.part))
            };
            parts[i] == Some(other.part) && neighbors.into_iter().flatten().all(alike)
        };
        let inside = (0..parts.len()).filter(|&i| within(i));
        let region = |cell: &Cell| HintRegion {
            chroma: [cell.chroma[0] + other.shift[0], cell.chroma[1] + other.shift[1]],
            pixels: cell.pixels.clone(),
        };
        inside.filter_map(|i| self.grid[i].as_ref().map(region)).collect()
    }
}

/// How likely the colors near one are, and their mean.
fn mass(centers: &[[f32; 2]], shares: &[f32], color: [f32; 2]) -> (f32, [f32; 2]) {
    let (mut sum, mut mean) = (0.0, [0.0; 2]);
    for (center, share) in centers.iter().zip(shares) {
        if libm::hypotf(center[0] - color[0], center[1] - color[1]) < NEAR {
            sum += share;
            mean[0] += share * center[0];
            mean[1] += share * center[1];
        }
    }
    (sum, mean.map(|value| value / sum.max(f32::MIN_POSITIVE)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Orientation, Thumbnail};

    const CENTERS: [[f32; 2]; 3] = [[0.0, 0.0], [0.0, -40.0], [30.0, 30.0]];

    /// 64 x 64, light above and dark below, neutral throughout; above, blue is as likely as gray.
    fn alternatives(blue: f32) -> Vec<Vec<HintRegion>> {
        let mut thumbnail = Thumbnail::new(64, 64, Orientation::Upright, 64 * 64);
        let lightness: Vec<f32> =
            (0..64 * 64).map(|i| if i < 2048 { 80.0 } else { 30.0 }).collect();
        thumbnail.push_rows(0, &lightness);
        let image = thumbnail.finish().without_borders();
        let frame = Frame::new(&image, 32);
        let shares = |i: usize| {
            let above = vec![(1.0 - blue), blue, 0.0];
            if i < 128 { above } else { vec![0.9, 0.0, 0.1] }
        };
        let shares = (0..256).map(shares).collect();
        Cells::new(&frame, &vec![[0.0; 2]; 4096], shares, &CENTERS).alternatives()
    }

    #[test]
    fn a_part_gets_the_color_that_is_as_likely() {
        let found = alternatives(0.45);
        assert!(!found.is_empty());
        for region in found.iter().flatten() {
            assert_eq!(region.chroma, [0.0, -40.0]);
            assert!(region.pixels.iter().all(|i| *i < 2048), "within the light half");
        }
    }

    #[test]
    fn what_is_unlikely_is_no_alternative() {
        assert!(alternatives(0.2).is_empty());
    }
}
