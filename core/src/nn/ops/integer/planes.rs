//! Activations of a network in integers, in blocks of channels, and a store of them.
#![expect(unsafe_code, reason = "threads write parts of one picture")]

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

/// Channels of a block: a pixel of a block is 32 bytes.
pub(crate) const BLOCK: usize = 16;

/// What memory is aligned to: a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([i16; 32]);

/// i16 numbers, the first at the start of a cache line.
#[derive(Clone, Debug, Default)]
pub(super) struct Aligned(Vec<Line>);

impl Aligned {
    pub(super) fn zeros(length: usize) -> Self {
        Self(vec![Line([0; 32]); length.div_ceil(32)])
    }

    pub(super) fn as_ptr(&self) -> *const i16 {
        self.0.as_ptr().cast()
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut i16 {
        self.0.as_mut_ptr().cast()
    }

    pub(super) fn numbers(&self) -> &[i16] {
        // SAFETY: lines are 32 numbers each, one after the other.
        unsafe { std::slice::from_raw_parts(self.as_ptr(), 32 * self.0.len()) }
    }

    pub(super) fn numbers_mut(&mut self) -> &mut [i16] {
        let length = 32 * self.0.len();
        // SAFETY: lines are 32 numbers each, one after the other.
        unsafe { std::slice::from_raw_parts_mut(self.as_mut_ptr(), length) }
    }
}

/// Size of [`Planes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Size {
    /// Blocks of [`BLOCK`] channels.
    pub(crate) blocks: usize,
    /// Rows.
    pub(crate) height: usize,
    /// Columns.
    pub(crate) width: usize,
    /// Zeros around each plane: rows above and below, columns left and right.
    pub(crate) border: usize,
}

impl Size {
    /// Numbers from one row to the next.
    pub(super) fn row(&self) -> usize {
        (self.width + 2 * self.border) * BLOCK
    }

    /// Numbers from one block to the next.
    pub(super) fn plane(&self) -> usize {
        (self.height + 2 * self.border) * self.row()
    }

    /// Where the pixel `(0, 0)` of the first block lies.
    pub(super) fn origin(&self) -> usize {
        self.border * (self.row() + BLOCK)
    }
}

/// Activations of one picture: `(C / 16, H + 2 border, W + 2 border, 16)`, the border 0.
#[derive(Clone, Debug)]
pub(crate) struct Planes {
    pub(super) size: Size,
    pub(super) numbers: Aligned,
}

impl Planes {
    /// Zeros.
    pub(crate) fn new(size: Size) -> Self {
        Self { size, numbers: Aligned::zeros(size.blocks * size.plane()) }
    }

    pub(crate) fn size(&self) -> Size {
        self.size
    }

    fn index(&self, channel: usize, y: usize, x: usize) -> usize {
        let Size { height, width, .. } = self.size;
        assert!(y < height && x < width && channel < self.size.blocks * BLOCK);
        self.size.origin()
            + channel / BLOCK * self.size.plane()
            + y * self.size.row()
            + x * BLOCK
            + channel % BLOCK
    }

    /// The numbers of a block at a pixel.
    pub(crate) fn pixel(&self, block: usize, y: usize, x: usize) -> &[i16; BLOCK] {
        let from = self.index(block * BLOCK, y, x);
        self.numbers.numbers()[from..].first_chunk().expect("the pixel is one of its")
    }

    /// A row of a block's pixels.
    #[inline(always)]
    pub(crate) fn row(&self, block: usize, y: usize) -> &[[i16; BLOCK]] {
        let from = self.index(block * BLOCK, y, 0);
        self.numbers.numbers()[from..][..self.size.width * BLOCK].as_chunks().0
    }

    /// All rows of all blocks, one after the other, of planes without border.
    pub(crate) fn rows_mut(&mut self) -> impl IndexedParallelIterator<Item = &mut [[i16; BLOCK]]> {
        let Size { blocks, height, width, border } = self.size;
        assert_eq!(border, 0);
        let pixels = self.numbers.numbers_mut().as_chunks_mut().0;
        pixels[..blocks * height * width].par_chunks_exact_mut(width)
    }

    /// The numbers of a block at a pixel, to be changed.
    pub(crate) fn pixel_mut(&mut self, block: usize, y: usize, x: usize) -> &mut [i16; BLOCK] {
        let from = self.index(block * BLOCK, y, x);
        self.numbers.numbers_mut()[from..].first_chunk_mut().expect("the pixel is one of its")
    }

    /// Sets the number of a channel at a pixel.
    pub(crate) fn set(&mut self, channel: usize, y: usize, x: usize, value: i16) {
        self.pixel_mut(channel / BLOCK, y, x)[channel % BLOCK] = value;
    }

    /// The number of a channel at a pixel.
    #[cfg(test)]
    pub(crate) fn get(&self, channel: usize, y: usize, x: usize) -> i16 {
        self.pixel(channel / BLOCK, y, x)[channel % BLOCK]
    }
}

/// Planes that a prediction no longer needs, for the next layer or prediction: fresh memory would be
/// mapped page by page, and its border zeroed again.
#[derive(Debug, Default)]
pub(crate) struct Store(Mutex<HashMap<Size, Vec<Planes>>>);

/// Sizes that are kept at most: those of a few pictures.
const SIZES: usize = 200;

impl Store {
    /// Planes whose border is zero and whose other numbers are any.
    pub(crate) fn take(&self, size: Size) -> Planes {
        let kept =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&size).and_then(Vec::pop);
        kept.unwrap_or_else(|| Planes::new(size))
    }

    /// Takes planes back.
    pub(crate) fn give(&self, planes: Planes) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= SIZES && !kept.contains_key(&planes.size) {
            kept.clear();
        }
        kept.entry(planes.size).or_default().push(planes);
    }
}

/// Where results are written, for the threads that share the work.
pub(super) struct Shared(*mut i16);

// SAFETY: the pointer is of planes that outlive the work, and each part of it writes numbers of its own.
unsafe impl Sync for Shared {}

impl Shared {
    pub(super) fn new(planes: &mut Planes) -> Self {
        Self(planes.numbers.as_mut_ptr())
    }

    pub(super) fn get(&self) -> *mut i16 {
        self.0
    }
}
