//! Gradients of weights: F(3x3, 4x4).

use std::ops::Range;

use rayon::prelude::*;

use super::tiles::{Layout, Tile, tiles, transform};
use super::transform::{FilterGradient, Gradients, Inputs, KERNEL, POINTS, POSITIONS, both_ways};
use crate::nn::engine::features::{Target, View};
use crate::nn::engine::kernel::{Kernel, Task};
use crate::nn::engine::lanes::{Dot, Element, LANES, Lanes, Single};
use crate::nn::engine::pack::Window;
use crate::nn::engine::product::{Outer, outer};
use crate::nn::engine::scratch::Scratch;
use crate::nn::engine::weight_gradient::{Share, shares};
use crate::nn::engine::weights::{Filters, Sums, total, unpack};

/// Steps of the kernel.
const TAPS: usize = KERNEL * KERNEL;
/// Tiles that are summed in registers: two blocks of them at one position fit into a core's first cache.
const TILES_TOGETHER: usize = 128;
/// Transformed inputs and gradients that are held at once, in values, so that they are still in a
/// processor's last cache when they are multiplied.
const HELD_VALUES: usize = 4 << 20;
/// Tasks that the weights are cut into at least: where they are few, tiles are shared out too, and each
/// slice of them has sums of its own. As many whatever the threads, so that sums do not depend on them.
const TASKS: usize = 12;
/// Where the sum of a tile's gradients is among the 36: `A` times them adds up all in its second row.
const SUM: usize = POINTS + 1;

/// Gradients of a whole batch: those of each part's weights, `(Cout, channels, 3, 3)`, and of the
/// biases.
pub(in crate::nn::engine) fn weight_gradients<E: Element>(
    kernel: Kernel,
    sources: &[View<'_, E>],
    window: Window,
    filters: &Filters<'_>,
    gradients: View<'_, E>,
    images: usize,
) -> (Vec<Vec<f32>>, Vec<f32>) {
    let (inputs, outputs) = (filters.input_blocks(), filters.output_blocks());
    let tiles = tiles(images, [gradients.height, gradients.width], window.dilation);
    let held = HELD_VALUES / (POSITIONS * (inputs + outputs) * LANES);
    let held = (held / TILES_TOGETHER).max(1) * TILES_TOGETHER;
    let groups = held.min(tiles.len()).div_ceil(TILES_TOGETHER);
    let blocks: Vec<usize> = sources.iter().map(|source| source.blocks).collect();
    let shares = places(&shares(&blocks, outputs), &blocks, filters.depth());
    let slices = TASKS.div_ceil(shares.len()).min(groups);
    let sums_len = Sums::new(filters, TAPS).len;
    let mut sums: Vec<Vec<f32>> = (0..slices).map(|_| vec![0.0; sums_len]).collect();
    let mut bias = vec![0f32; outputs * LANES];
    let steps = [inputs, outputs].map(|blocks| Layout { blocks, tiles: TILES_TOGETHER }.len());
    let lens = steps.map(|step| groups * step);
    let mut values = Scratch::new(lens[0] + lens[1]);
    let values = Target::of(&mut values);
    let (x, d_y) = (values.some(0, lens[0]), values.some(lens[0], lens[1]));
    for tiles in tiles.chunks(held) {
        let groups: Vec<&[Tile]> = tiles.chunks(TILES_TOGETHER).collect();
        transform::<Inputs, E>(kernel, sources, &groups, window.dilation, steps[0], x);
        transform::<Gradients, E>(kernel, &[gradients], &groups, window.dilation, steps[1], d_y);
        let transformed =
            Transformed { groups: &groups, blocks: [inputs, outputs], steps, values: [x, d_y] };
        let tasks: Vec<_> = sums.iter_mut().map(|sums| Target::of(sums)).enumerate().collect();
        (0..shares.len() * slices).into_par_iter().for_each(|task| {
            let (share, (slice, sums)) = (&shares[task / slices], tasks[task % slices]);
            let groups = slice * groups.len() / slices..(slice + 1) * groups.len() / slices;
            // SAFETY: the share's own part.
            let sums = unsafe { sums.part(share.sums.start, share.sums.len()) };
            kernel.run(Products {
                transformed: &transformed,
                share,
                groups,
                depth: filters.depth(),
                sums,
            });
        });
        bias.par_chunks_exact_mut(LANES).enumerate().for_each(|(block, bias)| {
            kernel.run(Biases { transformed: &transformed, block, bias });
        });
    }
    bias.truncate(filters.outputs);
    (unpack(filters, &total(sums)), bias)
}

/// Some of a layer's weights.
struct Place {
    /// First block and blocks of all sources.
    inputs: (usize, usize),
    /// First block and blocks of the outputs.
    outputs: (usize, usize),
    /// Where their sums lie among all.
    sums: Range<usize>,
}

/// Where shares lie among all sources of so many blocks.
fn places(shares: &[Share], blocks: &[usize], depth: usize) -> Vec<Place> {
    let mut end = 0;
    let place = |share: &Share| {
        let Share { source, inputs, outputs } = *share;
        let before: usize = blocks[..source].iter().sum();
        let start = end;
        end += inputs.1 * TAPS * depth * outputs.1 * LANES;
        Place { inputs: (before + inputs.0, inputs.1), outputs, sums: start..end }
    };
    shares.iter().map(place).collect()
}

/// Groups of tiles, their inputs and their gradients transformed.
struct Transformed<'a> {
    groups: &'a [&'a [Tile]],
    blocks: [usize; 2],
    /// Values from group to group.
    steps: [usize; 2],
    values: [Target<f32>; 2],
}

impl Transformed<'_> {
    /// Where a block's tiles of a group begin at a position, of inputs (0) or of gradients (1), and the
    /// values from block to block.
    #[inline(always)]
    fn at(&self, side: usize, group: usize, block: usize, position: usize) -> (*const f32, usize) {
        let layout = Layout { blocks: self.blocks[side], tiles: self.groups[group].len() };
        let values = self.values[side].some(group * self.steps[side], layout.len());
        let at = position * layout.position_step() + block * layout.block_step();
        (values.start.wrapping_add(at), layout.block_step())
    }
}

/// Adds up the gradients of some weights, of some groups of tiles.
struct Products<'a> {
    transformed: &'a Transformed<'a>,
    share: &'a Place,
    groups: Range<usize>,
    /// Channels of a block of inputs that count.
    depth: usize,
    /// The share's, as [`Sums`] has them.
    sums: &'a mut [f32],
}

impl Task for Products<'_> {
    const SHORT: bool = false;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let Self { transformed, share, groups, depth, sums } = self;
        let (blocks, width) = (share.inputs.1, share.outputs.1);
        // Those of a position, with a gap: positions lie no power of two apart.
        let step = (blocks * depth * width + 1) * LANES;
        let mut products = Scratch::new(POSITIONS * step);
        let mut offsets = vec![0; blocks];
        for position in 0..POSITIONS {
            let products = &mut products[position * step..][..step];
            products.fill(0.0);
            for group in groups.clone() {
                let (x, x_step) = transformed.at(0, group, share.inputs.0, position);
                let (d_y, d_y_step) = transformed.at(1, group, share.outputs.0, position);
                for (block, offset) in offsets.iter_mut().enumerate() {
                    *offset = block * x_step;
                }
                let outer_of = Outer {
                    x,
                    offsets: &offsets,
                    depth,
                    rows: 1,
                    columns: transformed.groups[group].len(),
                    x_row_step: 0,
                    gradients: d_y,
                    block_step: d_y_step,
                    width,
                    sums: products.as_mut_ptr(),
                };
                // SAFETY: all of it lies within what was transformed; the sums are this task's own.
                unsafe { outer::<Single<D::Lanes>>(&outer_of) };
            }
        }
        let lines = depth * width * LANES;
        for block in 0..blocks {
            for line in (0..lines).step_by(LANES) {
                let from = &products[block * lines + line..];
                assert!(from.len() >= (POSITIONS - 1) * step + LANES);
                let mut columns = [[D::Lanes::zero(); POINTS]; POINTS];
                for column in 0..POINTS {
                    for row in 0..POINTS {
                        let at = (row * POINTS + column) * step;
                        // SAFETY: in bounds, just checked.
                        columns[column][row] = unsafe { D::Lanes::load(from.as_ptr().add(at)) };
                    }
                }
                let rows = both_ways::<FilterGradient, D::Lanes, POINTS, KERNEL>(columns);
                let to = &mut sums[block * TAPS * lines + line..];
                assert!(to.len() >= (TAPS - 1) * lines + LANES);
                for tap in 0..TAPS {
                    let at = to.as_mut_ptr().wrapping_add(tap * lines);
                    // SAFETY: in bounds, just checked.
                    let old = unsafe { D::Lanes::load(at) };
                    // SAFETY: as above.
                    unsafe { old.add(rows[tap / KERNEL][tap % KERNEL]).store(at) };
                }
            }
        }
    }
}

/// Adds up the gradients of a block's biases.
struct Biases<'a> {
    transformed: &'a Transformed<'a>,
    block: usize,
    bias: &'a mut [f32],
}

impl Task for Biases<'_> {
    const SHORT: bool = false;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let Self { transformed, block, bias } = self;
        assert!(bias.len() == LANES);
        // SAFETY: 16 values.
        let mut sum = unsafe { D::Lanes::load(bias.as_ptr()) };
        for (group, tiles) in transformed.groups.iter().enumerate() {
            let (at, _) = transformed.at(1, group, block, SUM);
            for tile in 0..tiles.len() {
                // SAFETY: within what was transformed.
                sum = sum.add(unsafe { D::Lanes::load(at.add(tile * LANES)) });
            }
        }
        // SAFETY: 16 values.
        unsafe { sum.store(bias.as_mut_ptr()) };
    }
}
