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

use super::features::{Features, View};
use super::kernel::Kernel;
use super::lanes::{Element, LANES};
use super::planes::{After, PARITIES, PlaneConvolution, PlaneProduct};
use super::weights::{Filters, Line, Packed, Part, depth};

mod gradient;

pub(super) use gradient::weight_gradients;

/// Rows and columns of the kernel.
const KERNEL: usize = 3;
/// Rows and columns of the smaller features under a kernel, in the order that weights have.
const TAPS: [[usize; 2]; 4] = PARITIES;

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

/// What outputs of each parity are multiplied with: the first part is that of the source that is read
/// at twice its size.
pub(super) fn products(kernel: Kernel, filters: &Filters<'_>) -> Vec<PlaneProduct> {
    let folded = folded(&filters.parts[0], filters.outputs);
    let part = part_of(&folded, filters.parts[0].channels);
    let blocks: Vec<usize> =
        filters.parts.iter().map(|part| part.channels.div_ceil(LANES)).collect();
    let product = |(index, &parity): (usize, &[usize; 2])| {
        let own = part.lines(filters.outputs, 16, 4 * index..4 * index + 4);
        let rest = filters.parts[1..].iter();
        let rest = rest.flat_map(|part| part.lines(filters.outputs, 9, 0..9));
        let lines: Vec<Line<'_>> = own.chain(rest).collect();
        PlaneProduct {
            weights: Packed::pack(kernel, filters.outputs, filters.depth(), &lines),
            steps: forward_steps(blocks[0], &blocks[1..], parity),
            parity,
        }
    };
    PARITIES.iter().enumerate().map(product).collect()
}

/// A convolution to so many channels. The first source is read at twice its size, which the others
/// have; its size is `(height, width)`, and the result's `(2 height, 2 width)`.
pub(super) fn convolution<E: Element>(
    kernel: Kernel,
    sources: &[View<'_, E>],
    images: usize,
    products: &[PlaneProduct],
    [outputs, depth]: [usize; 2],
    after: After<'_, E>,
) -> Features<E> {
    let (small, others) = (sources[0], &sources[1..]);
    let mut planes = vec![small];
    for source in others {
        planes.extend(PARITIES.map(|parity| source.parity(parity)));
    }
    let fill = |out| {
        let blocks = outputs.div_ceil(LANES);
        let planes = &planes;
        let convolution =
            PlaneConvolution { planes, images, products, depth, factor: 2, blocks, after, out };
        convolution.run(kernel);
    };
    let size = [2 * small.height, 2 * small.width];
    // SAFETY: the products of all parities write all pixels of all blocks.
    unsafe { Features::filled(images, outputs, size, fill) }
}

/// What outputs of a parity read, in the order of their weights: block of the planes, row and column;
/// of sources of so many blocks.
fn forward_steps(blocks: usize, others: &[usize], parity: [usize; 2]) -> Vec<[usize; 3]> {
    let mut steps = Vec::new();
    for block in 0..blocks {
        steps.extend(TAPS.map(|[row, column]| [block, parity[0] + row, parity[1] + column]));
    }
    let mut before = blocks;
    for &blocks in others {
        for block in 0..blocks {
            for step in 0..KERNEL * KERNEL {
                let [plane_row, row] = under(parity[0], step / KERNEL);
                let [plane_column, column] = under(parity[1], step % KERNEL);
                let plane = 2 * plane_row + plane_column;
                steps.push([before + plane * blocks + block, row, column]);
            }
        }
        before += PARITIES.len() * blocks;
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
            after: After::default(),
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

#[cfg(test)]
mod tests;
