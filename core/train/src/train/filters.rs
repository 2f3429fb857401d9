//! Filters over a square plane of lightness, 0..=100: tone curves, blur, noise, JPEG.
//!
//! They run for every picture that is trained on, beside the network: plain loops that the compiler
//! turns into vector instructions, and tables in place of powers.

use std::sync::LazyLock;

/// Entries of a tone curve.
const STEPS: usize = 256;

/// A function of lightness, 0..=100 to the same, by linear interpolation.
#[derive(Debug)]
pub(crate) struct ToneCurve([f32; STEPS + 1]);

impl ToneCurve {
    /// Tabulates a function of a share, 0..=1, to lightness; what it gives is clamped to 0..=100.
    pub(crate) fn new(curve: impl Fn(f32) -> f32) -> Self {
        Self(std::array::from_fn(|i| curve(i as f32 / STEPS as f32).clamp(0.0, 100.0)))
    }

    /// The curve's value.
    pub(crate) fn at(&self, lightness: f32) -> f32 {
        let at = lightness.clamp(0.0, 100.0) * (STEPS as f32 / 100.0);
        let first = (at as usize).min(STEPS - 1);
        self.0[first] + (self.0[first + 1] - self.0[first]) * (at - first as f32)
    }

    /// Puts a plane through the curve, and tells of each pixel's index, lightness before, and after.
    pub(crate) fn apply_with(&self, plane: &mut [f32], mut tell: impl FnMut(usize, f32, f32)) {
        for (i, l) in plane.iter_mut().enumerate() {
            let before = *l;
            *l = self.at(before);
            tell(i, before, *l);
        }
    }
}

/// Blurs a plane with the binomial filter (1, 2, 1) / 4 along rows and columns; beyond the edge lies
/// the edge.
pub(crate) fn blur(plane: &mut [f32], size: usize) {
    let mut row = vec![0.0; size + 2];
    for line in plane.chunks_exact_mut(size) {
        row[1..=size].copy_from_slice(line);
        (row[0], row[size + 1]) = (line[0], line[size - 1]);
        for (value, around) in line.iter_mut().zip(row.windows(3)) {
            *value = 0.25 * (around[0] + around[2]) + 0.5 * around[1];
        }
    }
    let mut above = plane[..size].to_vec();
    for y in 0..size {
        let (upper, lower) = plane.split_at_mut((y + 1) * size);
        let line = &mut upper[y * size..];
        let last = line.to_vec();
        let below = if lower.is_empty() { &last[..] } else { &lower[..size] };
        for ((value, above), below) in line.iter_mut().zip(&above).zip(below) {
            *value = 0.25 * (above + below) + 0.5 * *value;
        }
        above = last;
    }
}

/// Deviation that noise of deviation 1 is left with after 0, 1, 2 times [`blur`]: the sum of the
/// squares of (1), (1, 2, 1) / 4 and (1, 4, 6, 4, 1) / 16.
const LEFT: [f32; 3] = [1.0, 6.0 / 16.0, 70.0 / 256.0];

/// Adds nearly normal noise of a deviation, in grains of some `coarseness` + 1 pixels; at most 2.
pub(crate) fn add_grain(
    plane: &mut [f32],
    size: usize,
    seed: u32,
    deviation: f32,
    coarseness: usize,
) {
    let mut noise = vec![0.0; plane.len()];
    fill_noise(&mut noise, seed);
    for _ in 0..coarseness {
        blur(&mut noise, size);
    }
    let scale = deviation / LEFT[coarseness];
    for (value, noise) in plane.iter_mut().zip(&noise) {
        *value = (*value + scale * noise).clamp(0.0, 100.0);
    }
}

/// Fills a plane with noise of mean 0 and deviation 1: the sum of the four bytes of a hash of the
/// position, which is nearly normal. The hash is C. Wellons' `lowbias32`
/// (<https://nullprogram.com/blog/2018/07/31/>).
fn fill_noise(plane: &mut [f32], seed: u32) {
    // A byte's variance is (256^2 - 1) / 12; its mean is 127.5.
    const DEVIATION: f32 = 147.8;
    for (i, value) in plane.iter_mut().enumerate() {
        let mut hash = (i as u32).wrapping_mul(0x9E37_79B1) ^ seed;
        hash = (hash ^ hash >> 16).wrapping_mul(0x7FEB_352D);
        hash = (hash ^ hash >> 15).wrapping_mul(0x846C_A68B);
        hash ^= hash >> 16;
        let sum = (hash & 255) + (hash >> 8 & 255) + (hash >> 16 & 255) + (hash >> 24);
        *value = (sum as f32 - 510.0) / DEVIATION;
    }
}

/// Side of JPEG's blocks in pixels.
const BLOCK: usize = 8;

type Block = [[f32; BLOCK]; BLOCK];

/// Basis of the discrete cosine transform, a row for each frequency (ITU T.81, A.3.3), and the same
/// transposed.
static COSINES: LazyLock<[Block; 2]> = LazyLock::new(|| {
    let cosine = |frequency: usize, at: usize| {
        let scale = if frequency == 0 { 0.125f32 } else { 0.25 }.sqrt();
        let turn = (2 * at + 1) as f32 * frequency as f32 * std::f32::consts::PI / 16.0;
        scale * turn.cos()
    };
    let rows = std::array::from_fn(|f| std::array::from_fn(|at| cosine(f, at)));
    let columns = std::array::from_fn(|at| std::array::from_fn(|f| cosine(f, at)));
    [rows, columns]
});

/// Steps of quantization of luminance at quality 50 (ITU T.81, table K.1).
const QUANTIZATION: [[u16; BLOCK]; BLOCK] = [
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
];

/// What is left of a plane after JPEG of a quality in 1..=50, in the scale of the Independent JPEG
/// Group: blocks of 8x8, quantized. Pixels beyond the last whole block stay.
pub(crate) fn compress(plane: &mut [f32], size: usize, quality: u16) {
    let percent = 5000.0 / f32::from(quality.clamp(1, 50));
    // Lightness has 100 steps where JPEG has 255.
    let steps = QUANTIZATION.map(|row| {
        row.map(|step| ((f32::from(step) * percent + 50.0) / 100.0).floor().min(255.0) / 2.55)
    });
    let [cosines, transposed] = &*COSINES;
    for top in (0..size - size % BLOCK).step_by(BLOCK) {
        for left in (0..size - size % BLOCK).step_by(BLOCK) {
            let mut block: Block = [[0.0; BLOCK]; BLOCK];
            for (y, row) in block.iter_mut().enumerate() {
                row.copy_from_slice(&plane[(top + y) * size + left..][..BLOCK]);
            }
            let mut spectrum = product(&product(cosines, &block), transposed);
            for (values, steps) in spectrum.iter_mut().zip(&steps) {
                for (value, step) in values.iter_mut().zip(steps) {
                    *value = round(*value / step) * step;
                }
            }
            let block = product(&product(transposed, &spectrum), cosines);
            for (y, row) in block.iter().enumerate() {
                plane[(top + y) * size + left..][..BLOCK].copy_from_slice(row);
            }
        }
    }
    for value in plane {
        *value = value.clamp(0.0, 100.0);
    }
}

/// The product of two matrices.
fn product(left: &Block, right: &Block) -> Block {
    let mut product = [[0.0; BLOCK]; BLOCK];
    for (sums, factors) in product.iter_mut().zip(left) {
        for (factor, row) in factors.iter().zip(right) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += factor * value;
            }
        }
    }
    product
}

/// The nearest whole number, below 2^22: `f32::round` is a call where vectors have no such instruction.
fn round(value: f32) -> f32 {
    /// 1.5 * 2^23, from where on the distance of floats is 1.
    const SHIFT: f32 = 12_582_912.0;
    value + SHIFT - SHIFT
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 16;

    fn picture() -> Vec<f32> {
        (0..SIZE * SIZE).map(|i| 50.0 + 40.0 * (i as f32 * 0.7).sin()).collect()
    }

    fn deviation(values: &[f32]) -> f32 {
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f32>();
        (squares / values.len() as f32).sqrt()
    }

    #[test]
    fn a_tone_curve_is_the_function_within_its_steps() {
        let curve = ToneCurve::new(|share| 100.0 * share * share);
        for lightness in [0.0, 3.3, 50.0, 99.9, 100.0] {
            let expected = lightness * lightness / 100.0;
            assert!((curve.at(lightness) - expected).abs() < 1e-3, "{lightness}");
        }
    }

    #[test]
    fn blur_keeps_a_flat_plane_and_spreads_a_point() {
        let mut flat = vec![7.0; 16];
        blur(&mut flat, 4);
        assert_eq!(flat, [7.0; 16]);
        let mut point = vec![0.0; 25];
        point[12] = 16.0;
        blur(&mut point, 5);
        assert_eq!(point[6..9], [1.0, 2.0, 1.0]);
        assert_eq!(point[11..14], [2.0, 4.0, 2.0]);
    }

    #[test]
    fn grain_has_its_deviation_at_each_coarseness() {
        for coarseness in 0..=2 {
            let mut plane = vec![50.0; 160 * 160];
            add_grain(&mut plane, 160, 3, 4.0, coarseness);
            let found = deviation(&plane);
            assert!((found - 4.0).abs() < 0.2, "{coarseness}: {found}");
        }
    }

    #[test]
    fn coarse_grain_is_alike_from_pixel_to_pixel() {
        let correlation = |coarseness| {
            let mut plane = vec![50.0; 160 * 160];
            add_grain(&mut plane, 160, 3, 4.0, coarseness);
            let products = plane.windows(2).map(|pair| (pair[0] - 50.0) * (pair[1] - 50.0));
            products.sum::<f32>() / (plane.len() as f32 * 16.0)
        };
        // (1, 2, 1) beside itself moved by one: 2 * 2 of 6.
        assert!(correlation(0).abs() < 0.03 && (correlation(1) - 4.0 / 6.0).abs() < 0.05);
    }

    #[test]
    fn jpeg_keeps_flat_blocks_and_loses_detail_with_quality() {
        let mut flat = vec![50.0; SIZE * SIZE];
        compress(&mut flat, SIZE, 50);
        assert!(flat.iter().all(|value| (value - 50.0).abs() < 1.0));
        let error = |quality| {
            let mut plane = picture();
            compress(&mut plane, SIZE, quality);
            let pairs = plane.iter().zip(picture());
            pairs.map(|(found, value)| (found - value).abs()).sum::<f32>() / 256.0
        };
        assert!(error(50) > 0.1 && error(10) > 1.5 * error(50), "{} {}", error(50), error(10));
    }

    #[test]
    fn the_cosine_transform_is_undone_by_its_transpose() {
        let [cosines, transposed] = &*COSINES;
        for (y, row) in product(cosines, transposed).iter().enumerate() {
            for (x, value) in row.iter().enumerate() {
                assert!((value - f32::from(u8::from(x == y))).abs() < 1e-6);
            }
        }
    }
}
