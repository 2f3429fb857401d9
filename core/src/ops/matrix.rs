//! Matrix products on one thread, and buffers that tasks fill together.
#![expect(unsafe_code, reason = "the `gemm` crate takes pointers; tasks write parts of one buffer")]

use std::cell::RefCell;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;

use gemm::Parallelism;

/// A matrix to be read, with steps in elements from one row and one column to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix<'a> {
    pub(super) data: &'a [f32],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) row_step: usize,
    pub(super) column_step: usize,
}

impl<'a> Matrix<'a> {
    /// Rows that lie `row_step` elements apart.
    pub(super) fn new(data: &'a [f32], rows: usize, columns: usize, row_step: usize) -> Self {
        Self { data, rows, columns, row_step, column_step: 1 }
    }

    pub(super) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_step: self.column_step,
            column_step: self.row_step,
            ..self
        }
    }
}

/// A buffer that tasks fill together, each its own part of it.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    start: *mut f32,
    len: usize,
    buffer: PhantomData<&'a mut [f32]>,
}

// SAFETY: every access goes through an `unsafe` function whose caller promises that no other task
// accesses the same elements.
unsafe impl Send for Shared<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    /// Shares a buffer.
    pub(super) fn new(buffer: &'a mut [f32]) -> Self {
        Self { start: buffer.as_mut_ptr(), len: buffer.len(), buffer: PhantomData }
    }

    fn uninit(buffer: &'a mut [MaybeUninit<f32>]) -> Self {
        Self { start: buffer.as_mut_ptr().cast(), len: buffer.len(), buffer: PhantomData }
    }

    /// A part of the buffer.
    ///
    /// # Safety
    ///
    /// The part has been written before, and no other task accesses it as long as it is borrowed.
    pub(super) unsafe fn part(&self, range: Range<usize>) -> &'a mut [f32] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: in bounds, checked above.
        let start = unsafe { self.start.add(range.start) };
        // SAFETY: in bounds, initialized and not aliased, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(start, range.len()) }
    }

    /// Sets a part of the buffer to zero.
    ///
    /// # Safety
    ///
    /// No other task accesses the part meanwhile.
    pub(super) unsafe fn zero(&self, range: Range<usize>) {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: in bounds, checked above.
        let start = unsafe { self.start.add(range.start) };
        // SAFETY: in bounds and not aliased, as the caller promises.
        unsafe { start.write_bytes(0, range.len()) };
    }

    /// Elements in the buffer.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Where element `index` is.
    ///
    /// # Safety
    ///
    /// `index` is at most [`Shared::len`].
    #[cfg(target_arch = "x86_64")]
    pub(super) unsafe fn pointer(&self, index: usize) -> *mut f32 {
        // SAFETY: in bounds, as the caller promises.
        unsafe { self.start.add(index) }
    }

    /// Writes `a * b`, or adds it where `add` is true, to the matrix that starts at `start` and
    /// whose rows are `row_step` elements apart.
    ///
    /// # Safety
    ///
    /// No other task accesses these elements meanwhile; with `add` they have been written before.
    pub(super) unsafe fn product(
        &self,
        start: usize,
        row_step: usize,
        add: bool,
        a: Matrix<'_>,
        b: Matrix<'_>,
    ) {
        assert_eq!(a.columns, b.rows);
        let last = |rows: usize, columns: usize, row_step: usize, column_step: usize| {
            (rows - 1) * row_step + (columns - 1) * column_step
        };
        assert!(a.rows > 0 && a.columns > 0 && b.columns > 0);
        assert!(last(a.rows, a.columns, a.row_step, a.column_step) < a.data.len());
        assert!(last(b.rows, b.columns, b.row_step, b.column_step) < b.data.len());
        assert!(b.columns <= row_step || a.rows == 1);
        assert!(start + last(a.rows, b.columns, row_step, 1) < self.len);
        // SAFETY: in bounds, checked above.
        let target = unsafe { self.start.add(start) };
        // SAFETY: the three matrices are in bounds, checked above; the target's elements are
        // distinct, and no other task accesses them, as the caller promises.
        unsafe {
            gemm::gemm(
                a.rows,
                b.columns,
                a.columns,
                target,
                1,
                row_step.cast_signed(),
                add,
                a.data.as_ptr(),
                a.column_step.cast_signed(),
                a.row_step.cast_signed(),
                b.data.as_ptr(),
                b.column_step.cast_signed(),
                b.row_step.cast_signed(),
                1.,
                1.,
                false,
                false,
                false,
                Parallelism::None,
            );
        }
    }
}

/// `target` `(a.rows, b.columns)` becomes `a * b`, which is added to it where `add` is true.
pub(super) fn product(target: &mut [f32], add: bool, a: Matrix<'_>, b: Matrix<'_>) {
    let columns = b.columns;
    // SAFETY: the target is borrowed mutably and initialized.
    unsafe { Shared::new(target).product(0, columns, add, a, b) };
}

/// A new vector whose elements `fill` has to write, all of them.
///
/// # Safety
///
/// `fill` writes every element.
pub(super) unsafe fn filled(len: usize, fill: impl FnOnce(Shared<'_>)) -> Vec<f32> {
    let mut vector = Vec::with_capacity(len);
    fill(Shared::uninit(&mut vector.spare_capacity_mut()[..len]));
    // SAFETY: all written, as the caller promises.
    unsafe { vector.set_len(len) };
    vector
}

/// A buffer as twice as many 16-bit values, of any content.
#[cfg(target_arch = "x86_64")]
pub(super) fn halves(buffer: &mut [f32]) -> &mut [u16] {
    // SAFETY: a float is as large as two of them, aligned more strictly, and all bits are valid.
    unsafe { std::slice::from_raw_parts_mut(buffer.as_mut_ptr().cast(), 2 * buffer.len()) }
}

/// Calls `work` with a buffer of the thread's own, of any content, aligned to cache lines.
pub(super) fn with_scratch<T>(len: usize, work: impl FnOnce(&mut [f32]) -> T) -> T {
    with_scratches([len], |[scratch]| work(scratch))
}

/// Calls `work` with buffers of the thread's own, of any content, aligned to cache lines.
pub(super) fn with_scratches<T, const N: usize>(
    lens: [usize; N],
    work: impl FnOnce([&mut [f32]; N]) -> T,
) -> T {
    /// 64 bytes: an x86 cache line, an AVX-512 register.
    #[derive(Clone, Copy)]
    #[repr(align(64))]
    struct Line(#[expect(dead_code, reason = "read as a slice of floats")] [f32; 16]);
    thread_local!(static SCRATCH: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) });
    SCRATCH.with_borrow_mut(|scratch| {
        let lines = lens.iter().map(|len| len.div_ceil(16)).sum();
        if scratch.len() < lines {
            scratch.resize(lines, Line([0.; 16]));
        }
        // SAFETY: a `Line` is 16 floats, without padding.
        let mut rest = unsafe {
            std::slice::from_raw_parts_mut(scratch.as_mut_ptr().cast::<f32>(), 16 * scratch.len())
        };
        work(lens.map(|len| {
            let (part, after) = std::mem::take(&mut rest).split_at_mut(len.next_multiple_of(16));
            rest = after;
            &mut part[..len]
        }))
    })
}
