//! Inner loops of the direct convolution, in AVX-512.
//!
//! A 512-bit register holds 16 floats. The loops keep up to 24 of the 32 registers as sums, so
//! that each loaded value serves several multiplications.
#![expect(unsafe_code, reason = "SIMD intrinsics work on pointers")]

use std::arch::x86_64::{
    __m512, __mmask16, _mm512_add_ps, _mm512_castpd_ps, _mm512_castps_pd, _mm512_fmadd_ps,
    _mm512_loadu_ps, _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps, _mm512_max_ps, _mm512_min_ps,
    _mm512_set1_ps, _mm512_setzero_ps, _mm512_shuffle_f32x4, _mm512_storeu_ps, _mm512_unpackhi_pd,
    _mm512_unpackhi_ps, _mm512_unpacklo_pd, _mm512_unpacklo_ps,
};

use super::matrix::Shared;
use super::{Precision, bf16};
use crate::isa::{self, Isa};

/// Floats in a register.
pub(super) const LANES: usize = 16;
/// Channels that are summed at once; weights are packed in blocks of as many.
pub(super) const BLOCK: usize = 8;

/// Whether this processor has the instructions.
pub(super) fn available() -> bool {
    isa::allows(Isa::Avx512) && is_x86_feature_detected!("avx512f")
}

/// One block of channels of a row of pixels. With bf16, a float of `input` and `weights` stands for
/// two values of two channels.
pub(super) struct Row<'a> {
    /// Pixels of all inputs, packed.
    pub(super) input: &'a [f32],
    /// Where in `input` the row starts.
    pub(super) base: usize,
    /// Where, from a pixel, its terms lie in `input`.
    pub(super) offsets: &'a [usize],
    /// `(offsets.len(), BLOCK)`.
    pub(super) weights: &'a [f32],
    /// Starts of the sums.
    pub(super) bias: [f32; BLOCK],
    /// The least and the greatest result.
    pub(super) limits: Option<(f32, f32)>,
    /// What `input` and `weights` hold.
    pub(super) precision: Precision,
    /// Pixels in the row.
    pub(super) columns: usize,
    /// Channels in the block, at most [`BLOCK`].
    pub(super) channels: usize,
}

/// Defines `tile(vectors, channels)`, the function that computes up to so many registers of pixels
/// of up to so many channels, on a processor with these features; `$add(sum, pixels, weight)` adds a
/// product.
macro_rules! tiles {
    ($features:literal, $add:path) => {
        /// The function for up to so many registers of pixels and channels.
        pub(super) fn tile(vectors: usize, channels: usize) -> Tile {
            match (vectors, channels) {
                (3, 5..) => tile_of::<3, 8>,
                (3, 3..) => tile_of::<3, 4>,
                (3, _) => tile_of::<3, 2>,
                (2, 3..) => tile_of::<2, 8>,
                (2, _) => tile_of::<2, 2>,
                _ => tile_of::<1, 8>,
            }
        }

        /// `V` registers of pixels times `B` channels.
        ///
        /// # Safety
        ///
        /// The instructions are there; all but the masked pixels of the last register are in bounds.
        #[target_feature(enable = $features)]
        unsafe fn tile_of<const V: usize, const B: usize>(
            row: &Row<'_>,
            column: usize,
            mask: __mmask16,
            target: *mut f32,
            plane: usize,
        ) {
            let mut sums = [[_mm512_setzero_ps(); V]; B];
            for (sums, &bias) in sums.iter_mut().zip(&row.bias) {
                *sums = [_mm512_set1_ps(bias); V];
            }
            let weights = row.weights.as_chunks::<BLOCK>().0;
            // SAFETY: the row starts in bounds.
            let input = unsafe { row.input.as_ptr().add(row.base + column) };
            for (&offset, weights) in row.offsets.iter().zip(weights) {
                let mut pixels = [_mm512_setzero_ps(); V];
                for (v, pixels) in pixels.iter_mut().enumerate() {
                    let mask = if v == V - 1 { mask } else { !0 };
                    // SAFETY: in bounds but for masked pixels, as the caller promises.
                    let start = unsafe { input.add(offset + v * LANES) };
                    // SAFETY: as above.
                    *pixels = unsafe { _mm512_maskz_loadu_ps(mask, start) };
                }
                for (sums, &weight) in sums.iter_mut().zip(weights) {
                    let weight = _mm512_set1_ps(weight);
                    for (sum, &pixels) in sums.iter_mut().zip(&pixels) {
                        *sum = $add(*sum, pixels, weight);
                    }
                }
            }
            for (b, sums) in sums.iter().enumerate().take(row.channels) {
                for (v, &sum) in sums.iter().enumerate() {
                    // The second operand is kept where one is NaN: a diverged network has to show.
                    let sum = row.limits.map_or(sum, |(low, high)| {
                        let sum = _mm512_max_ps(_mm512_set1_ps(low), sum);
                        _mm512_min_ps(_mm512_set1_ps(high), sum)
                    });
                    let mask = if v == V - 1 { mask } else { !0 };
                    // SAFETY: in bounds but for masked pixels, as the caller promises.
                    let start = unsafe { target.add(b * plane + v * LANES) };
                    // SAFETY: as above.
                    unsafe { _mm512_mask_storeu_ps(start, mask, sum) };
                }
            }
        }
    };
}
pub(super) use tiles;

/// A variant of `tile_of`.
pub(super) type Tile = unsafe fn(&Row<'_>, usize, __mmask16, *mut f32, usize);

/// Writes a block of channels of a row to `y` from `first` on, channels `plane` apart.
///
/// # Safety
///
/// [`available`] is true, and [`bf16::available`] if the row holds that; `reach` is the largest of
/// `row.offsets`, and no other task accesses the elements that are written.
pub(super) unsafe fn convolve(
    row: &Row<'_>,
    reach: usize,
    y: Shared<'_>,
    first: usize,
    plane: usize,
) {
    assert!(row.columns > 0 && (1..=BLOCK).contains(&row.channels));
    assert!(row.base + reach + row.columns <= row.input.len());
    assert!(row.weights.len() >= row.offsets.len() * BLOCK);
    assert!(first + (row.channels - 1) * plane + row.columns <= y.len());
    let mut column = 0;
    while column < row.columns {
        let left = row.columns - column;
        let vectors = left.div_ceil(LANES).min(3);
        let last = (left - (vectors - 1) * LANES).min(LANES);
        let mask = ((1u32 << last) - 1) as __mmask16;
        // SAFETY: `first` is in bounds, checked above.
        let target = unsafe { y.pointer(first + column) };
        let tile = match row.precision {
            Precision::F32 => tile(vectors, row.channels),
            Precision::Bf16 => bf16::tile(vectors, row.channels),
        };
        // SAFETY: AVX-512 is there, as the caller promises; the pixels that the mask leaves are in
        // bounds, checked above.
        unsafe { tile(row, column, mask, target, plane) };
        column += vectors * LANES;
    }
}

tiles!("avx512f", add_product);

#[target_feature(enable = "avx512f")]
fn add_product(sum: __m512, pixels: __m512, weight: __m512) -> __m512 {
    _mm512_fmadd_ps(pixels, weight, sum)
}

/// Pixels whose products with gradients make weight gradients.
pub(super) struct Strip<'a, T> {
    /// Pixels of all inputs, packed.
    pub(super) input: &'a [T],
    /// Steps in `input` from one row to the next.
    pub(super) row_step: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// `(rows * columns, width)`: gradients of a pixel's channels side by side.
    pub(super) gradients: &'a [f32],
    /// A multiple of [`LANES`].
    pub(super) width: usize,
}

/// A variant of [`outer`].
type Outer = unsafe fn(&Strip<'_, f32>, &[usize], usize, &mut [f32]);

/// Adds to `sums` `(offsets.len(), width)` the products of all pixels at the offsets with all
/// gradients.
///
/// # Safety
///
/// [`available`] is true.
pub(super) unsafe fn accumulate(strip: &Strip<'_, f32>, offsets: &[usize], sums: &mut [f32]) {
    let reach = offsets.iter().copied().max().unwrap_or(0);
    assert!(strip.rows > 0 && strip.columns > 0 && strip.width.is_multiple_of(LANES));
    assert!((strip.rows - 1) * strip.row_step + strip.columns + reach <= strip.input.len());
    assert!(strip.rows * strip.columns * strip.width <= strip.gradients.len());
    assert!(offsets.len() * strip.width <= sums.len());
    let mut channel = 0;
    while channel < strip.width {
        let vectors = ((strip.width - channel) / LANES).min(4);
        let (block, outer): (usize, Outer) = match vectors {
            4 => (6, outer::<4, 6>),
            3 => (8, outer::<3, 8>),
            2 => (12, outer::<2, 12>),
            _ => (16, outer::<1, 16>),
        };
        for (i, offsets) in offsets.chunks(block).enumerate() {
            let sums = &mut sums[i * block * strip.width..];
            // SAFETY: AVX-512 is there, as the caller promises; bounds are checked above.
            unsafe { outer(strip, offsets, channel, sums) };
        }
        channel += vectors * LANES;
    }
}

/// `V` registers of channels times up to `B` offsets.
///
/// # Safety
///
/// AVX-512 is there; pixels at the offsets, gradients and sums are in bounds.
#[target_feature(enable = "avx512f")]
unsafe fn outer<const V: usize, const B: usize>(
    strip: &Strip<'_, f32>,
    offsets: &[usize],
    channel: usize,
    sums: &mut [f32],
) {
    let mut total = [[_mm512_setzero_ps(); V]; B];
    for row in 0..strip.rows {
        let mut pixels = [strip.input.as_ptr(); B];
        for (b, pixels) in pixels.iter_mut().enumerate() {
            // A block that is not full repeats its first offset, and the sums are dropped.
            let offset = offsets.get(b).unwrap_or(&offsets[0]);
            // SAFETY: in bounds, as the caller promises.
            *pixels = unsafe { pixels.add(row * strip.row_step + offset) };
        }
        let first = row * strip.columns * strip.width + channel;
        for column in 0..strip.columns {
            let mut gradients = [_mm512_setzero_ps(); V];
            for (v, gradients) in gradients.iter_mut().enumerate() {
                let index = first + column * strip.width + v * LANES;
                // SAFETY: in bounds, as the caller promises.
                let start = unsafe { strip.gradients.as_ptr().add(index) };
                // SAFETY: as above.
                *gradients = unsafe { _mm512_loadu_ps(start) };
            }
            for (total, pixels) in total.iter_mut().zip(&pixels) {
                // SAFETY: in bounds, as the caller promises.
                let pixel = unsafe { pixels.add(column) };
                // SAFETY: as above.
                let pixel = _mm512_set1_ps(unsafe { pixel.read() });
                for (total, &gradients) in total.iter_mut().zip(&gradients) {
                    *total = _mm512_fmadd_ps(pixel, gradients, *total);
                }
            }
        }
    }
    for (total, sums) in total.iter().zip(sums.chunks_mut(strip.width)).take(offsets.len()) {
        for (v, &total) in total.iter().enumerate() {
            let sums = &mut sums[channel + v * LANES..][..LANES];
            // SAFETY: 16 floats.
            let old = unsafe { _mm512_loadu_ps(sums.as_ptr()) };
            let sum = _mm512_add_ps(old, total);
            // SAFETY: 16 floats.
            unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), sum) };
        }
    }
}

/// Transposes `from`, 16 lines of `length` floats (a multiple of 16), to `length` lines of 16 that
/// start `width` apart in `to`.
///
/// # Safety
///
/// [`available`] is true.
pub(super) unsafe fn transpose(from: &[f32], length: usize, to: &mut [f32], width: usize) {
    assert!(length.is_multiple_of(LANES) && from.len() >= LANES * length && length > 0);
    assert!(to.len() >= (length - 1) * width + LANES);
    for start in (0..length).step_by(LANES) {
        // SAFETY: AVX-512 is there, as the caller promises; in bounds, checked above.
        unsafe { transpose_square(&from[start..], length, &mut to[start * width..], width) };
    }
}

/// Transposes 16 times 16 floats.
///
/// # Safety
///
/// AVX-512 is there; 16 lines of 16 floats are in bounds.
#[target_feature(enable = "avx512f")]
unsafe fn transpose_square(from: &[f32], length: usize, to: &mut [f32], width: usize) {
    let mut lines = [_mm512_setzero_ps(); LANES];
    for (i, line) in lines.iter_mut().enumerate() {
        // SAFETY: in bounds, as the caller promises.
        let start = unsafe { from.as_ptr().add(i * length) };
        // SAFETY: as above.
        *line = unsafe { _mm512_loadu_ps(start) };
    }
    // 2x2 within the 128-bit quarters, then 4x4, then the quarters themselves.
    let mut pairs = lines;
    for i in (0..LANES).step_by(2) {
        pairs[i] = _mm512_unpacklo_ps(lines[i], lines[i + 1]);
        pairs[i + 1] = _mm512_unpackhi_ps(lines[i], lines[i + 1]);
    }
    let mut fours = lines;
    for i in (0..LANES).step_by(4) {
        fours[i] = unpack_low(pairs[i], pairs[i + 2]);
        fours[i + 1] = unpack_high(pairs[i], pairs[i + 2]);
        fours[i + 2] = unpack_low(pairs[i + 1], pairs[i + 3]);
        fours[i + 3] = unpack_high(pairs[i + 1], pairs[i + 3]);
    }
    for i in 0..4 {
        let low = _mm512_shuffle_f32x4::<0x88>(fours[i], fours[i + 4]);
        let high = _mm512_shuffle_f32x4::<0xdd>(fours[i], fours[i + 4]);
        let low_2 = _mm512_shuffle_f32x4::<0x88>(fours[i + 8], fours[i + 12]);
        let high_2 = _mm512_shuffle_f32x4::<0xdd>(fours[i + 8], fours[i + 12]);
        lines[i] = _mm512_shuffle_f32x4::<0x88>(low, low_2);
        lines[i + 4] = _mm512_shuffle_f32x4::<0x88>(high, high_2);
        lines[i + 8] = _mm512_shuffle_f32x4::<0xdd>(low, low_2);
        lines[i + 12] = _mm512_shuffle_f32x4::<0xdd>(high, high_2);
    }
    for (i, &line) in lines.iter().enumerate() {
        // SAFETY: in bounds, as the caller promises.
        let start = unsafe { to.as_mut_ptr().add(i * width) };
        // SAFETY: as above.
        unsafe { _mm512_storeu_ps(start, line) };
    }
}

#[target_feature(enable = "avx512f")]
fn unpack_low(a: __m512, b: __m512) -> __m512 {
    _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)))
}

#[target_feature(enable = "avx512f")]
fn unpack_high(a: __m512, b: __m512) -> __m512 {
    _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposing_exchanges_lines_and_columns() {
        if !available() {
            return;
        }
        let from: Vec<f32> = (0..LANES * 32).map(|i| i as f32).collect();
        let mut to = vec![-1.; 32 * 48];
        // SAFETY: available.
        unsafe { transpose(&from, 32, &mut to, 48) };
        for line in 0..32 {
            for column in 0..LANES {
                assert_eq!(to[line * 48 + column], from[column * 32 + line]);
            }
            assert_eq!(to[line * 48 + LANES], -1.);
        }
    }
}
