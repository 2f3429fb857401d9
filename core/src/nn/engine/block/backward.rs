//! The gradients of an inverted residual block.

use std::ops::Range;

use rayon::prelude::*;

use super::layers::{Between, Gradients, Layers, SIX, Shape, in_turns, point, view_of};
use crate::nn::engine::conv::{Convolution, Out};
use crate::nn::engine::depthwise::{self, Taps};
use crate::nn::engine::features::{Features, Target, Unwritten};
use crate::nn::engine::kernel::Kernel;
use crate::nn::engine::lanes::{Element, LANES};
use crate::nn::engine::pack::Window;
use crate::nn::engine::scratch::Scratch;
use crate::nn::engine::weight_gradient::{self, GROUPS, WeightGradient, image_groups};
use crate::nn::engine::weights::{Filters, Packed, Sums, depth, total, unpack};
use crate::nn::ops::Activation;

/// The gradient of the input, to which `plus` is added, and those of the layers.
pub(in crate::nn::engine) fn backward<E: Element>(
    kernel: Kernel,
    layers: &Layers<'_>,
    x: &Features<E>,
    between: &Between<E>,
    gradients: &Features<E>,
    plus: Option<&Features<E>>,
) -> (Features<E>, Gradients) {
    let shape = Shape::of(layers, x);
    let project = point(layers.project, shape.hidden);
    let project_weights = Packed::backward(kernel, &project, 0);
    let expand = layers.expand.map(|layer| point(layer, shape.inputs));
    let expand_weights = expand.as_ref().map(|expand| Packed::backward(kernel, expand, 0));
    let back = Back {
        kernel,
        layers,
        x,
        between,
        gradients,
        plus,
        taps: Taps::new(layers.depthwise.weights, shape.hidden, layers.kernel),
        project_weights,
        expand_weights,
        shape,
    };
    let shape = &back.shape;
    let project_sums = Sums::new(&project, 1).len;
    let expand_sums = expand.as_ref().map_or(0, |expand| Sums::new(expand, 1).len);
    let blocks = shape.blocks();
    let taps = layers.kernel * layers.kernel;
    let mut d_x = Unwritten::<E>::new(shape.images, shape.inputs, shape.size);
    let target = d_x.target();
    let groups: Vec<GroupSums> = image_groups(shape.images, GROUPS)
        .into_par_iter()
        .map(|group| {
            let mut sums = [
                project_sums,
                shape.outputs.next_multiple_of(LANES),
                blocks * (taps + 1) * LANES,
                expand_sums,
                blocks * LANES,
            ]
            .map(|len| vec![0f32; len]);
            for images in in_turns(group.len(), shape.together()) {
                let images = group.start + images.start..group.start + images.end;
                back.images(images, target, &mut sums);
            }
            sums
        })
        .collect();

    let gradients = total_of(groups, (&project, expand.as_ref()), shape, taps);
    // SAFETY: all images of all groups are written.
    (unsafe { d_x.written() }, gradients)
}

/// Sums of a group of images: of the last layer's weights and biases, of the depthwise layer's, of the
/// first layer's weights and biases.
type GroupSums = [Vec<f32>; 5];

/// The gradients of all groups: of the last layer's filters and, if there is one, the first's, and of
/// so many `taps` a channel between them.
fn total_of(
    groups: Vec<GroupSums>,
    (project, expand): (&Filters<'_>, Option<&Filters<'_>>),
    shape: &Shape,
    taps: usize,
) -> Gradients {
    let layer = |filters: &Filters<'_>, weights: Vec<Vec<f32>>, biases: &[Vec<f32>]| {
        let mut parts = unpack(filters, &total(weights));
        [parts.swap_remove(0), weight_gradient::sum(biases, filters.outputs)]
    };
    let mut all: [Vec<Vec<f32>>; 5] = Default::default();
    for group in groups {
        all.iter_mut().zip(group).for_each(|(all, sums)| all.push(sums));
    }
    let [project_sums, project_bias, depthwise, expand_sums, expand_bias] = all;
    let depthwise = weight_gradient::sum(&depthwise, shape.blocks() * (taps + 1) * LANES);
    let (mut weights, mut biases) = (Vec::new(), Vec::new());
    for sums in depthwise.chunks_exact((taps + 1) * LANES) {
        let (weight, bias) = depthwise::gradients_of(sums, taps);
        weights.extend(weight);
        biases.extend(bias);
    }
    weights.truncate(shape.hidden * taps);
    biases.truncate(shape.hidden);
    Gradients {
        expand: expand.map(|expand| layer(expand, expand_sums, &expand_bias)),
        depthwise: [weights, biases],
        project: layer(project, project_sums, &project_bias),
    }
}

/// What a backward pass reads.
struct Back<'a, E> {
    kernel: Kernel,
    layers: &'a Layers<'a>,
    x: &'a Features<E>,
    between: &'a Between<E>,
    gradients: &'a Features<E>,
    plus: Option<&'a Features<E>>,
    taps: Taps,
    project_weights: Packed,
    expand_weights: Option<Packed>,
    shape: Shape,
}

impl<E: Element> Back<'_, E> {
    /// Some images, on this thread.
    fn images(&self, images: Range<usize>, d_x: Target<E>, sums: &mut GroupSums) {
        let [project, project_bias, depthwise, expand, expand_bias] = sums;
        let filtered_len = images.len() * self.between.filtered.image_len();
        let [height, width] = self.shape.size;
        let expanded_len = images.len() * self.shape.blocks() * height * width * LANES;
        let mut filtered = Scratch::of::<E>(filtered_len);
        let mut expanded = Scratch::of::<E>(expanded_len);
        let d_filtered = elements::<E>(&mut filtered, filtered_len);
        let d_expanded = elements::<E>(&mut expanded, expanded_len);
        self.project(images.clone(), d_filtered, [project, project_bias]);
        for (i, image) in images.clone().enumerate() {
            self.filter(i, image, d_filtered, d_expanded, depthwise);
        }
        let len = self.x.image_len();
        // SAFETY: these images' own part.
        let d_x = unsafe { d_x.part(images.start * len, images.len() * len) };
        self.expand(images, d_expanded, d_x, [expand, expand_bias]);
    }

    /// Through the last layer to what the depthwise one gave.
    fn project(&self, images: Range<usize>, d_filtered: &mut [E], sums: [&mut Vec<f32>; 2]) {
        let Self { kernel, between, gradients, shape, .. } = self;
        let first = |features: &Features<E>| images.start * features.image_len();
        let gate = &between.filtered.values[first(&between.filtered)..];
        let values = &gradients.values[first(gradients)..];
        let view = view_of(values, gradients.blocks(), shape.smaller);
        Convolution::<E, E> {
            sources: &[view],
            images: images.len(),
            window: Window::POINT,
            weights: &self.project_weights,
            depth: depth(shape.outputs),
            bias: None,
            activation: Activation::None,
            plus: [None; 2],
            gate: Some((gate, SIX)),
            out: Out::features(Target::of(d_filtered), shape.blocks(), shape.smaller),
        }
        .run_here(*kernel, 0..images.len());
        let [sums, bias_sums] = sums;
        kernel.run(WeightGradient {
            sources: &[between.filtered.view()],
            window: Window::POINT,
            gradients: gradients.view(),
            source_image: images.start,
            images,
            depth: depth(shape.hidden),
            sums,
            bias_sums: Some(bias_sums),
        });
    }

    /// Through the depthwise one; `i` is the image's place in the buffers.
    fn filter(
        &self,
        i: usize,
        image: usize,
        d_filtered: &[E],
        d_expanded: &mut [E],
        sums: &mut [f32],
    ) {
        let Self { layers, between, shape, .. } = self;
        let input = between.expanded.as_ref().unwrap_or(self.x);
        let gate = match layers.expand {
            Some(_) => [0.0, SIX],
            None => [f32::NEG_INFINITY, f32::INFINITY],
        };
        let [plane, filtered_plane] =
            [shape.size, shape.smaller].map(|[height, width]| height * width * LANES);
        let sums_len = (layers.kernel * layers.kernel + 1) * LANES;
        for (block, sums) in sums.chunks_exact_mut(sums_len).enumerate() {
            let at = input.view().at(image, block, 0, 0);
            let index = i * shape.blocks() + block;
            let gradients = &d_filtered[index * filtered_plane..][..filtered_plane];
            self.kernel.run(depthwise::Backward {
                x: view_of(&input.values[at..at + plane], 1, shape.size),
                gradients: view_of(gradients, 1, shape.smaller),
                image: 0,
                gradient_image: 0,
                window: shape.window,
                taps: &self.taps,
                block,
                gate,
                d_x: &mut d_expanded[index * plane..][..plane],
                sums,
            });
        }
    }

    /// Through the first one, if there is one, to the input.
    fn expand(
        &self,
        images: Range<usize>,
        d_expanded: &[E],
        d_x: &mut [E],
        [sums, bias_sums]: [&mut Vec<f32>; 2],
    ) {
        let Self { kernel, layers, x, gradients, shape, .. } = self;
        let first = images.start * x.image_len();
        let others = self.plus.map(|plus| &plus.values[first..]);
        let Some(expand_weights) = &self.expand_weights else {
            d_x.copy_from_slice(d_expanded);
            assert!(others.is_none() && !layers.residual, "nothing else reads the input");
            return;
        };
        let view = view_of(d_expanded, shape.blocks(), shape.size);
        let residual = layers.residual.then(|| &gradients.values[first..]);
        Convolution::<E, E> {
            sources: &[view],
            images: images.len(),
            window: Window::POINT,
            weights: expand_weights,
            depth: depth(shape.hidden),
            bias: None,
            activation: Activation::None,
            plus: [residual, others],
            gate: None,
            out: Out::features(Target::of(d_x), x.blocks(), shape.size),
        }
        .run_here(*kernel, 0..images.len());
        kernel.run(WeightGradient {
            sources: &[x.view()],
            window: Window::POINT,
            gradients: view,
            images: 0..images.len(),
            source_image: images.start,
            depth: depth(shape.inputs),
            sums,
            bias_sums: Some(bias_sums),
        });
    }
}

/// A buffer as values of another kind.
fn elements<E: Element>(buffer: &mut [f32], len: usize) -> &mut [E] {
    assert!(len * size_of::<E>() <= size_of_val(buffer));
    // SAFETY: large enough, aligned for f32 and so for less; any bits are a value of f32 or bf16.
    unsafe { std::slice::from_raw_parts_mut(buffer.as_mut_ptr().cast(), len) }
}
