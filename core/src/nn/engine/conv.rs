//! Convolutions of features, and their input gradients.

use std::any::TypeId;
use std::ops::Range;

use rayon::prelude::*;

use super::features::{Features, Target, View, filled};
use super::kernel::{Kernel, Task};
use super::lanes::{Dot, Element, LANES};
use super::pack::{Strip, Window, pad, padded_len};
use super::product::{Finish, Product, panels, product};
use super::scratch::Scratch;
use super::weights::{Filters, Packed};
use crate::nn::ops::Activation;

/// Values of a strip's padded input that fit into a core's own cache beside the weights.
const STRIP_VALUES: usize = 96 << 10;
/// Tasks that a convolution is cut into at least, if its outputs allow it.
const TASKS: usize = 12;
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
        let tasks = self.images.div_ceil(together) * strips;
        // Few tasks share out the outputs too, so that all cores have some.
        let panels = panels(self.out.blocks).count();
        let shares = panels.min(TASKS.div_ceil(tasks));
        (0..tasks * shares).into_par_iter().for_each(|task| {
            let (task, share) = (task / shares, task % shares);
            let (image, strip) = (task / strips * together, task % strips * rows);
            let images = image..(image + together).min(self.images);
            let rows = strip..(strip + rows).min(self.out.height);
            let panels = share * panels / shares..(share + 1) * panels / shares;
            kernel.run(Part { convolution: self, images, rows, panels });
        });
    }

    /// Does it for some images, on this thread.
    pub(super) fn run_here(&self, kernel: Kernel, images: Range<usize>) {
        let rows = self.strip_rows();
        for first in (0..self.out.height).step_by(rows) {
            let rows = first..(first + rows).min(self.out.height);
            let panels = 0..panels(self.out.blocks).count();
            kernel.run(Part { convolution: self, images: images.clone(), rows, panels });
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

/// Some rows of some images, to some panels of outputs.
struct Part<'a, 'b, E, O> {
    convolution: &'a Convolution<'b, E, O>,
    images: Range<usize>,
    rows: Range<usize>,
    panels: Range<usize>,
}

impl<E: Element, O: Element> Task for Part<'_, '_, E, O> {
    const SHORT: bool = E::SHORT;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let Self { convolution: c, images, rows, panels } = self;
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
        let mut from = Vec::with_capacity(pixels);
        let mut offsets = Vec::new();
        let mut kept = None;
        // A 1x1 kernel reads its input where it lies, if that is what the loops multiply.
        let x: *const D::Value = if let [view] = c.sources
            && *window == Window::POINT
            && TypeId::of::<E>() == TypeId::of::<D::Value>()
            && view.is_flat()
        {
            for image in images {
                let first = view.at(image, 0, rows.start, 0);
                from.extend((0..rows.len() * columns).map(|pixel| first + pixel * view.pixel_step));
            }
            offsets.extend((0..view.blocks).map(|block| block * view.block_step));
            view.values.as_ptr().cast()
        } else {
            let blocks: usize = c.sources.iter().map(|source| source.blocks).sum();
            let (height, width) = (window.reach(rows.len()), window.reach(columns));
            let len = padded_len(window, &strip(0), blocks);
            let mut scratch = Scratch::of::<D::Value>(images.len() * len);
            let x = scratch.as_mut_ptr().cast::<D::Value>();
            kept = Some(scratch);
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
            offsets = padded_offsets(window, blocks, [height, width]);
            x
        };
        // SAFETY: pixels and offsets lie within the view, or within the copy; the results are this
        // task's own part.
        unsafe { c.some_panels::<D>(panels, x, [&from, &to, &offsets]) };
        drop(kept);
    }
}

/// Where the pixels of each block lie under each tap of the kernel, in a padded copy.
fn padded_offsets(window: &Window, blocks: usize, [height, width]: [usize; 2]) -> Vec<usize> {
    let mut offsets = Vec::with_capacity(blocks * window.kernel * window.kernel);
    for block in 0..blocks {
        for row in 0..window.kernel {
            for column in 0..window.kernel {
                let line = block * height + row * window.dilation;
                offsets.push((line * width + column * window.dilation) * LANES);
            }
        }
    }
    offsets
}

impl<E: Element, O: Element> Convolution<'_, E, O> {
    /// Some panels of outputs.
    ///
    /// # Safety
    ///
    /// As for [`product`].
    #[inline(always)]
    unsafe fn some_panels<D: Dot>(
        &self,
        some: Range<usize>,
        x: *const D::Value,
        [from, to, offsets]: [&[usize]; 3],
    ) {
        for (first, width) in panels(self.out.blocks).skip(some.start).take(some.len()) {
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

/// A convolution's weights, and what becomes of the sums.
#[derive(Clone, Copy)]
pub(super) struct Dense<'a> {
    pub(super) weights: &'a Packed,
    pub(super) window: Window,
    pub(super) outputs: usize,
    /// Channels of a block of inputs that count.
    pub(super) depth: usize,
    /// Of each channel, filled up to whole blocks.
    pub(super) bias: Option<&'a [f32]>,
    pub(super) activation: Activation,
}

/// A convolution of sources of one size, on all threads.
pub(super) fn convolve<S: Element, E: Element>(
    kernel: Kernel,
    sources: &[View<'_, S>],
    images: usize,
    layer: Dense<'_>,
) -> Features<E> {
    convolve_plus(kernel, sources, images, layer, None)
}

/// The same, with values of the result's shape that are added.
pub(super) fn convolve_plus<S: Element, E: Element>(
    kernel: Kernel,
    sources: &[View<'_, S>],
    images: usize,
    layer: Dense<'_>,
    plus: Option<&Features<S>>,
) -> Features<E> {
    let size = [sources[0].height, sources[0].width];
    let size = size.map(|side| side.div_ceil(layer.window.stride));
    let fill = |target| {
        let convolution = Convolution::<S, E> {
            sources,
            images,
            window: layer.window,
            weights: layer.weights,
            depth: layer.depth,
            bias: layer.bias,
            activation: layer.activation,
            plus: [plus.map(|plus| &plus.values[..]), None],
            gate: None,
            out: Out::features(target, layer.outputs.div_ceil(LANES), size),
        };
        convolution.run(kernel);
    };
    // SAFETY: a convolution writes all pixels of all blocks.
    unsafe { Features::filled(images, layer.outputs, size, fill) }
}

/// A 1x1 convolution whose results are wanted as f32, each pixel's side by side: `(N, H, W, C)`,
/// filled up to whole blocks.
pub(super) fn rows_of<E: Element>(kernel: Kernel, x: &Features<E>, layer: Dense<'_>) -> Vec<f32> {
    let blocks = layer.outputs.div_ceil(LANES);
    let fill = |target| {
        Convolution::<E, f32> {
            sources: &[x.view()],
            images: x.images,
            window: layer.window,
            weights: layer.weights,
            depth: layer.depth,
            bias: layer.bias,
            activation: layer.activation,
            plus: [None; 2],
            gate: None,
            out: Out::rows(target, blocks, x.size()),
        }
        .run(kernel);
    };
    // SAFETY: a convolution writes all pixels of all blocks.
    unsafe { filled(x.images * x.area() * blocks * LANES, fill) }
}

/// What becomes of an input's gradient before it is written.
#[derive(Clone, Copy)]
pub(super) struct Onward<'a, E> {
    /// What the input's activation lets through: the input's values, of which those within 0 and this
    /// count.
    pub(super) gate: Option<(&'a Features<E>, f32)>,
    /// Gradients that come from elsewhere.
    pub(super) plus: Option<&'a Features<E>>,
}

impl<'a, E> Onward<'a, E> {
    pub(super) fn gate(&self) -> Option<(&'a [E], f32)> {
        self.gate.map(|(features, high)| (&features.values[..], high))
    }

    pub(super) fn plus(&self) -> Option<&'a [E]> {
        self.plus.map(|features| &features.values[..])
    }
}

/// Gradient of a source's values, for a stride of 1.
pub(super) fn input_gradient<E: Element>(
    kernel: Kernel,
    gradients: View<'_, E>,
    images: usize,
    window: Window,
    filters: &Filters<'_>,
    part: usize,
    onward: Onward<'_, E>,
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
            plus: [onward.plus(), None],
            gate: onward.gate(),
            out: Out::features(target, channels.div_ceil(LANES), size),
        };
        convolution.run(kernel);
    };
    // SAFETY: a convolution writes all pixels of all blocks.
    unsafe { Features::filled(images, channels, size, fill) }
}
