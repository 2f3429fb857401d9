//! A network's forward pass, recorded, and its gradients.
//!
//! candle's own backward pass fills each gradient with zeros and adds to it on one thread, and knows
//! one order of dimensions. Here every operation computes its gradients whole, in the engine's
//! layout, and gradients meet where an operation adds to what is there already.

use std::collections::HashMap;

use candle_core::{DType, Device, Result, Tensor, TensorId};

use super::block::{self, Between, Dense, Layers};
use super::chroma;
use super::conv::{Convolution, Out, input_gradient, weight_gradients};
use super::doubled;
use super::features::{Features, Unwritten, View, filled};
use super::head::{self, Patches};
use super::kernel::Kernel;
use super::lanes::{Element, LANES};
use super::norm::Normalized;
use super::pack::Window;
use super::weights::{Filters, Packed, Part};
use crate::ops::Activation;

/// A value that an operation gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value(usize);

/// What a convolution reads beside others.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// Where it comes from.
    pub from: From<'a>,
    /// `(Cout, Cin, K, K)`.
    pub weight: &'a Tensor,
    /// The weight's first input channel that belongs to this.
    pub first: usize,
    /// What it is multiplied by.
    pub scale: f64,
}

/// Where an input comes from.
#[derive(Clone, Copy, Debug)]
pub enum From<'a> {
    /// What an operation gave.
    Value(Value),
    /// The same, each pixel for two rows and two columns; the first input of a 3x3 convolution, whose
    /// other inputs have twice its height and width. Nothing else reads the value.
    Doubled(Value),
    /// Planes `(N, C, H, W)` from outside, which get no gradient.
    Planes(&'a Tensor),
}

/// The layers of an inverted residual block.
#[derive(Clone, Copy, Debug)]
pub struct Residual<'a> {
    /// Weight and bias; none where the depthwise convolution reads the input.
    pub expand: Option<[&'a Tensor; 2]>,
    /// Weight `(C, 1, K, K)` and bias.
    pub depthwise: [&'a Tensor; 2],
    /// Of the depthwise convolution.
    pub stride: usize,
    /// Weight and bias.
    pub project: [&'a Tensor; 2],
    /// Whether the input is added.
    pub residual: bool,
}

/// Weight and bias of a normalization, and what keeps its root from 0.
#[derive(Clone, Copy, Debug)]
pub struct Norm<'a> {
    /// Of each channel, `(C)`.
    pub weight: &'a Tensor,
    /// Of each channel, `(C)`.
    pub bias: &'a Tensor,
    /// What is added to the variance.
    pub epsilon: f64,
}

/// Logits in rows of pixels, `(N H W, C)`, each row filled up with zeros to [`Rows::step`].
#[derive(Debug)]
pub struct Rows {
    /// All of them.
    pub values: Vec<f32>,
    /// Values from row to row.
    pub step: usize,
}

/// The CPU's forward pass in a training step. What is asked of it is recorded for
/// [`Recorder::backward`].
#[expect(clippy::missing_errors_doc, reason = "all fail when shapes do not fit, and only then")]
pub trait Recorder {
    /// 3x3 convolution of planes `(N, C, H, W)` from outside, each with its weight
    /// `(Cout, C, 3, 3)`, with a stride of 2, plus bias, with `ReLU6`.
    fn stem(&mut self, planes: &[(&Tensor, &Tensor)], bias: &Tensor) -> Result<Value>;

    /// The block in one operation.
    fn inverted_residual(&mut self, x: Value, layers: &Residual<'_>) -> Result<Value>;

    /// Convolution without bias, batch normalization and `ReLU`; mean and biased variance of each
    /// channel are returned, `(C)` each.
    fn normed(&mut self, inputs: &[Input<'_>], norm: &Norm<'_>) -> Result<(Value, [Tensor; 2])>;

    /// 1x1 convolution with bias: each pixel's results side by side.
    fn rows(&mut self, x: Value, weight: &Tensor, bias: &Tensor) -> Result<Rows>;

    /// 3x3 convolution to two channels with bias, hyperbolic tangent, and twice the size, bilinear:
    /// `(N, 2, 2 H, 2 W)`.
    fn chroma(&mut self, x: Value, weight: &Tensor, bias: &Tensor) -> Result<Vec<f32>>;

    /// Gradients of the parameters, by those of [`Recorder::chroma`]'s and [`Recorder::rows`]'s
    /// results.
    fn backward(self: Box<Self>, chroma: &[f32], rows: &[f32]) -> Result<Gradients>;
}

/// Gradients of parameters.
#[derive(Debug, Default)]
pub struct Gradients(HashMap<TensorId, Tensor>);

impl Gradients {
    /// That of a parameter.
    pub(crate) fn get(&self, parameter: &Tensor) -> Option<&Tensor> {
        self.0.get(&parameter.id())
    }

    fn set(&mut self, parameter: &Tensor, values: Vec<f32>) -> Result<()> {
        let gradient = Tensor::from_vec(values, parameter.shape(), &Device::Cpu)?;
        self.0.insert(parameter.id(), gradient);
        Ok(())
    }
}

/// A parameter and its values.
#[derive(Debug)]
struct Parameter {
    tensor: Tensor,
    values: Vec<f32>,
}

impl Parameter {
    fn of(tensor: &Tensor) -> Result<Self> {
        let values = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
        Ok(Self { tensor: tensor.clone(), values })
    }

    fn outputs(&self) -> usize {
        self.tensor.dims()[0]
    }
}

/// What was done.
enum Operation<E> {
    Stem {
        patches: Vec<Patches>,
        weights: Vec<Parameter>,
        bias: Parameter,
        y: usize,
    },
    Residual {
        x: usize,
        layers: Owned,
        between: Between<E>,
        y: usize,
    },
    Normed {
        inputs: Vec<Read<E>>,
        kernel: usize,
        before: Features<E>,
        norm: Normalized,
        weight: Parameter,
        bias: Parameter,
        y: usize,
    },
    Rows {
        x: usize,
        weight: Parameter,
        bias: Parameter,
    },
    Chroma {
        x: usize,
        weight: Parameter,
        bias: Parameter,
        planes: Vec<f32>,
    },
}

/// The parameters of a block.
struct Owned {
    expand: Option<[Parameter; 2]>,
    depthwise: [Parameter; 2],
    stride: usize,
    project: [Parameter; 2],
    residual: bool,
}

impl Owned {
    fn of(layers: &Residual<'_>) -> Result<Self> {
        let both = |[weight, bias]: [&Tensor; 2]| -> Result<_> {
            Ok([Parameter::of(weight)?, Parameter::of(bias)?])
        };
        Ok(Self {
            expand: layers.expand.map(both).transpose()?,
            depthwise: both(layers.depthwise)?,
            stride: layers.stride,
            project: both(layers.project)?,
            residual: layers.residual,
        })
    }

    fn layers(&self) -> Layers<'_> {
        fn dense([weight, bias]: &[Parameter; 2]) -> Dense<'_> {
            Dense { weights: &weight.values, bias: &bias.values }
        }
        Layers {
            expand: self.expand.as_ref().map(dense),
            depthwise: dense(&self.depthwise),
            kernel: self.depthwise[0].tensor.dims()[2],
            stride: self.stride,
            project: dense(&self.project),
            residual: self.residual,
        }
    }
}

/// An input of a convolution, and its weights.
struct Read<E> {
    from: Origin<E>,
    weight: Parameter,
    first: usize,
    channels: usize,
    scale: f32,
}

impl<E> Read<E> {
    fn is_doubled(&self) -> bool {
        matches!(self.from, Origin::Value { doubled: true, .. })
    }
}

enum Origin<E> {
    Value { index: usize, doubled: bool },
    Planes(Features<E>),
}

/// A recording, of values that are kept as `E`.
pub(crate) struct Tape<E> {
    kernel: Kernel,
    values: Vec<Features<E>>,
    operations: Vec<Operation<E>>,
}

impl<E: Element> Tape<E> {
    /// Nothing yet, by the best instructions that may be used.
    pub(crate) fn new() -> Self {
        Self::with_kernel(Kernel::best::<E>())
    }

    pub(crate) fn with_kernel(kernel: Kernel) -> Self {
        Self { kernel, values: Vec::new(), operations: Vec::new() }
    }

    fn keep(&mut self, features: Features<E>) -> Value {
        self.values.push(features);
        Value(self.values.len() - 1)
    }

    fn source<'a>(&'a self, read: &'a Read<E>) -> View<'a, E> {
        match &read.from {
            Origin::Value { index, .. } => self.values[*index].view(),
            Origin::Planes(features) => features.view(),
        }
    }

    fn read(&self, input: &Input<'_>) -> Result<Read<E>> {
        let (from, channels) = match input.from {
            From::Value(Value(index)) => {
                (Origin::Value { index, doubled: false }, self.values[index].channels)
            }
            From::Doubled(Value(index)) => {
                (Origin::Value { index, doubled: true }, self.values[index].channels)
            }
            From::Planes(planes) => (Origin::Planes(head::features_of(planes)?), planes.dims()[1]),
        };
        let (weight, first, scale) =
            (Parameter::of(input.weight)?, input.first, input.scale as f32);
        Ok(Read { from, weight, first, channels, scale })
    }
}

/// The weights of a convolution's inputs.
fn filters<E>(inputs: &[Read<E>]) -> Filters<'_> {
    let parts = inputs.iter().map(|read| Part {
        weights: &read.weight.values,
        inputs: read.weight.tensor.dims()[1],
        first: read.first,
        channels: read.channels,
        scale: read.scale,
    });
    let weight = &inputs[0].weight;
    Filters { parts: parts.collect(), outputs: weight.outputs(), kernel: weight.tensor.dims()[2] }
}

/// The weights of a convolution of one input, `(Cout, Cin, K, K)`.
fn whole(weight: &Parameter) -> Filters<'_> {
    let [outputs, inputs, kernel, _] = weight.tensor.dims()[..] else {
        unreachable!("a convolution's weight has four dimensions")
    };
    let part = Part { weights: &weight.values, inputs, first: 0, channels: inputs, scale: 1.0 };
    Filters { parts: vec![part], outputs, kernel }
}

/// The weights of patches, as those of 1x1 convolutions.
fn of_patches<'a>(weights: &'a [Parameter], patches: &[Patches]) -> Filters<'a> {
    let parts = weights.iter().zip(patches).map(|(weight, patches)| Part {
        weights: &weight.values,
        inputs: patches.channels,
        first: 0,
        channels: patches.channels,
        scale: 1.0,
    });
    Filters { parts: parts.collect(), outputs: weights[0].outputs(), kernel: 1 }
}

fn padded(bias: &Parameter) -> Vec<f32> {
    let mut values = bias.values.clone();
    values.resize(values.len().next_multiple_of(LANES), 0.0);
    values
}

impl<E: Element> Recorder for Tape<E> {
    fn stem(&mut self, planes: &[(&Tensor, &Tensor)], bias: &Tensor) -> Result<Value> {
        let (images, _, height, width) = planes[0].0.dims4()?;
        let window = Window::same(3, 2, [height, width]);
        let (mut patches, mut weights) = (Vec::new(), Vec::new());
        for (planes, weight) in planes {
            let (_, channels, ..) = planes.dims4()?;
            let values = planes.flatten_all()?.to_vec1::<f32>()?;
            patches.push(Patches::of(&values, channels, [height, width], window));
            weights.push(Parameter::of(weight)?);
        }
        let bias = Parameter::of(bias)?;
        let kernel = Kernel::best::<f32>();
        let filters = of_patches(&weights, &patches);
        let packed = Packed::forward(kernel, &filters);
        let sources: Vec<View<'_, f32>> = patches.iter().map(Patches::view).collect();
        let size = [height.div_ceil(2), width.div_ceil(2)];
        let mut y = Unwritten::<E>::new(images, filters.outputs, size);
        Convolution::<f32, E> {
            sources: &sources,
            images,
            window: Window::POINT,
            weights: &packed,
            depth: filters.depth(),
            bias: Some(&padded(&bias)),
            activation: Activation::Relu6,
            plus: [None; 2],
            gate: None,
            out: Out::features(y.target(), filters.output_blocks(), size),
        }
        .run(kernel);
        // SAFETY: a convolution writes all pixels of all blocks.
        let value = self.keep(unsafe { y.written() });
        self.operations.push(Operation::Stem { patches, weights, bias, y: value.0 });
        Ok(value)
    }

    fn inverted_residual(&mut self, x: Value, layers: &Residual<'_>) -> Result<Value> {
        let layers = Owned::of(layers)?;
        let (y, between) = block::forward(self.kernel, &layers.layers(), &self.values[x.0]);
        let value = self.keep(y);
        self.operations.push(Operation::Residual { x: x.0, layers, between, y: value.0 });
        Ok(value)
    }

    fn normed(&mut self, inputs: &[Input<'_>], norm: &Norm<'_>) -> Result<(Value, [Tensor; 2])> {
        let inputs = inputs.iter().map(|input| self.read(input)).collect::<Result<Vec<_>>>()?;
        let filters = filters(&inputs);
        let sources: Vec<_> = inputs.iter().map(|read| self.source(read)).collect();
        let images = sources[0].values.len() / sources[0].image_step;
        let before = if inputs[0].is_doubled() {
            doubled::convolution(self.kernel, &sources, &filters, images)
        } else {
            plain_convolution(self.kernel, &sources, &filters, images)
        };
        let kernel = filters.kernel;
        let (weight, bias) = (Parameter::of(norm.weight)?, Parameter::of(norm.bias)?);
        let epsilon = norm.epsilon as f32;
        let (norm, y) =
            Normalized::forward(self.kernel, &before, &weight.values, &bias.values, epsilon);
        let channel = |values: &[f32]| {
            Tensor::from_slice(&values[..before.channels], before.channels, &Device::Cpu)
        };
        let statistics = [channel(&norm.mean)?, channel(&norm.variance)?];
        let value = self.keep(y);
        let y = value.0;
        self.operations.push(Operation::Normed { inputs, kernel, before, norm, weight, bias, y });
        Ok((value, statistics))
    }

    fn rows(&mut self, x: Value, weight: &Tensor, bias: &Tensor) -> Result<Rows> {
        let (weight, bias) = (Parameter::of(weight)?, Parameter::of(bias)?);
        let features = &self.values[x.0];
        let values = dense_rows(self.kernel, features, &weight, &bias);
        let step = weight.outputs().next_multiple_of(LANES);
        self.operations.push(Operation::Rows { x: x.0, weight, bias });
        Ok(Rows { values, step })
    }

    fn chroma(&mut self, x: Value, weight: &Tensor, bias: &Tensor) -> Result<Vec<f32>> {
        let (weight, bias) = (Parameter::of(weight)?, Parameter::of(bias)?);
        let features = &self.values[x.0];
        let planes = chroma::forward(self.kernel, features, &weight.values, &bias.values);
        let larger = head::bilinear2x(&planes, features.size());
        self.operations.push(Operation::Chroma { x: x.0, weight, bias, planes });
        Ok(larger)
    }

    fn backward(mut self: Box<Self>, chroma: &[f32], rows: &[f32]) -> Result<Gradients> {
        let mut gradients = Gradients::default();
        let mut flow: Vec<Option<Features<E>>> = self.values.iter().map(|_| None).collect();
        while let Some(operation) = self.operations.pop() {
            self.step(operation, chroma, rows, &mut flow, &mut gradients)?;
        }
        Ok(gradients)
    }
}

/// A convolution without bias of inputs at its own size.
fn plain_convolution<E: Element>(
    kernel: Kernel,
    sources: &[View<'_, E>],
    filters: &Filters<'_>,
    images: usize,
) -> Features<E> {
    let packed = Packed::forward(kernel, filters);
    let size = [sources[0].height, sources[0].width];
    let fill = |target| {
        let convolution = Convolution::<E, E> {
            sources,
            images,
            window: Window::same(filters.kernel, 1, size),
            weights: &packed,
            depth: filters.depth(),
            bias: None,
            activation: Activation::None,
            plus: [None; 2],
            gate: None,
            out: Out::features(target, filters.output_blocks(), size),
        };
        convolution.run(kernel);
    };
    // SAFETY: a convolution writes all pixels of all blocks.
    unsafe { Features::filled(images, filters.outputs, size, fill) }
}

/// A convolution whose results are wanted as f32, each pixel's side by side.
fn dense_rows<E: Element>(
    kernel: Kernel,
    x: &Features<E>,
    weight: &Parameter,
    bias: &Parameter,
) -> Vec<f32> {
    let filters = whole(weight);
    let packed = Packed::forward(kernel, &filters);
    let (blocks, bias) = (filters.output_blocks(), padded(bias));
    let fill = |target| {
        Convolution::<E, f32> {
            sources: &[x.view()],
            images: x.images,
            window: Window::same(filters.kernel, 1, x.size()),
            weights: &packed,
            depth: filters.depth(),
            bias: Some(&bias),
            activation: Activation::None,
            plus: [None; 2],
            gate: None,
            out: Out::rows(target, blocks, x.size()),
        }
        .run(kernel);
    };
    // SAFETY: a convolution writes all pixels of all blocks.
    unsafe { filled(x.images * x.area() * blocks * LANES, fill) }
}

impl<E: Element> Tape<E> {
    /// Takes the gradients of an operation.
    fn step(
        &self,
        operation: Operation<E>,
        chroma: &[f32],
        rows: &[f32],
        flow: &mut [Option<Features<E>>],
        gradients: &mut Gradients,
    ) -> Result<()> {
        match operation {
            Operation::Stem { patches, weights, bias, y } => {
                let Some(d_y) = flow[y].take() else { return Ok(()) };
                let d_y = head::gated(self.kernel, &d_y, &self.values[y]);
                let sources: Vec<_> = patches.iter().map(Patches::view).collect();
                let filters = of_patches(&weights, &patches);
                let (d_weights, d_bias) = weight_gradients(
                    Kernel::best::<f32>(),
                    &sources,
                    Window::POINT,
                    &filters,
                    d_y.view(),
                    d_y.images,
                );
                for (weight, d_weight) in weights.iter().zip(d_weights) {
                    gradients.set(&weight.tensor, d_weight)?;
                }
                gradients.set(&bias.tensor, d_bias)
            }
            Operation::Residual { x, layers, between, y } => {
                let Some(d_y) = flow[y].take() else { return Ok(()) };
                let plus = flow[x].take();
                let (d_x, found) = block::backward(
                    self.kernel,
                    &layers.layers(),
                    &self.values[x],
                    &between,
                    &d_y,
                    plus.as_ref(),
                );
                flow[x] = Some(d_x);
                let pairs = [
                    layers.expand.as_ref().zip(found.expand),
                    Some((&layers.depthwise, found.depthwise)),
                    Some((&layers.project, found.project)),
                ];
                for (parameters, values) in pairs.into_iter().flatten() {
                    for (parameter, values) in parameters.iter().zip(values) {
                        gradients.set(&parameter.tensor, values)?;
                    }
                }
                Ok(())
            }
            Operation::Normed { inputs, kernel, before, norm, weight, bias, y } => {
                let Some(mut d_y) = flow[y].take() else { return Ok(()) };
                let (d_weight, d_bias) = norm.backward(self.kernel, &before, &mut d_y);
                gradients.set(&weight.tensor, d_weight)?;
                gradients.set(&bias.tensor, d_bias)?;
                drop(before);
                self.convolution(&inputs, kernel, &d_y, flow, gradients)
            }
            Operation::Rows { x, weight, bias } => {
                let filters = whole(&weight);
                let converted: Vec<E> = head::convert(self.kernel, rows);
                let size = self.values[x].size();
                let d_y = head::rows(&converted, filters.output_blocks(), size);
                self.head(x, [&weight, &bias], d_y, flow, gradients)
            }
            Operation::Chroma { x, weight, bias, planes } => {
                let size = self.values[x].size();
                let d_planes = head::bilinear2x_gradient(chroma, size);
                let (d_y, d_bias) = chroma::before_tanh::<E>(&planes, &d_planes, size);
                gradients.set(&bias.tensor, d_bias)?;
                let features = &self.values[x];
                let d_weight = chroma::weight_gradient(self.kernel, features, &d_y);
                gradients.set(&weight.tensor, d_weight)?;
                let (filters, window) = (whole(&weight), Window::same(3, 1, size));
                let plus = flow[x].take();
                let (view, images) = (d_y.view(), d_y.images);
                let plus = plus.as_ref();
                let d_x = input_gradient(self.kernel, view, images, window, &filters, 0, plus);
                flow[x] = Some(d_x);
                Ok(())
            }
        }
    }

    /// A convolution of several inputs.
    fn convolution(
        &self,
        inputs: &[Read<E>],
        kernel: usize,
        d_y: &Features<E>,
        flow: &mut [Option<Features<E>>],
        gradients: &mut Gradients,
    ) -> Result<()> {
        let filters = filters(inputs);
        let sources: Vec<_> = inputs.iter().map(|read| self.source(read)).collect();
        let window = Window::same(kernel, 1, d_y.size());
        let view = d_y.view();
        let d_weights = if inputs[0].is_doubled() {
            doubled::weight_gradients(self.kernel, &sources, &filters, view, d_y.images)
        } else {
            weight_gradients(self.kernel, &sources, window, &filters, view, d_y.images).0
        };
        let mut whole: Vec<(&Tensor, Vec<f32>)> = Vec::new();
        for (read, d_weight) in inputs.iter().zip(d_weights) {
            let tensor = &read.weight.tensor;
            let index = whole.iter().position(|(other, _)| other.id() == tensor.id());
            let index = index.unwrap_or_else(|| {
                whole.push((tensor, vec![0.0; read.weight.values.len()]));
                whole.len() - 1
            });
            let taps = kernel * kernel;
            let rows = whole[index].1.chunks_exact_mut(tensor.dims()[1] * taps);
            for (row, part) in rows.zip(d_weight.chunks_exact(read.channels * taps)) {
                row[read.first * taps..][..part.len()].copy_from_slice(part);
            }
        }
        for (tensor, values) in whole {
            gradients.set(tensor, values)?;
        }
        for (part, read) in inputs.iter().enumerate() {
            let Origin::Value { index, .. } = read.from else { continue };
            let plus = flow[index].take();
            flow[index] = Some(if read.is_doubled() {
                assert!(
                    part == 0 && plus.is_none(),
                    "a doubled input comes first, and is read once"
                );
                doubled::input_gradient(self.kernel, view, d_y.images, &filters)
            } else {
                input_gradient(self.kernel, view, d_y.images, window, &filters, part, plus.as_ref())
            });
        }
        Ok(())
    }

    /// A convolution of one input at its own size.
    fn head(
        &self,
        x: usize,
        [weight, bias]: [&Parameter; 2],
        d_y: View<'_, E>,
        flow: &mut [Option<Features<E>>],
        gradients: &mut Gradients,
    ) -> Result<()> {
        let features = &self.values[x];
        let (size, images) = (features.size(), features.images);
        let filters = whole(weight);
        let window = Window::same(filters.kernel, 1, size);
        let sources = [features.view()];
        let (mut d_weights, d_bias) =
            weight_gradients(self.kernel, &sources, window, &filters, d_y, images);
        gradients.set(&weight.tensor, d_weights.swap_remove(0))?;
        gradients.set(&bias.tensor, d_bias)?;
        let plus = flow[x].take();
        flow[x] =
            Some(input_gradient(self.kernel, d_y, images, window, &filters, 0, plus.as_ref()));
        Ok(())
    }
}
