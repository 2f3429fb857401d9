//! Layers in which every result depends on its own channel.
#![expect(unsafe_code, reason = "threads write parts of one picture")]

use rayon::prelude::*;

use super::dense::{Input, grid};
use super::kernel::{self, Finish, Grid};
use super::planes::{Aligned, BLOCK, Planes, Shared};
use super::{Instructions, Rescale};

/// Weights of a depthwise convolution, in the order in which the inner loops read them.
#[derive(Clone, Debug)]
pub(crate) struct Depthwise {
    kernel: usize,
    stride: usize,
    /// `(C / 16, pairs, 16, 2)`: two pixels under the kernel at a time.
    weights: Aligned,
    rescale: Rescale,
}

impl Depthwise {
    /// `weight(channel, row, column)` for a kernel of 3 or 5.
    pub(crate) fn new(
        kernel: usize,
        stride: usize,
        rescale: Rescale,
        weight: impl Fn(usize, usize, usize) -> i16,
    ) -> Self {
        let pairs = (kernel * kernel).div_ceil(2);
        let blocks = rescale.outputs.div_ceil(BLOCK);
        let mut weights = Aligned::zeros(blocks * pairs * 2 * BLOCK);
        for channel in 0..rescale.outputs {
            for tap in 0..kernel * kernel {
                let pair = channel / BLOCK * pairs + tap / 2;
                let at = (pair * BLOCK + channel % BLOCK) * 2 + tap % 2;
                weights.numbers_mut()[at] = weight(channel, tap / kernel, tap % kernel);
            }
        }
        Self { kernel, stride, weights, rescale }
    }

    /// Zeros that it needs around its input.
    pub(crate) fn border(&self) -> usize {
        self.kernel / 2
    }

    /// From a pixel, where the pixels under the kernel lie, two at a time; the last one with itself,
    /// whose second weight is 0. `same` padding: with stride 2 the kernel begins a pixel later.
    fn offsets(&self, row: usize) -> Vec<[isize; 2]> {
        let before = ((self.kernel - self.stride) / 2).cast_signed();
        let offset = |tap: usize| {
            let (y, x) = (
                (tap / self.kernel).cast_signed() - before,
                (tap % self.kernel).cast_signed() - before,
            );
            y * row.cast_signed() + x * BLOCK.cast_signed()
        };
        let taps = self.kernel * self.kernel;
        (0..taps).step_by(2).map(|tap| [offset(tap), offset((tap + 1).min(taps - 1))]).collect()
    }
}

/// Calculates the results of a depthwise layer, `H / stride` rows and `W / stride` columns.
pub(crate) fn depthwise(
    instructions: Instructions,
    layer: &Depthwise,
    input: &Planes,
    output: &mut Planes,
) {
    let size = output.size;
    let blocks = layer.rescale.outputs.div_ceil(BLOCK);
    assert!(size.blocks == blocks && input.size.blocks == blocks);
    assert!(input.size.border >= layer.border());
    assert!(
        input.size.height == size.height * layer.stride
            && input.size.width == size.width * layer.stride
    );
    let offsets = layer.offsets(input.size.row());
    let positions = size.height * size.width;
    let length = (40_000 / offsets.len()).next_multiple_of(8).min(positions);
    let chunks = positions.div_ceil(length);
    let numbers = &Shared::new(output);
    (0..blocks * chunks).into_par_iter().with_min_len((length / positions).max(1)).for_each(|i| {
        let (block, first) = (i / chunks, i % chunks * length);
        let of_block = |grid: Grid| grid.skip(block);
        let source = Input { planes: input, stride: [layer.stride; 2], origin: [0; 2] };
        let (bias, shifts) = layer.rescale.block(block);
        let finish = Finish {
            bias,
            shifts,
            range: layer.rescale.range,
            residual: Grid::ABSENT,
            output: of_block(grid(
                &Planes { size, numbers: Aligned::default() },
                numbers.get(),
                [1; 2],
                [0; 2],
            )),
            width: size.width,
            first,
            end: (first + length).min(positions),
        };
        let weights = layer.weights.as_ptr().wrapping_add(block * offsets.len() * 2 * BLOCK);
        let part = kernel::Depthwise {
            input: of_block(source.grid()),
            offsets: &offsets,
            weights,
            finish,
        };
        // SAFETY: the positions lie within the output, and what is looked at within the input and its
        // border, as was checked.
        unsafe { instructions.depthwise(&part) };
    });
}
