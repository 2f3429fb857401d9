//! Convolutions of features, their input gradients and the gradients of their weights.

use std::any::TypeId;
use std::ops::Range;

use rayon::prelude::*;

use super::features::{Features, Target, View};
use super::kernel::{Kernel, Task};
use super::lanes::{Dot, Element, LANES};
use super::pack::{Strip, Window, group, group_gradients, grouped_len, groups, pad, padded_len};
use super::product::{Finish, Outer, Product, outer, panels, product};
use super::scratch::Scratch;
use super::weights::{Filters, Packed, Sums, total, unpack};
use crate::ops::Activation;

/// Values of a strip's padded input that fit into a core's own cache beside the weights.
const STRIP_VALUES: usize = 96 << 10;
/// Pixels that are worth a task.
const TASK_PIXELS: usize = 200;

/// A convolution that is to be done: what is read, with what, and what becomes of it.
pub(super) struct Convolution<'a, E, O> {
    pub(super) sources: &'a [View<'a, E>],
    pub(super) images: usize,
    pub(super) window: Window,
    pub(super) weights: &'a Packed,
    /// Channels of a block of inputs that count.
    pub(super) depth: usize,
    /// Of each channel, filled up to whole blocks.
    pub(super) bias: Option<&'a [f32]>,
    pub(super) activation: Activation,
    /// Values of the result's shape that are added.
    pub(super) plus: [Option<&'a [E]>; 2],
    /// Values of the result's shape that it is let through by, where they are within 0 and this.
    pub(super) gate: Option<(&'a [E], f32)>,
    pub(super) out: Out<O>,
}

/// Where a convolution's results go, with steps in values.
#[derive(Clone, Copy)]
pub(super) struct Out<O> {
    pub(super) target: Target<O>,
    pub(super) blocks: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) image_step: usize,
    pub(super) block_step: usize,
    pub(super) pixel_step: usize,
}

impl<O: Element> Out<O> {
    /// As [`Features`] are.
    pub(super) fn features(target: Target<O>, blocks: usize, [height, width]: [usize; 2]) -> Self {
        let block_step = height * width * LANES;
        Self {
            target,
            blocks,
            height,
            width,
            image_step: blocks * block_step,
            block_step,
            pixel_step: LANES,
        }
    }

    /// With all channels of a pixel side by side: `(N, H, W, C)`, filled up to whole blocks.
    pub(super) fn rows(target: Target<O>, blocks: usize, [height, width]: [usize; 2]) -> Self {
        let pixel_step = blocks * LANES;
        Self {
            target,
            blocks,
            height,
            width,
            image_step: height * width * pixel_step,
            block_step: LANES,
            pixel_step,
        }
    }
}

impl<E: Element, O: Element> Convolution<'_, E, O> {
    /// Does it, on all threads.
    pub(super) fn run(&self, kernel: Kernel) {
        let rows = self.strip_rows();
        let together = images_together(self.out.height * self.out.width).min(self.images);
        let strips = self.out.height.div_ceil(rows);
        (0..self.images.div_ceil(together) * strips).into_par_iter().for_each(|task| {
            let (image, strip) = (task / strips * together, task % strips * rows);
            let images = image..(image + together).min(self.images);
            let rows = strip..(strip + rows).min(self.out.height);
            kernel.run(Part { convolution: self, images, rows });
        });
    }

    /// Does it for some images, on this thread.
    pub(super) fn run_here(&self, kernel: Kernel, images: Range<usize>) {
        let rows = self.strip_rows();
        for first in (0..self.out.height).step_by(rows) {
            let rows = first..(first + rows).min(self.out.height);
            kernel.run(Part { convolution: self, images: images.clone(), rows });
        }
    }

    /// Rows whose padded input fits into a core's own cache.
    fn strip_rows(&self) -> usize {
        let blocks: usize = self.sources.iter().map(|source| source.blocks).sum();
        let line = blocks * self.window.reach(self.out.width) * self.window.stride * LANES;
        strip_rows(line, self.out.height)
    }
}

/// Rows of so many values of padded input that fit into a core's own cache, in about equal strips.
pub(super) fn strip_rows(line: usize, height: usize) -> usize {
    let rows = (STRIP_VALUES / line).clamp(1, height);
    height.div_ceil(height.div_ceil(rows))
}

/// Images of so many pixels that are worth a task together.
pub(super) fn images_together(area: usize) -> usize {
    (TASK_PIXELS / area).max(1)
}

/// Some rows of some images.
struct Part<'a, 'b, E, O> {
    convolution: &'a Convolution<'b, E, O>,
    images: Range<usize>,
    rows: Range<usize>,
}

impl<E: Element, O: Element> Task for Part<'_, '_, E, O> {
    #[inline(always)]
    fn run<D: Dot>(self) {
        let Self { convolution: c, images, rows } = self;
        if rows.is_empty() {
            return;
        }
        let (window, columns) = (&c.window, c.out.width);
        let strip = |image| Strip { image, first: rows.start, rows: rows.len(), columns };
        let pixels = images.len() * rows.len() * columns;
        let mut to = Vec::with_capacity(pixels);
        for image in images.clone() {
            let first = image * c.out.image_step + rows.start * columns * c.out.pixel_step;
            to.extend((0..rows.len() * columns).map(|pixel| first + pixel * c.out.pixel_step));
        }
        // A 1x1 kernel reads its input where it lies, if that is what the loops multiply.
        if let [view] = c.sources
            && *window == Window::POINT
            && TypeId::of::<E>() == TypeId::of::<D::Value>()
            && view.is_flat()
        {
            let mut from = Vec::with_capacity(pixels);
            for image in images {
                let first = view.at(image, 0, rows.start, 0);
                from.extend((0..rows.len() * columns).map(|pixel| first + pixel * view.pixel_step));
            }
            let offsets: Vec<usize> =
                (0..view.blocks).map(|block| block * view.block_step).collect();
            // SAFETY: pixels and blocks lie within the view; results as for the other case.
            unsafe { c.panels::<D>(view.values.as_ptr().cast(), &from, &to, &offsets) };
            return;
        }
        let blocks: usize = c.sources.iter().map(|source| source.blocks).sum();
        let (height, width) = (window.reach(rows.len()), window.reach(columns));
        let len = padded_len(window, &strip(0), blocks);
        {
            let mut scratch = Scratch::of::<D::Value>(images.len() * len);
            let x = scratch.as_mut_ptr().cast::<D::Value>();
            let mut from = Vec::with_capacity(pixels);
            for (i, image) in images.enumerate() {
                let mut at = x.wrapping_add(i * len);
                for source in c.sources {
                    // SAFETY: there is room for the blocks of all sources.
                    unsafe { pad::<D, E>(source, window, &strip(image), at) };
                    at = at.wrapping_add(padded_len(window, &strip(image), source.blocks));
                }
                for row in 0..rows.len() {
                    let first = i * len + row * window.stride * width * LANES;
                    from.extend((0..columns).map(|column| first + column * window.stride * LANES));
                }
            }
            let mut offsets = Vec::with_capacity(blocks * window.kernel * window.kernel);
            for block in 0..blocks {
                for row in 0..window.kernel {
                    for column in 0..window.kernel {
                        let line = block * height + row * window.dilation;
                        offsets.push((line * width + column * window.dilation) * LANES);
                    }
                }
            }
            // SAFETY: pixels and offsets lie within the copy; the results are this task's own part.
            unsafe { c.panels::<D>(x, &from, &to, &offsets) };
        }
    }
}

impl<E: Element, O: Element> Convolution<'_, E, O> {
    /// All panels of outputs.
    ///
    /// # Safety
    ///
    /// As for [`product`].
    #[inline(always)]
    unsafe fn panels<D: Dot>(
        &self,
        x: *const D::Value,
        from: &[usize],
        to: &[usize],
        offsets: &[usize],
    ) {
        for (first, width) in panels(self.out.blocks) {
            let before = first * self.out.block_step;
            let beside = |values: &[E]| values.as_ptr().wrapping_add(before);
            let finish = Finish {
                bias: self.bias.map(|bias| &bias[first * LANES..][..width * LANES]),
                activation: self.activation,
                plus: self.plus.map(|plus| plus.map(beside)),
                gate: self.gate.map(|(gate, high)| (beside(gate), high)),
                out: self.out.target.start.wrapping_add(before),
                block_step: self.out.block_step,
            };
            // SAFETY: a panel of these weights.
            let weights = unsafe { self.weights.panel::<D>(first) };
            let product_of = Product { x, from, to, offsets, depth: self.depth, weights, width };
            // SAFETY: as the caller promises.
            unsafe { product::<D, E, O>(&product_of, &finish) };
        }
    }
}

/// Adds up the gradients of weights, and of biases, of some images, on this thread.
pub(super) struct WeightGradient<'a, E> {
    pub(super) sources: &'a [View<'a, E>],
    pub(super) window: Window,
    /// Of the outputs.
    pub(super) gradients: View<'a, E>,
    /// Of the gradients.
    pub(super) images: Range<usize>,
    /// The sources' image that belongs to the first of them.
    pub(super) source_image: usize,
    /// Channels of a block of inputs that count.
    pub(super) depth: usize,
    /// As [`Sums`] has them.
    pub(super) sums: &'a mut [f32],
    pub(super) bias_sums: Option<&'a mut [f32]>,
}

/// Values of inputs and gradients in groups that fit into a core's own cache.
const GROUPED_VALUES: usize = 128 << 10;

impl<E: Element> Task for WeightGradient<'_, E> {
    #[inline(always)]
    fn run<D: Dot>(mut self) {
        let mut sources = self.sources.to_vec();
        if self.window == Window::POINT
            && self.gradients.is_flat()
            && sources.iter().all(View::is_flat)
        {
            // One row of all pixels.
            self.gradients = flat(self.gradients);
            for source in &mut sources {
                *source = flat(*source);
            }
        }
        let (window, gradients) = (self.window, self.gradients);
        let blocks: usize = sources.iter().map(|source| source.blocks).sum();
        let line = blocks * window.reach(gradients.width) * window.kernel * LANES
            + gradients.blocks * gradients.width * LANES;
        let rows = grouped_rows(line, gradients.height);
        let together = if window.stride == 1 { grouped_images(line, gradients.height) } else { 1 };
        let mut image = self.images.start;
        while image < self.images.end {
            let images = image..(image + together).min(self.images.end);
            let mut first = 0;
            while first < gradients.height {
                let rows = rows.min(gradients.height - first);
                let strip = Strip { image, first, rows, columns: gradients.width };
                // SAFETY: the processor has the instructions, as this task is run.
                unsafe { self.add::<D>(&sources, &strip, images.len()) };
                first += rows;
            }
            image = images.end;
        }
    }
}

impl<E: Element> WeightGradient<'_, E> {
    /// Adds a strip of an image, or of some images that follow each other.
    ///
    /// # Safety
    ///
    /// The processor has the instructions of `D`.
    #[inline(always)]
    unsafe fn add<D: Dot>(&mut self, sources: &[View<'_, E>], strip: &Strip, images: usize) {
        let (window, gradients) = (self.window, self.gradients);
        let blocks: usize = sources.iter().map(|source| source.blocks).sum();
        let x_len = grouped_len::<D>(&window, strip, blocks);
        let row_len = groups::<D>(strip.columns) * LANES * D::DEPTH;
        let image_len = strip.rows * row_len;
        let block_step = images * image_len;
        let mut x = Scratch::of::<D::Value>(images * x_len);
        let mut packed = Scratch::of::<D::Value>(gradients.blocks * block_step);
        let (x, packed) =
            (x.as_mut_ptr().cast::<D::Value>(), packed.as_mut_ptr().cast::<D::Value>());
        for i in 0..images {
            let strip = strip.of_next(i);
            let image = self.source_image + strip.image - self.images.start;
            let read = Strip { image, ..strip };
            let at = x.wrapping_add(i * x_len);
            let mut before = 0;
            for source in sources {
                // SAFETY: there is room for all blocks.
                unsafe { group::<D, E>(source, &window, &read, before, blocks, at) };
                before += source.blocks;
            }
            let bias_sums = self.bias_sums.as_mut().map(|sums| {
                assert!(sums.len() >= gradients.blocks * LANES);
                sums.as_mut_ptr()
            });
            let at = packed.wrapping_add(i * image_len);
            // SAFETY: there is room.
            unsafe { group_gradients::<D, E>(&gradients, &strip, at, block_step, bias_sums) };
        }
        let height = window.reach(strip.rows);
        let mut offsets = Vec::with_capacity(blocks * window.kernel * window.kernel);
        for block in 0..blocks {
            for row in 0..window.kernel {
                for column in 0..window.kernel {
                    let line = (column * blocks + block) * height + row * window.dilation;
                    offsets.push(line * row_len);
                }
            }
        }
        assert!(window.stride == 1 || images == 1);
        // Rows that follow each other are one.
        let (rows, x_row_step) = if window.stride == 1 {
            (images, x_len)
        } else {
            (strip.rows, window.stride * row_len)
        };
        let block_len = self.sums.len() / gradients.blocks;
        for (first, width) in panels(gradients.blocks) {
            let sums = &mut self.sums[first * block_len..][..width * block_len];
            let outer_of = Outer {
                x,
                offsets: &offsets,
                depth: self.depth,
                rows,
                columns: block_step / (rows * LANES * D::DEPTH),
                x_row_step,
                gradients: packed.wrapping_add(first * block_step),
                block_step,
                width,
                sums: sums.as_mut_ptr(),
            };
            // SAFETY: all of it lies within the copies, and the sums are this task's own.
            unsafe { outer::<D>(&outer_of) };
        }
    }
}

/// Whole images, of rows of so many values in groups, that fit into a core's own cache: sums are
/// read and written once for all of them.
pub(super) fn grouped_images(line: usize, height: usize) -> usize {
    (GROUPED_VALUES / (line * height)).max(1)
}

/// Rows of so many values in groups that fit into a core's own cache.
pub(super) fn grouped_rows(line: usize, height: usize) -> usize {
    (GROUPED_VALUES / line).clamp(1, height)
}

/// The same pixels as one row.
fn flat<E>(view: View<'_, E>) -> View<'_, E> {
    let width = view.area();
    View { height: 1, width, row_step: width * view.pixel_step, ..view }
}

/// Parts that a batch's images are summed in: as many whatever the threads, so that sums do not
/// depend on them.
pub(super) fn image_groups(images: usize) -> Vec<Range<usize>> {
    let groups = images.min(8);
    (0..groups).map(|i| i * images / groups..(i + 1) * images / groups).collect()
}

/// Gradients of a whole batch: those of each part's weights, `(Cout, channels, K, K)`, and of the
/// biases.
pub(super) fn weight_gradients<E: Element>(
    kernel: Kernel,
    sources: &[View<'_, E>],
    window: Window,
    filters: &Filters<'_>,
    gradients: View<'_, E>,
    images: usize,
) -> (Vec<Vec<f32>>, Vec<f32>) {
    let sums = Sums::new(filters, filters.kernel * filters.kernel);
    let outputs = filters.output_blocks() * LANES;
    let groups: Vec<(Vec<f32>, Vec<f32>)> = image_groups(images)
        .into_par_iter()
        .map(|images| {
            let (mut weights, mut biases) = (vec![0f32; sums.len], vec![0f32; outputs]);
            kernel.run(WeightGradient {
                sources,
                window,
                gradients,
                source_image: images.start,
                images,
                depth: filters.depth(),
                sums: &mut weights,
                bias_sums: Some(&mut biases),
            });
            (weights, biases)
        })
        .collect();
    let (weights, biases): (Vec<_>, Vec<_>) = groups.into_iter().unzip();
    (unpack(filters, &total(&weights)), sum(&biases, filters.outputs))
}

/// Sums over groups, of the first so many channels.
pub(super) fn sum(groups: &[Vec<f32>], channels: usize) -> Vec<f32> {
    (0..channels).map(|channel| groups.iter().map(|sums| sums[channel]).sum()).collect()
}

/// Gradient of a source's values, and `plus`.
pub(super) fn input_gradient<E: Element>(
    kernel: Kernel,
    gradients: View<'_, E>,
    images: usize,
    window: Window,
    filters: &Filters<'_>,
    part: usize,
    plus: Option<&Features<E>>,
) -> Features<E> {
    let channels = filters.parts[part].channels;
    let size = [gradients.height, gradients.width];
    let weights = Packed::backward(kernel, filters, part);
    let fill = |target| {
        let convolution = Convolution::<E, E> {
            sources: &[gradients],
            images,
            window: window.backwards(),
            weights: &weights,
            depth: super::weights::depth(filters.outputs),
            bias: None,
            activation: Activation::None,
            plus: [plus.map(|plus| &plus.values[..]), None],
            gate: None,
            out: Out::features(target, channels.div_ceil(LANES), size),
        };
        convolution.run(kernel);
    };
    // SAFETY: a convolution writes all pixels of all blocks.
    unsafe { Features::filled(images, channels, size, fill) }
}
