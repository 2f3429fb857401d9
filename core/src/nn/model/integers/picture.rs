//! What surrounds the layers: lightness and hints to integers, results to numbers of `(a, b) / 128`.
//!
//! All of it is additions, multiplications and roundings of IEEE 754 in a fixed order, so that every
//! processor gives the same bits.

use rayon::prelude::*;

use super::network::PATCH;
use super::quantized::{
    CHROMA_STEPS, GREATEST_HINT, GREATEST_LIGHTNESS, LIGHTNESS_STEPS, LIGHTNESS_ZERO, PLANES,
};
use super::resize::Extent;
use crate::nn::ops::integer::{BLOCK, Planes, Size};

/// What the stem's hints are multiplied by over those of the decoder (`vivid/hinted.rs`): each has
/// steps of its own, so that 1 is [`GREATEST_HINT`] in both.
pub(super) const STEM_HINT_GAIN: f64 = 16. * CHROMA_GAIN;
/// What the chroma of hints is multiplied by (`vivid/hinted.rs`).
pub(super) const CHROMA_GAIN: f64 = 8.;

/// Sizes at which the decoder sees hints: a 16th, an eighth, a quarter and half.
const CELLS: [usize; 4] = [16, 8, 4, 2];

/// The pixels under the stem's kernel, of lightness and of hints if there are any.
///
/// Keras' `same` padding for a kernel of 3 and stride 2: the odd row and column is after.
pub(super) fn stem(lightness: &[f32], hints: Option<&[f32]>, extent: Extent, to: &mut Planes) {
    let mut seen = vec![with_border(lightness, extent, steps_of)];
    let planes = hints.map_or(&[][..], |hints| hints).chunks_exact(lightness.len());
    seen.extend(planes.enumerate().map(|(plane, values)| {
        // The mask's 1 is an eighth of what chroma's is.
        let gain = if plane == 2 { 1. / CHROMA_GAIN as f32 } else { 1. };
        with_border(values, extent, |value| hint(value * gain))
    }));
    let (columns, height) = (extent[1] + 1, to.size().height);
    to.rows_mut().enumerate().for_each(|(i, pixels)| {
        let (block, y) = (i / height, i % height);
        for (x, numbers) in pixels.iter_mut().enumerate() {
            let mut pixel = [0; (1 + PLANES) * 9 + BLOCK];
            for (values, plane) in pixel.chunks_exact_mut(9).zip(&seen) {
                for (row, values) in values.chunks_exact_mut(3).enumerate() {
                    values.copy_from_slice(&plane[(2 * y + row) * columns + 2 * x..][..3]);
                }
            }
            *numbers = pixel.as_chunks::<BLOCK>().0[block];
        }
    });
}

/// Steps of a lightness, rounded to the nearest and of two to the even one: by adding a number above
/// all fractions, which leaves the whole number in the sum's last bits.
fn steps_of(lightness: f32) -> i16 {
    let limit = f32::from(GREATEST_LIGHTNESS);
    let steps = ((lightness - LIGHTNESS_ZERO) * LIGHTNESS_STEPS).clamp(-limit, limit);
    (steps + WHOLE).to_bits() as i16
}

/// 1.5 * 2^23.
const WHOLE: f32 = 12_582_912.;

/// Numbers of a plane, with a row of zeros below and a column of zeros to the right.
fn with_border(
    values: &[f32],
    [height, width]: Extent,
    number: impl Fn(f32) -> i16 + Sync,
) -> Vec<i16> {
    let mut padded = vec![0; (height + 1) * (width + 1)];
    let rows = padded.par_chunks_exact_mut(width + 1).zip(values.par_chunks_exact(width));
    rows.with_min_len(16).for_each(|(padded, values)| {
        padded.iter_mut().zip(values).for_each(|(padded, &value)| *padded = number(value));
    });
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
