//! Filters transformed, as the products read them.

use std::ops::Range;

use rayon::prelude::*;

use super::transform::{Filter, KERNEL, POINTS, POSITIONS, both_ways};
use crate::nn::engine::features::Target;
use crate::nn::engine::kernel::{Kernel, Task};
use crate::nn::engine::lanes::{Dot, LANES, Lanes, Registers};
use crate::nn::engine::pack::Window;
use crate::nn::engine::product::panels;
use crate::nn::engine::weights::{Filters, Line, MATRICES, depth, transpose};

/// Steps of the kernel.
const TAPS: usize = KERNEL * KERNEL;

/// Filters from inputs to outputs, of a convolution or of its input gradient.
pub(super) struct Source<'a> {
    /// Of each block of inputs [`TAPS`].
    lines: Vec<Line<'a>>,
    pub(super) outputs: usize,
    /// Channels of a block of inputs that count.
    pub(super) depth: usize,
}

impl<'a> Source<'a> {
    /// Those of a convolution.
    pub(super) fn forward(filters: &Filters<'a>) -> Self {
        let lines =
            filters.parts.iter().flat_map(|part| part.lines(filters.outputs, TAPS, 0..TAPS));
        Self { lines: lines.collect(), outputs: filters.outputs, depth: filters.depth() }
    }

    /// Those of the gradient of a part's inputs: the kernel upside down.
    pub(super) fn backward(filters: &Filters<'a>, part: usize) -> Self {
        let part = filters.parts[part];
        let lines = part.lines_back(filters.outputs, TAPS, (0..TAPS).rev()).collect();
        Self { lines, outputs: part.channels, depth: depth(filters.outputs) }
    }

    /// Blocks of inputs.
    pub(super) fn input_blocks(&self) -> usize {
        self.lines.len() / TAPS
    }

    /// Blocks of outputs.
    pub(super) fn output_blocks(&self) -> usize {
        self.outputs.div_ceil(LANES)
    }

    /// Values of a block of outputs at one position. They end with a gap, so that positions lie no power
    /// of two apart.
    fn position_len(&self) -> usize {
        (self.input_blocks() * self.depth + 1) * LANES
    }

    /// Values of a block of outputs.
    pub(super) fn block_len(&self) -> usize {
        POSITIONS * self.position_len()
    }

    /// Transforms those to some blocks of outputs, on all threads.
    ///
    /// # Safety
    ///
    /// `to` has room for [`Source::block_len`] values of each of them.
    pub(super) unsafe fn transform(&self, kernel: Kernel, outputs: Range<usize>, to: Target<f32>) {
        let panels: Vec<_> =
            panels(self.output_blocks()).filter(|(first, _)| outputs.contains(first)).collect();
        let blocks = self.input_blocks();
        (0..panels.len() * blocks).into_par_iter().for_each(|task| {
            let (panel, input) = (panels[task / blocks], task % blocks);
            let start = (panel.0 - outputs.start) * self.block_len();
            let to = to.some(start, panel.1 * self.block_len());
            kernel.run(Block { source: self, panel, input, to });
        });
    }

    /// Blocks of outputs that a product takes at once.
    #[inline(always)]
    pub(super) fn together<L: Registers>(panel: (usize, usize)) -> usize {
        if L::WIDE { panel.1 } else { 1 }
    }

    /// Where those of a position lie, for so many blocks of outputs at once from the block `first` of what
    /// was transformed.
    #[inline(always)]
    pub(super) fn at(&self, first: usize, together: usize, position: usize) -> usize {
        first * self.block_len() + position * together * self.position_len()
    }
}

/// The filters from one block of inputs to a panel of outputs.
struct Block<'a, 'b> {
    source: &'a Source<'b>,
    panel: (usize, usize),
    input: usize,
    /// Of the panel.
    to: Target<f32>,
}

impl Task for Block<'_, '_> {
    const SHORT: bool = false;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let Self { source, panel: (first, width), input, to } = self;
        let together = Source::together::<D::Lanes>((first, width));
        let lines = &source.lines[input * TAPS..][..TAPS];
        let step = together * source.position_len();
        let mut matrices = [[0f32; LANES * LANES]; MATRICES];
        for block in 0..width {
            transpose(lines, (first + block) * LANES, &mut matrices);
            let unit = block / together * together;
            let line = input * source.depth * together + block % together;
            let at = source.at(unit, together, 0) + line * LANES;
            for channel in 0..source.depth {
                let mut columns = [[D::Lanes::zero(); KERNEL]; KERNEL];
                for row in 0..KERNEL {
                    for column in 0..KERNEL {
                        let matrix = &matrices[row * KERNEL + column];
                        let lanes: &[f32] = &matrix[channel * LANES..][..LANES];
                        // SAFETY: 16 values.
                        columns[column][row] = unsafe { D::Lanes::load(lanes.as_ptr()) };
                    }
                }
                let rows = both_ways::<Filter, D::Lanes, KERNEL, POINTS>(columns);
                let at = at + channel * together * LANES;
                for position in 0..POSITIONS {
                    let lanes = rows[position / POINTS][position % POINTS];
                    // SAFETY: the panel has room, as the caller of `transform` promises.
                    unsafe { lanes.store(to.start.add(at + position * step)) };
                }
            }
        }
    }
}

/// Whether a window is one whose convolution has tiles: 3x3, a step of 1, results of the input's size.
pub(in crate::nn::engine) fn fits(window: &Window) -> bool {
    window.kernel == KERNEL && window.stride == 1 && window.before == [window.dilation; 2]
}
