//! A network's forward pass, recorded, and its gradients.
//!
//! candle's own backward pass fills each gradient with zeros and adds to it on one thread, and knows
//! one order of dimensions. Here every operation computes its gradients whole, in the engine's
//! layout, and gradients meet where an operation adds to what is there already.

use std::collections::HashMap;

use candle_core::{Device, Result, Tensor, TensorId};
use half::bf16;

use super::block;
use super::chroma;
use super::conv::{Dense, convolve, rows_of};
use super::doubled;
use super::features::{Features, View};
use super::head::{self, Patches};
use super::kernel::Kernel;
use super::lanes::{Element, LANES};
use super::norm::Normalized;
use super::pack::Window;
use super::pass::{Color, From, Input, Norm, Pass, Residual, Rows, Statistics, Value, check};
use super::planes::After;
use super::pointwise::{self, Pair};
use super::spread;
use super::ways::{Layer, Way};
use super::weights::Packed;
use crate::nn::ops::{Activation, Conv, Precision};

mod backward;
mod recorded;

use recorded::{Kept, Operation, Origin, Owned, Parameter, Read, filters, of_patches, whole};

/// Gradients of parameters.
#[derive(Debug, Default)]
pub struct Gradients(HashMap<TensorId, Tensor>);

impl Gradients {
    /// That of a parameter.
    pub fn get(&self, parameter: &Tensor) -> Option<&Tensor> {
        self.0.get(&parameter.id())
    }

    fn set(&mut self, parameter: &Parameter, values: Vec<f32>) -> Result<()> {
        let tensor = &parameter.tensor;
        self.0.insert(tensor.id(), Tensor::from_vec(values, tensor.shape(), &Device::Cpu)?);
        Ok(())
    }

    /// Those of a weight and its bias.
    fn set_both(
        &mut self,
        [weight, bias]: [&Parameter; 2],
        (d_weight, d_bias): (Vec<f32>, Vec<f32>),
    ) -> Result<()> {
        self.set(weight, d_weight)?;
        self.set(bias, d_bias)
    }
}

/// A pass whose gradients can be asked for.
pub trait Recorder: Pass {
    /// Gradients of the parameters, by those of [`Pass::chroma`]'s and [`Pass::rows`]'s results.
    ///
    /// # Errors
    ///
    /// When a shape does not fit.
    fn backward(self: Box<Self>, chroma: &[f32], rows: &[f32]) -> Result<Gradients>;

    /// Itself, to be run through.
    fn pass(&mut self) -> &mut dyn Pass;
}

/// An empty tape of the precision, or of f32 where this processor lacks it.
pub fn recorder(precision: Precision) -> Box<dyn Recorder> {
    match precision.or_f32() {
        Precision::F32 => Box::new(Tape::<f32>::new()),
        Precision::Bf16 => Box::new(Tape::<bf16>::new()),
    }
}

/// A recording, of values that are kept as `E`.
pub(crate) struct Tape<E> {
    kernel: Kernel,
    values: Vec<Kept<E>>,
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

    fn keep(&mut self, features: Features<E>, high: Option<f32>) -> Value {
        self.values.push(Kept { features, high });
        Value::new(self.values.len() - 1)
    }

    fn features(&self, value: &Value) -> &Features<E> {
        &self.values[value.index].features
    }

    fn source<'a>(&'a self, read: &'a Read<E>) -> View<'a, E> {
        match &read.from {
            Origin::Value { index, .. } => self.values[*index].features.view(),
            Origin::Planes(features) => features.view(),
        }
    }

    fn read(&self, input: &Input<'_>) -> Result<Read<E>> {
        let (from, channels) = match input.from {
            From::Value(value) => (
                Origin::Value { index: value.index, doubled: false },
                self.features(value).channels,
            ),
            From::Doubled(value) => {
                (Origin::Value { index: value.index, doubled: true }, self.features(value).channels)
            }
            From::Planes(planes) => (Origin::Planes(head::features_of(planes)?), planes.dims()[1]),
        };
        let (weight, first, scale) =
            (Parameter::of(input.weight)?, input.first, input.scale as f32);
        Ok(Read { from, weight, first, channels, scale })
    }

    /// Normalizes by the batch's own statistics.
    fn normalize(
        &self,
        x: &Features<E>,
        norm: &Norm<'_>,
        relu: bool,
    ) -> Result<(Normalized, [Parameter; 2], Features<E>, Statistics)> {
        let parameters = [Parameter::of(norm.weight)?, Parameter::of(norm.bias)?];
        let [weight, bias] = parameters.each_ref().map(|parameter| &parameter.values[..]);
        let epsilon = norm.epsilon as f32;
        let (norm, y) = Normalized::forward(self.kernel, x, weight, bias, epsilon, relu);
        let channel =
            |values: &[f32]| Tensor::from_slice(&values[..x.channels], x.channels, &Device::Cpu);
        let statistics = [channel(&norm.mean)?, channel(&norm.variance)?];
        Ok((norm, parameters, y, statistics))
    }
}

/// Where an activation ends that lets what is above 0 through.
pub(super) fn high(activation: Activation) -> Option<f32> {
    match activation {
        Activation::None | Activation::Tanh => None,
        Activation::Relu => Some(f32::INFINITY),
        Activation::Relu6 => Some(6.0),
    }
}

impl<E: Element> Pass for Tape<E> {
    fn wants_rows(&self) -> bool {
        true
    }

    fn picture(
        &mut self,
        planes: &[(&Tensor, &Tensor)],
        bias: &Tensor,
        conv: Conv,
    ) -> Result<Value> {
        let (images, ..) = planes[0].0.dims4()?;
        let (mut patches, mut weights) = (Vec::new(), Vec::new());
        for (planes, weight) in planes {
            patches.push(Patches::under(planes, weight, conv)?);
            weights.push(Parameter::of(weight)?);
        }
        let bias = Parameter::of(bias)?;
        let kernel = Kernel::best::<f32>();
        let filters = of_patches(&weights, &patches);
        let sources: Vec<View<'_, f32>> = patches.iter().map(Patches::view).collect();
        let layer = Dense {
            weights: &Packed::forward(kernel, &filters),
            window: Window::POINT,
            outputs: filters.outputs,
            depth: filters.depth(),
            bias: Some(&bias.padded()),
            activation: conv.activation,
        };
        let features = convolve::<f32, E>(kernel, &sources, images, layer);
        let value = self.keep(features, high(conv.activation));
        self.operations.push(Operation::Picture { patches, weights, bias, y: value.index });
        Ok(value)
    }

    fn convolution(
        &mut self,
        x: &Value,
        weight: &Tensor,
        bias: &Tensor,
        conv: Conv,
    ) -> Result<Value> {
        let (weight, bias) = (Parameter::of(weight)?, Parameter::of(bias)?);
        let features = self.features(x);
        let filters = whole(&weight);
        check(conv, &weight.tensor, features.channels, features.size())?;
        let window = Window::of(conv, filters.kernel, features.size());
        let layer = Layer {
            filters: &filters,
            window,
            bias: Some(&bias.padded()),
            activation: conv.activation,
        };
        let way = Way::of::<E>(&window, &filters, features.size());
        let y = way.convolve(self.kernel, &[features.view()], features.images, layer);
        let value = self.keep(y, high(conv.activation));
        let y = value.index;
        self.operations.push(Operation::Convolution { x: x.index, weight, bias, window, y });
        Ok(value)
    }

    fn transposed2x(
        &mut self,
        x: &Value,
        weight: &Tensor,
        bias: &Tensor,
        activation: Activation,
    ) -> Result<Value> {
        let (weight, bias) = (Parameter::of(weight)?, Parameter::of(bias)?);
        let (features, filters) = (self.features(x), whole(&weight));
        let channels = [filters.outputs, filters.parts[0].channels];
        let padded = bias.padded();
        let y = spread::spread(
            self.kernel,
            features.view(),
            features.images,
            &spread::products(self.kernel, &filters, 0, spread::TRANSPOSED),
            channels,
            After { bias: Some(&padded), activation, ..After::default() },
        );
        let value = self.keep(y, high(activation));
        self.operations.push(Operation::Transposed { x: x.index, weight, bias, y: value.index });
        Ok(value)
    }

    fn inverted_residual(&mut self, x: &Value, layers: &Residual<'_>) -> Result<Value> {
        let layers = Owned::of(layers)?;
        let (y, between) = block::forward(self.kernel, &layers.layers(), self.features(x));
        let value = self.keep(y, None);
        let y = value.index;
        self.operations.push(Operation::Residual { x: x.index, layers, between, y });
        Ok(value)
    }

    fn normed(
        &mut self,
        inputs: &[Input<'_>],
        norm: &Norm<'_>,
    ) -> Result<(Value, Option<Statistics>)> {
        let inputs = inputs.iter().map(|input| self.read(input)).collect::<Result<Vec<_>>>()?;
        let filters = filters(&inputs);
        let sources: Vec<_> = inputs.iter().map(|read| self.source(read)).collect();
        let images = sources[0].values.len() / sources[0].image_step;
        let before = if inputs[0].is_doubled() {
            let products = doubled::products(self.kernel, &filters);
            let sizes = [filters.outputs, filters.depth()];
            let after = After::default();
            doubled::convolution(self.kernel, &sources, images, &products, sizes, after)
        } else {
            let size = [sources[0].height, sources[0].width];
            let window = Window::same(filters.kernel, 1, size);
            let layer =
                Layer { filters: &filters, window, bias: None, activation: Activation::None };
            Way::of::<E>(&window, &filters, size).convolve(self.kernel, &sources, images, layer)
        };
        let kernel = filters.kernel;
        let (norm, [weight, bias], y, statistics) = self.normalize(&before, norm, true)?;
        let value = self.keep(y, None);
        let y = value.index;
        self.operations.push(Operation::Normed { inputs, kernel, before, norm, weight, bias, y });
        Ok((value, Some(statistics)))
    }

    fn norm(&mut self, x: &Value, norm: &Norm<'_>) -> Result<(Value, Option<Statistics>)> {
        let (norm, [weight, bias], y, statistics) =
            self.normalize(self.features(x), norm, false)?;
        let value = self.keep(y, None);
        let y = value.index;
        self.operations.push(Operation::Norm { x: x.index, norm, weight, bias, y });
        Ok((value, Some(statistics)))
    }

    fn add_relu(&mut self, x: &Value, y: &Value) -> Result<Value> {
        let terms = [x.index, y.index];
        let sum = pointwise::pairs(self.kernel, Pair::SumRelu, self.features(x), self.features(y));
        let value = self.keep(sum, high(Activation::Relu));
        self.operations.push(Operation::AddRelu { terms, y: value.index });
        Ok(value)
    }

    fn leaky_relu(&mut self, x: &Value, slope: f32) -> Result<Value> {
        let features = self.features(x);
        let y = pointwise::pairs(self.kernel, Pair::Leak(slope), features, features);
        let value = self.keep(y, None);
        self.operations.push(Operation::LeakyRelu { x: x.index, slope, y: value.index });
        Ok(value)
    }

    fn every_second(&mut self, x: &Value) -> Result<Value> {
        let y = pointwise::every_second(self.features(x));
        let value = self.keep(y, None);
        self.operations.push(Operation::EverySecond { x: x.index, y: value.index });
        Ok(value)
    }

    fn doubled(&mut self, x: &Value) -> Result<Value> {
        let y = pointwise::doubled(self.features(x));
        let value = self.keep(y, None);
        self.operations.push(Operation::Doubled { x: x.index, y: value.index });
        Ok(value)
    }

    fn rows(&mut self, x: &Value, weight: &Tensor, bias: &Tensor) -> Result<Rows> {
        let (weight, bias) = (Parameter::of(weight)?, Parameter::of(bias)?);
        let filters = whole(&weight);
        let layer = Dense {
            weights: &Packed::forward(self.kernel, &filters),
            window: Window::POINT,
            outputs: filters.outputs,
            depth: filters.depth(),
            bias: Some(&bias.padded()),
            activation: Activation::None,
        };
        let values = rows_of(self.kernel, self.features(x), layer);
        let columns = weight.outputs();
        self.operations.push(Operation::Rows { x: x.index, weight, bias });
        Ok(Rows { values, step: columns.next_multiple_of(LANES), columns })
    }

    fn chroma(
        &mut self,
        x: &Value,
        weight: &Tensor,
        bias: &Tensor,
        color: Color,
    ) -> Result<Vec<f32>> {
        let (weight, bias) = (Parameter::of(weight)?, Parameter::of(bias)?);
        let features = self.features(x);
        let head = chroma::Head::new(self.kernel, &weight.values, features.channels, &bias.values);
        let planes = chroma::forward(self.kernel, features, &head);
        let larger = head::colors(&planes, features.size(), color);
        self.operations.push(Operation::Chroma { x: x.index, weight, bias, color, planes });
        Ok(larger)
    }
}
