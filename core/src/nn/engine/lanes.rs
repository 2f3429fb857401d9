//! What the loops are written in: 16 numbers at a time, and how products of them are taken.
//!
//! Each set of instructions has a file of its own that implements [`Lanes`] and [`Dot`]; the loops
//! are written once, generic over them. They are inlined into a function that is compiled for the
//! set ([`super::kernel::Kernel::run`]), as the crates `pulp` and `rten-simd` do it.

use half::bf16;

/// Channels in a block, and numbers in a register.
pub(crate) const LANES: usize = 16;

/// 16 numbers of f32.
///
/// # Safety
///
/// The processor has the instructions of the implementation: only [`super::kernel::Kernel::run`]
/// begins what calls these, and it has checked.
pub(crate) trait Lanes: Copy {
    fn splat(value: f32) -> Self;
    unsafe fn load(at: *const f32) -> Self;
    unsafe fn store(self, at: *mut f32);
    unsafe fn load_bf16(at: *const bf16) -> Self;
    /// Rounds to the nearest, ties to even.
    unsafe fn store_bf16(self, at: *mut bf16);
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// `self * factor + plus`, rounded once or twice.
    fn mul_add(self, factor: Self, plus: Self) -> Self;
    fn max(self, other: Self) -> Self;
    fn min(self, other: Self) -> Self;
    /// Itself where `low < gate < high`, 0 elsewhere.
    fn where_between(self, gate: Self, low: Self, high: Self) -> Self;

    fn zero() -> Self {
        Self::splat(0.0)
    }
}

/// How values lie in memory.
pub(crate) trait Element: Copy + Default + Send + Sync + 'static {
    /// Reads 16 of them.
    ///
    /// # Safety
    ///
    /// They are in bounds, and as for [`Lanes`].
    unsafe fn load<L: Lanes>(at: *const Self) -> L;
    /// Writes 16 of them.
    ///
    /// # Safety
    ///
    /// They are in bounds, and as for [`Lanes`].
    unsafe fn store<L: Lanes>(lanes: L, at: *mut Self);
    #[cfg(test)]
    fn to_f32(self) -> f32;
    fn from_f32(value: f32) -> Self;
    /// Whether sums of products may be taken of bf16.
    const SHORT: bool;
}

impl Element for f32 {
    #[inline(always)]
    unsafe fn load<L: Lanes>(at: *const Self) -> L {
        // SAFETY: as the caller promises.
        unsafe { L::load(at) }
    }

    #[inline(always)]
    unsafe fn store<L: Lanes>(lanes: L, at: *mut Self) {
        // SAFETY: as the caller promises.
        unsafe { lanes.store(at) }
    }

    #[cfg(test)]
    fn to_f32(self) -> f32 {
        self
    }

    fn from_f32(value: f32) -> Self {
        value
    }

    const SHORT: bool = false;
}

impl Element for bf16 {
    #[inline(always)]
    unsafe fn load<L: Lanes>(at: *const Self) -> L {
        // SAFETY: as the caller promises.
        unsafe { L::load_bf16(at) }
    }

    #[inline(always)]
    unsafe fn store<L: Lanes>(lanes: L, at: *mut Self) {
        // SAFETY: as the caller promises.
        unsafe { lanes.store_bf16(at) }
    }

    #[cfg(test)]
    fn to_f32(self) -> f32 {
        bf16::to_f32(self)
    }

    fn from_f32(value: f32) -> Self {
        bf16::from_f32(value)
    }

    const SHORT: bool = true;
}

/// Sums of products of [`Dot::DEPTH`] numbers in each of 16 lanes.
pub(crate) trait Dot {
    type Lanes: Registers;
    /// What is multiplied, as it is packed.
    type Value: Element;
    /// Products that are added to a lane at once.
    const DEPTH: usize;
    /// Whether there are 32 registers of 16 numbers, not 8.
    const WIDE: bool;
    /// [`Dot::DEPTH`] values, in all lanes.
    type Spread: Copy;
    /// [`Dot::DEPTH`] values of each lane.
    type Group: Copy;

    /// Reads values to be spread.
    ///
    /// # Safety
    ///
    /// [`Dot::DEPTH`] values are in bounds, and as for [`Lanes`].
    unsafe fn spread(at: *const Self::Value) -> Self::Spread;
    /// Reads values of all lanes: lane by lane, those of a lane side by side.
    ///
    /// # Safety
    ///
    /// `16 * DEPTH` values are in bounds, and as for [`Lanes`].
    unsafe fn group(at: *const Self::Value) -> Self::Group;
    /// `sum` and the products.
    fn step(sum: Self::Lanes, spread: Self::Spread, group: Self::Group) -> Self::Lanes;
    /// Writes what [`Dot::group`] reads; of `values` the first [`Dot::DEPTH`] count.
    ///
    /// # Safety
    ///
    /// `16 * DEPTH` values are in bounds, and as for [`Lanes`].
    unsafe fn pack(values: [Self::Lanes; 2], at: *mut Self::Value);
}

/// Products of f32, one at a time.
pub(crate) struct Single<L>(std::marker::PhantomData<L>);

/// Whether an implementation has 32 registers.
pub(crate) trait Registers: Lanes {
    const WIDE: bool;
}

impl<L: Registers> Dot for Single<L> {
    type Lanes = L;
    type Value = f32;
    const DEPTH: usize = 1;
    const WIDE: bool = L::WIDE;
    type Spread = L;
    type Group = L;

    #[inline(always)]
    unsafe fn spread(at: *const f32) -> L {
        // SAFETY: in bounds, as the caller promises.
        L::splat(unsafe { at.read() })
    }

    #[inline(always)]
    unsafe fn group(at: *const f32) -> L {
        // SAFETY: as the caller promises.
        unsafe { L::load(at) }
    }

    #[inline(always)]
    fn step(sum: L, spread: L, group: L) -> L {
        spread.mul_add(group, sum)
    }

    #[inline(always)]
    unsafe fn pack(values: [L; 2], at: *mut f32) {
        // SAFETY: as the caller promises.
        unsafe { values[0].store(at) }
    }
}
