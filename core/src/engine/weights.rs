//! Weights as the inner loops read them, and their gradients as layers want them.

use rayon::prelude::*;

use super::features::Target;
use super::kernel::{Kernel, Task};
use super::lanes::{Dot, Element, LANES};
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

    /// The weight of an output for a channel in the blocks of inputs, 0 for those that fill up.
    #[inline(always)]
    fn get(&self, output: usize, (part, channel): (&Part<'_>, usize), tap: usize) -> f32 {
        if output >= self.outputs || channel >= part.channels {
            return 0.0;
        }
        let taps = self.kernel * self.kernel;
        let index = (output * part.inputs + part.first + channel) * taps + tap;
        part.weights[index] * part.scale
    }

    /// Of each block of inputs its part and its first channel in it.
    fn blocks(&self) -> Vec<(&Part<'_>, usize)> {
        let mut blocks = Vec::new();
        for part in &self.parts {
            blocks.extend((0..part.channels).step_by(LANES).map(|first| (part, first)));
        }
        blocks
    }
}

/// Channels that count in the blocks of so many.
pub(super) fn depth(channels: usize) -> usize {
    if channels < LANES { channels.next_multiple_of(2) } else { LANES }
}

/// Packed weights: for each panel of outputs `(blocks of inputs, taps, depth / DEPTH, width, 16,
/// DEPTH)`.
#[derive(Debug)]
pub(crate) struct Packed {
    /// Of the kernel's values, two bf16 in the place of an f32.
    values: Vec<f32>,
    /// Values from panel to panel, for each block of outputs.
    block_len: usize,
}

impl Packed {
    /// Weights from inputs to outputs.
    pub(crate) fn forward(kernel: Kernel, filters: &Filters<'_>) -> Self {
        let blocks = filters.blocks();
        let taps = filters.kernel * filters.kernel;
        let depth = filters.depth();
        let get = |output, block: usize, channel: usize, tap| {
            let (part, first) = blocks[block];
            filters.get(output, (part, first + channel), tap)
        };
        Self::pack(kernel, filters.output_blocks(), blocks.len(), taps, depth, &get)
    }

    /// Weights from the gradients of outputs to those of a part's inputs: the kernel upside down.
    pub(crate) fn backward(kernel: Kernel, filters: &Filters<'_>, part: usize) -> Self {
        let part = &filters.parts[part];
        let taps = filters.kernel * filters.kernel;
        let get = |input: usize, block: usize, channel: usize, tap: usize| {
            filters.get(block * LANES + channel, (part, input), taps - 1 - tap)
        };
        let blocks = [part.channels.div_ceil(LANES), filters.output_blocks()];
        Self::pack(kernel, blocks[0], blocks[1], taps, depth(filters.outputs), &get)
    }

    fn pack(
        kernel: Kernel,
        outputs: usize,
        inputs: usize,
        taps: usize,
        depth: usize,
        get: &(impl Fn(usize, usize, usize, usize) -> f32 + Sync),
    ) -> Self {
        let block_len = inputs * taps * depth * LANES;
        let len = outputs * block_len;
        let mut values = vec![0f32; len.div_ceil(kernel.values_in_word())];
        let target = Target::of(&mut values);
        panels(outputs).collect::<Vec<_>>().into_par_iter().for_each(|panel| {
            kernel.run(Pack { target, panel, block_len, inputs, taps, depth, get });
        });
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

struct Pack<'a, G> {
    target: Target<f32>,
    panel: (usize, usize),
    block_len: usize,
    inputs: usize,
    taps: usize,
    depth: usize,
    get: &'a G,
}

impl<G: Fn(usize, usize, usize, usize) -> f32> Task for Pack<'_, G> {
    #[inline(always)]
    fn run<D: Dot>(self) {
        let (first, width) = self.panel;
        let mut at = self.target.start.cast::<D::Value>().wrapping_add(first * self.block_len);
        for block in 0..self.inputs {
            for tap in 0..self.taps {
                for channel in (0..self.depth).step_by(D::DEPTH) {
                    for output in first * LANES..(first + width) * LANES {
                        for i in 0..D::DEPTH {
                            let value = (self.get)(output, block, channel + i, tap);
                            // SAFETY: the panel's own part of the buffer.
                            unsafe { at.write(D::Value::from_f32(value)) };
                            at = at.wrapping_add(1);
                        }
                    }
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
    pub(super) fn new(filters: &Filters<'_>) -> Self {
        let taps = filters.kernel * filters.kernel;
        let block_len = filters.input_blocks() * taps * filters.depth() * LANES;
        Self { block_len, len: filters.output_blocks() * block_len }
    }
}

/// Adds up the sums of all groups, in their order, to the gradients of each part's weights,
/// `(Cout, channels, K, K)`.
pub(super) fn unpack(filters: &Filters<'_>, groups: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let sums = Sums::new(filters);
    let taps = filters.kernel * filters.kernel;
    let depth = filters.depth();
    let widths: Vec<(usize, usize)> = panels(filters.output_blocks())
        .flat_map(|(first, width)| (first..first + width).map(move |_| (first, width)))
        .collect();
    let mut total = vec![0f32; sums.len];
    total.par_chunks_mut(SUMMED).enumerate().for_each(|(i, total)| {
        for group in groups {
            let part = &group[i * SUMMED..][..total.len()];
            total.iter_mut().zip(part).for_each(|(total, value)| *total += value);
        }
    });
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
