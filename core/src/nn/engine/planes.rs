//! Products over copies of planes of one size, whose results are as large or twice as large.
//!
//! Where an operation doubles height and width, what its outputs read depends on whether their row and
//! column are even or odd: on their *parity*. Each parity is a product of its own, over pixels that lie
//! around one of the smaller size.

use rayon::prelude::*;

use super::conv::{images_together, strip_rows};
use super::features::{Target, View};
use super::kernel::{Kernel, Task};
use super::lanes::{Dot, Element, LANES};
use super::pack::{Strip, Window, pad, padded_len};
use super::product::{Finish, Product, panels, product};
use super::scratch::Scratch;
use super::weights::Packed;
use crate::nn::ops::Activation;

/// Of rows and columns, in the order that weights and planes have.
pub(super) const PARITIES: [[usize; 2]; 4] = [[0, 0], [0, 1], [1, 0], [1, 1]];
/// What planes are read by: all pixels around one.
pub(super) const AROUND: Window = Window { kernel: 3, stride: 1, dilation: 1, before: [1, 1] };

/// What becomes of the sums.
#[derive(Clone, Copy)]
pub(super) struct After<'a, E> {
    /// Of each channel, filled up to whole blocks.
    pub(super) bias: Option<&'a [f32]>,
    pub(super) activation: Activation,
    /// Values of the result's shape that are added.
    pub(super) plus: Option<&'a [E]>,
    /// Values of the result's shape that it is let through by, where they are within 0 and this.
    pub(super) gate: Option<(&'a [E], f32)>,
}

impl<E> Default for After<'_, E> {
    fn default() -> Self {
        Self { bias: None, activation: Activation::None, plus: None, gate: None }
    }
}

/// Products over one copy of planes, of equal sizes.
pub(super) struct PlaneConvolution<'a, E> {
    pub(super) planes: &'a [View<'a, E>],
    pub(super) images: usize,
    pub(super) products: &'a [PlaneProduct],
    /// Channels of a block that count.
    pub(super) depth: usize,
    /// Rows and columns of the result for each of the planes'.
    pub(super) factor: usize,
    /// Of the result.
    pub(super) blocks: usize,
    pub(super) after: After<'a, E>,
    pub(super) out: Target<E>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct PlaneProduct {
    pub(super) weights: Packed,
    /// Block of all planes, row and column, where 1 is the row and column of the result.
    pub(super) steps: Vec<[usize; 3]>,
    /// Of the rows and columns of the result, if it is larger.
    pub(super) parity: [usize; 2],
}

impl<E: Element> PlaneConvolution<'_, E> {
    fn size(&self) -> [usize; 2] {
        [self.planes[0].height, self.planes[0].width]
    }

    fn plane_blocks(&self) -> usize {
        self.planes.iter().map(|plane| plane.blocks).sum()
    }

    /// Does it, on all threads.
    pub(super) fn run(&self, kernel: Kernel) {
        let [height, width] = self.size();
        let rows = strip_rows(self.plane_blocks() * AROUND.reach(width) * LANES, height);
        let strips = height.div_ceil(rows);
        let together = images_together(self.factor * self.factor * height * width);
        (0..self.images.div_ceil(together) * strips).into_par_iter().for_each(|task| {
            let (image, first) = (task / strips * together, task % strips * rows);
            kernel.run(PlaneStrip {
                convolution: self,
                image,
                images: together.min(self.images - image),
                first,
                rows: rows.min(height - first),
            });
        });
    }

    /// Where a pixel's results go: first value of the first block.
    fn place(&self, parity: [usize; 2], image: usize, row: usize, column: usize) -> usize {
        let [height, width] = self.size().map(|side| side * self.factor);
        let (row, column) = (self.factor * row + parity[0], self.factor * column + parity[1]);
        (image * self.blocks * height * width + row * width + column) * LANES
    }
}

/// Some rows of some images.
struct PlaneStrip<'a, E> {
    convolution: &'a PlaneConvolution<'a, E>,
    image: usize,
    images: usize,
    first: usize,
    rows: usize,
}

impl<E: Element> Task for PlaneStrip<'_, E> {
    const SHORT: bool = E::SHORT;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let Self { convolution: c, image, images, first, rows } = self;
        let columns = c.planes[0].width;
        let (height, width) = (AROUND.reach(rows), AROUND.reach(columns));
        let len = c.plane_blocks() * height * width * LANES;
        let mut scratch = Scratch::of::<D::Value>(images * len);
        let x = scratch.as_mut_ptr().cast::<D::Value>();
        let mut from = Vec::with_capacity(images * rows * columns);
        let mut at = x;
        for i in 0..images {
            let strip = Strip { image: image + i, first, rows, columns };
            for view in c.planes {
                // SAFETY: there is room for the blocks of all planes.
                unsafe { pad::<D, E>(view, &AROUND, &strip, at) };
                at = at.wrapping_add(padded_len(&AROUND, &strip, view.blocks));
            }
            for row in 0..rows {
                let line = i * len + row * width * LANES;
                from.extend((0..columns).map(|column| line + column * LANES));
            }
        }
        let mut to = Vec::with_capacity(from.len());
        for p in c.products {
            to.clear();
            for i in 0..images {
                for row in first..first + rows {
                    to.extend((0..columns).map(|column| c.place(p.parity, image + i, row, column)));
                }
            }
            let offsets = p
                .steps
                .iter()
                .map(|[block, row, column]| ((block * height + row) * width + column) * LANES);
            let offsets: Vec<usize> = offsets.collect();
            // SAFETY: pixels and offsets lie within the copy; the results are this task's own part.
            unsafe { plane_panels::<D, E>(c, p, x, [&from, &to, &offsets]) };
        }
    }
}

/// All panels of a product.
///
/// # Safety
///
/// As for [`product`].
#[inline(always)]
unsafe fn plane_panels<D: Dot, E: Element>(
    c: &PlaneConvolution<'_, E>,
    p: &PlaneProduct,
    x: *const D::Value,
    [from, to, offsets]: [&[usize]; 3],
) {
    let block_step = c.factor * c.factor * c.planes[0].area() * LANES;
    for (first, width) in panels(c.blocks) {
        let before = first * block_step;
        let bias = c.after.bias.map(|bias| &bias[first * LANES..][..width * LANES]);
        let plus = c.after.plus.map(|plus| plus.as_ptr().wrapping_add(before));
        let gate = c.after.gate.map(|(gate, high)| (gate.as_ptr().wrapping_add(before), high));
        let finish = Finish::<E, E> {
            bias,
            activation: c.after.activation,
            plus: [plus, None],
            gate,
            out: c.out.start.wrapping_add(before),
            block_step,
        };
        // SAFETY: a panel of these weights.
        let weights = unsafe { p.weights.panel::<D>(first) };
        let product_of = Product { x, from, to, offsets, depth: c.depth, weights, width };
        // SAFETY: as the caller promises.
        unsafe { product::<D, E, E>(&product_of, &finish) };
    }
}
