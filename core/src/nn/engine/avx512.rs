//! Lanes of AVX-512, and sums of products of bfloat16.
//!
//! `VDPBF16PS` multiplies 32 pairs of bfloat16 and adds them two by two to 16 sums: twice the work
//! of an f32 multiplication in the same time on AMD Zen 4 (one instruction a cycle either way). On
//! Intel's cores it takes one of the two ports that multiply f32, and so wins nothing.

use std::arch::x86_64::{
    __m256bh, __m256i, __m512, __m512bh, __m512i, _CMP_LT_OQ, _mm256_loadu_si256,
    _mm256_storeu_si256, _mm512_add_epi32, _mm512_add_ps, _mm512_and_si512, _mm512_castps_si512,
    _mm512_castsi512_ps, _mm512_cmp_ps_mask, _mm512_cvtepi32_epi16, _mm512_cvtepu16_epi32,
    _mm512_cvtne2ps_pbh, _mm512_cvtneps_pbh, _mm512_dpbf16_ps, _mm512_fmadd_ps, _mm512_loadu_ps,
    _mm512_loadu_si512, _mm512_mask_cmp_ps_mask, _mm512_mask_mov_epi32, _mm512_maskz_mov_ps,
    _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps, _mm512_permutexvar_epi16, _mm512_set1_epi32,
    _mm512_set1_ps, _mm512_slli_epi32, _mm512_srli_epi32, _mm512_storeu_ps, _mm512_storeu_si512,
    _mm512_sub_ps,
};

use half::bf16;

use super::lanes::{Dot, Lanes, Registers};

/// 16 numbers in one register. With `SHORT` the processor also has AVX-512 BF16.
#[derive(Clone, Copy)]
pub(crate) struct Avx512<const SHORT: bool>(__m512);

impl<const SHORT: bool> Registers for Avx512<SHORT> {
    const WIDE: bool = true;
}

/// Numbers rounded to bfloat16 by integers, on processors without an instruction for it.
#[inline(always)]
unsafe fn rounded(values: __m512) -> __m256i {
    // SAFETY: AVX-512 is there, as the caller promises.
    unsafe {
        let bits = _mm512_castps_si512(values);
        let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
        let up = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
        let nan = _mm512_cmp_ps_mask::<{ std::arch::x86_64::_CMP_UNORD_Q }>(values, values);
        let up = _mm512_mask_mov_epi32(up, nan, _mm512_set1_epi32(0x7fc0_0000));
        _mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(up))
    }
}

// SAFETY of all below: AVX-512 (F, BW, VL and, with `SHORT`, BF16) is there, as `Lanes` demands of
// its callers, and pointers are in bounds, as the callers promise.
impl<const SHORT: bool> Lanes for Avx512<SHORT> {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_loadu_ps(at) })
    }

    #[inline(always)]
    unsafe fn store(self, at: *mut f32) {
        // SAFETY: see above.
        unsafe { _mm512_storeu_ps(at, self.0) }
    }

    #[inline(always)]
    unsafe fn load_bf16(at: *const bf16) -> Self {
        // SAFETY: see above.
        unsafe {
            let wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(at.cast()));
            Self(_mm512_castsi512_ps(_mm512_slli_epi32::<16>(wide)))
        }
    }

    #[inline(always)]
    unsafe fn store_bf16(self, at: *mut bf16) {
        // SAFETY: see above; the registers are of equal sizes, of any content.
        unsafe {
            let short = if SHORT {
                std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(self.0))
            } else {
                rounded(self.0)
            };
            _mm256_storeu_si256(at.cast(), short);
        }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_sub_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, plus: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_fmadd_ps(self.0, factor.0, plus.0) })
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_max_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_min_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn where_between(self, gate: Self, low: Self, high: Self) -> Self {
        // SAFETY: see above.
        unsafe {
            let above = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(low.0, gate.0);
            let inside = _mm512_mask_cmp_ps_mask::<_CMP_LT_OQ>(above, gate.0, high.0);
            Self(_mm512_maskz_mov_ps(inside, self.0))
        }
    }
}

/// Products of bfloat16, two at a time.
pub(crate) struct Pairs;

/// Order of 32 values that brings those of 16 lanes, first all first and then all second ones, side
/// by side.
const SIDE_BY_SIDE: [u16; 32] = {
    let mut order = [0; 32];
    let mut i = 0;
    while i < 32 {
        order[i] = (i / 2 + i % 2 * 16) as u16;
        i += 1;
    }
    order
};

// SAFETY of all below: as for `Lanes` above; `__m512i` and `__m512bh` are 512 bits of any content.
impl Dot for Pairs {
    type Lanes = Avx512<true>;
    type Value = bf16;
    const DEPTH: usize = 2;
    const WIDE: bool = true;
    type Spread = __m512i;
    type Group = __m512i;

    #[inline(always)]
    unsafe fn spread(at: *const bf16) -> __m512i {
        // SAFETY: see above.
        unsafe { _mm512_set1_epi32(at.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn group(at: *const bf16) -> __m512i {
        // SAFETY: see above.
        unsafe { _mm512_loadu_si512(at.cast()) }
    }

    #[inline(always)]
    fn step(sum: Avx512<true>, spread: __m512i, group: __m512i) -> Avx512<true> {
        // SAFETY: see above.
        unsafe {
            let spread = std::mem::transmute::<__m512i, __m512bh>(spread);
            let group = std::mem::transmute::<__m512i, __m512bh>(group);
            Avx512(_mm512_dpbf16_ps(sum.0, spread, group))
        }
    }

    #[inline(always)]
    unsafe fn pack([first, second]: [Avx512<true>; 2], at: *mut bf16) {
        // SAFETY: see above.
        unsafe {
            let order = _mm512_loadu_si512(SIDE_BY_SIDE.as_ptr().cast());
            let halves = _mm512_cvtne2ps_pbh(second.0, first.0);
            let halves = std::mem::transmute::<__m512bh, __m512i>(halves);
            _mm512_storeu_si512(at.cast(), _mm512_permutexvar_epi16(order, halves));
        }
    }
}
