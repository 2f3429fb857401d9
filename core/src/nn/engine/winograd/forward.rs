//! Convolutions and their input gradients.

use std::ops::Range;

use rayon::prelude::*;

use super::filters::Source;
use super::tiles::{Layout, Tile, tiles, transform};
use super::transform::{Inputs, OUTPUTS, Outputs, POINTS, POSITIONS, both_ways};
use crate::nn::engine::conv::Out;
use crate::nn::engine::features::{Target, View};
use crate::nn::engine::kernel::{Kernel, Task};
use crate::nn::engine::lanes::{Dot, Element, LANES, Lanes, Single};
use crate::nn::engine::product::{Finish, Product, panels, product};
use crate::nn::engine::scratch::Scratch;
use crate::nn::ops::Activation;

/// Transformed inputs that are held at once, in values, so that they are still in a processor's last
/// cache when they are multiplied.
const HELD_VALUES: usize = 2 << 20;
/// Tiles that are held at once at least: the filters are read, and where they are many transformed,
/// once for all of them.
const HELD_TILES: usize = 192;
/// Transformed filters that are held at once for each thread, in values.
const HELD_FILTERS: usize = 5 << 18;

/// What is done: as for [`crate::nn::engine::conv::Convolution`].
pub(super) struct Convolution<'a, E> {
    pub(super) sources: &'a [View<'a, E>],
    pub(super) images: usize,
    pub(super) dilation: usize,
    pub(super) filters: &'a Source<'a>,
    pub(super) bias: Option<&'a [f32]>,
    pub(super) activation: Activation,
    pub(super) plus: Option<&'a [E]>,
    pub(super) gate: Option<(&'a [E], f32)>,
    pub(super) out: Out<E>,
}

/// Tiles whose sums are in a core's own cache until they are transformed back.
fn tiles_together(channels: usize) -> usize {
    (channels / 2).clamp(24, 96).next_multiple_of(24)
}

impl<E: Element> Convolution<'_, E> {
    /// Does it, on all threads.
    pub(super) fn run(&self, kernel: Kernel) {
        let blocks = self.filters.input_blocks();
        let tiles = tiles(self.images, [self.out.height, self.out.width], self.dilation);
        let together = tiles_together(blocks * LANES);
        let held = (HELD_VALUES / (POSITIONS * blocks * LANES)).max(HELD_TILES);
        let held = held.next_multiple_of(together).min(tiles.len());
        let batches = self.batches();
        let largest = batches.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        let group_len = Layout { blocks, tiles: together }.len();
        let lens = [largest * self.filters.block_len(), held.div_ceil(together) * group_len];
        let mut values = Scratch::new(lens[0] + lens[1]);
        let values = Target::of(&mut values);
        let (filters, inputs) = (values.some(0, lens[0]), values.some(lens[0], lens[1]));
        for (turn, tiles) in tiles.chunks(held).enumerate() {
            let groups: Vec<&[Tile]> = tiles.chunks(together).collect();
            transform::<Inputs, E>(kernel, self.sources, &groups, self.dilation, group_len, inputs);
            for batch in &batches {
                if turn == 0 || batches.len() > 1 {
                    // SAFETY: there is room for the largest batch.
                    unsafe { self.filters.transform(kernel, batch.clone(), filters) };
                }
                let panels = panels(self.out.blocks).filter(|(first, _)| batch.contains(first));
                let panels: Vec<_> = panels.collect();
                (0..panels.len() * groups.len()).into_par_iter().for_each(|task| {
                    let (panel, group) = (panels[task / groups.len()], task % groups.len());
                    let start = (panel.0 - batch.start) * self.filters.block_len();
                    kernel.run(Sums {
                        convolution: self,
                        tiles: groups[group],
                        inputs: inputs.some(group * group_len, group_len),
                        panel,
                        filters: filters.some(start, panel.1 * self.filters.block_len()),
                    });
                });
            }
        }
    }

    /// Blocks of outputs whose filters are transformed together: whole panels.
    fn batches(&self) -> Vec<Range<usize>> {
        let most = rayon::current_num_threads() * HELD_FILTERS / self.filters.block_len();
        let mut batches: Vec<Range<usize>> = Vec::new();
        for (first, width) in panels(self.out.blocks) {
            match batches.last_mut() {
                Some(batch) if first + width - batch.start <= most => batch.end = first + width,
                _ => batches.push(first..first + width),
            }
        }
        batches
    }
}

/// Some tiles' products with a panel of filters, transformed back.
struct Sums<'a, 'b, E> {
    convolution: &'a Convolution<'b, E>,
    tiles: &'a [Tile],
    /// Theirs, transformed.
    inputs: Target<f32>,
    panel: (usize, usize),
    /// Those of the panel.
    filters: Target<f32>,
}

impl<E: Element> Task for Sums<'_, '_, E> {
    const SHORT: bool = false;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let Self { convolution: c, tiles, inputs, panel: (first, width), filters } = self;
        let source = c.filters;
        let layout = Layout { blocks: source.input_blocks(), tiles: tiles.len() };
        let sums_layout = Layout { blocks: width, tiles: tiles.len() };
        let mut sums = Scratch::new(sums_layout.len());
        let places: Vec<usize> = (0..tiles.len()).map(|tile| tile * LANES).collect();
        let offsets: Vec<usize> =
            (0..layout.blocks).map(|block| block * layout.block_step()).collect();
        let together = Source::together::<D::Lanes>((first, width));
        for position in 0..POSITIONS {
            let x = inputs.start.wrapping_add(position * layout.position_step());
            for block in (0..width).step_by(together) {
                let at = position * sums_layout.position_step() + block * sums_layout.block_step();
                let product_of = Product {
                    x,
                    from: &places,
                    to: &places,
                    offsets: &offsets,
                    depth: source.depth,
                    weights: filters.start.wrapping_add(source.at(block, together, position)),
                    width: together,
                };
                let finish = Finish::<f32, f32> {
                    bias: None,
                    activation: Activation::None,
                    plus: [None; 2],
                    gate: None,
                    out: sums[at..].as_mut_ptr(),
                    block_step: sums_layout.block_step(),
                };
                // SAFETY: all of it lies within what was transformed; the sums are this task's own.
                unsafe { product::<Single<D::Lanes>, f32, f32>(&product_of, &finish) };
            }
        }
        // SAFETY: the sums are written; the results are this task's own.
        unsafe { c.finish::<D::Lanes>(tiles, &sums, sums_layout, first) };
    }
}

impl<E: Element> Convolution<'_, E> {
    /// Transforms sums back, and writes what becomes of them.
    ///
    /// # Safety
    ///
    /// The processor has the instructions of `L`, and no other task writes these tiles' results.
    #[inline(always)]
    unsafe fn finish<L: Lanes>(&self, tiles: &[Tile], sums: &[f32], layout: Layout, first: usize) {
        let before = first * self.out.block_step;
        let beside = |values: &[E]| values.as_ptr().wrapping_add(before);
        let finish = Finish::<E, E> {
            bias: self.bias.map(|bias| &bias[first * LANES..][..layout.blocks * LANES]),
            activation: self.activation,
            plus: [self.plus.map(beside), None],
            gate: self.gate.map(|(gate, high)| (beside(gate), high)),
            out: self.out.target.start.wrapping_add(before),
            block_step: self.out.block_step,
        };
        assert!(sums.len() >= layout.len());
        for block in 0..layout.blocks {
            for (i, tile) in tiles.iter().enumerate() {
                let at = sums.as_ptr().wrapping_add(block * layout.block_step() + i * LANES);
                let mut columns = [[L::zero(); POINTS]; POINTS];
                for column in 0..POINTS {
                    for row in 0..POINTS {
                        let position = row * POINTS + column;
                        let at = at.wrapping_add(position * layout.position_step());
                        // SAFETY: within the sums.
                        columns[column][row] = unsafe { L::load(at) };
                    }
                }
                let rows = both_ways::<Outputs, L, POINTS, OUTPUTS>(columns);
                for row in 0..OUTPUTS {
                    let y = tile.row + row * self.dilation;
                    for column in 0..OUTPUTS {
                        let x = tile.column + column * self.dilation;
                        if y < self.out.height && x < self.out.width {
                            let pixel = (y * self.out.width + x) * self.out.pixel_step;
                            let to = tile.image * self.out.image_step + pixel;
                            // SAFETY: a pixel of the results, as the caller promises.
                            unsafe { finish.finish(rows[row][column], block, to) };
                        }
                    }
                }
            }
        }
    }
}
