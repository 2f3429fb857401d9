//! The operations in AVX2: a block is two registers of sums.
#![expect(unsafe_code, reason = "SIMD intrinsics work on pointers")]

use std::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_add_epi32, _mm256_cvtepi16_epi32, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_max_epi16, _mm256_min_epi16, _mm256_packs_epi32,
    _mm256_permute4x64_epi64, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_srav_epi32,
    _mm256_storeu_si256, _mm256_unpackhi_epi16, _mm256_unpacklo_epi16,
};

use super::kernel::{self, Dense, Depthwise, Kernel};

/// AVX2.
pub(super) struct Avx2;

/// Packing and unpacking work on halves of 128 bits: this puts the middle quarters in each other's
/// place.
const MIDDLE: i32 = 0b11_01_10_00;

impl Kernel for Avx2 {
    type Sums = [__m256i; 2];
    type Pairs = [__m256i; 2];

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn sums(from: *const i32) -> Self::Sums {
        // SAFETY: the caller's.
        let low = unsafe { _mm256_loadu_si256(from.cast()) };
        // SAFETY: the caller's.
        let high = unsafe { _mm256_loadu_si256(from.wrapping_add(8).cast()) };
        [low, high]
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn pairs(from: *const i16) -> Self::Pairs {
        // SAFETY: the caller's.
        unsafe { Self::sums(from.cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn repeated(from: *const i16) -> Self::Pairs {
        // SAFETY: the caller's.
        let pair = unsafe { from.cast::<i32>().read_unaligned() };
        [_mm256_set1_epi32(pair); 2]
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn interleaved(first: *const i16, second: *const i16) -> Self::Pairs {
        // SAFETY: the caller's.
        let first = unsafe { _mm256_loadu_si256(first.cast()) };
        // SAFETY: the caller's.
        let second = unsafe { _mm256_loadu_si256(second.cast()) };
        let first = _mm256_permute4x64_epi64::<MIDDLE>(first);
        let second = _mm256_permute4x64_epi64::<MIDDLE>(second);
        [_mm256_unpacklo_epi16(first, second), _mm256_unpackhi_epi16(first, second)]
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn add_products(sums: Self::Sums, x: Self::Pairs, y: Self::Pairs) -> Self::Sums {
        [
            _mm256_add_epi32(sums[0], _mm256_madd_epi16(x[0], y[0])),
            _mm256_add_epi32(sums[1], _mm256_madd_epi16(x[1], y[1])),
        ]
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn store(
        sums: Self::Sums,
        shifts: *const i32,
        residual: *const i16,
        [least, greatest]: [i16; 2],
        to: *mut i16,
    ) {
        // SAFETY: the caller's.
        let shifts = unsafe { Self::sums(shifts) };
        let mut low = _mm256_srav_epi32(sums[0], shifts[0]);
        let mut high = _mm256_srav_epi32(sums[1], shifts[1]);
        if !residual.is_null() {
            // SAFETY: the caller's.
            let first = unsafe { _mm_loadu_si128(residual.cast()) };
            // SAFETY: the caller's.
            let second = unsafe { _mm_loadu_si128(residual.wrapping_add(8).cast()) };
            low = _mm256_add_epi32(low, _mm256_cvtepi16_epi32(first));
            high = _mm256_add_epi32(high, _mm256_cvtepi16_epi32(second));
        }
        let packed = _mm256_permute4x64_epi64::<MIDDLE>(_mm256_packs_epi32(low, high));
        let packed = _mm256_max_epi16(packed, _mm256_set1_epi16(least));
        let packed = _mm256_min_epi16(packed, _mm256_set1_epi16(greatest));
        // SAFETY: the caller's.
        unsafe { _mm256_storeu_si256(to.cast(), packed) };
    }
}

/// Part of a dense layer.
///
/// # Safety
///
/// That of [`kernel::dense`], and the processor has the instructions.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn dense(part: &Dense<'_>) {
    // SAFETY: the caller's.
    unsafe { kernel::dense::<Avx2, 4, 1>(part) }
}

/// Part of a depthwise layer.
///
/// # Safety
///
/// That of [`kernel::depthwise`], and the processor has the instructions.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn depthwise(part: &Depthwise<'_>) {
    // SAFETY: the caller's.
    unsafe { kernel::depthwise::<Avx2, 4>(part) }
}
