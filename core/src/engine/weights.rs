//! Weights as the inner loops read them, and their gradients as layers want them.

use std::ops::Range;

use rayon::prelude::*;

use super::features::Target;
use super::kernel::{Kernel, Task};
use super::lanes::{Dot, LANES, Lanes};
use super::product::panels;

/// A layer's weights for some of its inputs, `(Cout, Cin, K, K)`, of which channels from `first` on
/// belong to a source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) weights: &'a [f32],
    /// Channels that the weights have.
    pub(crate) inputs: usize,
    /// The source's first one.
    pub(crate) first: usize,
    /// How many the source has.
    pub(crate) channels: usize,
    /// What the source is multiplied by.
    pub(crate) scale: f32,
}

/// Weights of all sources of a layer.
#[derive(Clone, Debug)]
pub(crate) struct Filters<'a> {
    pub(crate) parts: Vec<Part<'a>>,
    pub(crate) outputs: usize,
    /// Rows and columns of the kernel.
    pub(crate) kernel: usize,
}

impl Filters<'_> {
    /// Blocks of input channels, part after part.
    pub(crate) fn input_blocks(&self) -> usize {
        self.parts.iter().map(|part| part.channels.div_ceil(LANES)).sum()
    }

    pub(crate) fn output_blocks(&self) -> usize {
        self.outputs.div_ceil(LANES)
    }

    /// Channels that count in a block: all 16, or, where a layer's only block has fewer, an even
    /// number that holds them.
    pub(super) fn depth(&self) -> usize {
        match &self.parts[..] {
            [part] => depth(part.channels),
            _ => LANES,
        }
    }
}

/// Channels that count in the blocks of so many.
pub(super) fn depth(channels: usize) -> usize {
    if channels < LANES { channels.next_multiple_of(2) } else { LANES }
}

/// The weights of a block's channels at one place under the kernel: a matrix of outputs and channels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// From those of the first output and the block's first channel on.
    weights: &'a [f32],
    /// From output to output, and from channel to channel.
    steps: [usize; 2],
    outputs: usize,
    /// Those of the block, at most 16.
    channels: usize,
    scale: f32,
}

impl<'a> Part<'a> {
    /// Weights `(Cout, Cin, taps)` from the source to the outputs, at some of the taps: block by
    /// block, tap by tap.
    pub(super) fn lines(
        self,
        outputs: usize,
        taps: usize,
        some: Range<usize>,
    ) -> impl Iterator<Item = Line<'a>> {
        (0..self.channels).step_by(LANES).flat_map(move |channel| {
            some.clone().map(move |tap| Line {
                weights: &self.weights[(self.first + channel) * taps + tap..],
                steps: [self.inputs * taps, taps],
                outputs,
                channels: (self.channels - channel).min(LANES),
                scale: self.scale,
            })
        })
    }

    /// The same from the outputs to the source, for gradients, at taps in any order.
    pub(super) fn lines_back(
        self,
        outputs: usize,
        taps: usize,
        order: impl Iterator<Item = usize> + Clone + 'a,
    ) -> impl Iterator<Item = Line<'a>> {
        (0..outputs).step_by(LANES).flat_map(move |output| {
            order.clone().map(move |tap| Line {
                weights: &self.weights[(output * self.inputs + self.first) * taps + tap..],
                steps: [taps, self.inputs * taps],
                outputs: self.channels,
                channels: (outputs - output).min(LANES),
                scale: self.scale,
            })
        })
    }
}

/// Packed weights: for each panel of outputs `(lines, depth / DEPTH, width, 16, DEPTH)`.
#[derive(Debug)]
pub(crate) struct Packed {
    /// Of the kernel's values, two bf16 in the place of an f32.
    values: Vec<f32>,
    /// Values from panel to panel, for each block of outputs.
    block_len: usize,
}

impl Packed {
    /// Weights from inputs to outputs: lines block by block, tap by tap.
    pub(crate) fn forward(kernel: Kernel, filters: &Filters<'_>) -> Self {
        let taps = filters.kernel * filters.kernel;
        let lines =
            filters.parts.iter().flat_map(|part| part.lines(filters.outputs, taps, 0..taps));
        Self::pack(kernel, filters.outputs, filters.depth(), &lines.collect::<Vec<_>>())
    }

    /// Weights from the gradients of outputs to those of a part's inputs: the kernel upside down.
    pub(crate) fn backward(kernel: Kernel, filters: &Filters<'_>, part: usize) -> Self {
        let part = filters.parts[part];
        let taps = filters.kernel * filters.kernel;
        let lines: Vec<_> = part.lines_back(filters.outputs, taps, (0..taps).rev()).collect();
        Self::pack(kernel, part.channels, depth(filters.outputs), &lines)
    }

    /// Weights to so many outputs, of so many channels of each block.
    pub(super) fn pack(kernel: Kernel, outputs: usize, depth: usize, lines: &[Line<'_>]) -> Self {
        let blocks = outputs.div_ceil(LANES);
        let block_len = lines.len() * depth * LANES;
        let mut values = vec![0f32; (blocks * block_len).div_ceil(kernel.values_in_word())];
        let target = Target::of(&mut values);
        for (first, width) in panels(blocks) {
            let lines = lines.par_chunks(LINES_TOGETHER).enumerate();
            lines.for_each(|(i, lines)| {
                let start = first * block_len + i * LINES_TOGETHER * depth * width * LANES;
                kernel.run(Pack { target, start, first, width, depth, lines });
            });
        }
        Self { values, block_len }
    }

    /// A panel's weights, given its first block.
    ///
    /// # Safety
    ///
    /// `D` is of the kernel that packed them.
    pub(super) unsafe fn panel<D: Dot>(&self, first: usize) -> *const D::Value {
        // SAFETY: a panel begins after the blocks before it.
        unsafe { self.values.as_ptr().cast::<D::Value>().add(first * self.block_len) }
    }
}

/// Lines that are worth a task.
const LINES_TOGETHER: usize = 32;

/// Some lines of a panel.
struct Pack<'a> {
    target: Target<f32>,
    /// Where they go, in the kernel's values.
    start: usize,
    /// Blocks of outputs of the panel.
    first: usize,
    width: usize,
    depth: usize,
    lines: &'a [Line<'a>],
}

impl Task for Pack<'_> {
    #[inline(always)]
    fn run<D: Dot>(self) {
        let mut at = self.target.start.cast::<D::Value>().wrapping_add(self.start);
        for line in self.lines {
            for channel in (0..self.depth).step_by(D::DEPTH) {
                for block in self.first..self.first + self.width {
                    let first = line.weights_of::<D::Lanes>(block * LANES, channel);
                    let second = if D::DEPTH == 1 {
                        first
                    } else {
                        line.weights_of::<D::Lanes>(block * LANES, channel + 1)
                    };
                    // SAFETY: the task's own part of the buffer.
                    unsafe { D::pack([first, second], at) };
                    at = at.wrapping_add(LANES * D::DEPTH);
                }
            }
        }
    }
}

impl Line<'_> {
    /// Those of 16 outputs for one channel, 0 for what fills up a block.
    #[inline(always)]
    fn weights_of<L: Lanes>(&self, output: usize, channel: usize) -> L {
        let mut values = [0f32; LANES];
        if channel < self.channels && output < self.outputs {
            let weights = &self.weights[output * self.steps[0] + channel * self.steps[1]..];
            let count = (self.outputs - output).min(LANES);
            let weights = weights.iter().step_by(self.steps[0]);
            for (value, weight) in values[..count].iter_mut().zip(weights) {
                *value = *weight * self.scale;
            }
        }
        // SAFETY: 16 values.
        unsafe { L::load(values.as_ptr()) }
    }
}

/// Values that are added up by one task.
const SUMMED: usize = 1 << 14;

/// Sums of gradients of weights, for each panel `(blocks of inputs, taps, depth, width, 16)`, and
/// their place.
#[derive(Debug)]
pub(super) struct Sums {
    /// Values from panel to panel, for each block of outputs.
    pub(super) block_len: usize,
    pub(super) len: usize,
}

impl Sums {
    /// Of a kernel of so many taps.
    pub(super) fn new(filters: &Filters<'_>, taps: usize) -> Self {
        let block_len = filters.input_blocks() * taps * filters.depth() * LANES;
        Self { block_len, len: filters.output_blocks() * block_len }
    }
}

/// Adds up the sums of all groups, in their order.
pub(super) fn total(groups: &[Vec<f32>]) -> Vec<f32> {
    let mut total = groups[0].clone();
    total.par_chunks_mut(SUMMED).enumerate().for_each(|(i, total)| {
        for group in &groups[1..] {
            let part = &group[i * SUMMED..][..total.len()];
            total.iter_mut().zip(part).for_each(|(total, value)| *total += value);
        }
    });
    total
}

/// The gradients of each part's weights, `(Cout, channels, K, K)`, from all sums.
pub(super) fn unpack(filters: &Filters<'_>, total: &[f32]) -> Vec<Vec<f32>> {
    let taps = filters.kernel * filters.kernel;
    let sums = Sums::new(filters, taps);
    let depth = filters.depth();
    let widths: Vec<(usize, usize)> = panels(filters.output_blocks())
        .flat_map(|(first, width)| (first..first + width).map(move |_| (first, width)))
        .collect();
    let mut block = 0;
    let mut parts = Vec::new();
    for part in &filters.parts {
        let mut gradient = vec![0f32; filters.outputs * part.channels * taps];
        let first_block = block;
        gradient.par_chunks_mut(part.channels * taps).enumerate().for_each(|(output, row)| {
            let (panel, width) = widths[output / LANES];
            let lane = (output / LANES - panel) * LANES + output % LANES;
            for (channel, row) in row.chunks_mut(taps).enumerate() {
                let block = first_block + channel / LANES;
                for (tap, value) in row.iter_mut().enumerate() {
                    let line = (block * taps + tap) * depth + channel % LANES;
                    let index = panel * sums.block_len + line * width * LANES + lane;
                    *value = total[index] * part.scale;
                }
            }
        });
        parts.push(gradient);
        block += part.channels.div_ceil(LANES);
    }
    parts
}
