//! AVX-512 with VNNI: multiplying pairs and adding them is one instruction, the rest as without.
#![expect(unsafe_code, reason = "SIMD intrinsics work on pointers")]

use std::arch::x86_64::{__m512i, _mm512_dpwssd_epi32};

use super::avx512::Avx512;
use super::kernel::{self, Dense, Depthwise, Kernel};

/// AVX-512 with VNNI.
pub(super) struct Vnni;

impl Kernel for Vnni {
    type Sums = __m512i;
    type Pairs = __m512i;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    unsafe fn sums(from: *const i32) -> Self::Sums {
        // SAFETY: the caller's.
        unsafe { Avx512::sums(from) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    unsafe fn pairs(from: *const i16) -> Self::Pairs {
        // SAFETY: the caller's.
        unsafe { Avx512::pairs(from) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    unsafe fn repeated(from: *const i16) -> Self::Pairs {
        // SAFETY: the caller's.
        unsafe { Avx512::repeated(from) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    unsafe fn interleaved(first: *const i16, second: *const i16) -> Self::Pairs {
        // SAFETY: the caller's.
        unsafe { Avx512::interleaved(first, second) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    unsafe fn add_products(sums: Self::Sums, x: Self::Pairs, y: Self::Pairs) -> Self::Sums {
        _mm512_dpwssd_epi32(sums, x, y)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    unsafe fn store(
        sums: Self::Sums,
        shifts: *const i32,
        residual: *const i16,
        range: [i16; 2],
        to: *mut i16,
    ) {
        // SAFETY: the caller's.
        unsafe { Avx512::store(sums, shifts, residual, range, to) }
    }
}

/// Part of a dense layer.
///
/// # Safety
///
/// That of [`kernel::dense`], and the processor has the instructions.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) unsafe fn dense(part: &Dense<'_>) {
    // SAFETY: the caller's.
    unsafe { kernel::dense::<Vnni, 8, 3>(part) }
}

/// Part of a depthwise layer.
///
/// # Safety
///
/// That of [`kernel::depthwise`], and the processor has the instructions.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) unsafe fn depthwise(part: &Depthwise<'_>) {
    // SAFETY: the caller's.
    unsafe { kernel::depthwise::<Vnni, 8>(part) }
}
