//! The operations one number at a time, as every processor has them.
#![expect(unsafe_code, reason = "the kernels' interface is pointers")]

use super::kernel::{self, Dense, Depthwise, Kernel};
use super::planes::BLOCK;

/// Plain loops.
pub(super) struct Portable;

impl Kernel for Portable {
    type Sums = [i32; BLOCK];
    type Pairs = [[i16; 2]; BLOCK];

    #[inline(always)]
    unsafe fn sums(from: *const i32) -> Self::Sums {
        // SAFETY: the caller's.
        unsafe { from.cast::<Self::Sums>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn pairs(from: *const i16) -> Self::Pairs {
        // SAFETY: the caller's.
        unsafe { from.cast::<Self::Pairs>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn repeated(from: *const i16) -> Self::Pairs {
        // SAFETY: the caller's.
        [unsafe { from.cast::<[i16; 2]>().read_unaligned() }; BLOCK]
    }

    #[inline(always)]
    unsafe fn interleaved(first: *const i16, second: *const i16) -> Self::Pairs {
        // SAFETY: the caller's.
        let first = unsafe { first.cast::<[i16; BLOCK]>().read_unaligned() };
        // SAFETY: the caller's.
        let second = unsafe { second.cast::<[i16; BLOCK]>().read_unaligned() };
        std::array::from_fn(|i| [first[i], second[i]])
    }

    #[inline(always)]
    unsafe fn add_products(mut sums: Self::Sums, x: Self::Pairs, y: Self::Pairs) -> Self::Sums {
        for ((sum, x), y) in sums.iter_mut().zip(x).zip(y) {
            let product = |i: usize| i32::from(x[i]) * i32::from(y[i]);
            *sum = sum.wrapping_add(product(0).wrapping_add(product(1)));
        }
        sums
    }

    #[inline(always)]
    unsafe fn store(
        sums: Self::Sums,
        shifts: *const i32,
        residual: *const i16,
        [least, greatest]: [i16; 2],
        to: *mut i16,
    ) {
        // SAFETY: the caller's.
        let shifts = unsafe { Self::sums(shifts) };
        let mut residuals = [0; BLOCK];
        if !residual.is_null() {
            // SAFETY: the caller's.
            residuals = unsafe { residual.cast::<[i16; BLOCK]>().read_unaligned() };
        }
        let result = |i: usize| {
            let result = (sums[i] >> shifts[i]).wrapping_add(i32::from(residuals[i]));
            result.clamp(i32::from(least), i32::from(greatest)) as i16
        };
        // SAFETY: the caller's.
        unsafe { to.cast::<[i16; BLOCK]>().write_unaligned(std::array::from_fn(result)) };
    }
}

/// Part of a dense layer.
///
/// # Safety
///
/// That of [`kernel::dense`].
pub(super) unsafe fn dense(part: &Dense<'_>) {
    // SAFETY: the caller's.
    unsafe { kernel::dense::<Portable, 2, 1>(part) }
}

/// Part of a depthwise layer.
///
/// # Safety
///
/// That of [`kernel::depthwise`].
pub(super) unsafe fn depthwise(part: &Depthwise<'_>) {
    // SAFETY: the caller's.
    unsafe { kernel::depthwise::<Portable, 2>(part) }
}
