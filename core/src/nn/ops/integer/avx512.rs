//! The operations in AVX-512 (F and BW): a block is one register of sums.
#![expect(unsafe_code, reason = "SIMD intrinsics work on pointers")]

use std::arch::x86_64::{
    __m512i, _mm256_loadu_si256, _mm256_max_epi16, _mm256_min_epi16, _mm256_set1_epi16,
    _mm256_storeu_si256, _mm512_add_epi32, _mm512_castsi256_si512, _mm512_cvtepi16_epi32,
    _mm512_cvtsepi32_epi16, _mm512_loadu_si512, _mm512_madd_epi16, _mm512_permutex2var_epi16,
    _mm512_set1_epi32, _mm512_srav_epi32,
};

use super::kernel::{self, Dense, Depthwise, Kernel};

/// AVX-512 without VNNI.
pub(super) struct Avx512;

/// Numbers of two registers by turns: those from 32 on are the second's.
static TURNS: [i16; 32] = {
    let mut turns = [0; 32];
    let mut i = 0_i16;
    while i < 32 {
        turns[i as usize] = i / 2 + 32 * (i % 2);
        i += 1;
    }
    turns
};

impl Kernel for Avx512 {
    type Sums = __m512i;
    type Pairs = __m512i;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn sums(from: *const i32) -> Self::Sums {
        // SAFETY: the caller's.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn pairs(from: *const i16) -> Self::Pairs {
        // SAFETY: the caller's.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn repeated(from: *const i16) -> Self::Pairs {
        // SAFETY: the caller's.
        _mm512_set1_epi32(unsafe { from.cast::<i32>().read_unaligned() })
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn interleaved(first: *const i16, second: *const i16) -> Self::Pairs {
        // SAFETY: the caller's.
        let first = _mm512_castsi256_si512(unsafe { _mm256_loadu_si256(first.cast()) });
        // SAFETY: the caller's.
        let second = _mm512_castsi256_si512(unsafe { _mm256_loadu_si256(second.cast()) });
        // SAFETY: 32 numbers are there.
        let turns = unsafe { _mm512_loadu_si512(TURNS.as_ptr().cast()) };
        _mm512_permutex2var_epi16(first, turns, second)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn add_products(sums: Self::Sums, x: Self::Pairs, y: Self::Pairs) -> Self::Sums {
        _mm512_add_epi32(sums, _mm512_madd_epi16(x, y))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn store(
        sums: Self::Sums,
        shifts: *const i32,
        residual: *const i16,
        [least, greatest]: [i16; 2],
        to: *mut i16,
    ) {
        // SAFETY: the caller's.
        let shifts = unsafe { Self::sums(shifts) };
        let mut results = _mm512_srav_epi32(sums, shifts);
        if !residual.is_null() {
            // SAFETY: the caller's.
            let residual = unsafe { _mm256_loadu_si256(residual.cast()) };
            results = _mm512_add_epi32(results, _mm512_cvtepi16_epi32(residual));
        }
        let packed = _mm512_cvtsepi32_epi16(results);
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
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) unsafe fn dense(part: &Dense<'_>) {
    // SAFETY: the caller's.
    unsafe { kernel::dense::<Avx512, 8, 3>(part) }
}

/// Part of a depthwise layer.
///
/// # Safety
///
/// That of [`kernel::depthwise`], and the processor has the instructions.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) unsafe fn depthwise(part: &Depthwise<'_>) {
    // SAFETY: the caller's.
    unsafe { kernel::depthwise::<Avx512, 8>(part) }
}
