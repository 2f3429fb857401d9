//! Makes a network's tensors in integers: ranges of what lies between layers from photographs, and
//! weights for them.

use std::collections::BTreeMap;

use candle_core::{Device, Result, Tensor};

use super::picture::{CHROMA_GAIN, STEM_HINT_GAIN};
use super::plan::{Kind, Layer, Plan, Source, Value};
use super::quantized::{
    CHROMA_STEPS, GREATEST, GREATEST_HINT, LIGHTNESS_STEPS, LIGHTNESS_ZERO, PLANES, Quantized,
    Shape, doubled_weights_fit, greatest_sum, hints_name, input_ranges,
};
use super::{BINS_STEP, IntegerVivid};
use crate::nn::model::blocks::NormConstants;
use crate::nn::model::vivid::Config;
use crate::nn::ops::Activation;
use crate::nn::ops::integer::MOST_SHIFT;
use crate::nn::weights::{Integers, Numbers};

/// How far ranges reach beyond what the photographs had.
const MARGIN: f32 = 1.25;

/// One of L* as the network sees it: `ImageNet`'s deviation over all three channels (`vivid.rs`).
const LIGHTNESS_GAIN: f64 = 0.01 / 0.226;

/// Ranges of a network's values, found on photographs.
#[derive(Debug)]
pub struct Calibration<'a> {
    tensors: &'a BTreeMap<String, Tensor>,
    config: Config,
    plan: Plan,
    /// Weight with batch norm folded, and bias, of each layer.
    folded: Vec<(Tensor, Tensor)>,
    /// The greatest size of each value so far.
    greatest: Vec<f32>,
}

impl<'a> Calibration<'a> {
    /// Of a network with these tensors; nothing is measured yet.
    ///
    /// # Errors
    ///
    /// When a tensor is missing or has another shape.
    pub fn new(config: &Config, tensors: &'a BTreeMap<String, Tensor>) -> Result<Self> {
        let plan = Plan::new(config);
        let folded = plan.layers.iter().map(|layer| folded(tensors, &plan, layer));
        let folded = folded.collect::<Result<Vec<_>>>()?;
        let greatest = vec![0.; plan.values.len()];
        Ok(Self { tensors, config: config.clone(), plan, folded, greatest })
    }

    /// The greatest size of each value for a picture `(1, 1, H, W)` of L*, with hints or without.
    ///
    /// # Errors
    ///
    /// When the shape does not fit.
    pub fn measure(&self, lightness: &Tensor, hints: Option<&Tensor>) -> Result<Vec<f32>> {
        let mut values: Vec<Tensor> = Vec::new();
        let picture =
            lightness.affine(LIGHTNESS_GAIN, -f64::from(LIGHTNESS_ZERO) * LIGHTNESS_GAIN)?;
        for (layer, (weight, bias)) in self.plan.layers.iter().zip(&self.folded) {
            let source = |i: usize| values[layer.sources[i].value].clone();
            let beside = |x: &Tensor| self.beside(layer, x, weight, hints);
            let y = match layer.kind {
                Kind::Stem => {
                    let (x, weight) = beside(&picture)?;
                    same(&x, 3, 2)?.conv2d(&weight, 0, 2, 1, 1)?
                }
                Kind::Depthwise { kernel, stride } => {
                    depthwise(&source(0), weight, kernel, stride)?
                }
                Kind::Joined(_) => {
                    let (_, _, height, width) = source(1).dims4()?;
                    let large = source(0).upsample_nearest2d(height, width)?;
                    let (x, weight) = beside(&Tensor::cat(&[&large, &source(1)], 1)?)?;
                    x.conv2d(&weight, 1, 1, 1, 1)?
                }
                Kind::Chroma => source(0).conv2d(weight, 1, 1, 1, 1)?,
                Kind::Pointwise | Kind::Bins => source(0).conv2d(weight, 0, 1, 1, 1)?,
            };
            let y = y.broadcast_add(&bias.reshape((1, (), 1, 1))?)?;
            values.push(match (layer.activation, layer.residual) {
                (Activation::Relu6, _) => y.clamp(0f32, 6f32)?,
                (Activation::Relu, _) => y.relu()?,
                (_, Some(residual)) => (y + &values[residual])?,
                _ => y,
            });
        }
        values.iter().map(|value| value.abs()?.max_all()?.to_scalar::<f32>()).collect()
    }

    /// Takes the sizes of a picture's values.
    pub fn add(&mut self, greatest: &[f32]) {
        for (most, &found) in self.greatest.iter_mut().zip(greatest) {
            *most = most.max(found);
        }
    }

    /// The input with hints after its channels, if there are any, and the weight for both.
    fn beside(
        &self,
        layer: &Layer,
        x: &Tensor,
        weight: &Tensor,
        hints: Option<&Tensor>,
    ) -> Result<(Tensor, Tensor)> {
        let Some(hints) = hints.filter(|_| self.plan.hints) else {
            return Ok((x.clone(), weight.clone()));
        };
        let (_, _, height, width) = x.dims4()?;
        let gain = if layer.kind == Kind::Stem { STEM_HINT_GAIN / CHROMA_GAIN } else { 1. };
        let planes = hints.avg_pool2d(hints.dim(2)? / height)?;
        let share = planes.narrow(1, 2, 1)?;
        let mask = share.gt(0f64)?.to_dtype(x.dtype())?;
        let chroma = planes.narrow(1, 0, 2)?.broadcast_div(&share.maximum(1e-6)?)?;
        let planes = (Tensor::cat(&[(chroma * CHROMA_GAIN)?, mask], 1)? * gain)?;
        debug_assert_eq!(planes.dim(3)?, width);
        let own = self.hints_weight(layer)?;
        Ok((Tensor::cat(&[x, &planes], 1)?, Tensor::cat(&[weight, &own], 1)?))
    }

    /// `(Cout, 3, 3, 3)`, with batch norm folded into it: the norm is after the sum of both.
    fn hints_weight(&self, layer: &Layer) -> Result<Tensor> {
        let weight = find(self.tensors, &hints_name(layer.kind))?;
        if layer.normed {
            weight.broadcast_mul(&scale(self.tensors, layer)?.reshape(((), 1, 1, 1))?)
        } else {
            Ok(weight.clone())
        }
    }

    /// Weights for the ranges that were found.
    ///
    /// # Errors
    ///
    /// When no photograph was measured, or sums or biases of a layer do not fit into 32 bits.
    pub fn quantize(&self) -> std::result::Result<Integers, String> {
        let steps = self.steps()?;
        let (mut file, mut ranges) = (Integers::default(), Vec::new());
        for (layer, (weight, bias)) in self.plan.layers.iter().zip(&self.folded) {
            let numbers = |tensor: &Tensor| {
                tensor.flatten_all().and_then(|t| t.to_vec1::<f32>()).map_err(|e| e.to_string())
            };
            let hints = if Shape::of(&self.plan, layer).hints {
                numbers(&self.hints_weight(layer).map_err(|error| error.to_string())?)?
            } else {
                Vec::new()
            };
            let real = Real { weight: numbers(weight)?, hints, bias: numbers(bias)? };
            let quantized = real.quantize(&self.plan, layer, &steps, &ranges)?;
            ranges.push(quantized.range);
            if layer.kind == Kind::Bins {
                let step = Numbers::F32(vec![steps[layer.value] as f32]);
                file.insert(BINS_STEP.to_owned(), vec![1], step);
            }
            quantized.write(&mut file, &self.plan, layer);
        }
        // What could not be read again is better refused here.
        IntegerVivid::new(&self.config, &file)?;
        Ok(file)
    }

    /// What one of each value is.
    fn steps(&self) -> std::result::Result<Vec<f64>, String> {
        let values = self.plan.values.iter().zip(&self.plan.layers);
        let step = |(value, layer): (&Value, &Layer)| {
            let group = self.plan.values.iter().zip(&self.greatest);
            let group = group.filter(|(other, _)| other.group == value.group);
            let greatest = group.fold(0., |most: f32, (_, &greatest)| most.max(greatest));
            match layer.kind {
                Kind::Chroma => Ok(1. / f64::from(CHROMA_STEPS)),
                _ if value.six => Ok(6. / f64::from(GREATEST)),
                _ if greatest > 0. && greatest.is_finite() => {
                    Ok(f64::from(MARGIN * greatest) / f64::from(most(layer)))
                }
                _ => Err(format!("`{}` has no range: no photograph was measured", layer.name)),
            }
        };
        values.map(step).collect()
    }
}

/// The greatest number of a layer's value: heads are no input, and so may be longer.
fn most(layer: &Layer) -> i16 {
    if matches!(layer.kind, Kind::Chroma | Kind::Bins) { i16::MAX } else { GREATEST }
}

/// A layer's weights as the network has them.
struct Real {
    weight: Vec<f32>,
    hints: Vec<f32>,
    bias: Vec<f32>,
}

impl Real {
    fn quantize(
        &self,
        plan: &Plan,
        layer: &Layer,
        steps: &[f64],
        ranges: &[[i16; 2]],
    ) -> std::result::Result<Quantized, String> {
        let Shape { outputs, area, .. } = Shape::of(plan, layer);
        let greatest = most(layer);
        let range = match layer.activation {
            Activation::Relu | Activation::Relu6 => [0, greatest],
            _ => [-greatest, greatest],
        };
        let result = steps[layer.value];
        let input_steps = input_steps(plan, layer, steps);
        let gain = if layer.kind == Kind::Stem { STEM_HINT_GAIN } else { CHROMA_GAIN };
        let hint_steps = [gain / f64::from(GREATEST_HINT) / result; PLANES];
        let inputs = input_ranges(plan, layer, ranges);
        let mut quantized = Quantized {
            weight: Vec::with_capacity(self.weight.len()),
            hints: Vec::with_capacity(self.hints.len()),
            bias: Vec::with_capacity(outputs),
            shift: Vec::with_capacity(outputs),
            range,
        };
        let (row, hints_row) = (self.weight.len() / outputs, self.hints.len() / outputs);
        for output in 0..outputs {
            let weights = &self.weight[output * row..(output + 1) * row];
            let hints = &self.hints[output * hints_row..(output + 1) * hints_row];
            let bias = f64::from(self.bias[output]) / result;
            let fitting = (0..=MOST_SHIFT).rev().find_map(|shift| {
                let weights = rounded(weights, &input_steps, area, shift)?;
                let hints = rounded(hints, &hint_steps, area, shift)?;
                let half = if shift == 0 { 0. } else { 2f64.powi(i32::from(shift) - 1) };
                let bias = (bias * 2f64.powi(i32::from(shift)) + half).round();
                let joined = matches!(layer.kind, Kind::Joined(_));
                let sum = greatest_sum(&weights, &hints, &inputs, area) as f64 + bias.abs();
                let fits = sum < f64::from(i32::MAX - (1 << 16) - 1)
                    && (!joined || doubled_weights_fit(&weights));
                fits.then_some((weights, hints, bias as i32, shift))
            });
            let Some((weights, hints, bias, shift)) = fitting else {
                return Err(format!("sums of `{}` are longer than 32 bits", layer.name));
            };
            quantized.weight.extend(weights);
            quantized.hints.extend(hints);
            quantized.bias.push(bias);
            quantized.shift.push(shift);
        }
        Ok(quantized)
    }
}

/// One of each input channel, in results.
fn input_steps(plan: &Plan, layer: &Layer, steps: &[f64]) -> Vec<f64> {
    let result = steps[layer.value];
    match layer.kind {
        Kind::Stem => vec![LIGHTNESS_GAIN / f64::from(LIGHTNESS_STEPS) / result],
        Kind::Depthwise { .. } => vec![steps[layer.sources[0].value] / result],
        _ => {
            let of = |source: &Source| {
                let step = source.factor * steps[source.value] / result;
                vec![step; plan.values[source.value].channels]
            };
            layer.sources.iter().flat_map(of).collect()
        }
    }
}

/// Weights of one output in numbers; `None` where one is longer than 16 bits.
fn rounded(weights: &[f32], steps: &[f64], area: usize, shift: u8) -> Option<Vec<i16>> {
    let scale = 2f64.powi(i32::from(shift));
    let numbers = weights.chunks_exact(area).zip(steps).flat_map(|(weights, step)| {
        weights.iter().map(move |&weight| (f64::from(weight) * step * scale).round())
    });
    let limit = f64::from(i16::MAX);
    numbers.map(|number| (number.abs() <= limit).then_some(number as i16)).collect()
}

fn find<'a>(tensors: &'a BTreeMap<String, Tensor>, name: &str) -> Result<&'a Tensor> {
    match tensors.get(name) {
        Some(tensor) => Ok(tensor),
        None => candle_core::bail!("tensor `{name}` is missing"),
    }
}

/// What batch norm multiplies each output by.
fn scale(tensors: &BTreeMap<String, Tensor>, layer: &Layer) -> Result<Tensor> {
    let tensor = |part: &str| find(tensors, &format!("{}.norm.{part}", layer.name));
    tensor("weight")? / (tensor("running_var")? + NormConstants::KERAS.epsilon)?.sqrt()?
}

/// Weight and bias of a layer, batch norm folded into them.
fn folded(
    tensors: &BTreeMap<String, Tensor>,
    plan: &Plan,
    layer: &Layer,
) -> Result<(Tensor, Tensor)> {
    let tensor = |part: &str| find(tensors, &format!("{}.{part}", layer.name));
    let (weight, bias) = if layer.normed {
        let scale = scale(tensors, layer)?;
        let bias = (tensor("norm.bias")? - (tensor("norm.running_mean")? * &scale)?)?;
        (tensor("conv.weight")?.broadcast_mul(&scale.reshape(((), 1, 1, 1))?)?, bias)
    } else {
        (tensor("weight")?.clone(), tensor("bias")?.clone())
    };
    let Shape { outputs, inputs, .. } = Shape::of(plan, layer);
    let shape = (outputs, inputs, layer.kernel(), layer.kernel());
    Ok((weight.reshape(shape)?, bias.reshape(outputs)?))
}

/// Zeros around as Keras' `same` has them.
fn same(x: &Tensor, kernel: usize, stride: usize) -> Result<Tensor> {
    let (all, before) = (kernel - stride, (kernel - stride) / 2);
    x.pad_with_zeros(2, before, all - before)?.pad_with_zeros(3, before, all - before)
}

/// Each channel by itself, one tap after the other: stock grouped convolutions take a call a channel.
fn depthwise(x: &Tensor, weight: &Tensor, kernel: usize, stride: usize) -> Result<Tensor> {
    let channels = x.dim(1)?;
    let x = same(x, kernel, stride)?;
    let places = |dim: usize, first: usize| {
        let count = (x.dim(dim)? - kernel) / stride + 1;
        Tensor::from_iter((0..count).map(|i| (i * stride + first) as u32), &Device::Cpu)
    };
    let mut sum = None;
    for tap in 0..kernel * kernel {
        let (row, column) = (tap / kernel, tap % kernel);
        let seen = x.index_select(&places(2, row)?, 2)?.index_select(&places(3, column)?, 3)?;
        let weight = weight.narrow(2, row, 1)?.narrow(3, column, 1)?;
        let product = seen.broadcast_mul(&weight.reshape((1, channels, 1, 1))?)?;
        sum = Some(match sum {
            Some(sum) => (sum + product)?,
            None => product,
        });
    }
    Ok(sum.expect("a kernel has taps"))
}
