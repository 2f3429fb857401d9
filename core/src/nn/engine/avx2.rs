//! Lanes of AVX2 with FMA: two registers of eight.

use std::arch::x86_64::{
    __m256, __m256i, _CMP_LT_OQ, _mm_loadu_si128, _mm_storeu_si128, _mm256_add_epi32,
    _mm256_add_ps, _mm256_and_ps, _mm256_and_si256, _mm256_blendv_ps, _mm256_castps_si256,
    _mm256_castsi256_ps, _mm256_castsi256_si128, _mm256_cmp_ps, _mm256_cvtepu16_epi32,
    _mm256_extracti128_si256, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_min_ps,
    _mm256_mul_ps, _mm256_packus_epi32, _mm256_permute4x64_epi64, _mm256_set1_epi32,
    _mm256_set1_ps, _mm256_slli_epi32, _mm256_srli_epi32, _mm256_storeu_ps, _mm256_sub_ps,
};

use half::bf16;

use super::lanes::{Lanes, Registers};

/// 16 numbers in two registers.
#[derive(Clone, Copy)]
pub(crate) struct Avx2([__m256; 2]);

impl Registers for Avx2 {
    const WIDE: bool = false;
}

/// 8 numbers rounded to bfloat16, in the upper halves of zeros.
#[inline(always)]
unsafe fn rounded(values: __m256) -> __m256i {
    // SAFETY: AVX2 is there, as the caller promises.
    unsafe {
        let bits = _mm256_castps_si256(values);
        let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
        let up = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
        let nan = _mm256_cmp_ps::<{ std::arch::x86_64::_CMP_UNORD_Q }>(values, values);
        let nan_bits = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc0_0000));
        let up = _mm256_blendv_ps(_mm256_castsi256_ps(up), nan_bits, nan);
        _mm256_srli_epi32::<16>(_mm256_castps_si256(up))
    }
}

// SAFETY of all below: AVX2 and FMA are there, as `Lanes` demands of its callers, and pointers are
// in bounds, as the callers promise.
impl Lanes for Avx2 {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: see above.
        Self([unsafe { _mm256_set1_ps(value) }; 2])
    }

    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        // SAFETY: see above.
        unsafe { Self([_mm256_loadu_ps(at), _mm256_loadu_ps(at.add(8))]) }
    }

    #[inline(always)]
    unsafe fn store(self, at: *mut f32) {
        // SAFETY: see above.
        unsafe {
            _mm256_storeu_ps(at, self.0[0]);
            _mm256_storeu_ps(at.add(8), self.0[1]);
        }
    }

    #[inline(always)]
    unsafe fn load_bf16(at: *const bf16) -> Self {
        // SAFETY: see above.
        unsafe {
            let low = _mm256_cvtepu16_epi32(_mm_loadu_si128(at.cast()));
            let high = _mm256_cvtepu16_epi32(_mm_loadu_si128(at.add(8).cast()));
            Self([
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(low)),
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(high)),
            ])
        }
    }

    #[inline(always)]
    unsafe fn store_bf16(self, at: *mut bf16) {
        // SAFETY: see above.
        unsafe {
            let packed = _mm256_packus_epi32(rounded(self.0[0]), rounded(self.0[1]));
            let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(packed);
            _mm_storeu_si128(at.cast(), _mm256_castsi256_si128(ordered));
            _mm_storeu_si128(at.add(8).cast(), _mm256_extracti128_si256::<1>(ordered));
        }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let [a, b] = [self.0, other.0];
        // SAFETY: see above.
        unsafe { Self([_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])]) }
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        let [a, b] = [self.0, other.0];
        // SAFETY: see above.
        unsafe { Self([_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])]) }
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let [a, b] = [self.0, other.0];
        // SAFETY: see above.
        unsafe { Self([_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])]) }
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, plus: Self) -> Self {
        let [a, b, c] = [self.0, factor.0, plus.0];
        // SAFETY: see above.
        unsafe { Self([_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])]) }
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        let [a, b] = [self.0, other.0];
        // SAFETY: see above.
        unsafe { Self([_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])]) }
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        let [a, b] = [self.0, other.0];
        // SAFETY: see above.
        unsafe { Self([_mm256_min_ps(a[0], b[0]), _mm256_min_ps(a[1], b[1])]) }
    }

    #[inline(always)]
    fn where_between(self, gate: Self, low: Self, high: Self) -> Self {
        let mut parts = self.0;
        for i in 0..2 {
            // SAFETY: see above.
            unsafe {
                let above = _mm256_cmp_ps::<_CMP_LT_OQ>(low.0[i], gate.0[i]);
                let below = _mm256_cmp_ps::<_CMP_LT_OQ>(gate.0[i], high.0[i]);
                parts[i] = _mm256_and_ps(parts[i], _mm256_and_ps(above, below));
            }
        }
        Self(parts)
    }
}
