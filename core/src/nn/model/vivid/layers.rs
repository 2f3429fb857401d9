//! Layers of candle's own operations, and their parameters for a pass of the engine.
//!
//! Channels come first, `(C, N, H, W)`: then a convolution of a whole batch is one matrix product with
//! the weight as it is stored, a depthwise one is one batched product, bias and its gradient are
//! products with a row of ones, and joining channels is a copy. All of them have kernels and gradients
//! on CUDA without the strided indexing and the sums over a first dimension that are slow there.

use candle_core::{DType, Result, Tensor};
use candle_nn::{Init, VarBuilder, init};

use crate::nn::engine::{From, Input, Pass, Value};
use crate::nn::model::Mode;
use crate::nn::model::blocks::BatchNorm;
use crate::nn::ops::Activation;

/// From `(N, C, H, W)` to `(C, N, H, W)`, and back.
pub(super) fn turn(x: &Tensor) -> Result<Tensor> {
    x.transpose(0, 1)?.contiguous()
}

/// `same`-padded convolution with bias: tensors `weight` `(Cout, Cin, K, K)` and `bias` `(Cout)`.
#[derive(Clone, Debug)]
pub(super) struct Conv {
    weight: Tensor,
    bias: Tensor,
    stride: usize,
}

impl Conv {
    pub(super) fn new(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        stride: usize,
        vb: VarBuilder,
    ) -> Result<Self> {
        let init = init::DEFAULT_KAIMING_NORMAL;
        Self::with_init(inputs, outputs, kernel, stride, init, vb)
    }

    /// The last layer of a head: begins near gray, and with all bins alike.
    pub(super) fn head(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        vb: VarBuilder,
    ) -> Result<Self> {
        let init = Init::Randn { mean: 0., stdev: 0.005 };
        Self::with_init(inputs, outputs, kernel, 1, init, vb)
    }

    fn with_init(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        stride: usize,
        init: Init,
        vb: VarBuilder,
    ) -> Result<Self> {
        let shape = (outputs, inputs, kernel, kernel);
        let weight = vb.get_with_hints(shape, "weight", init)?;
        let bias = vb.get_with_hints(outputs, "bias", Init::Const(0.))?;
        Ok(Self { weight, bias, stride })
    }

    /// Cin to Cout channels, `H / stride` rows and `W / stride` columns, rounded up; with hints
    /// beside `x`, of the same height and width, if there are any.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        hints: Option<Side<'_>>,
        activation: Activation,
    ) -> Result<Tensor> {
        let (x, weight) = &beside(x, &self.weight, hints)?;
        let (_, n, height, width) = x.dims4()?;
        let (outputs, inputs, kernel, _) = weight.dims4()?;
        let (rows, columns) = (height.div_ceil(self.stride), width.div_ceil(self.stride));
        let x = windows(x, kernel, self.stride)?; // (Cin, K K, P)
        let x = x.reshape((inputs * kernel * kernel, n * rows * columns))?;
        let y = weight.flatten_from(1)?.matmul(&x)?; // (Cout, P)
        let y = (y + spread(&self.bias, n * rows * columns)?)?;
        activate(y.reshape((outputs, n, rows, columns))?, activation)
    }

    /// Weight and bias.
    pub(super) fn parameters(&self) -> [&Tensor; 2] {
        [&self.weight, &self.bias]
    }

    /// The same for a kernel of 1, with the channels last: `(N H W, Cout)`.
    pub(super) fn forward_channels_last(&self, x: &Tensor) -> Result<Tensor> {
        let x = x.flatten_from(1)?.t()?; // (P, Cin)
        let y = x.matmul(&self.weight.flatten_from(1)?.t()?)?; // (P, Cout)
        let ones = Tensor::ones((x.dim(0)?, 1), DType::F32, x.device())?;
        y + ones.matmul(&self.bias.unsqueeze(0)?)?
    }
}

/// `same`-padded convolution of each channel by itself, with bias: tensors `weight` `(C, 1, K, K)`
/// and `bias` `(C)`.
#[derive(Clone, Debug)]
pub(super) struct Depthwise {
    weight: Tensor,
    bias: Tensor,
    stride: usize,
}

impl Depthwise {
    pub(super) fn new(
        channels: usize,
        kernel: usize,
        stride: usize,
        vb: VarBuilder,
    ) -> Result<Self> {
        let shape = (channels, 1, kernel, kernel);
        let weight = vb.get_with_hints(shape, "weight", init::DEFAULT_KAIMING_NORMAL)?;
        let bias = vb.get_with_hints(channels, "bias", Init::Const(0.))?;
        Ok(Self { weight, bias, stride })
    }

    /// Weight and bias.
    pub(super) fn parameters(&self) -> [&Tensor; 2] {
        [&self.weight, &self.bias]
    }

    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// To `H / stride` rows and `W / stride` columns, rounded up, with `ReLU6`.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (channels, n, height, width) = x.dims4()?;
        let kernel = self.weight.dim(2)?;
        let (rows, columns) = (height.div_ceil(self.stride), width.div_ceil(self.stride));
        let x = windows(x, kernel, self.stride)?; // (C, K K, P)
        let y = self.weight.flatten_from(2)?.matmul(&x)?; // (C, 1, P)
        let y = y.reshape((channels, n * rows * columns))?;
        let y = (y + spread(&self.bias, n * rows * columns)?)?;
        activate(y.reshape((channels, n, rows, columns))?, Activation::Relu6)
    }
}

/// Convolution without bias, batch norm and ReLU: tensors `conv.weight` and those of `norm`.
#[derive(Clone, Debug)]
pub(super) struct NormedConv {
    weight: Tensor,
    norm: BatchNorm,
}

impl NormedConv {
    pub(super) fn new(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        vb: VarBuilder,
    ) -> Result<Self> {
        let shape = (outputs, inputs, kernel, kernel);
        let weight = vb.pp("conv").get_with_hints(shape, "weight", init::DEFAULT_KAIMING_NORMAL)?;
        Ok(Self { weight, norm: BatchNorm::new(outputs, vb.pp("norm"))? })
    }

    /// Cin to Cout channels; with hints beside `x`, of the same height and width, if there are any.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        hints: Option<Side<'_>>,
        mode: Mode,
    ) -> Result<Tensor> {
        let (x, weight) = &beside(x, &self.weight, hints)?;
        let (_, n, height, width) = x.dims4()?;
        let (outputs, inputs, kernel, _) = weight.dims4()?;
        let x = windows(x, kernel, 1)?;
        let x = x.reshape((inputs * kernel * kernel, n * height * width))?;
        let y = weight.flatten_from(1)?.matmul(&x)?;
        // One picture of all pixels: batch norm is over them, whichever picture they are of.
        let y = self.norm.forward(&y.reshape((1, outputs, n * height, width))?, mode)?;
        y.relu()?.reshape((outputs, n, height, width))
    }
}

impl NormedConv {
    /// The same in a pass: `inputs` one after the other, each with its channels and what it is multiplied
    /// by, and the hints.
    pub(super) fn run(
        &self,
        pass: &mut dyn Pass,
        inputs: &[(From<'_>, usize, f64)],
        hints: Option<Side<'_>>,
    ) -> Result<Value> {
        let mut first = 0;
        let mut all: Vec<Input<'_>> = inputs
            .iter()
            .map(|&(from, channels, scale)| {
                first += channels;
                Input { from, weight: &self.weight, first: first - channels, scale }
            })
            .collect();
        if let Some(Side { planes, weight }) = hints {
            all.push(Input { from: From::Planes(planes), weight, first: 0, scale: 1. });
        }
        let (value, statistics) = pass.normed(&all, &self.norm.parameters())?;
        if let Some([mean, variance]) = statistics {
            self.norm.update(&mean, &variance)?;
        }
        Ok(value)
    }
}

/// Hints that a convolution sees beside its input, and the weight that it has for them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side<'a> {
    pub(super) planes: &'a Tensor,
    /// `(Cout, C, K, K)` for `C` planes.
    pub(super) weight: &'a Tensor,
}

/// The input with the hints' planes after its channels, and the weight for both.
fn beside(x: &Tensor, weight: &Tensor, hints: Option<Side<'_>>) -> Result<(Tensor, Tensor)> {
    match hints {
        Some(side) => {
            let planes = turn(side.planes)?;
            Ok((Tensor::cat(&[x, &planes], 0)?, Tensor::cat(&[weight, side.weight], 1)?))
        }
        None => Ok((x.clone(), weight.clone())),
    }
}

/// Doubles height and width by repeating each pixel.
pub(super) fn upsample2x(x: &Tensor) -> Result<Tensor> {
    let (c, n, height, width) = x.dims4()?;
    x.reshape((c, n, height, 1, width, 1))?
        .broadcast_as((c, n, height, 2, width, 2))?
        .contiguous()?
        .reshape((c, n, 2 * height, 2 * width))
}

/// Doubles height and width, bilinear between pixel centers, the border repeated.
pub(super) fn bilinear2x(x: &Tensor) -> Result<Tensor> {
    let (c, n, height, width) = x.dims4()?;
    let x = stretch(x, 2)?.reshape((c, n, 2 * height, width))?;
    stretch(&x, 3)?.reshape((c, n, 2 * height, 2 * width))
}

/// Puts between the pixels along a dimension those at a quarter and at three quarters, in a new
/// dimension of 2 after it.
fn stretch(x: &Tensor, dim: usize) -> Result<Tensor> {
    let last = x.dim(dim)? - 1;
    let before = Tensor::cat(&[&x.narrow(dim, 0, 1)?, &x.narrow(dim, 0, last)?], dim)?;
    let after = Tensor::cat(&[&x.narrow(dim, 1, last)?, &x.narrow(dim, last, 1)?], dim)?;
    let x = (x * 0.75)?;
    Tensor::stack(&[(&x + before * 0.25)?, (&x + after * 0.25)?], dim + 1)
}

fn activate(x: Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::None => Ok(x),
        Activation::Relu => x.relu(),
        Activation::Relu6 => x.relu()? - (x - 6.)?.relu()?,
        Activation::Tanh => x.tanh(),
    }
}

/// `(C)` to `(C, pixels)`. A product, so that the gradient is one too.
fn spread(values: &Tensor, pixels: usize) -> Result<Tensor> {
    let ones = Tensor::ones((1, pixels), DType::F32, values.device())?;
    values.unsqueeze(1)?.matmul(&ones)
}

/// The pixels under the kernel: `(C, N, H, W)` to `(C, K K, N H W / stride^2)`.
fn windows(x: &Tensor, kernel: usize, stride: usize) -> Result<Tensor> {
    let (c, n, height, width) = x.dims4()?;
    if kernel == 1 && stride == 1 {
        return x.reshape((c, 1, n * height * width));
    }
    let (rows, columns) = (height.div_ceil(stride), width.div_ceil(stride));
    let x = pad(&pad(x, 2, kernel, stride)?, 3, kernel, stride)?;
    // phases[y][x]: every `stride`th pixel, from row y and column x on.
    let phases = if stride == 1 {
        vec![vec![x]]
    } else {
        let (height, width) = (x.dim(2)? / stride, x.dim(3)? / stride);
        let x = x.reshape((c, n, height, stride, width, stride))?;
        let x = x.permute((3, 5, 0, 1, 2, 4))?.contiguous()?;
        let phase = |row, column| x.get(row)?.get(column);
        (0..stride)
            .map(|row| (0..stride).map(|column| phase(row, column)).collect())
            .collect::<Result<Vec<Vec<_>>>>()?
    };
    let mut taps = vec![None; kernel * kernel];
    for dx in 0..kernel {
        let shifted = |row: &Vec<Tensor>| row[dx % stride].narrow(3, dx / stride, columns);
        let shifted: Vec<Tensor> = phases.iter().map(shifted).collect::<Result<_>>()?;
        for dy in 0..kernel {
            let tap = shifted[dy % stride].narrow(2, dy / stride, rows)?.contiguous()?;
            taps[dy * kernel + dx] = Some(tap.reshape((c, 1, n * rows * columns))?);
        }
    }
    let taps: Vec<Tensor> = taps.into_iter().flatten().collect();
    Tensor::cat(&taps, 1)
}

/// Pads a dimension with zeros as Keras' `same` does, the odd pixel after, and on to whole strides
/// for the last kernel.
fn pad(x: &Tensor, dim: usize, kernel: usize, stride: usize) -> Result<Tensor> {
    let size = x.dim(dim)?;
    let positions = size.div_ceil(stride);
    let before = ((positions - 1) * stride + kernel).saturating_sub(size) / 2;
    let padded = (positions + (kernel - 1) / stride) * stride;
    let after = padded.saturating_sub(before + size);
    x.pad_with_zeros(dim, before, after)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};
    use candle_nn::VarMap;

    use super::*;

    fn noise(shape: &[usize]) -> Tensor {
        let count: usize = shape.iter().product();
        let values = (0..count).map(|i| ((i * 7919 + 13) % 101) as f32 / 50. - 1.);
        Tensor::from_iter(values, &Device::Cpu).unwrap().reshape(shape).unwrap()
    }

    fn difference(a: &Tensor, b: &Tensor) -> f32 {
        (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
    }

    /// Stock candle's convolution with TensorFlow's `same` padding, `(C, N, H, W)`.
    fn stock(x: &Tensor, weight: &Tensor, stride: usize, groups: usize) -> Tensor {
        let (kernel, size) = (weight.dim(2).unwrap(), x.dim(2).unwrap());
        let all = (size.div_ceil(stride) - 1) * stride + kernel - size;
        let pad = |x: Tensor, dim| x.pad_with_zeros(dim, all / 2, all - all / 2).unwrap();
        let x = pad(pad(x.transpose(0, 1).unwrap(), 2), 3).contiguous().unwrap();
        x.conv2d(weight, 0, stride, 1, groups).unwrap().transpose(0, 1).unwrap()
    }

    #[test]
    fn depthwise_agrees_with_grouped_convolution_forward_and_backward() {
        for (kernel, stride) in [(3, 1), (3, 2), (5, 1), (5, 2)] {
            let x = Var::from_tensor(&noise(&[4, 2, 8, 8])).unwrap();
            let weight = Var::from_tensor(&noise(&[4, 1, kernel, kernel])).unwrap();
            let bias = Tensor::zeros(4, DType::F32, &Device::Cpu).unwrap();
            let layer = Depthwise { weight: weight.as_tensor().clone(), bias, stride };
            let y = layer.forward(&x).unwrap();
            let expected = stock(&x, &weight, stride, 4).clamp(0f32, 6f32).unwrap();
            assert!(difference(&y, &expected) < 1e-5, "{kernel} {stride}");

            let loss = |y: &Tensor| (y * noise(y.dims())).unwrap().sum_all().unwrap();
            let found = loss(&y).backward().unwrap();
            let expected = loss(&expected.contiguous().unwrap()).backward().unwrap();
            for var in [&x, &weight] {
                let (found, expected) = (found.get(var).unwrap(), expected.get(var).unwrap());
                assert!(difference(found, expected) < 1e-4, "{kernel} {stride}");
            }
        }
    }

    #[test]
    fn a_convolution_agrees_with_the_stock_one() {
        for (kernel, stride) in [(1, 1), (3, 1), (3, 2)] {
            let vars = VarMap::new();
            let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
            let layer = Conv::new(3, 5, kernel, stride, vb).unwrap();
            let x = noise(&[3, 2, 6, 6]);
            let expected = stock(&x, &layer.weight, stride, 1);
            assert!(
                difference(&layer.forward(&x, None, Activation::None).unwrap(), &expected) < 1e-5
            );
        }
    }

    #[test]
    fn bilinear_doubling_keeps_a_ramp_and_repeats_the_border() {
        let x = Tensor::arange(0f32, 4., &Device::Cpu).unwrap().reshape((1, 1, 1, 4)).unwrap();
        let y = stretch(&x, 3).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(y, [0., 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.]);
    }
}
