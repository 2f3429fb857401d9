//! What lies between layers: `(N, C / 16, H, W, 16)`, blocks of 16 channels side by side.
//!
//! A pixel's 16 channels are one register, so that a 1x1 convolution is a plain product of pixels
//! and weights, a depthwise one streams through a plane, and sums over channels' pixels are sums of
//! registers. It is oneDNN's `nChw16c` (<https://oneapi-src.github.io/oneDNN/dev_guide_understanding_memory_formats.html>).
//! Channels are filled up with zeros to whole blocks.

use super::lanes::{Element, LANES};

/// Values of a batch, `(N, C / 16, H, W, 16)`.
#[derive(Clone, Debug)]
pub(crate) struct Features<E> {
    pub(crate) images: usize,
    /// Those that count; the rest of the last block is 0.
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) values: Vec<E>,
}

impl<E: Element> Features<E> {
    /// All zeros.
    pub(crate) fn zeros(images: usize, channels: usize, [height, width]: [usize; 2]) -> Self {
        let len = images * channels.div_ceil(LANES) * height * width * LANES;
        Self { images, channels, height, width, values: vec![E::default(); len] }
    }

    /// Filled by `fill`.
    ///
    /// # Safety
    ///
    /// `fill` writes all values.
    pub(super) unsafe fn filled(
        images: usize,
        channels: usize,
        size: [usize; 2],
        fill: impl FnOnce(Target<E>),
    ) -> Self {
        let mut features = Unwritten::new(images, channels, size);
        fill(features.target());
        // SAFETY: as the caller promises.
        unsafe { features.written() }
    }

    pub(crate) fn blocks(&self) -> usize {
        self.channels.div_ceil(LANES)
    }

    pub(crate) fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// Pixels of an image.
    pub(crate) fn area(&self) -> usize {
        self.height * self.width
    }

    /// Values of an image.
    pub(crate) fn image_len(&self) -> usize {
        self.blocks() * self.area() * LANES
    }

    /// All of it, to be read.
    pub(super) fn view(&self) -> View<'_, E> {
        View {
            values: &self.values,
            blocks: self.blocks(),
            height: self.height,
            width: self.width,
            image_step: self.image_len(),
            block_step: self.area() * LANES,
            row_step: self.width * LANES,
            pixel_step: LANES,
        }
    }
}

/// A buffer of `len` values that `fill` writes.
///
/// # Safety
///
/// `fill` writes all of them.
pub(super) unsafe fn filled<E: Element>(len: usize, fill: impl FnOnce(Target<E>)) -> Vec<E> {
    let mut values: Vec<E> = Vec::with_capacity(len);
    fill(Target { start: values.as_mut_ptr(), len });
    // SAFETY: there is room for them, and they are written, as the caller promises.
    unsafe { values.set_len(len) };
    values
}

/// Features that are still to be written. Zeros would be written for nothing: memory that was used
/// before has to be cleared.
pub(super) struct Unwritten<E> {
    images: usize,
    channels: usize,
    size: [usize; 2],
    values: Vec<E>,
    len: usize,
}

impl<E: Element> Unwritten<E> {
    pub(super) fn new(images: usize, channels: usize, size: [usize; 2]) -> Self {
        let len = images * channels.div_ceil(LANES) * size[0] * size[1] * LANES;
        Self { images, channels, size, values: Vec::with_capacity(len), len }
    }

    /// Where to write.
    pub(super) fn target(&mut self) -> Target<E> {
        Target { start: self.values.as_mut_ptr(), len: self.len }
    }

    /// # Safety
    ///
    /// All values are written.
    pub(super) unsafe fn written(self) -> Features<E> {
        let Self { images, channels, size: [height, width], mut values, len } = self;
        // SAFETY: there is room for them, and they are written, as the caller promises.
        unsafe { values.set_len(len) };
        Features { images, channels, height, width, values }
    }
}

/// Blocks of channels to be read, with steps in values.
#[derive(Clone, Copy)]
pub(super) struct View<'a, E> {
    pub(super) values: &'a [E],
    pub(super) blocks: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) image_step: usize,
    pub(super) block_step: usize,
    pub(super) row_step: usize,
    pub(super) pixel_step: usize,
}

impl<E> View<'_, E> {
    /// Index of a pixel's first channel in a block.
    #[inline(always)]
    pub(super) fn at(&self, image: usize, block: usize, row: usize, column: usize) -> usize {
        image * self.image_step
            + block * self.block_step
            + row * self.row_step
            + column * self.pixel_step
    }

    /// Of an even height and width, every other row and column: `(height / 2, width / 2)`.
    pub(super) fn parity(&self, [row, column]: [usize; 2]) -> Self {
        Self {
            values: &self.values[row * self.row_step + column * self.pixel_step..],
            height: self.height / 2,
            width: self.width / 2,
            row_step: 2 * self.row_step,
            pixel_step: 2 * self.pixel_step,
            ..*self
        }
    }

    /// From a first block on, so many.
    pub(super) fn some_blocks(&self, (first, blocks): (usize, usize)) -> Self {
        Self { values: &self.values[first * self.block_step..], blocks, ..*self }
    }

    /// Pixels of an image.
    pub(super) fn area(&self) -> usize {
        self.height * self.width
    }

    /// Whether rows follow each other as pixels do.
    pub(super) fn is_flat(&self) -> bool {
        self.row_step == self.width * self.pixel_step
    }
}

/// A buffer that tasks fill together, each its own part of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<E> {
    pub(super) start: *mut E,
    pub(super) len: usize,
}

// SAFETY: what is written through it is written by unsafe functions, whose callers promise that no
// two tasks write the same values.
unsafe impl<E: Send> Send for Target<E> {}
// SAFETY: as above.
unsafe impl<E: Send> Sync for Target<E> {}

impl<E> Target<E> {
    pub(super) fn of(values: &mut [E]) -> Self {
        Self { start: values.as_mut_ptr(), len: values.len() }
    }

    /// So many of the values, from one on.
    pub(super) fn some(self, first: usize, len: usize) -> Self {
        assert!(first + len <= self.len);
        Self { start: self.start.wrapping_add(first), len }
    }

    /// A part as a slice.
    ///
    /// # Safety
    ///
    /// The part is written already, or its values are never read before they are; no other task has
    /// it, and the buffer outlives it.
    pub(super) unsafe fn part<'a>(self, first: usize, len: usize) -> &'a mut [E] {
        assert!(first + len <= self.len);
        // SAFETY: in bounds, checked above; the rest as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(first), len) }
    }
}
