//! The vector instructions that are used: the best that the processor has, or fewer, to measure one
//! set beside another.

use std::sync::atomic::{AtomicU8, Ordering};

use pulp::Arch;

/// Sets of instructions, each with those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Isa {
    /// What every processor of the platform has.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512, with its bf16 where the processor has it.
    Avx512,
}

/// All sets.
pub const ALL: [Isa; 3] = [Isa::Portable, Isa::Avx2, Isa::Avx512];

static MOST: AtomicU8 = AtomicU8::new(Isa::Avx512 as u8);

/// Lets this process use no more than this set, from the next operation on; libraries choose theirs
/// by themselves. Results of the color
/// pipeline and of networks in integers do not depend on it, those of others do by rounding.
pub fn limit(most: Isa) {
    MOST.store(most as u8, Ordering::Relaxed);
}

/// Whether this set may be used, not whether the processor has it.
pub fn allows(isa: Isa) -> bool {
    isa as u8 <= MOST.load(Ordering::Relaxed)
}

/// What loops that are left to the compiler's vectorizer are compiled for.
pub fn arch() -> Arch {
    ALL.into_iter().rev().find(|&isa| allows(isa)).map_or(Arch::Scalar, best_up_to)
}

/// The best that the processor has, up to `most`.
pub fn best_up_to(most: Isa) -> Arch {
    match most {
        Isa::Portable => Arch::Scalar,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => pulp::x86::V3::try_new().map_or(Arch::Scalar, Arch::V3),
        _ => Arch::new(),
    }
}
