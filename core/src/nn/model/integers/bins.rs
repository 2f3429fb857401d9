//! Logits of the color bins, and the mean color of each pixel's distribution.
//!
//! A pixel's operations are IEEE 754's in a fixed order, so that every processor gives the same bits;
//! 16 pixels lie side by side, for the compiler's vectorizer.

use polychromify_image::isa;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::nn::model::CHROMA_SCALE;
use crate::nn::ops::integer::{BLOCK, Planes, Size};

/// Pixels side by side.
const LANES: usize = 16;

/// A number of each of the pixels.
type Lanes = [f32; LANES];

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

/// The mean of the bins' colors, annealed: `(a, b) / 128` of each pixel.
///
/// `step` is what a logit's number is multiplied by, `sharpness` the exponent, above 0, of each bin's
/// share.
pub(super) fn annealed(
    planes: &Planes,
    step: f32,
    centers: &[[f32; 2]],
    sharpness: f32,
) -> [Vec<f32>; 2] {
    let Size { height, width, .. } = planes.size();
    let mut means = [0, 1].map(|_| vec![0.; height * width]);
    let [a, b] = &mut means;
    let rows = a.par_chunks_exact_mut(width).zip(b.par_chunks_exact_mut(width)).enumerate();
    let numbers = || vec![[0.; LANES]; centers.len().next_multiple_of(BLOCK)];
    rows.for_each_init(numbers, |numbers, (y, means)| {
        let row = Row { planes, y, step, centers, sharpness, numbers, means: means.into() };
        isa::arch().dispatch(row);
    });
    means
}

/// A row of pixels.
struct Row<'a> {
    planes: &'a Planes,
    y: usize,
    step: f32,
    centers: &'a [[f32; 2]],
    sharpness: f32,
    /// Room for the numbers of all bins.
    numbers: &'a mut [Lanes],
    means: [&'a mut [f32]; 2],
}

impl WithSimd for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { planes, y, step, centers, sharpness, numbers, mut means } = self;
        let width = means[0].len();
        for x in (0..width).step_by(LANES) {
            for (block, numbers) in numbers.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
                let row = planes.row(block, y);
                // The last pixel again where there are no more.
                let pixels: [_; LANES] = std::array::from_fn(|i| row[(x + i).min(width - 1)]);
                for (channel, numbers) in numbers.iter_mut().enumerate() {
                    *numbers = std::array::from_fn(|i| f32::from(pixels[i][channel]) * step);
                }
            }
            let found = mean_of(&numbers[..centers.len()], centers, sharpness);
            for (means, found) in means.iter_mut().zip(found) {
                let means = &mut means[x..];
                let count = means.len().min(LANES);
                means[..count].copy_from_slice(&found[..count]);
            }
        }
    }
}

/// The mean colors of 16 pixels, from a row of their logits for each bin.
#[inline(always)]
fn mean_of(logits: &[Lanes], centers: &[[f32; 2]], sharpness: f32) -> [Lanes; 2] {
    let mut most = [f32::MIN; LANES];
    for logits in logits {
        for (most, logit) in most.iter_mut().zip(logits) {
            *most = if *logit > *most { *logit } else { *most };
        }
    }
    let (mut all, mut a, mut b) = ([0.; LANES], [0.; LANES], [0.; LANES]);
    for (logits, center) in logits.iter().zip(centers) {
        for i in 0..LANES {
            let share = exponential((logits[i] - most[i]) * sharpness);
            all[i] += share;
            a[i] += share * center[0];
            b[i] += share * center[1];
        }
    }
    [a, b].map(|sums| std::array::from_fn(|i| sums[i] / all[i] / CHROMA_SCALE))
}

/// The exponential of a number up to 0: that of `libm` (FreeBSD's `e_expf.c`), bit for bit, without
/// branches.
#[inline(always)]
fn exponential(x: f32) -> f32 {
    const LN2_HIGH: f32 = f32::from_bits(0x3f31_7200);
    const LN2_LOW: f32 = f32::from_bits(0x35bf_be8e);
    const ONE_OVER_LN2: f32 = f32::from_bits(0x3fb8_aa3b);
    const P1: f32 = 1.666_662_5e-1;
    const P2: f32 = -2.766_733_3e-3;
    // From these on x is one and a half times, half of and no multiple of ln 2; at the last one the
    // result is 0.
    const ONE_AND_A_HALF: f32 = -f32::from_bits(0x3f85_1592);
    const HALF: f32 = -f32::from_bits(0x3eb1_7218);
    const SMALL: f32 = -f32::from_bits(0x3900_0000);
    const LEAST: f32 = -f32::from_bits(0x42cf_f1b5);
    // The multiple of ln 2 towards 0: rounded by adding a number above all fractions, because a cast
    // would have to expect every number.
    let quotient = ONE_OVER_LN2 * x - 0.5;
    let nearest = (quotient + WHOLE) - WHOLE;
    let multiple = if nearest < quotient { nearest + 1. } else { nearest };
    let multiple = if x >= ONE_AND_A_HALF { -1. } else { multiple };
    let multiple = if x >= HALF { 0. } else { multiple };
    let (high, low) = (x - multiple * LN2_HIGH, multiple * LN2_LOW);
    let rest = high - low;
    let square = rest * rest;
    let c = rest - square * (P1 + square * P2);
    let scaled = 1. + (rest * c / (2. - c) - low + high);
    let scaled = if x >= SMALL { 1. + x } else { scaled };
    // In two steps, the first exact: the least results are rounded once.
    let first = if multiple < -100. { -100. } else { multiple };
    let result = scaled * power_of_two(first) * power_of_two(multiple - first);
    if x <= LEAST { 0. } else { result }
}

/// Added to a number of less than 22 bits it leaves it whole, in the sum's last bits.
const WHOLE: f32 = 12_582_912.; // 1.5 * 2^23

/// 2 to the power of a whole number in -126..=0.
#[inline(always)]
fn power_of_two(exponent: f32) -> f32 {
    f32::from_bits((exponent + (127. + WHOLE)).to_bits() << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_libm_bit_for_bit() {
        let last = 120_f32.to_bits();
        for bits in (0..=last).step_by(997).chain([0x3f85_1592, 0x3eb1_7218, 0x3900_0000]) {
            for bits in [bits, bits + 1] {
                let x = -f32::from_bits(bits);
                assert_eq!(exponential(x).to_bits(), libm::expf(x).to_bits(), "{x}");
            }
        }
    }
}
