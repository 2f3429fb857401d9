//! The inverted residual block as one operation.
//!
//! Sandler, Howard and others, "`MobileNetV2`", 2018, <https://arxiv.org/abs/1801.04381>: 1x1
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
use super::weights::{Filters, Packed, Part, Sums, depth, total, unpack};
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
    let blocks = shape.hidden.div_ceil(LANES);
    let taps = layers.kernel * layers.kernel;
    let mut d_x = Unwritten::<E>::new(shape.images, shape.inputs, shape.size);
    let target = d_x.target();
    let groups: Vec<GroupSums> = image_groups(shape.images)
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

    let layer = |filters: &Filters<'_>, weights: Vec<Vec<f32>>, biases: &[Vec<f32>]| {
        let mut parts = unpack(filters, &total(&weights));
        [parts.swap_remove(0), super::conv::sum(biases, filters.outputs)]
    };
    let mut all: [Vec<Vec<f32>>; 5] = Default::default();
    for group in groups {
        all.iter_mut().zip(group).for_each(|(all, sums)| all.push(sums));
    }
    let [project_sums, project_bias, depthwise, expand_sums, expand_bias] = all;
    let depthwise = super::conv::sum(&depthwise, blocks * (taps + 1) * LANES);
    let (mut weights, mut biases) = (Vec::new(), Vec::new());
    for sums in depthwise.chunks_exact((taps + 1) * LANES) {
        let (weight, bias) = depthwise::gradients_of(sums, taps);
        weights.extend(weight);
        biases.extend(bias);
    }
    weights.truncate(shape.hidden * taps);
    biases.truncate(shape.hidden);
    let gradients = Gradients {
        expand: expand.as_ref().map(|expand| layer(expand, expand_sums, &expand_bias)),
        depthwise: [weights, biases],
        project: layer(&project, project_sums, &project_bias),
    };
    // SAFETY: all images of all groups are written.
    (unsafe { d_x.written() }, gradients)
}

/// Sums of a group of images: of the last layer's weights and biases, of the depthwise layer's, of the
/// first layer's weights and biases.
type GroupSums = [Vec<f32>; 5];

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
