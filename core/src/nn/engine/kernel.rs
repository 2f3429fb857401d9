//! Which set of instructions computes.

#[cfg(target_arch = "x86_64")]
use super::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use super::avx512::{Avx512, Pairs};
use super::lanes::{Dot, Single};
use super::portable::Portable;
#[cfg(target_arch = "x86_64")]
use polychromify_image::isa::{self, Isa};

/// What is to be done with the lanes of a set of instructions.
pub(crate) trait Task: Sized {
    /// Whether values may be bf16. What is in f32 has no use for bf16's instructions, and is not compiled
    /// for them.
    const SHORT: bool;

    /// Does it. Implementations and what they call are `#[inline(always)]`, so that they are
    /// compiled for the set.
    fn run<D: Dot>(self);

    /// Does it by AVX2. This and what follows belong to the trait so that each task is compiled beside
    /// its own module, and several at once.
    ///
    /// # Safety
    ///
    /// The processor has AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn run_avx2(self) {
        self.run::<Single<Avx2>>();
    }

    /// Does it by AVX-512.
    ///
    /// # Safety
    ///
    /// The processor has AVX-512 F, BW and VL.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,fma")]
    unsafe fn run_avx512(self) {
        self.run::<Single<Avx512<false>>>();
    }

    /// Does it by AVX-512 with products of bf16.
    ///
    /// # Safety
    ///
    /// The processor has AVX-512 F, BW, VL and BF16.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16,fma")]
    unsafe fn run_avx512_bf16(self) {
        self.run::<Pairs>();
    }
}

/// A set of instructions that this processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernel {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// With products of bf16 for values that are kept in it.
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
}

impl Kernel {
    /// All of them, each with the instructions of those before it.
    #[cfg(target_arch = "x86_64")]
    pub(super) const ALL: &[Self] = &[Self::Portable, Self::Avx2, Self::Avx512, Self::Avx512Bf16];
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) const ALL: &[Self] = &[Self::Portable];

    /// Place among all.
    pub(super) fn rank(self) -> usize {
        self as usize
    }

    /// Whether this processor has the instructions, and they may be used.
    pub(super) fn is_allowed(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            let avx512 = || {
                isa::allows(Isa::Avx512)
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
            };
            match self {
                Self::Portable => true,
                Self::Avx2 => {
                    isa::allows(Isa::Avx2)
                        && is_x86_feature_detected!("avx2")
                        && is_x86_feature_detected!("fma")
                }
                Self::Avx512 => avx512(),
                Self::Avx512Bf16 => avx512() && is_x86_feature_detected!("avx512bf16"),
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        true
    }

    /// Whether what is multiplied is always f32.
    pub(super) fn has_no_bf16_products(self) -> bool {
        self.values_in_word() == 1
    }

    /// Packed values that fit the place of an f32.
    pub(super) fn values_in_word(self) -> usize {
        #[cfg(target_arch = "x86_64")]
        if self == Self::Avx512Bf16 {
            return 2;
        }
        1
    }

    /// Runs a task.
    pub(crate) fn run<T: Task>(self, task: T) {
        match self {
            Self::Portable => task.run::<Single<Portable>>(),
            // SAFETY: callers ask `is_allowed` first.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { task.run_avx2() },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { task.run_avx512() },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16 => unsafe {
                if T::SHORT {
                    task.run_avx512_bf16();
                } else {
                    task.run_avx512();
                }
            },
        }
    }
}
