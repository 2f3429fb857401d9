//! Convolution with products of bfloat16 and sums of f32, on processors with AVX-512 BF16.
//!
//! `VDPBF16PS` multiplies 32 pairs of bfloat16 and adds them two by two to 16 sums: twice the work of
//! an f32 multiplication in the same time (AMD Zen 4: one instruction a cycle either way). The two are
//! neighboring channels in convolutions, and neighboring pixels in the gradient of the weights.
#![expect(unsafe_code, reason = "SIMD intrinsics work on pointers")]

use std::arch::x86_64::{
    __m512, __m512bh, __m512i, __mmask16, __mmask32, _mm512_add_ps, _mm512_castps_si512,
    _mm512_cvtne2ps_pbh, _mm512_dpbf16_ps, _mm512_loadu_epi16, _mm512_loadu_ps,
    _mm512_mask_storeu_epi16, _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps, _mm512_max_ps,
    _mm512_min_ps, _mm512_permutexvar_epi16, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_storeu_ps,
};

use super::avx512::{self, BLOCK, LANES, Row, Strip, Tile, tiles};
use super::conv::{self, Given};
use super::direct::copy;
use super::geometry::Geometry;
use super::matrix;
use super::packing::Packing;

/// Whether this processor has the instructions.
pub(super) fn available() -> bool {
    avx512::available()
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512bf16")
}

/// The lane that two rounded values share.
pub(super) fn lane(even: u16, odd: u16) -> f32 {
    f32::from_bits(u32::from(odd) << 16 | u32::from(even))
}

tiles!("avx512f,avx512bf16", add_product);

#[target_feature(enable = "avx512f,avx512bf16")]
fn add_product(sum: __m512, pixels: __m512, weight: __m512) -> __m512 {
    _mm512_dpbf16_ps(sum, halves(pixels), halves(weight))
}

/// 16 lanes as 32 values.
#[target_feature(enable = "avx512f")]
fn halves(lanes: __m512) -> __m512bh {
    integers(_mm512_castps_si512(lanes))
}

#[target_feature(enable = "avx512f")]
fn integers(bits: __m512i) -> __m512bh {
    // SAFETY: both are 512 bits, of any content.
    unsafe { std::mem::transmute::<__m512i, __m512bh>(bits) }
}

/// 32 values rounded to bfloat16, `low` first.
#[target_feature(enable = "avx512f,avx512bf16")]
fn rounded(low: __m512, high: __m512) -> __m512i {
    let halves = _mm512_cvtne2ps_pbh(high, low);
    // SAFETY: both are 512 bits, of any content.
    unsafe { std::mem::transmute::<__m512bh, __m512i>(halves) }
}

/// Mask of the first `count` values.
fn first(count: usize) -> u32 {
    if count >= 32 { !0 } else { (1 << count) - 1 }
}

/// Fills `to` with lanes of a value of `even` and one of `odd`.
///
/// # Safety
///
/// [`available`] is true.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) unsafe fn interleave(even: &[f32], odd: &[f32], to: &mut [f32]) {
    assert!(even.len() == to.len() && odd.len() == to.len());
    let mut order = [0u16; 32];
    for (i, order) in order.iter_mut().enumerate() {
        *order = (i / 2 + i % 2 * LANES) as u16;
    }
    // SAFETY: 32 values.
    let order = unsafe { _mm512_loadu_epi16(order.as_ptr().cast()) };
    for start in (0..to.len()).step_by(LANES) {
        let mask = first((to.len() - start).min(LANES)) as __mmask16;
        // SAFETY: in bounds but for masked lanes.
        let low = unsafe { _mm512_maskz_loadu_ps(mask, even[start..].as_ptr()) };
        // SAFETY: as above.
        let high = unsafe { _mm512_maskz_loadu_ps(mask, odd[start..].as_ptr()) };
        let pairs = _mm512_permutexvar_epi16(order, rounded(low, high));
        let pairs = std::arch::x86_64::_mm512_castsi512_ps(pairs);
        // SAFETY: as above.
        unsafe { _mm512_mask_storeu_ps(to[start..].as_mut_ptr(), mask, pairs) };
    }
}

/// Fills `to` with the rounded values of `from`.
///
/// # Safety
///
/// [`available`] is true.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) unsafe fn shorten(from: &[f32], to: &mut [u16]) {
    assert_eq!(from.len(), to.len());
    for start in (0..to.len()).step_by(2 * LANES) {
        let mask = first(to.len() - start);
        let (low_mask, high_mask) = (mask as __mmask16, (mask >> LANES) as __mmask16);
        let from = from[start..].as_ptr();
        // SAFETY: in bounds but for masked lanes.
        let low = unsafe { _mm512_maskz_loadu_ps(low_mask, from) };
        // SAFETY: as above; nothing is read where all lanes are masked.
        let high = unsafe { _mm512_maskz_loadu_ps(high_mask, from.wrapping_add(LANES)) };
        let to = to[start..].as_mut_ptr().cast();
        let halves = rounded(low, high);
        // SAFETY: as above.
        unsafe { _mm512_mask_storeu_epi16(to, mask as __mmask32, halves) };
    }
}

/// Adds one image's gradients of weights, `(depth, width)`, and of biases.
///
/// # Safety
///
/// [`available`] is true.
pub(super) unsafe fn weight_gradient(
    g: &Geometry,
    given: &Given<'_>,
    image: usize,
    d_weight: &mut [f32],
    d_bias: &mut [f32],
) {
    let width = g.outputs.next_multiple_of(LANES);
    let x = &given.x[image * g.input_len()..][..g.input_len()];
    for rows in Packing::strips(&super::direct::lanes(g, super::Precision::Bf16)) {
        let packing = Packing::new(g, rows.clone());
        let offsets = packing.offsets(g);
        let (lines, columns) = packing.shape(g);
        let pairs = columns.div_ceil(2);
        let padded = (lines * pairs).next_multiple_of(LANES);
        let first = image * g.output_len() + rows.start * g.columns;
        // The last pixel of an odd row is multiplied by zero together with what follows it.
        let len = packing.len(g) + LANES;
        let row = packing.phase.max(columns);
        let lens = [len.div_ceil(2), row, LANES * padded, padded * width];
        matrix::with_scratches(lens, |[packed, row, transposed, gradients]| {
            let packed = &mut matrix::halves(packed)[..len];
            let (strip, after) = packed.split_at_mut(packing.len(g));
            after.fill(0);
            packing.pack(g, strip, |to, channel, start| {
                let x = &x[channel * g.height * g.width + start..];
                if g.stride == 1 {
                    // SAFETY: as the caller promises.
                    unsafe { shorten(&x[..to.len()], to) };
                } else {
                    let row = &mut row[..to.len()];
                    copy(row, x, g.stride);
                    // SAFETY: as the caller promises.
                    unsafe { shorten(row, to) };
                }
            });
            for channel in (0..g.outputs).step_by(LANES) {
                let halves = matrix::halves(transposed);
                for (i, halves) in halves.chunks_exact_mut(2 * padded).enumerate() {
                    if channel + i >= g.outputs {
                        halves.fill(0);
                        continue;
                    }
                    let start = first + (channel + i) * g.output_plane();
                    halves[2 * lines * pairs..].fill(0);
                    for (line, halves) in halves.chunks_exact_mut(2 * pairs).take(lines).enumerate()
                    {
                        let row = &mut row[..columns];
                        given.deactivate(row, start + line * columns);
                        d_bias[channel + i] += conv::sum(row);
                        let (halves, rest) = halves.split_at_mut(columns);
                        rest.fill(0);
                        // SAFETY: as the caller promises.
                        unsafe { shorten(row, halves) };
                    }
                }
                let gradients = &mut gradients[channel..];
                // SAFETY: AVX-512 is there, as the caller promises.
                unsafe { avx512::transpose(transposed, padded, gradients, width) };
            }
            let row_step = g.stride * packing.line(g);
            let (rows, columns) = (lines, pairs);
            let strip = Strip { input: &*packed, row_step, rows, columns, gradients, width };
            // SAFETY: as the caller promises.
            unsafe { accumulate(&strip, &offsets, d_weight) };
        });
    }
}

/// A variant of [`outer`].
type Outer = unsafe fn(&Strip<'_, u16>, &[usize], usize, &mut [f32]);

/// [`avx512::accumulate`] with two pixels at a time: the strip's columns are pairs, and its gradients
/// lanes of two pixels.
///
/// # Safety
///
/// [`available`] is true.
unsafe fn accumulate(strip: &Strip<'_, u16>, offsets: &[usize], sums: &mut [f32]) {
    let reach = offsets.iter().copied().max().unwrap_or(0);
    assert!(strip.rows > 0 && strip.columns > 0 && strip.width.is_multiple_of(LANES));
    assert!((strip.rows - 1) * strip.row_step + 2 * strip.columns + reach <= strip.input.len());
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
            // SAFETY: the instructions are there, as the caller promises; bounds are checked above.
            unsafe { outer(strip, offsets, channel, sums) };
        }
        channel += vectors * LANES;
    }
}

/// `V` registers of channels times up to `B` offsets.
///
/// # Safety
///
/// [`available`] is true; pixels at the offsets, gradients and sums are in bounds.
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn outer<const V: usize, const B: usize>(
    strip: &Strip<'_, u16>,
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
                let pair = unsafe { pixels.add(2 * column) }.cast::<[u8; 4]>();
                // SAFETY: as above: two pixels.
                let pair = _mm512_set1_epi32(i32::from_ne_bytes(unsafe { pair.read() }));
                for (total, &gradients) in total.iter_mut().zip(&gradients) {
                    *total = _mm512_dpbf16_ps(*total, integers(pair), halves(gradients));
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
