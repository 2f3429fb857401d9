//! Weights as the inner loops read them, and their gradients as layers want them.

use std::ops::Range;

use rayon::prelude::*;

use super::features::{Target, filled};
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

impl<'a> Filters<'a> {
    /// Of one source, with weights `(Cout, Cin, K, K)` of these dimensions.
    pub(crate) fn whole(weights: &'a [f32], dims: &[usize]) -> Self {
        let &[outputs, inputs, kernel, _] = dims else {
            unreachable!("a convolution's weight has four dimensions")
        };
        let part = Part { weights, inputs, first: 0, channels: inputs, scale: 1.0 };
        Self { parts: vec![part], outputs, kernel }
    }

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
const LINES_TOGETHER: usize = 4 * MATRICES;

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
    const SHORT: bool = true;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let mut at = self.target.start.cast::<D::Value>().wrapping_add(self.start);
        let group = LANES * D::DEPTH;
        let mut matrices = [[0f32; LANES * LANES]; MATRICES];
        for lines in self.lines.chunks(MATRICES) {
            for block in 0..self.width {
                transpose(lines, (self.first + block) * LANES, &mut matrices);
                let mut at = at.wrapping_add(block * group);
                for matrix in &matrices[..lines.len()] {
                    for channels in matrix[..self.depth * LANES].chunks_exact(group) {
                        // SAFETY: 16 values of one channel, or of two.
                        let values = unsafe {
                            let first = D::Lanes::load(channels.as_ptr());
                            let last = D::Lanes::load(channels.as_ptr().add(group - LANES));
                            [first, last]
                        };
                        // SAFETY: the task's own part of the buffer.
                        unsafe { D::pack(values, at) };
                        at = at.wrapping_add(self.width * group);
                    }
                }
            }
            at = at.wrapping_add(lines.len() * self.depth * self.width * LANES);
        }
    }
}

/// Lines whose weights are brought into order together: steps of one kernel, which are neighbors in
/// memory.
pub(super) const MATRICES: usize = 9;

/// Weights of 16 outputs from `first` on, for each line channel after channel; 0 for what fills up a
/// block. All lines are gone through for one output, or one channel, before the next one: what lies far
/// apart is read once.
#[inline(always)]
pub(super) fn transpose(
    lines: &[Line<'_>],
    first: usize,
    matrices: &mut [[f32; LANES * LANES]; MATRICES],
) {
    for outer in 0..LANES {
        for (line, matrix) in lines.iter().zip(matrices.iter_mut()) {
            let [output_step, channel_step] = line.steps;
            let outputs = line.outputs.saturating_sub(first).min(LANES);
            if outer == 0 && (outputs < LANES || line.channels < LANES) {
                matrix.fill(0.0);
            }
            let (count, to, to_step, from, step) = if output_step >= channel_step {
                let from = (first + outer) * output_step;
                (if outer < outputs { line.channels } else { 0 }, outer, LANES, from, channel_step)
            } else {
                let from = first * output_step + outer * channel_step;
                (
                    if outer < line.channels { outputs } else { 0 },
                    outer * LANES,
                    1,
                    from,
                    output_step,
                )
            };
            if count == 0 {
                continue;
            }
            let (to, from) = (&mut matrix[to..], &line.weights[from..]);
            assert!(to.len() > (count - 1) * to_step && from.len() > (count - 1) * step);
            for i in 0..count {
                // SAFETY: just checked.
                unsafe {
                    *to.get_unchecked_mut(i * to_step) = *from.get_unchecked(i * step) * line.scale;
                }
            }
        }
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
pub(super) fn total(mut groups: Vec<Vec<f32>>) -> Vec<f32> {
    let mut total = groups.remove(0);
    total.par_chunks_mut(SUMMED).enumerate().for_each(|(i, total)| {
        for group in &groups {
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
    let mut first_block = 0;
    let mut parts = Vec::new();
    for part in &filters.parts {
        let row_len = part.channels * taps;
        let fill = |target: Target<f32>| {
            (0..filters.output_blocks()).into_par_iter().for_each(|block| {
                let (panel, width) = widths[block];
                let outputs = LANES.min(filters.outputs - block * LANES);
                // SAFETY: the rows of the block's outputs.
                let rows = unsafe { target.part(block * LANES * row_len, outputs * row_len) };
                let start = panel * sums.block_len + (block - panel) * LANES;
                for channel in 0..part.channels {
                    for tap in 0..taps {
                        let input = first_block + channel / LANES;
                        let line = (input * taps + tap) * depth + channel % LANES;
                        let values = &total[start + line * width * LANES..][..LANES];
                        let to = rows[channel * taps + tap..].iter_mut().step_by(row_len);
                        to.zip(values).for_each(|(to, value)| *to = value * part.scale);
                    }
                }
            });
        };
        // SAFETY: the rows of all outputs are written.
        let gradient = unsafe { filled(filters.outputs * row_len, fill) };
        parts.push(gradient);
        first_block += part.channels.div_ceil(LANES);
    }
    parts
}
