//! The layers of an inverted residual block, and what their passes share.

use std::ops::Range;

use crate::nn::engine::conv::images_together;
use crate::nn::engine::features::{Features, View};
use crate::nn::engine::lanes::{Element, LANES};
use crate::nn::engine::pack::Window;
use crate::nn::engine::weights::{Filters, Part};

/// Where `ReLU6` ends.
pub(super) const SIX: f32 = 6.0;

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
pub(in crate::nn::engine) struct Between<E> {
    pub(super) expanded: Option<Features<E>>,
    pub(super) filtered: Features<E>,
}

/// Gradients in the order of [`Layers`], weights before biases.
pub(in crate::nn::engine) struct Gradients {
    pub(in crate::nn::engine) expand: Option<[Vec<f32>; 2]>,
    pub(in crate::nn::engine) depthwise: [Vec<f32>; 2],
    pub(in crate::nn::engine) project: [Vec<f32>; 2],
}

/// A block's layers, and the sizes of what it reads and writes.
pub(super) struct Shape {
    pub(super) images: usize,
    pub(super) inputs: usize,
    pub(super) hidden: usize,
    pub(super) outputs: usize,
    pub(super) size: [usize; 2],
    pub(super) smaller: [usize; 2],
    pub(super) window: Window,
}

impl Shape {
    pub(super) fn of<E: Element>(layers: &Layers<'_>, x: &Features<E>) -> Self {
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
    pub(super) fn blocks(&self) -> usize {
        self.hidden.div_ceil(LANES)
    }

    /// Images that go through the layers together.
    pub(super) fn together(&self) -> usize {
        images_together(self.smaller[0] * self.smaller[1])
    }
}

pub(super) fn point(layer: Dense<'_>, inputs: usize) -> Filters<'_> {
    let part = Part { weights: layer.weights, inputs, first: 0, channels: inputs, scale: 1.0 };
    Filters { parts: vec![part], outputs: layer.bias.len(), kernel: 1 }
}

pub(super) fn padded(bias: &[f32]) -> Vec<f32> {
    let mut bias = bias.to_vec();
    bias.resize(bias.len().next_multiple_of(LANES), 0.0);
    bias
}

/// Images, so many at a time.
pub(super) fn in_turns(images: usize, together: usize) -> Vec<Range<usize>> {
    (0..images).step_by(together).map(|first| first..(first + together).min(images)).collect()
}

pub(super) fn view_of<E>(values: &[E], blocks: usize, [height, width]: [usize; 2]) -> View<'_, E> {
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
