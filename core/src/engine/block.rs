//! The inverted residual block as one operation.
//!
//! Sandler, Howard and others, "MobileNetV2", 2018, <https://arxiv.org/abs/1801.04381>: 1x1
//! convolution to more channels with `ReLU6`, depthwise convolution with `ReLU6`, 1x1 convolution to
//! fewer, plus the input where shapes allow it. A few images at a time go through all three, so that
//! what lies between them is read from a core's own cache, forward and backward.

use std::ops::Range;

use rayon::prelude::*;

use super::conv::{Convolution, Out, WeightGradient, image_groups, images_together};
use super::depthwise::{self, Taps};
use super::features::{Features, Target, Unwritten, View};
use super::kernel::Kernel;
use super::lanes::{Element, LANES};
use super::pack::Window;
use super::scratch::Scratch;
use super::weights::{Filters, Packed, Sums, total, unpack};
use crate::ops::Activation;

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

    /// Images that go through the layers together.
    fn together(&self) -> usize {
        images_together(self.smaller[0] * self.smaller[1])
    }
}

fn point<'a>(layer: Dense<'a>, inputs: usize) -> Filters<'a> {
    let part = super::weights::Part {
        weights: layer.weights,
        inputs,
        first: 0,
        channels: inputs,
        scale: 1.0,
    };
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
    let expand = layers
        .expand
        .map(|layer| (Packed::forward(kernel, &point(layer, shape.inputs)), padded(layer.bias)));
    let project = Packed::forward(kernel, &point(layers.project, shape.hidden));
    let project_bias = padded(layers.project.bias);
    let taps = Taps::new(layers.depthwise.weights, shape.hidden, layers.kernel);
    let taps_bias = padded(layers.depthwise.bias);
    let features = |channels, size| Unwritten::<E>::new(shape.images, channels, size);
    let mut expanded = expand.as_ref().map(|_| features(shape.hidden, shape.size));
    let mut filtered = features(shape.hidden, shape.smaller);
    let mut y = features(shape.outputs, shape.smaller);

    let expanded_out = expanded.as_mut().map(Unwritten::target);
    let (filtered_out, y_out) = (filtered.target(), y.target());
    let blocks = shape.hidden.div_ceil(LANES);
    let through = |images: Range<usize>| {
        if let (Some((weights, bias)), Some(target)) = (&expand, expanded_out) {
            let convolution = Convolution::<E, E> {
                sources: &[x.view()],
                images: shape.images,
                window: Window::POINT,
                weights,
                depth: super::weights::depth(shape.inputs),
                bias: Some(bias),
                activation: Activation::Relu6,
                plus: [None; 2],
                gate: None,
                out: Out::features(target, blocks, shape.size),
            };
            convolution.run_here(kernel, images.clone());
        }
        let input_len = blocks * shape.size[0] * shape.size[1] * LANES;
        let plane = shape.smaller[0] * shape.smaller[1] * LANES;
        for image in images.clone() {
            // SAFETY: the image's own part, written above.
            let input: &[E] = match expanded_out {
                Some(target) => unsafe { target.part(image * input_len, input_len) },
                None => &x.values[image * input_len..][..input_len],
            };
            for block in 0..blocks {
                let len = shape.size[0] * shape.size[1] * LANES;
                // SAFETY: the plane's own part.
                let y = unsafe { filtered_out.part((image * blocks + block) * plane, plane) };
                kernel.run(depthwise::Forward {
                    x: plane_view(&input[block * len..][..len], shape.size),
                    image: 0,
                    window: shape.window,
                    taps: &taps,
                    block,
                    bias: &taps_bias,
                    activation: Activation::Relu6,
                    y,
                    size: shape.smaller,
                });
            }
        }
        let len = blocks * plane;
        // SAFETY: these images' own part, written above.
        let read = unsafe { filtered_out.part(images.start * len, images.len() * len) };
        let view = view_of(read, blocks, shape.smaller);
        let y_len = shape.outputs.div_ceil(LANES) * plane;
        // SAFETY: these images' own part.
        let to = unsafe { y_out.part(images.start * y_len, images.len() * y_len) };
        let plus = &x.values[if layers.residual { images.start * y_len } else { 0 }..];
        let convolution = Convolution::<E, E> {
            sources: &[view],
            images: images.len(),
            window: Window::POINT,
            weights: &project,
            depth: super::weights::depth(shape.hidden),
            bias: Some(&project_bias),
            activation: Activation::None,
            plus: [layers.residual.then_some(plus), None],
            gate: None,
            out: Out::features(Target::of(to), shape.outputs.div_ceil(LANES), shape.smaller),
        };
        convolution.run_here(kernel, 0..images.len());
    };
    in_turns(shape.images, shape.together()).into_par_iter().for_each(through);
    // SAFETY: all images went through all layers.
    unsafe {
        let between =
            Between { expanded: expanded.map(|e| e.written()), filtered: filtered.written() };
        (y.written(), between)
    }
}

/// Images, so many at a time.
fn in_turns(images: usize, together: usize) -> Vec<Range<usize>> {
    (0..images).step_by(together).map(|first| first..(first + together).min(images)).collect()
}

fn plane_view<E>(values: &[E], size: [usize; 2]) -> View<'_, E> {
    view_of(values, 1, size)
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

/// The gradient of the input, to which `plus` is added, and those of the layers.
pub(super) fn backward<E: Element>(
    kernel: Kernel,
    layers: &Layers<'_>,
    x: &Features<E>,
    between: &Between<E>,
    gradients: &Features<E>,
    plus: Option<&Features<E>>,
) -> (Features<E>, Gradients) {
    let shape = Shape::of(layers, x);
    let project = point(layers.project, shape.hidden);
    let project_back = Packed::backward(kernel, &project, 0);
    let expand = layers.expand.map(|layer| point(layer, shape.inputs));
    let expand_back = expand.as_ref().map(|expand| Packed::backward(kernel, expand, 0));
    let back = Back {
        kernel,
        layers,
        x,
        between,
        gradients,
        plus,
        taps: Taps::new(layers.depthwise.weights, shape.hidden, layers.kernel),
        project_back,
        expand_back,
        shape,
    };
    let shape = &back.shape;
    let project_sums = Sums::new(&project, 1).len;
    let expand_sums = expand.as_ref().map_or(0, |expand| Sums::new(expand, 1).len);
    let blocks = shape.hidden.div_ceil(LANES);
    let taps = layers.kernel * layers.kernel;
    let mut d_x = Unwritten::<E>::new(shape.images, shape.inputs, shape.size);
    let target = d_x.target();
    let sums: Vec<GroupSums> = image_groups(shape.images)
        .into_par_iter()
        .map(|group| {
            let zeros = |len| vec![0f32; len];
            let mut sums = GroupSums {
                project: zeros(project_sums),
                project_bias: zeros(shape.outputs.next_multiple_of(LANES)),
                depthwise: zeros(blocks * (taps + 1) * LANES),
                expand: zeros(expand_sums),
                expand_bias: zeros(blocks * LANES),
            };
            for images in in_turns(group.len(), shape.together()) {
                let images = group.start + images.start..group.start + images.end;
                back.images(images, target, &mut sums);
            }
            sums
        })
        .collect();

    let layer = |filters: &Filters<'_>, weights: Vec<Vec<f32>>, biases: &[Vec<f32>]| {
        let mut parts = unpack(filters, &total(&weights));
        [parts.swap_remove(0), super::conv::sum(biases, filters.outputs)]
    };
    let mut all = GroupLists::default();
    for sums in sums {
        all.project.push(sums.project);
        all.project_bias.push(sums.project_bias);
        all.depthwise.push(sums.depthwise);
        all.expand.push(sums.expand);
        all.expand_bias.push(sums.expand_bias);
    }
    let depthwise = super::conv::sum(&all.depthwise, blocks * (taps + 1) * LANES);
    let (mut weights, mut biases) = (Vec::new(), Vec::new());
    for sums in depthwise.chunks_exact((taps + 1) * LANES) {
        let (weight, bias) = depthwise::gradients_of(sums, taps);
        weights.extend(weight);
        biases.extend(bias);
    }
    weights.truncate(shape.hidden * taps);
    biases.truncate(shape.hidden);
    let gradients = Gradients {
        expand: expand.as_ref().map(|expand| layer(expand, all.expand, &all.expand_bias)),
        depthwise: [weights, biases],
        project: layer(&project, all.project, &all.project_bias),
    };
    // SAFETY: all images of all groups are written.
    (unsafe { d_x.written() }, gradients)
}

/// Sums of a group of images.
struct GroupSums {
    project: Vec<f32>,
    project_bias: Vec<f32>,
    depthwise: Vec<f32>,
    expand: Vec<f32>,
    expand_bias: Vec<f32>,
}

/// Those of all groups.
#[derive(Default)]
struct GroupLists {
    project: Vec<Vec<f32>>,
    project_bias: Vec<Vec<f32>>,
    depthwise: Vec<Vec<f32>>,
    expand: Vec<Vec<f32>>,
    expand_bias: Vec<Vec<f32>>,
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
    project_back: Packed,
    expand_back: Option<Packed>,
    shape: Shape,
}

impl<E: Element> Back<'_, E> {
    /// Some images, on this thread.
    fn images(&self, images: Range<usize>, d_x: Target<E>, sums: &mut GroupSums) {
        let Self { kernel, layers, x, between, gradients, shape, .. } = self;
        let kernel = *kernel;
        let blocks = shape.hidden.div_ceil(LANES);
        let filtered_len = images.len() * between.filtered.image_len();
        let expanded_len = images.len() * blocks * shape.size[0] * shape.size[1] * LANES;
        {
            let mut filtered = Scratch::of::<E>(filtered_len);
            let mut expanded = Scratch::of::<E>(expanded_len);
            let d_filtered = elements::<E>(&mut filtered, filtered_len);
            let d_expanded = elements::<E>(&mut expanded, expanded_len);
            let rest = |features: &'_ Features<E>| images.start * features.image_len();

            // Through the last layer to what the depthwise one gave.
            let gate = &between.filtered.values[rest(&between.filtered)..];
            let view =
                view_of(&gradients.values[rest(gradients)..], gradients.blocks(), shape.smaller);
            Convolution::<E, E> {
                sources: &[view],
                images: images.len(),
                window: Window::POINT,
                weights: &self.project_back,
                depth: super::weights::depth(shape.outputs),
                bias: None,
                activation: Activation::None,
                plus: [None; 2],
                gate: Some((gate, SIX)),
                out: Out::features(Target::of(d_filtered), blocks, shape.smaller),
            }
            .run_here(kernel, 0..images.len());
            kernel.run(WeightGradient {
                sources: &[between.filtered.view()],
                window: Window::POINT,
                gradients: gradients.view(),
                images: images.clone(),
                source_image: images.start,
                depth: super::weights::depth(shape.hidden),
                sums: &mut sums.project,
                bias_sums: Some(&mut sums.project_bias),
            });

            // Through the depthwise one.
            let input = between.expanded.as_ref().unwrap_or(x);
            let gate = match layers.expand {
                Some(_) => [0.0, SIX],
                None => [f32::NEG_INFINITY, f32::INFINITY],
            };
            let plane = shape.size[0] * shape.size[1] * LANES;
            let filtered_plane = shape.smaller[0] * shape.smaller[1] * LANES;
            for (i, image) in images.clone().enumerate() {
                for block in 0..blocks {
                    let at = input.view().at(image, block, 0, 0);
                    let from = (i * blocks + block) * filtered_plane;
                    let to = (i * blocks + block) * plane;
                    let taps = layers.kernel * layers.kernel + 1;
                    kernel.run(depthwise::Backward {
                        x: plane_view(&input.values[at..at + plane], shape.size),
                        gradients: plane_view(
                            &d_filtered[from..from + filtered_plane],
                            shape.smaller,
                        ),
                        image: 0,
                        gradient_image: 0,
                        window: shape.window,
                        taps: &self.taps,
                        block,
                        gate,
                        d_x: &mut d_expanded[to..to + plane],
                        sums: &mut sums.depthwise[block * taps * LANES..][..taps * LANES],
                    });
                }
            }

            // Through the first one, if there is one.
            let len = x.image_len();
            // SAFETY: these images' own part.
            let d_x = unsafe { d_x.part(images.start * len, images.len() * len) };
            let others = self.plus.map(|plus| &plus.values[images.start * len..]);
            let Some(expand_back) = &self.expand_back else {
                d_x.copy_from_slice(d_expanded);
                assert!(others.is_none() && !layers.residual, "nothing else reads the input");
                return;
            };
            let view = view_of(d_expanded, blocks, shape.size);
            let residual = layers.residual.then(|| &gradients.values[images.start * len..]);
            Convolution::<E, E> {
                sources: &[view],
                images: images.len(),
                window: Window::POINT,
                weights: expand_back,
                depth: super::weights::depth(shape.hidden),
                bias: None,
                activation: Activation::None,
                plus: [residual, others],
                gate: None,
                out: Out::features(Target::of(d_x), x.blocks(), shape.size),
            }
            .run_here(kernel, 0..images.len());
            kernel.run(WeightGradient {
                sources: &[x.view()],
                window: Window::POINT,
                gradients: view,
                images: 0..images.len(),
                source_image: images.start,
                depth: super::weights::depth(shape.inputs),
                sums: &mut sums.expand,
                bias_sums: Some(&mut sums.expand_bias),
            });
        }
    }
}

/// A buffer as values of another kind.
fn elements<E: Element>(buffer: &mut [f32], len: usize) -> &mut [E] {
    assert!(len * size_of::<E>() <= size_of_val(buffer));
    // SAFETY: large enough, aligned for f32 and so for less; any bits are a value of f32 or bf16.
    unsafe { std::slice::from_raw_parts_mut(buffer.as_mut_ptr().cast(), len) }
}
