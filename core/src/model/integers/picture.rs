//! What surrounds the layers: lightness and hints to integers, results to numbers of `(a, b) / 128`.
//!
//! All of it is additions, multiplications and roundings of IEEE 754 in a fixed order, so that every
//! processor gives the same bits.

use super::network::PATCH;
use super::quantized::{
    CHROMA_STEPS, GREATEST_HINT, GREATEST_LIGHTNESS, LIGHTNESS_STEPS, LIGHTNESS_ZERO, PLANES,
};
use crate::ops::integer::{BLOCK, Planes, Size};

/// What the stem's hints are multiplied by over those of the decoder (`vivid/hinted.rs`): each has
/// steps of its own, so that 1 is [`GREATEST_HINT`] in both.
pub(super) const STEM_HINT_GAIN: f64 = 16. * CHROMA_GAIN;
/// What the chroma of hints is multiplied by (`vivid/hinted.rs`).
pub(super) const CHROMA_GAIN: f64 = 8.;

/// Sizes at which the decoder sees hints: a 16th, an eighth, a quarter and half.
const CELLS: [usize; 4] = [16, 8, 4, 2];

/// Height and width.
pub(super) type Extent = [usize; 2];

/// The pixels under the stem's kernel, of lightness and of hints if there are any.
///
/// Keras' `same` padding for a kernel of 3 and stride 2: the odd row and column is after.
pub(super) fn stem(lightness: &[f32], hints: Option<&[f32]>, extent: Extent, to: &mut Planes) {
    let limit = f32::from(GREATEST_LIGHTNESS);
    let steps = |&l: &f32| {
        let steps = (l - LIGHTNESS_ZERO) * LIGHTNESS_STEPS;
        steps.round_ties_even().clamp(-limit, limit) as i16
    };
    let mut seen = vec![with_border(&lightness.iter().map(steps).collect::<Vec<_>>(), extent)];
    let planes = hints.map_or(&[][..], |hints| hints).chunks_exact(lightness.len());
    seen.extend(planes.enumerate().map(|(plane, values)| {
        // The mask's 1 is an eighth of what chroma's is.
        let gain = if plane == 2 { 1. / CHROMA_GAIN as f32 } else { 1. };
        let values: Vec<i16> = values.iter().map(|&value| hint(value * gain)).collect();
        with_border(&values, extent)
    }));
    let (columns, size) = (extent[1] + 1, to.size());
    for y in 0..size.height {
        for x in 0..size.width {
            let mut pixel = [0; (1 + PLANES) * 9 + BLOCK];
            for (values, plane) in pixel.chunks_exact_mut(9).zip(&seen) {
                for (row, values) in values.chunks_exact_mut(3).enumerate() {
                    values.copy_from_slice(&plane[(2 * y + row) * columns + 2 * x..][..3]);
                }
            }
            for (block, numbers) in
                pixel.as_chunks::<BLOCK>().0.iter().enumerate().take(size.blocks)
            {
                *to.pixel_mut(block, y, x) = *numbers;
            }
        }
    }
}

/// With a row of zeros below and a column of zeros to the right.
fn with_border(values: &[i16], [height, width]: Extent) -> Vec<i16> {
    let mut padded = Vec::with_capacity((height + 1) * (width + 1));
    for row in values.chunks_exact(width) {
        padded.extend_from_slice(row);
        padded.push(0);
    }
    padded.resize((height + 1) * (width + 1), 0);
    padded
}

fn hint(value: f32) -> i16 {
    let limit = f32::from(GREATEST_HINT);
    (value * limit).round_ties_even().clamp(-limit, limit) as i16
}

/// Hints as the decoder sees them: in each cell the mean color of those that there are, and whether
/// there are any.
pub(super) fn pyramid(hints: &[f32], [height, width]: Extent) -> [Planes; 4] {
    CELLS.map(|cell| {
        let size = Size { blocks: 1, height: height / cell, width: width / cell, border: 1 };
        let mut planes = Planes::new(size);
        for y in 0..size.height {
            for x in 0..size.width {
                let sum = |plane: usize| {
                    let rows = (y * cell..(y + 1) * cell).map(|y| (plane * height + y) * width);
                    rows.flat_map(|row| &hints[row + x * cell..row + (x + 1) * cell]).sum::<f32>()
                };
                let count = sum(2);
                if count > 0. {
                    planes.set(0, y, x, hint(sum(0) / count));
                    planes.set(1, y, x, hint(sum(1) / count));
                    planes.set(2, y, x, hint(1. / CHROMA_GAIN as f32));
                }
            }
        }
        planes
    })
}

/// The layer's patches as two planes of chroma, through the hyperbolic tangent.
pub(super) fn chroma(patches: &Planes) -> ([Vec<f32>; 2], Extent) {
    let Size { height, width, .. } = patches.size();
    let extent = [height * PATCH[0], width * PATCH[1]];
    let mut planes = [0, 1].map(|_| vec![0.; extent[0] * extent[1]]);
    for y in 0..height {
        for x in 0..width {
            let pixel = patches.pixel(0, y, x);
            for (i, values) in pixel.as_chunks::<2>().0.iter().enumerate() {
                let at = (y * PATCH[0] + i / PATCH[1]) * extent[1] + x * PATCH[1] + i % PATCH[1];
                for (plane, &value) in planes.iter_mut().zip(values) {
                    plane[at] = f32::from(value) * (1. / CHROMA_STEPS);
                }
            }
        }
    }
    planes.iter_mut().flatten().for_each(|value| *value = tanh(*value));
    (planes, extent)
}

/// The hyperbolic tangent, to 1e-6 for -4..=4: that of the half by Lambert's continued fraction, and
/// doubled.
fn tanh(x: f32) -> f32 {
    let x = 0.5 * x;
    let square = x * x;
    let above = x * (135135. + square * (17325. + square * (378. + square)));
    let below = 135135. + square * (62370. + square * (3150. + square * 28.));
    let half = above / below;
    2. * half / (1. + half * half)
}

/// Logits, one row of `count` for each pixel.
pub(super) fn logits(planes: &Planes, count: usize, step: f32) -> Vec<f32> {
    let Size { blocks, height, width, .. } = planes.size();
    let mut logits = Vec::with_capacity(height * width * count);
    for i in 0..height * width {
        let numbers = (0..blocks).flat_map(|block| planes.pixel(block, i / width, i % width));
        logits.extend(numbers.take(count).map(|&number| f32::from(number) * step));
    }
    logits
}

/// The mean of the bins' colors, annealed: `(a, b) / 128` for each row of logits.
pub(super) fn annealed(logits: &[f32], centers: &[[f32; 2]], sharpness: f32) -> [Vec<f32>; 2] {
    let mut planes = [Vec::new(), Vec::new()];
    for row in logits.chunks_exact(centers.len()) {
        let most = row.iter().fold(f32::MIN, |most, &logit| most.max(logit));
        let (mut all, mut sums) = (0., [0.; 2]);
        for (logit, center) in row.iter().zip(centers) {
            let share = libm::expf((logit - most) * sharpness);
            all += share;
            (0..2).for_each(|i| sums[i] += share * center[i]);
        }
        planes.iter_mut().zip(sums).for_each(|(plane, sum)| plane.push(sum / all / 128.));
    }
    planes
}

/// A plane in another size, bilinear between pixel centers, the border repeated.
pub(super) fn resized(plane: &[f32], [height, width]: Extent, [rows, columns]: Extent) -> Vec<f32> {
    let places = |from: usize, to: usize| -> Vec<(usize, usize, f32)> {
        let scale = from as f32 / to as f32;
        let place = |i: usize| {
            let at = ((i as f32 + 0.5) * scale - 0.5).clamp(0., (from - 1) as f32);
            (at as usize, (at as usize + 1).min(from - 1), at - at.floor())
        };
        (0..to).map(place).collect()
    };
    let across = places(width, columns);
    let mut resized = Vec::with_capacity(rows * columns);
    let mut mixed = vec![0.; width];
    for (above, below, down) in places(height, rows) {
        let pair = plane[above * width..][..width].iter().zip(&plane[below * width..][..width]);
        for (mixed, (above, below)) in mixed.iter_mut().zip(pair) {
            *mixed = above + down * (below - above);
        }
        resized.extend(
            across
                .iter()
                .map(|&(left, right, over)| mixed[left] + over * (mixed[right] - mixed[left])),
        );
    }
    resized
}

/// Planes in another size, each pixel the nearest one's.
pub(super) fn nearest(
    planes: &[f32],
    [height, width]: Extent,
    [rows, columns]: Extent,
) -> Vec<f32> {
    let count = PLANES * rows * columns;
    let at = |i: usize| {
        let (plane, y, x) = (i / (rows * columns), i / columns % rows, i % columns);
        planes[(plane * height + y * height / rows) * width + x * width / columns]
    };
    (0..count).map(at).collect()
}

/// Left to right, each row of planes of one width.
pub(super) fn mirrored(planes: &[f32], width: usize) -> Vec<f32> {
    planes.chunks_exact(width).flat_map(|row| row.iter().rev().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hyperbolic_tangent_is_near_the_exact_one() {
        for i in -32767..=32767_i16 {
            let x = f32::from(i) / CHROMA_STEPS;
            let exact = f64::from(x).tanh() as f32;
            assert!((tanh(x) - exact).abs() < 1e-6, "{x}: {} for {exact}", tanh(x));
        }
    }

    #[test]
    fn doubling_keeps_a_ramp_and_repeats_the_border() {
        let doubled = resized(&[0., 1., 2., 3.], [1, 4], [1, 8]);
        assert_eq!(doubled, [0., 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.]);
    }

    #[test]
    fn hints_of_a_cell_are_their_mean_whatever_their_number() {
        let mut hints = vec![0.; 3 * 32 * 32];
        for i in [0, 1] {
            hints[i] = 0.25 + 0.25 * i as f32;
            hints[2 * 32 * 32 + i] = 1.;
        }
        let found = pyramid(&hints, [32; 2]).map(|planes| [0, 1, 2].map(|c| planes.get(c, 0, 0)));
        assert_eq!(found, [[3072, 0, 1024]; 4]);
    }

    #[test]
    fn the_stem_sees_zeros_below_and_right_of_the_picture() {
        let lightness: Vec<f32> = (0..32 * 32).map(|i| i as f32 / 32.).collect();
        let mut planes = Planes::new(Size { blocks: 1, height: 16, width: 16, border: 0 });
        for i in 0..16 {
            (0..16).for_each(|x| planes.set(i, 15, x, 99));
        }
        stem(&lightness, None, [32; 2], &mut planes);
        let expected = (lightness[32 + 2] - 45.) * 256.;
        assert_eq!(f32::from(planes.get(5, 0, 0)), expected);
        assert_eq!((planes.get(8, 15, 15), planes.get(6, 15, 3), planes.get(2, 3, 15)), (0, 0, 0));
        assert_eq!(planes.get(0, 15, 15), ((lightness[30 * 32 + 30] - 45.) * 256.) as i16);
    }
}
