//! The inverted residual block as one operation.
//!
//! Sandler, Howard and others, "`MobileNetV2`", 2018, <https://arxiv.org/abs/1801.04381>: 1x1
//! convolution to more channels with `ReLU6`, depthwise convolution with `ReLU6`, 1x1 convolution to
//! fewer, plus the input where shapes allow it. A few images at a time go through all three, so that
//! what lies between them is read from a core's own cache, forward and backward.

use std::ops::Range;

use rayon::prelude::*;

use super::conv::{Convolution, Out, images_together};
use super::depthwise::{self, Taps};
use super::features::{Features, Target, Unwritten, View};
use super::kernel::Kernel;
use super::lanes::{Element, LANES};
use super::pack::Window;
use super::weights::{Filters, Packed, Part, depth};
use crate::nn::ops::Activation;

mod backward;

pub(super) use backward::backward;

/// Where `ReLU6` ends.
const SIX: f32 = 6.0;

/// A layer's weights `(Cout, Cin, 1, 1)` and biases `(Cout)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dense<'a> {
    pub(crate) weights: &'a [f32],
    pub(crate) bias: &'a [f32],
}

/// The block's layers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layers<'a> {
    /// None where the depthwise convolution reads the input.
    pub(crate) expand: Option<Dense<'a>>,
    /// `(C, 1, K, K)`.
    pub(crate) depthwise: Dense<'a>,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) project: Dense<'a>,
    /// Whether the input is added.
    pub(crate) residual: bool,
}

/// What lies between the layers, kept for the gradients.
#[derive(Debug)]
pub(super) struct Between<E> {
    expanded: Option<Features<E>>,
    filtered: Features<E>,
}

/// Gradients in the order of [`Layers`], weights before biases.
pub(super) struct Gradients {
    pub(super) expand: Option<[Vec<f32>; 2]>,
    pub(super) depthwise: [Vec<f32>; 2],
    pub(super) project: [Vec<f32>; 2],
}

/// A block's layers, and the sizes of what it reads and writes.
struct Shape {
    images: usize,
    inputs: usize,
    hidden: usize,
    outputs: usize,
    size: [usize; 2],
    smaller: [usize; 2],
    window: Window,
}

impl Shape {
    fn of<E: Element>(layers: &Layers<'_>, x: &Features<E>) -> Self {
        let size = x.size();
        Self {
            images: x.images,
            inputs: x.channels,
            hidden: layers.depthwise.bias.len(),
            outputs: layers.project.bias.len(),
            size,
            smaller: size.map(|side| side.div_ceil(layers.stride)),
            window: Window::same(layers.kernel, layers.stride, size),
        }
    }

    /// Blocks of channels between the layers.
    fn blocks(&self) -> usize {
        self.hidden.div_ceil(LANES)
    }

    /// Images that go through the layers together.
    fn together(&self) -> usize {
        images_together(self.smaller[0] * self.smaller[1])
    }
}

fn point(layer: Dense<'_>, inputs: usize) -> Filters<'_> {
    let part = Part { weights: layer.weights, inputs, first: 0, channels: inputs, scale: 1.0 };
    Filters { parts: vec![part], outputs: layer.bias.len(), kernel: 1 }
}

fn padded(bias: &[f32]) -> Vec<f32> {
    let mut bias = bias.to_vec();
    bias.resize(bias.len().next_multiple_of(LANES), 0.0);
    bias
}

/// The block's result, and what its gradients need.
pub(super) fn forward<E: Element>(
    kernel: Kernel,
    layers: &Layers<'_>,
    x: &Features<E>,
) -> (Features<E>, Between<E>) {
    let shape = Shape::of(layers, x);
    let features = |channels, size| Unwritten::<E>::new(shape.images, channels, size);
    let mut expanded = layers.expand.map(|_| features(shape.hidden, shape.size));
    let mut filtered = features(shape.hidden, shape.smaller);
    let mut y = features(shape.outputs, shape.smaller);
    let forth = Forth {
        kernel,
        layers,
        x,
        expand: layers.expand.map(|layer| {
            (Packed::forward(kernel, &point(layer, shape.inputs)), padded(layer.bias))
        }),
        taps: Taps::new(layers.depthwise.weights, shape.hidden, layers.kernel),
        taps_bias: padded(layers.depthwise.bias),
        project: Packed::forward(kernel, &point(layers.project, shape.hidden)),
        project_bias: padded(layers.project.bias),
        expanded: expanded.as_mut().map(Unwritten::target),
        filtered: filtered.target(),
        y: y.target(),
        shape,
    };
    in_turns(x.images, forth.shape.together()).into_par_iter().for_each(|images| {
        forth.expand(images.clone());
        images.clone().for_each(|image| forth.filter(image));
        forth.project(images);
    });
    // SAFETY: all images went through all layers.
    unsafe {
        let between =
            Between { expanded: expanded.map(|e| e.written()), filtered: filtered.written() };
        (y.written(), between)
    }
}

/// What a forward pass reads and writes.
struct Forth<'a, E> {
    kernel: Kernel,
    layers: &'a Layers<'a>,
    x: &'a Features<E>,
    expand: Option<(Packed, Vec<f32>)>,
    taps: Taps,
    taps_bias: Vec<f32>,
    project: Packed,
    project_bias: Vec<f32>,
    expanded: Option<Target<E>>,
    filtered: Target<E>,
    y: Target<E>,
    shape: Shape,
}

impl<E: Element> Forth<'_, E> {
    /// The first layer, if there is one.
    fn expand(&self, images: Range<usize>) {
        let (Some((weights, bias)), Some(target)) = (&self.expand, self.expanded) else { return };
        Convolution::<E, E> {
            sources: &[self.x.view()],
            images: self.shape.images,
            window: Window::POINT,
            weights,
            depth: depth(self.shape.inputs),
            bias: Some(bias),
            activation: Activation::Relu6,
            plus: [None; 2],
            gate: None,
            out: Out::features(target, self.shape.blocks(), self.shape.size),
        }
        .run_here(self.kernel, images);
    }

    /// The depthwise layer.
    fn filter(&self, image: usize) {
        let (shape, blocks) = (&self.shape, self.shape.blocks());
        let [plane, filtered_plane] =
            [shape.size, shape.smaller].map(|[height, width]| height * width * LANES);
        let len = blocks * plane;
        let input: &[E] = match self.expanded {
            // SAFETY: the image's own part, written before.
            Some(target) => unsafe { target.part(image * len, len) },
            None => &self.x.values[image * len..][..len],
        };
        for (block, plane) in input.chunks_exact(plane).enumerate() {
            let at = (image * blocks + block) * filtered_plane;
            // SAFETY: the plane's own part.
            let y = unsafe { self.filtered.part(at, filtered_plane) };
            self.kernel.run(depthwise::Forward {
                x: view_of(plane, 1, shape.size),
                image: 0,
                window: shape.window,
                taps: &self.taps,
                block,
                bias: &self.taps_bias,
                activation: Activation::Relu6,
                y,
                size: shape.smaller,
            });
        }
    }

    /// The last layer, and the input where it is added.
    fn project(&self, images: Range<usize>) {
        let shape = &self.shape;
        let plane = shape.smaller[0] * shape.smaller[1] * LANES;
        let (blocks, out_blocks) = (shape.blocks(), shape.outputs.div_ceil(LANES));
        let (len, y_len) = (blocks * plane, out_blocks * plane);
        // SAFETY: these images' own part, written before.
        let read = unsafe { self.filtered.part(images.start * len, images.len() * len) };
        // SAFETY: these images' own part.
        let to = unsafe { self.y.part(images.start * y_len, images.len() * y_len) };
        let residual = self.layers.residual.then(|| &self.x.values[images.start * y_len..]);
        Convolution::<E, E> {
            sources: &[view_of(read, blocks, shape.smaller)],
            images: images.len(),
            window: Window::POINT,
            weights: &self.project,
            depth: depth(shape.hidden),
            bias: Some(&self.project_bias),
            activation: Activation::None,
            plus: [residual, None],
            gate: None,
            out: Out::features(Target::of(to), out_blocks, shape.smaller),
        }
        .run_here(self.kernel, 0..images.len());
    }
}

/// Images, so many at a time.
fn in_turns(images: usize, together: usize) -> Vec<Range<usize>> {
    (0..images).step_by(together).map(|first| first..(first + together).min(images)).collect()
}

fn view_of<E>(values: &[E], blocks: usize, [height, width]: [usize; 2]) -> View<'_, E> {
    let block_step = height * width * LANES;
    View {
        values,
        blocks,
        height,
        width,
        image_step: blocks * block_step,
        block_step,
        row_step: width * LANES,
        pixel_step: LANES,
    }
}
