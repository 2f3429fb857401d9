//! Layers of a network in integers: activations and weights of 16 bits, exact sums of 32.
//!
//! Every set of instructions and every number of threads gives the same bits, because sums of
//! integers do not depend on their order and results are rounded in one way: a sum is shifted right,
//! half of a result having been added before. Activations lie in blocks of 16 channels, so that a
//! pixel under a kernel is an offset, and pairs of channels are multiplied and added by one
//! instruction (`vpdpwssd`) or two (`pmaddwd` and an addition). `rten-simd` has no such product.
#![expect(unsafe_code, reason = "the loops of a set of instructions work on pointers")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod bench;
mod dense;
mod depthwise;
mod kernel;
mod planes;
mod portable;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod vnni;

pub use bench::{Loop, integer_loops};
pub(crate) use dense::{Dense, Input, Sums, Tap, dense};
pub(crate) use depthwise::{Depthwise, depthwise};
pub(crate) use planes::{BLOCK, Planes, Size, Store};

use polychromify_image::isa::{self, Isa};

/// Greatest shift of a sum.
pub(crate) const MOST_SHIFT: u8 = 30;

/// The sets of instructions that the loops are written for. Processors with matrices of integers
/// (AMX) would be one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instructions {
    /// What every processor of the platform has.
    Portable,
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F and BW.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// The same and VNNI.
    #[cfg(target_arch = "x86_64")]
    Vnni,
}

impl Instructions {
    /// The best that the processor has and [`isa::limit`] allows.
    pub(crate) fn best() -> Self {
        Self::available().pop().unwrap_or(Self::Portable)
    }

    /// Those that the processor has and [`isa::limit`] allows, the slowest first.
    pub(crate) fn available() -> Vec<Self> {
        let mut found = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        if isa::allows(Isa::Avx2) && is_x86_feature_detected!("avx2") {
            found.push(Self::Avx2);
        }
        #[cfg(target_arch = "x86_64")]
        if isa::allows(Isa::Avx512)
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
        {
            found.push(Self::Avx512);
            if is_x86_feature_detected!("avx512vnni") {
                found.push(Self::Vnni);
            }
        }
        found
    }

    /// Part of a dense layer.
    ///
    /// # Safety
    ///
    /// That of [`kernel::dense`], and the processor has the instructions.
    unsafe fn dense(self, part: &kernel::Dense<'_>) {
        match self {
            // SAFETY: the caller's.
            Self::Portable => unsafe { portable::dense(part) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller's.
            Self::Avx2 => unsafe { avx2::dense(part) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller's.
            Self::Avx512 => unsafe { avx512::dense(part) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller's.
            Self::Vnni => unsafe { vnni::dense(part) },
        }
    }

    /// Part of a depthwise layer.
    ///
    /// # Safety
    ///
    /// That of [`kernel::depthwise`], and the processor has the instructions.
    unsafe fn depthwise(self, part: &kernel::Depthwise<'_>) {
        match self {
            // SAFETY: the caller's.
            Self::Portable => unsafe { portable::depthwise(part) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller's.
            Self::Avx2 => unsafe { avx2::depthwise(part) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller's.
            Self::Avx512 => unsafe { avx512::depthwise(part) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller's.
            Self::Vnni => unsafe { vnni::depthwise(part) },
        }
    }
}

/// How sums become results: `clamp((sum + bias) >> shift, range)`, for each output channel. Half a
/// result is part of the bias, so that the shift rounds to the nearest, and a half up.
#[derive(Clone, Debug)]
pub(crate) struct Rescale {
    outputs: usize,
    /// Filled up to whole blocks, as `shifts`.
    bias: Vec<i32>,
    shifts: Vec<i32>,
    range: [i16; 2],
}

impl Rescale {
    /// For as many outputs as there are numbers; shifts of at most [`MOST_SHIFT`].
    pub(crate) fn new(bias: &[i32], shifts: &[u8], range: [i16; 2]) -> Self {
        assert!(bias.len() == shifts.len() && shifts.iter().all(|&shift| shift <= MOST_SHIFT));
        let outputs = bias.len();
        let length = outputs.next_multiple_of(BLOCK);
        let mut bias = bias.to_vec();
        let mut shifts: Vec<i32> = shifts.iter().map(|&shift| i32::from(shift)).collect();
        bias.resize(length, 0);
        shifts.resize(length, 0);
        Self { outputs, bias, shifts, range }
    }

    fn block(&self, block: usize) -> (*const i32, *const i32) {
        (self.bias[block * BLOCK..].as_ptr(), self.shifts[block * BLOCK..].as_ptr())
    }
}
