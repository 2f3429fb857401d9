//! An inverted residual block forward.

use std::ops::Range;

use rayon::prelude::*;

use super::layers::{Between, Layers, Shape, in_turns, padded, point, view_of};
use crate::nn::engine::conv::{Convolution, Out};
use crate::nn::engine::depthwise::{self, Taps};
use crate::nn::engine::features::{Features, Target, Unwritten};
use crate::nn::engine::kernel::Kernel;
use crate::nn::engine::lanes::{Element, LANES};
use crate::nn::engine::pack::Window;
use crate::nn::engine::weights::{Packed, depth};
use crate::nn::ops::Activation;

/// The block's result, and what its gradients need.
pub(in crate::nn::engine) fn forward<E: Element>(
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
