//! Lanes that every processor has: arrays, for the compiler's vectorizer.

use half::bf16;

use super::lanes::{LANES, Lanes, Registers};

/// 16 numbers in memory, or in whatever registers there are.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; LANES]);

impl Registers for Portable {
    const WIDE: bool = false;
}

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, function: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|i| function(self.0[i], other.0[i])))
    }
}

impl Lanes for Portable {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        // SAFETY: in bounds, as the caller promises; arrays of f32 are aligned as f32 is.
        Self(unsafe { at.cast::<[f32; LANES]>().read() })
    }

    #[inline(always)]
    unsafe fn store(self, at: *mut f32) {
        // SAFETY: as for `load`.
        unsafe { at.cast::<[f32; LANES]>().write(self.0) }
    }

    #[inline(always)]
    unsafe fn load_bf16(at: *const bf16) -> Self {
        // SAFETY: as for `load`.
        let values = unsafe { at.cast::<[bf16; LANES]>().read() };
        Self(values.map(|value| f32::from_bits(u32::from(value.to_bits()) << 16)))
    }

    #[inline(always)]
    unsafe fn store_bf16(self, at: *mut bf16) {
        let round = |value: f32| {
            let bits = value.to_bits();
            // A NaN would lose its mantissa and become infinite, or a zero.
            if value.is_nan() {
                return bf16::NAN;
            }
            bf16::from_bits(((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16)
        };
        // SAFETY: as for `load`.
        unsafe { at.cast::<[bf16; LANES]>().write(self.0.map(round)) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, plus: Self) -> Self {
        // Not `f32::mul_add`, which is a call where there is no instruction for it.
        self.mul(factor).add(plus)
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        // As the instruction does it: the second one if either is not a number.
        self.zip(other, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn where_between(self, gate: Self, low: Self, high: Self) -> Self {
        let inside = |i: usize| low.0[i] < gate.0[i] && gate.0[i] < high.0[i];
        Self(std::array::from_fn(|i| if inside(i) { self.0[i] } else { 0.0 }))
    }
}
