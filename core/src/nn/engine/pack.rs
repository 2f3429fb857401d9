//! Copies of inputs, gradients and weights as the inner loops read them.

use super::features::View;
use super::lanes::{Dot, Element, LANES, Lanes};
use crate::nn::ops::{Conv, Padding};

/// How a convolution steps over its input: rows and columns alike but for the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Rows and columns of the kernel.
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    /// Distance of the pixels under the kernel.
    pub(crate) dilation: usize,
    /// Rows of zeros above, columns of zeros to the left.
    pub(crate) before: [usize; 2],
}

impl Window {
    /// Of a 1x1 kernel.
    pub(crate) const POINT: Self = Self { kernel: 1, stride: 1, dilation: 1, before: [0, 0] };

    /// Keras' `same`: where the rows to add are odd in number the extra one is at the bottom.
    pub(crate) fn same(kernel: usize, stride: usize, size: [usize; 2]) -> Self {
        Self::of(Conv { stride, ..Conv::default() }, kernel, size)
    }

    /// That of a convolution of features of a height and width.
    pub(crate) fn of(conv: Conv, kernel: usize, size: [usize; 2]) -> Self {
        let Conv { stride, dilation, .. } = conv;
        let window = Self { kernel, stride, dilation, before: [0, 0] };
        let same = |size: usize| window.reach(size.div_ceil(stride)).saturating_sub(size) / 2;
        let before = match conv.padding {
            Padding::Same => size.map(same),
            Padding::Before(before) => before,
        };
        Self { before, ..window }
    }

    /// Rows or columns of input under so many of output.
    pub(crate) fn reach(&self, outputs: usize) -> usize {
        (outputs - 1) * self.stride + (self.kernel - 1) * self.dilation + 1
    }

    /// That of the input's gradient, a convolution of the output's gradient; for a stride of 1.
    pub(crate) fn backwards(&self) -> Self {
        let before = self.before.map(|before| (self.kernel - 1) * self.dilation - before);
        Self { before, ..*self }
    }

    /// The row of input, or column, where an output's kernel begins; negative in the border.
    #[inline(always)]
    fn first(&self, axis: usize, output: usize) -> isize {
        (output * self.stride) as isize - self.before[axis] as isize
    }
}

/// Rows of output, of one image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strip {
    pub(super) image: usize,
    pub(super) first: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Strip {
    /// The same rows so many images on.
    #[inline(always)]
    pub(super) fn of_next(&self, images: usize) -> Self {
        Self { image: self.image + images, ..*self }
    }
}

/// Values that [`pad`] writes for so many blocks.
pub(super) fn padded_len(window: &Window, strip: &Strip, blocks: usize) -> usize {
    blocks * window.reach(strip.rows) * window.reach(strip.columns) * LANES
}

/// Copies the input under a strip, with zeros around the image: `(blocks, rows, columns, 16)`.
///
/// # Safety
///
/// `to` has room for [`padded_len`] values, and the processor has the instructions of `D`.
#[inline(always)]
pub(super) unsafe fn pad<D: Dot, E: Element>(
    view: &View<'_, E>,
    window: &Window,
    strip: &Strip,
    to: *mut D::Value,
) {
    let (height, width) = (view.height, view.width);
    let (rows, columns) = (window.reach(strip.rows), window.reach(strip.columns));
    let top = window.first(0, strip.first);
    let left = window.before[1];
    // Columns of the copy that lie within the image.
    let inside = left.min(columns)..(left + width).min(columns);
    let mut at = to;
    for block in 0..view.blocks {
        for row in 0..rows {
            let row = top + row as isize;
            if row < 0 || row >= height as isize {
                // SAFETY: in bounds, as the caller promises.
                unsafe { zero::<D>(at, columns) };
            } else {
                // SAFETY: as above.
                unsafe { zero::<D>(at, inside.start) };
                // SAFETY: as above.
                unsafe { zero::<D>(at.add(inside.end * LANES), columns - inside.end) };
                let line = view.at(strip.image, block, row as usize, 0);
                debug_assert!(
                    line + (inside.len().max(1) - 1) * view.pixel_step + LANES <= view.values.len()
                );
                for column in inside.clone() {
                    let index = line + (column - left) * view.pixel_step;
                    // SAFETY: the pixel lies within the image.
                    let x = unsafe { E::load::<D::Lanes>(view.values.as_ptr().add(index)) };
                    // SAFETY: as above.
                    unsafe { D::Value::store(x, at.add(column * LANES)) };
                }
            }
            at = at.wrapping_add(columns * LANES);
        }
    }
}

#[inline(always)]
unsafe fn zero<D: Dot>(at: *mut D::Value, pixels: usize) {
    for pixel in 0..pixels {
        // SAFETY: in bounds, as the caller promises.
        unsafe { D::Value::store(D::Lanes::zero(), at.add(pixel * LANES)) };
    }
}

/// Groups of [`Dot::DEPTH`] pixels in so many.
pub(super) fn groups<D: Dot>(pixels: usize) -> usize {
    pixels.div_ceil(D::DEPTH)
}

/// Values that [`group`] writes for so many blocks.
pub(super) fn grouped_len<D: Dot>(window: &Window, strip: &Strip, blocks: usize) -> usize {
    let columns = groups::<D>(strip.columns) * D::DEPTH;
    window.kernel * blocks * window.reach(strip.rows) * columns * LANES
}

/// Copies the input under a strip, once for each column of the kernel, in groups of pixels that are
/// neighbors in the output: `(kernel, blocks, rows, columns / DEPTH, 16, DEPTH)`, with zeros around
/// the image.
///
/// # Safety
///
/// `to` has room for [`grouped_len`] values, and the processor has the instructions of `D`.
#[inline(always)]
pub(super) unsafe fn group<D: Dot, E: Element>(
    view: &View<'_, E>,
    window: &Window,
    strip: &Strip,
    blocks_before: usize,
    blocks: usize,
    to: *mut D::Value,
) {
    let (height, width) = (view.height, view.width);
    let (rows, columns) = (window.reach(strip.rows), groups::<D>(strip.columns));
    let top = window.first(0, strip.first);
    let line_len = columns * LANES * D::DEPTH;
    for step in 0..window.kernel {
        let left = window.first(1, 0) + (step * window.dilation) as isize;
        for block in 0..view.blocks {
            let first = ((step * blocks + blocks_before + block) * rows) * line_len;
            for row in 0..rows {
                let mut at = to.wrapping_add(first + row * line_len);
                let row = top + row as isize;
                let outside = row < 0 || row >= height as isize;
                let line = if outside { 0 } else { view.at(strip.image, block, row as usize, 0) };
                let line = Line {
                    pixels: view.values.as_ptr().wrapping_add(line),
                    left,
                    stride: window.stride,
                    pixel_step: view.pixel_step,
                    width: if outside { 0 } else { width },
                    columns: strip.columns,
                };
                for column in 0..columns {
                    // SAFETY: the line is the image's; in bounds, as the caller promises.
                    unsafe { D::pack(line.group::<D>(column), at) };
                    at = at.wrapping_add(LANES * D::DEPTH);
                }
            }
        }
    }
}

/// A row of pixels, seen by a row of outputs.
struct Line<E> {
    pixels: *const E,
    /// Column under the first output.
    left: isize,
    stride: usize,
    pixel_step: usize,
    /// Columns that there are.
    width: usize,
    /// Outputs.
    columns: usize,
}

impl<E: Element> Line<E> {
    /// What lies under the outputs of a group.
    #[inline(always)]
    unsafe fn group<D: Dot>(&self, group: usize) -> [D::Lanes; 2] {
        // SAFETY: as the caller promises.
        let first = unsafe { self.pixel::<D>(group * D::DEPTH) };
        if D::DEPTH == 1 {
            return [first, first];
        }
        // SAFETY: as the caller promises.
        [first, unsafe { self.pixel::<D>(group * D::DEPTH + 1) }]
    }

    /// What lies under an output: zeros beyond the image.
    #[inline(always)]
    unsafe fn pixel<D: Dot>(&self, output: usize) -> D::Lanes {
        let column = self.left + (output * self.stride) as isize;
        if output >= self.columns || column < 0 || column >= self.width as isize {
            return D::Lanes::zero();
        }
        // SAFETY: a pixel of the line.
        unsafe { E::load(self.pixels.add(column as usize * self.pixel_step)) }
    }
}

/// Copies the gradients of a strip's pixels in groups, `(blocks, rows, columns / DEPTH, 16, DEPTH)`
/// with a step from block to block, and adds each channel's sum to `sums`, 16 for a block.
///
/// # Safety
///
/// `to` has room for them, `sums` for those of all blocks, and the processor has the instructions of
/// `D`.
#[inline(always)]
pub(super) unsafe fn group_gradients<D: Dot, E: Element>(
    view: &View<'_, E>,
    strip: &Strip,
    to: *mut D::Value,
    block_step: usize,
    sums: Option<*mut f32>,
) {
    let columns = groups::<D>(strip.columns);
    for block in 0..view.blocks {
        let mut at = to.wrapping_add(block * block_step);
        let mut total = D::Lanes::zero();
        for row in 0..strip.rows {
            let line = Line {
                pixels: view.values.as_ptr().wrapping_add(view.at(
                    strip.image,
                    block,
                    strip.first + row,
                    0,
                )),
                left: 0,
                stride: 1,
                pixel_step: view.pixel_step,
                width: strip.columns,
                columns: strip.columns,
            };
            for column in 0..columns {
                // SAFETY: the line is the image's.
                let pixels = unsafe { line.group::<D>(column) };
                total = total.add(pixels[0]);
                if D::DEPTH > 1 {
                    total = total.add(pixels[1]);
                }
                // SAFETY: in bounds, as the caller promises.
                unsafe { D::pack(pixels, at) };
                at = at.wrapping_add(LANES * D::DEPTH);
            }
        }
        if let Some(sums) = sums {
            // SAFETY: in bounds, as the caller promises.
            let sums = unsafe { sums.add(block * LANES) };
            // SAFETY: as above.
            let old = unsafe { D::Lanes::load(sums) };
            // SAFETY: as above.
            unsafe { old.add(total).store(sums) };
        }
    }
}
