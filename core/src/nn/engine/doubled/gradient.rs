//! The gradients of the weights: of each tap's in each parity first, then of the steps' that it is the
//! sum of.

use std::ops::Range;

use rayon::prelude::*;

use super::{KERNEL, TAP_OF_STEP, TAPS};
use crate::nn::engine::features::View;
use crate::nn::engine::kernel::{Kernel, Task};
use crate::nn::engine::lanes::{Dot, Element, LANES};
use crate::nn::engine::pack::{Strip, Window, group, group_gradients, grouped_len, groups};
use crate::nn::engine::planes::{AROUND, PARITIES};
use crate::nn::engine::product::{Outer, outer, panels};
use crate::nn::engine::scratch::Scratch;
use crate::nn::engine::weight_gradient::{
    self, GROUPS, grouped_images, grouped_rows, image_groups,
};
use crate::nn::engine::weights::{Filters, Sums, total, unpack};

/// Gradients of the weights of all sources, `(Cout, channels, 3, 3)` each; of a whole batch.
pub(in crate::nn::engine) fn weight_gradients<E: Element>(
    kernel: Kernel,
    sources: &[View<'_, E>],
    filters: &Filters<'_>,
    gradients: View<'_, E>,
    images: usize,
) -> Vec<Vec<f32>> {
    let own = Filters { parts: vec![filters.parts[0]], ..*filters };
    let sums = Sums::new(&own, TAPS.len());
    let groups = image_groups(images, GROUPS).into_par_iter().map(|images| {
        let mut values = vec![0f32; PARITIES.len() * sums.len];
        let depth = own.depth();
        kernel.run(TapGradient { x: sources[0], gradients, images, depth, sums: &mut values });
        values
    });
    let by_tap = total(groups.collect());
    let mut all = unpack(&own, &unfolded(&own, &by_tap));
    if let [_, others @ ..] = sources
        && !others.is_empty()
    {
        let rest = Filters { parts: filters.parts[1..].to_vec(), ..*filters };
        let window = Window::same(KERNEL, 1, [gradients.height, gradients.width]);
        let (found, _) =
            weight_gradient::weight_gradients(kernel, others, window, &rest, gradients, images);
        all.extend(found);
    }
    all
}

/// Sums of the steps' gradients, of those of the taps that they fall on in each parity.
fn unfolded(filters: &Filters<'_>, sums: &[f32]) -> Vec<f32> {
    let depth = filters.depth();
    let by_tap = Sums::new(filters, TAPS.len());
    let by_step = Sums::new(filters, KERNEL * KERNEL);
    let mut all = vec![0f32; by_step.len];
    for (first, width) in panels(filters.output_blocks()) {
        let line_len = depth * width * LANES;
        let panel = &mut all[first * by_step.block_len..][..width * by_step.block_len];
        panel.par_chunks_exact_mut(line_len).enumerate().for_each(|(line, to)| {
            let (block, step) = (line / (KERNEL * KERNEL), line % (KERNEL * KERNEL));
            for (parity, taps) in TAP_OF_STEP.iter().enumerate() {
                let line = block * TAPS.len() + taps[step];
                let from = parity * by_tap.len + first * by_tap.block_len + line * line_len;
                let from = &sums[from..][..line_len];
                to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
            }
        });
    }
    all
}

/// Adds up the gradients of the taps' weights of some images, on this thread.
struct TapGradient<'a, E> {
    x: View<'a, E>,
    /// Of the outputs.
    gradients: View<'a, E>,
    images: Range<usize>,
    /// Channels of a block of inputs that count.
    depth: usize,
    /// Of each parity as [`Sums`] has them.
    sums: &'a mut [f32],
}

impl<E: Element> Task for TapGradient<'_, E> {
    const SHORT: bool = E::SHORT;

    #[inline(always)]
    fn run<D: Dot>(mut self) {
        let (x, gradients) = (self.x, self.gradients);
        let line = KERNEL * x.blocks * AROUND.reach(x.width) + 4 * gradients.blocks * x.width;
        let rows = grouped_rows(line * LANES, x.height);
        let together = grouped_images(line * LANES, x.height);
        let mut image = self.images.start;
        while image < self.images.end {
            let images = together.min(self.images.end - image);
            let mut first = 0;
            while first < x.height {
                let rows = rows.min(x.height - first);
                let strip = Strip { image, first, rows, columns: x.width };
                // SAFETY: the processor has the instructions, as this task is run.
                unsafe { self.add::<D>(&strip, images) };
                first += rows;
            }
            image += images;
        }
    }
}

impl<E: Element> TapGradient<'_, E> {
    /// Adds a strip of an image, or of some images that follow each other.
    ///
    /// # Safety
    ///
    /// The processor has the instructions of `D`.
    #[inline(always)]
    unsafe fn add<D: Dot>(&mut self, strip: &Strip, images: usize) {
        let (x, gradients) = (self.x, self.gradients);
        let x_len = grouped_len::<D>(&AROUND, strip, x.blocks);
        let row_len = groups::<D>(strip.columns) * LANES * D::DEPTH;
        let image_len = strip.rows * row_len;
        let block_step = images * image_len;
        let mut grouped = Scratch::of::<D::Value>(images * x_len);
        let grouped = grouped.as_mut_ptr().cast::<D::Value>();
        let mut packed = Scratch::of::<D::Value>(gradients.blocks * block_step);
        let packed = packed.as_mut_ptr().cast::<D::Value>();
        for i in 0..images {
            let (strip, at) = (strip.of_next(i), grouped.wrapping_add(i * x_len));
            // SAFETY: there is room for all blocks.
            unsafe { group::<D, E>(&x, &AROUND, &strip, 0, x.blocks, at) };
        }
        let height = AROUND.reach(strip.rows);
        let parity_len = self.sums.len() / PARITIES.len();
        for (parity, sums) in PARITIES.iter().zip(self.sums.chunks_exact_mut(parity_len)) {
            let plane = gradients.parity(*parity);
            for i in 0..images {
                let (strip, at) = (strip.of_next(i), packed.wrapping_add(i * image_len));
                // SAFETY: there is room.
                unsafe { group_gradients::<D, E>(&plane, &strip, at, block_step, None) };
            }
            let mut offsets = Vec::with_capacity(x.blocks * TAPS.len());
            for block in 0..x.blocks {
                offsets.extend(TAPS.map(|[row, column]| {
                    let line = ((parity[1] + column) * x.blocks + block) * height;
                    (line + parity[0] + row) * row_len
                }));
            }
            for (first, width) in panels(gradients.blocks) {
                let block_len = parity_len / gradients.blocks;
                let outer_of = Outer {
                    x: grouped,
                    offsets: &offsets,
                    depth: self.depth,
                    // Rows of an image follow each other.
                    rows: images,
                    columns: image_len / (LANES * D::DEPTH),
                    x_row_step: x_len,
                    gradients: packed.wrapping_add(first * block_step),
                    block_step,
                    width,
                    sums: sums[first * block_len..][..width * block_len].as_mut_ptr(),
                };
                // SAFETY: all of it lies within the copies, and the sums are this task's own.
                unsafe { outer::<D>(&outer_of) };
            }
        }
    }
}
