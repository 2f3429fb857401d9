//! What a convolution with a stride of 2 does backwards: each pixel is spread over the pixels that its
//! kernel covers, twice as large. It is the gradient of such a convolution's input, and the transposed
//! convolution itself.
//!
//! At step `k` of the kernel output `o` of the convolution reads row `2 o + k - before`. Row `2 i + p`
//! is hence reached from `o = i + d` at `k = p + before - 2 d`, where the kernel has such a step; for
//! kernels of 3 and 4 with a border of at most 1, `d` is -1, 0 or 1. Columns are like rows.

use super::features::{Features, View};
use super::kernel::Kernel;
use super::lanes::{Element, LANES};
use super::pack::Window;
use super::planes::{After, PARITIES, PlaneConvolution, PlaneProduct};
use super::weights::{Filters, Line, Packed};

/// The convolution whose input gradient is the transposed convolution of a 4x4 kernel with stride 2 and
/// padding 1.
pub(super) const TRANSPOSED: Window = Window { kernel: 4, stride: 2, dilation: 1, before: [1, 1] };

/// For a parity the pixels that reach it, along rows or columns: where they lie, with 1 as its own
/// place, and the step of the kernel.
fn reached_from(window: Window, axis: usize, parity: usize) -> Vec<[usize; 2]> {
    let step = |place: usize| {
        let step = (parity + window.before[axis] + 2).checked_sub(2 * place)?;
        (step < window.kernel).then_some([place, step])
    };
    (0..3).filter_map(step).collect()
}

/// Whether all that a window reaches lies within a pixel of where it is spread from.
pub(super) fn fits(window: Window) -> bool {
    window.stride == 2
        && window.dilation == 1
        && [3, 4].contains(&window.kernel)
        && window.before.iter().all(|before| *before <= 1)
}

/// What results of each parity are multiplied with, of the convolution's weights.
pub(super) fn products(
    kernel: Kernel,
    filters: &Filters<'_>,
    part: usize,
    window: Window,
) -> Vec<PlaneProduct> {
    let part = filters.parts[part];
    let depth = super::weights::depth(filters.outputs);
    let product = |&parity: &[usize; 2]| {
        let mut places = Vec::new();
        for [row, row_step] in reached_from(window, 0, parity[0]) {
            for [column, step] in reached_from(window, 1, parity[1]) {
                places.push([row, column, row_step * window.kernel + step]);
            }
        }
        let order = places.iter().map(|place| place[2]);
        let taps = window.kernel * window.kernel;
        let lines: Vec<Line<'_>> = part.lines_back(filters.outputs, taps, order).collect();
        let blocks = 0..filters.output_blocks();
        let steps =
            blocks.flat_map(|block| places.iter().map(move |place| [block, place[0], place[1]]));
        PlaneProduct {
            weights: Packed::pack(kernel, part.channels, depth, &lines),
            steps: steps.collect(),
            parity,
        }
    };
    PARITIES.iter().map(product).collect()
}

/// Spreads `(N, C, H, W)` of so many channels over `(N, channels, 2 H, 2 W)`.
pub(super) fn spread<E: Element>(
    kernel: Kernel,
    x: View<'_, E>,
    images: usize,
    products: &[PlaneProduct],
    [inputs, channels]: [usize; 2],
    after: After<'_, E>,
) -> Features<E> {
    let fill = |out| {
        let convolution = PlaneConvolution {
            planes: &[x],
            images,
            products,
            depth: super::weights::depth(inputs),
            factor: 2,
            blocks: channels.div_ceil(LANES),
            after,
            out,
        };
        convolution.run(kernel);
    };
    let size = [2 * x.height, 2 * x.width];
    // SAFETY: the products of all parities write all pixels of all blocks.
    unsafe { Features::filled(images, channels, size, fill) }
}
