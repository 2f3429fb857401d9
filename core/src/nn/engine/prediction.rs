//! A network's forward pass with nothing kept that is not asked for again.
//!
//! Batch norm goes into the convolution before it, by the running statistics, and weights are made
//! ready once ([`super::prepared`]).

use std::rc::Rc;
use std::sync::Arc;

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::chroma;
use super::conv::{self, convolve, rows_of};
use super::depthwise::{self, Taps};
use super::doubled;
use super::features::{Features, Target, View};
use super::head::{self, Patches};
use super::kernel::Kernel;
use super::lanes::{Element, LANES};
use super::norm;
use super::pack::Window;
use super::pass::{Color, From, Input, Norm, Pass, Residual, Rows, Statistics, Value, check};
use super::planes::After;
use super::pointwise::{self, Pair};
use super::prepared::{Layer, Role, layer};
use super::spread;
use super::values::{padded, values_of};
use super::weights::{Filters, Packed, Part};
use crate::nn::ops::{Activation, Conv};

/// A pass whose values are `E`.
pub(crate) struct Prediction<E> {
    kernel: Kernel,
    wants_rows: bool,
    /// Each with who holds it; none where it is forgotten.
    values: Vec<(Rc<()>, Option<Features<E>>)>,
}

impl<E: Element> Prediction<E> {
    /// Nothing yet, by the best instructions that may be used.
    pub(crate) fn new(wants_rows: bool) -> Self {
        Self { kernel: Kernel::best::<E>(), wants_rows, values: Vec::new() }
    }

    /// Keeps a value, and forgets those that nobody holds.
    fn keep(&mut self, features: Features<E>) -> Value {
        for (held, features) in &mut self.values {
            if Rc::strong_count(held) == 1 {
                *features = None;
            }
        }
        let value = Value::new(self.values.len());
        self.values.push((value.held.clone(), Some(features)));
        value
    }

    fn features(&self, value: &Value) -> &Features<E> {
        self.values[value.index].1.as_ref().expect("who asks holds the value")
    }

    /// The convolution with this weight.
    fn dense(&self, weight: &Tensor, bias: &Tensor) -> Result<Arc<Layer>> {
        layer(self.kernel, Role::Convolution, &[weight, bias], || {
            let (values, bias) = (values_of(weight)?, padded(&values_of(bias)?));
            Ok(dense(self.kernel, &Filters::whole(&values, weight.dims()), bias))
        })
    }

    /// A convolution of one value, on all threads.
    fn convolve(
        &self,
        x: &Features<E>,
        layer: &Layer,
        window: Window,
        activation: Activation,
    ) -> Features<E> {
        let dense = of_layer(layer, window, activation);
        convolve::<E, E>(self.kernel, &[x.view()], x.images, dense)
    }
}

/// A depthwise convolution with `ReLU6`, plane by plane on all threads.
fn depthwise_of<E: Element>(
    kernel: Kernel,
    x: &Features<E>,
    layer: &Layer,
    stride: usize,
) -> Features<E> {
    let Layer::Depthwise { taps, bias } = layer else { unreachable!("made as it is used") };
    let size = x.size().map(|side| side.div_ceil(stride));
    let len = size[0] * size[1] * LANES;
    let (blocks, planes) = (x.blocks(), x.images * x.blocks());
    let fill = |target: Target<E>| {
        (0..planes).into_par_iter().for_each(|plane| {
            // SAFETY: the plane's own part.
            let y = unsafe { target.part(plane * len, len) };
            kernel.run(depthwise::Forward {
                x: x.view().some_blocks((plane % blocks, 1)),
                image: plane / blocks,
                window: Window::same(taps.kernel, stride, x.size()),
                taps,
                block: plane % blocks,
                bias,
                activation: Activation::Relu6,
                y,
                size,
            });
        });
    };
    // SAFETY: all planes are written.
    unsafe { Features::filled(x.images, x.channels, size, fill) }
}

/// Weights and bias, made ready.
fn dense(kernel: Kernel, filters: &Filters<'_>, bias: Vec<f32>) -> Layer {
    Layer::Dense {
        weights: Packed::forward(kernel, filters),
        bias,
        outputs: filters.outputs,
        depth: filters.depth(),
    }
}

fn of_layer(layer: &Layer, window: Window, activation: Activation) -> conv::Dense<'_> {
    let Layer::Dense { weights, bias, outputs, depth } = layer else {
        unreachable!("made as it is used")
    };
    conv::Dense { weights, window, outputs: *outputs, depth: *depth, bias: Some(bias), activation }
}

/// What normalization by the running statistics multiplies each channel by, and what it adds then.
fn scale_and_shift(norm: &Norm<'_>) -> Result<[Vec<f32>; 2]> {
    let (weight, bias) = (values_of(norm.weight)?, values_of(norm.bias)?);
    let (mean, variance) = (values_of(norm.mean)?, values_of(norm.variance)?);
    let root = |variance: &f32| (variance + norm.epsilon as f32).sqrt();
    let scale: Vec<f32> =
        weight.iter().zip(&variance).map(|(weight, variance)| weight / root(variance)).collect();
    let shift = bias.iter().zip(&mean).zip(&scale).map(|((bias, mean), scale)| bias - mean * scale);
    let shift = shift.collect();
    Ok([scale, shift])
}

/// Multiplies the weights of each output, `(Cout, ...)`.
fn scaled(weight: &Tensor, scale: &[f32]) -> Result<Vec<f32>> {
    let mut values = values_of(weight)?;
    let rows = values.chunks_exact_mut(weight.elem_count() / scale.len());
    for (row, scale) in rows.zip(scale) {
        for value in row {
            *value *= scale;
        }
    }
    Ok(values)
}

impl<E: Element> Pass for Prediction<E> {
    fn wants_rows(&self) -> bool {
        self.wants_rows
    }

    fn picture(
        &mut self,
        planes: &[(&Tensor, &Tensor)],
        bias: &Tensor,
        conv: Conv,
    ) -> Result<Value> {
        let (images, ..) = planes[0].0.dims4()?;
        let patches = planes.iter().map(|(planes, weight)| Patches::under(planes, weight, conv));
        let patches = patches.collect::<Result<Vec<_>>>()?;
        let kernel = Kernel::best::<f32>();
        let mut weights: Vec<&Tensor> = planes.iter().map(|(_, weight)| *weight).collect();
        weights.push(bias);
        let layer = layer(kernel, Role::Convolution, &weights, || {
            let values = planes.iter().map(|(_, weight)| values_of(weight));
            let values = values.collect::<Result<Vec<_>>>()?;
            let bias = values_of(bias)?;
            let weights = values.iter().map(|values| &values[..]);
            let filters = head::filters_of_patches(weights, &patches, bias.len());
            Ok(dense(kernel, &filters, padded(&bias)))
        })?;
        let sources: Vec<View<'_, f32>> = patches.iter().map(Patches::view).collect();
        let dense = of_layer(&layer, Window::POINT, conv.activation);
        Ok(self.keep(convolve::<f32, E>(kernel, &sources, images, dense)))
    }

    fn convolution(
        &mut self,
        x: &Value,
        weight: &Tensor,
        bias: &Tensor,
        conv: Conv,
    ) -> Result<Value> {
        let (layer, features) = (self.dense(weight, bias)?, self.features(x));
        let side = weight.dim(2)?;
        check(conv, weight, features.channels, features.size())?;
        let window = Window::of(conv, side, features.size());
        let y = self.convolve(features, &layer, window, conv.activation);
        Ok(self.keep(y))
    }

    fn transposed2x(
        &mut self,
        x: &Value,
        weight: &Tensor,
        bias: &Tensor,
        activation: Activation,
    ) -> Result<Value> {
        let layer = layer(self.kernel, Role::Transposed, &[weight, bias], || {
            let (values, bias) = (values_of(weight)?, values_of(bias)?);
            let filters = Filters::whole(&values, weight.dims());
            Ok(Layer::Planes {
                products: spread::products(self.kernel, &filters, 0, spread::TRANSPOSED),
                outputs: bias.len(),
                depth: filters.outputs,
                bias: padded(&bias),
            })
        })?;
        let Layer::Planes { products, bias, outputs, depth } = &*layer else {
            unreachable!("made as it is used")
        };
        let features = self.features(x);
        let after = After { bias: Some(&bias[..]), activation, ..After::default() };
        let sizes = [*depth, *outputs];
        let (view, images) = (features.view(), features.images);
        let y = spread::spread(self.kernel, view, images, products, sizes, after);
        Ok(self.keep(y))
    }

    fn inverted_residual(&mut self, x: &Value, layers: &Residual<'_>) -> Result<Value> {
        let features = self.features(x);
        let expanded = layers.expand.map(|[weight, bias]| -> Result<_> {
            let layer = self.dense(weight, bias)?;
            Ok(self.convolve(features, &layer, Window::POINT, Activation::Relu6))
        });
        let expanded = expanded.transpose()?;
        let [weight, bias] = layers.depthwise;
        let depthwise = layer(self.kernel, Role::Depthwise, &[weight, bias], || {
            let (channels, _, side, _) = weight.dims4()?;
            let taps = Taps::new(&values_of(weight)?, channels, side);
            Ok(Layer::Depthwise { taps, bias: padded(&values_of(bias)?) })
        })?;
        let read = expanded.as_ref().unwrap_or(features);
        let filtered = depthwise_of(self.kernel, read, &depthwise, layers.stride);
        drop(expanded);
        let project = self.dense(layers.project[0], layers.project[1])?;
        let dense = of_layer(&project, Window::POINT, Activation::None);
        let plus = layers.residual.then_some(features);
        let y = conv::convolve_plus(self.kernel, &[filtered.view()], filtered.images, dense, plus);
        Ok(self.keep(y))
    }

    fn normed(
        &mut self,
        inputs: &[Input<'_>],
        norm: &Norm<'_>,
    ) -> Result<(Value, Option<Statistics>)> {
        let planes = inputs.iter().map(|input| match input.from {
            From::Planes(planes) => head::features_of::<E>(planes).map(Some),
            From::Value(_) | From::Doubled(_) => Ok(None),
        });
        let planes = planes.collect::<Result<Vec<_>>>()?;
        let sources = inputs.iter().zip(&planes).map(|(input, planes)| match input.from {
            From::Value(value) | From::Doubled(value) => self.features(value),
            From::Planes(_) => planes.as_ref().expect("just made"),
        });
        let sources: Vec<&Features<E>> = sources.collect();
        let is_doubled = matches!(inputs[0].from, From::Doubled(_));
        let role = if is_doubled { Role::NormedDoubled } else { Role::Normed };
        let mut weights: Vec<&Tensor> = inputs.iter().map(|input| input.weight).collect();
        weights.push(norm.weight);
        let layer = layer(self.kernel, role, &weights, || {
            let [scale, shift] = scale_and_shift(norm)?;
            let values = inputs.iter().map(|input| scaled(input.weight, &scale));
            let values = values.collect::<Result<Vec<_>>>()?;
            let parts =
                inputs.iter().zip(&values).zip(&sources).map(|((input, values), source)| Part {
                    weights: values,
                    inputs: input.weight.dims()[1],
                    first: input.first,
                    channels: source.channels,
                    scale: input.scale as f32,
                });
            let kernel = inputs[0].weight.dim(2)?;
            let filters = Filters { parts: parts.collect(), outputs: scale.len(), kernel };
            if !is_doubled {
                return Ok(dense(self.kernel, &filters, padded(&shift)));
            }
            Ok(Layer::Planes {
                products: doubled::products(self.kernel, &filters),
                bias: padded(&shift),
                outputs: filters.outputs,
                depth: filters.depth(),
            })
        })?;
        let views: Vec<View<'_, E>> = sources.iter().map(|source| source.view()).collect();
        let images = sources[0].images;
        let y = match &*layer {
            Layer::Planes { products, bias, outputs, depth } => {
                let activation = Activation::Relu;
                let after = After { bias: Some(&bias[..]), activation, ..After::default() };
                let sizes = [*outputs, *depth];
                doubled::convolution(self.kernel, &views, images, products, sizes, after)
            }
            layer => {
                let window = Window::same(inputs[0].weight.dim(2)?, 1, sources[0].size());
                let dense = of_layer(layer, window, Activation::Relu);
                convolve(self.kernel, &views, images, dense)
            }
        };
        Ok((self.keep(y), None))
    }

    fn norm(&mut self, x: &Value, norm: &Norm<'_>) -> Result<(Value, Option<Statistics>)> {
        let layer = layer(self.kernel, Role::Norm, &[norm.weight, norm.bias], || {
            let [scale, shift] = scale_and_shift(norm)?.map(|values| padded(&values));
            Ok(Layer::Norm { scale, shift })
        })?;
        let Layer::Norm { scale, shift } = &*layer else { unreachable!("made as it is used") };
        let y = norm::scale_and_shift(self.kernel, self.features(x), scale, shift);
        Ok((self.keep(y), None))
    }

    fn add_relu(&mut self, x: &Value, y: &Value) -> Result<Value> {
        let sum = pointwise::pairs(self.kernel, Pair::SumRelu, self.features(x), self.features(y));
        Ok(self.keep(sum))
    }

    fn leaky_relu(&mut self, x: &Value, slope: f32) -> Result<Value> {
        let features = self.features(x);
        let y = pointwise::pairs(self.kernel, Pair::Leak(slope), features, features);
        Ok(self.keep(y))
    }

    fn every_second(&mut self, x: &Value) -> Result<Value> {
        let y = pointwise::every_second(self.features(x));
        Ok(self.keep(y))
    }

    fn doubled(&mut self, x: &Value) -> Result<Value> {
        let y = pointwise::doubled(self.features(x));
        Ok(self.keep(y))
    }

    fn rows(&mut self, x: &Value, weight: &Tensor, bias: &Tensor) -> Result<Rows> {
        let layer = self.dense(weight, bias)?;
        let dense = of_layer(&layer, Window::POINT, Activation::None);
        let columns = dense.outputs;
        let values = rows_of(self.kernel, self.features(x), dense);
        Ok(Rows { values, step: columns.next_multiple_of(LANES), columns })
    }

    fn chroma(
        &mut self,
        x: &Value,
        weight: &Tensor,
        bias: &Tensor,
        color: Color,
    ) -> Result<Vec<f32>> {
        let features = self.features(x);
        let layer = layer(self.kernel, Role::Chroma, &[weight, bias], || {
            let (weight, bias) = (values_of(weight)?, values_of(bias)?);
            Ok(Layer::Chroma(chroma::Head::new(self.kernel, &weight, features.channels, &bias)))
        })?;
        let Layer::Chroma(head) = &*layer else { unreachable!("made as it is used") };
        let planes = chroma::forward(self.kernel, features, head);
        Ok(head::colors(&planes, features.size(), color))
    }
}
