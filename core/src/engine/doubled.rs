//! 3x3 convolutions of features at twice their size, each pixel repeated for two rows and two
//! columns, beside others that have that size.
//!
//! Nine pixels under a kernel are only four different ones of the smaller features, so each output
//! is a 2x2 convolution of these, with sums of the weights. Which weights are summed depends on
//! whether the output's row and column are even or odd: on its *parity*. Four convolutions of the
//! smaller features, one for each parity, take 4 products where the plain way takes 9.
//!
//! An output row `2 i + p` reads row `2 i + p + k - 1` of the larger image at step `k` of the kernel,
//! 0..3. That is row `i + s - 1` among those of parity `q`, where `2 s + q = p + k + 1`
//! ([`under`]): row `i + s - 1` of the smaller features, and of the larger features' *plane* of that
//! parity. So all that is read lies in planes of the smaller size within one pixel of `(i, j)`, each
//! with the same border of zeros, and the loops of [`super::product`] find it by offsets. Columns are
//! like rows. A kernel reads two rows of the smaller features, `s = p + a` for a *tap* `a` of 0 or 1.

use rayon::prelude::*;

use super::conv::{images_together, strip_rows};
use super::features::{Features, Target, View};
use super::kernel::{Kernel, Task};
use super::lanes::{Dot, Element, LANES};
use super::pack::{Strip, Window, pad, padded_len};
use super::product::{Finish, Product, panels, product};
use super::scratch::Scratch;
use super::weights::{Filters, Line, Packed, Part, depth};
use crate::ops::Activation;

mod gradient;

pub(super) use gradient::weight_gradients;

/// Rows and columns of the kernel.
const KERNEL: usize = 3;
/// Of rows and columns, in the order that weights and planes have.
const PARITIES: [[usize; 2]; 4] = [[0, 0], [0, 1], [1, 0], [1, 1]];
/// Rows and columns of the smaller features under a kernel, in the order that weights have.
const TAPS: [[usize; 2]; 4] = PARITIES;
/// What the smaller features are read by: all pixels around one.
const AROUND: Window = Window { kernel: KERNEL, stride: 1, dilation: 1, before: [1, 1] };

/// What an output of a parity reads at a step of the kernel, along rows or columns: the parity of the
/// plane, and the pixel in it, where 1 is the output's own and 0 the one before.
const fn under(parity: usize, step: usize) -> [usize; 2] {
    let sum = parity + step + 1;
    [sum % 2, sum / 2]
}

/// Of each parity and each step of the kernel, the tap that has its pixel of the smaller features.
const TAP_OF_STEP: [[usize; KERNEL * KERNEL]; 4] = {
    let mut taps = [[0; KERNEL * KERNEL]; 4];
    let mut index = 0;
    while index < 4 * KERNEL * KERNEL {
        let (parity, step) = (index / (KERNEL * KERNEL), index % (KERNEL * KERNEL));
        let [row, column] = PARITIES[parity];
        let row = under(row, step / KERNEL)[1] - row;
        let column = under(column, step % KERNEL)[1] - column;
        taps[parity][step] = 2 * row + column;
        index += 1;
    }
    taps
};

/// Weights of a doubled source, `(Cout, channels, parity, tap)`: those of the steps that fall on a tap
/// are added up.
fn folded(part: &Part<'_>, outputs: usize) -> Vec<f32> {
    let mut folded = vec![0f32; outputs * part.channels * 16];
    folded.par_chunks_mut(part.channels * 16).enumerate().for_each(|(output, folded)| {
        let first = (output * part.inputs + part.first) * KERNEL * KERNEL;
        let (weights, _) = part.weights[first..].as_chunks::<{ KERNEL * KERNEL }>();
        let (folded, _) = folded.as_chunks_mut::<16>();
        for (folded, weights) in folded.iter_mut().zip(weights) {
            for (parity, taps) in TAP_OF_STEP.iter().enumerate() {
                for (tap, weight) in taps.iter().zip(weights) {
                    folded[4 * parity + tap] += weight * part.scale;
                }
            }
        }
    });
    folded
}

/// A source's weights as [`folded`] has them.
fn part_of(folded: &[f32], channels: usize) -> Part<'_> {
    Part { weights: folded, inputs: channels, first: 0, channels, scale: 1.0 }
}

/// A convolution without bias. The first source is read at twice its size, which the others have; its
/// size is `(height, width)`, and the result's `(2 height, 2 width)`.
pub(super) fn convolution<E: Element>(
    kernel: Kernel,
    sources: &[View<'_, E>],
    filters: &Filters<'_>,
    images: usize,
) -> Features<E> {
    let (small, others) = (sources[0], &sources[1..]);
    let mut planes = vec![small];
    for source in others {
        planes.extend(PARITIES.map(|parity| source.parity(parity)));
    }
    let folded = folded(&filters.parts[0], filters.outputs);
    let part = part_of(&folded, filters.parts[0].channels);
    let products = PARITIES.iter().enumerate().map(|(index, &parity)| {
        let own = part.lines(filters.outputs, 16, 4 * index..4 * index + 4);
        let rest = filters.parts[1..].iter();
        let rest = rest.flat_map(|part| part.lines(filters.outputs, 9, 0..9));
        let lines: Vec<Line<'_>> = own.chain(rest).collect();
        PlaneProduct {
            weights: Packed::pack(kernel, filters.outputs, filters.depth(), &lines),
            steps: forward_steps(small.blocks, others, parity),
            parity,
        }
    });
    let products: Vec<_> = products.collect();
    let size = [2 * small.height, 2 * small.width];
    let fill = |out| {
        let convolution = PlaneConvolution {
            planes: &planes,
            images,
            products: &products,
            depth: filters.depth(),
            factor: 2,
            blocks: filters.output_blocks(),
            out,
        };
        convolution.run(kernel);
    };
    // SAFETY: the products of all parities write all pixels of all blocks.
    unsafe { Features::filled(images, filters.outputs, size, fill) }
}

/// What outputs of a parity read, in the order of their weights: block of the planes, row and column.
fn forward_steps<E>(blocks: usize, others: &[View<'_, E>], parity: [usize; 2]) -> Vec<[usize; 3]> {
    let mut steps = Vec::new();
    for block in 0..blocks {
        steps.extend(TAPS.map(|[row, column]| [block, parity[0] + row, parity[1] + column]));
    }
    let mut before = blocks;
    for source in others {
        for block in 0..source.blocks {
            for step in 0..KERNEL * KERNEL {
                let [plane_row, row] = under(parity[0], step / KERNEL);
                let [plane_column, column] = under(parity[1], step % KERNEL);
                let plane = 2 * plane_row + plane_column;
                steps.push([before + plane * source.blocks + block, row, column]);
            }
        }
        before += PARITIES.len() * source.blocks;
    }
    steps
}

/// Gradient of the doubled source, at its own size: the tap that read a pixel for an output brings
/// that output's gradient back.
pub(super) fn input_gradient<E: Element>(
    kernel: Kernel,
    gradients: View<'_, E>,
    images: usize,
    filters: &Filters<'_>,
) -> Features<E> {
    let planes = PARITIES.map(|parity| gradients.parity(parity));
    let channels = filters.parts[0].channels;
    let folded = folded(&filters.parts[0], filters.outputs);
    let part = part_of(&folded, channels);
    let lines: Vec<Line<'_>> = part.lines_back(filters.outputs, 16, 0..16).collect();
    let depth = depth(filters.outputs);
    let product = PlaneProduct {
        weights: Packed::pack(kernel, channels, depth, &lines),
        steps: backward_steps(gradients.blocks),
        parity: [0, 0],
    };
    let fill = |out| {
        let convolution = PlaneConvolution {
            planes: &planes,
            images,
            products: std::slice::from_ref(&product),
            depth,
            factor: 1,
            blocks: channels.div_ceil(LANES),
            out,
        };
        convolution.run(kernel);
    };
    let size = [gradients.height / 2, gradients.width / 2];
    // SAFETY: the product writes all pixels of all blocks.
    unsafe { Features::filled(images, channels, size, fill) }
}

/// What a pixel's gradient is summed of: block of the planes, row and column. Output row `i` of a
/// parity `p` read rows `i + p + a - 1`, so row `i` was read by rows `i + 1 - p - a`.
fn backward_steps(blocks: usize) -> Vec<[usize; 3]> {
    let mut steps = Vec::new();
    for block in 0..blocks {
        for (plane, parity) in PARITIES.iter().enumerate() {
            steps.extend(TAPS.map(|tap| {
                [plane * blocks + block, 2 - parity[0] - tap[0], 2 - parity[1] - tap[1]]
            }));
        }
    }
    steps
}

/// Products over one copy of planes, of equal sizes.
struct PlaneConvolution<'a, E> {
    planes: &'a [View<'a, E>],
    images: usize,
    products: &'a [PlaneProduct],
    /// Channels of a block that count.
    depth: usize,
    /// Rows and columns of the result for each of the planes'.
    factor: usize,
    /// Of the result.
    blocks: usize,
    out: Target<E>,
}

/// One of them.
struct PlaneProduct {
    weights: Packed,
    /// Block of all planes, row and column, where 1 is the row and column of the result.
    steps: Vec<[usize; 3]>,
    /// Of the rows and columns of the result, if it is larger.
    parity: [usize; 2],
}

impl<E: Element> PlaneConvolution<'_, E> {
    fn size(&self) -> [usize; 2] {
        [self.planes[0].height, self.planes[0].width]
    }

    fn plane_blocks(&self) -> usize {
        self.planes.iter().map(|plane| plane.blocks).sum()
    }

    /// Does it, on all threads.
    fn run(&self, kernel: Kernel) {
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
    let [height, width] = c.size().map(|side| side * c.factor);
    let block_step = height * width * LANES;
    for (first, width) in panels(c.blocks) {
        let finish = Finish::<E, E> {
            bias: None,
            activation: Activation::None,
            plus: [None; 2],
            gate: None,
            out: c.out.start.wrapping_add(first * block_step),
            block_step,
        };
        // SAFETY: a panel of these weights.
        let weights = unsafe { p.weights.panel::<D>(first) };
        let product_of = Product { x, from, to, offsets, depth: c.depth, weights, width };
        // SAFETY: as the caller promises.
        unsafe { product::<D, E, E>(&product_of, &finish) };
    }
}

#[cfg(test)]
mod tests;
