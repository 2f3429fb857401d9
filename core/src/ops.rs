//! The operations under the networks: fast ones on the CPU, stock ones composed elsewhere.

mod allocator;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod bf16;
mod bilinear;
mod composed;
mod conv;
mod depthwise;
#[cfg(target_arch = "x86_64")]
mod direct;
mod geometry;
mod im2col;
pub(crate) mod integer;
mod lowered;
mod matrix;
mod norm;
#[cfg(target_arch = "x86_64")]
mod packing;
mod pointwise;
mod precision;
mod prepared;
mod storage;
#[cfg(test)]
mod tests;
mod transposed;
mod upsample;

use candle_core::{DType, Result, Tensor};

pub use allocator::Allocator;
#[doc(hidden)]
pub use integer::{Loop, integer_loops};
pub use precision::{Precision, with_precision};
pub(crate) use prepared::folded;
pub use prepared::{Prepared, with_prepared};

/// What is applied to a convolution's result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    #[default]
    None,
    /// `max(x, 0)`; its gradient at exactly 0 is 0, as in Keras (candle's is 1).
    Relu,
    /// `min(max(x, 0), 6)`; its gradient is 0 at 0 and at 6.
    Relu6,
    /// Hyperbolic tangent.
    Tanh,
}

/// Where a convolution's input is padded with zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// Keras' `same`: where the rows to add are odd in number the extra one is at the bottom; columns
    /// alike.
    #[default]
    Same,
    /// So many rows above and columns left, at most what the kernel reaches; below and right what the
    /// last result sees. PyTorch's `padding=1` for a 3x3 kernel of stride 2 is `Before([1, 1])`.
    Before([usize; 2]),
}

/// How a convolution steps and what follows it. The result has `ceil(H / stride)` rows, and columns
/// alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Step in pixels, at least 1.
    pub stride: usize,
    /// Distance between the pixels under the kernel, at least 1.
    pub dilation: usize,
    /// Where zeros are added.
    pub padding: Padding,
    /// What is applied after the bias.
    pub activation: Activation,
}

impl Default for Conv {
    fn default() -> Self {
        Self { stride: 1, dilation: 1, padding: Padding::Same, activation: Activation::None }
    }
}

/// Convolves `x` `(N, Cin, H, W)` with `weight` `(Cout, Cin, Kh, Kw)`, adds `bias` `(Cout)` and
/// applies the activation: `(N, Cout, ceil(H / stride), ceil(W / stride))`.
///
/// # Errors
///
/// When the shapes do not fit or the device fails.
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, conv: Conv) -> Result<Tensor> {
    if !fast(x) {
        return composed::conv2d(x, weight, bias, conv);
    }
    let bias = match bias {
        Some(bias) => bias.contiguous()?,
        None => Tensor::zeros(weight.dim(0)?, DType::F32, x.device())?,
    };
    let fused = conv::FusedConv {
        conv,
        precision: precision::for_inputs(weight.dim(1)?),
        constant: prepared::Constant::find(weight),
        portable: false,
    };
    x.contiguous()?.apply_op3(&weight.contiguous()?, &bias, fused)
}

/// Convolves each channel of `x` `(N, C, H, W)` by itself with `weight` `(C, 1, K, K)`, K of 3 or 5,
/// adds `bias` `(C)` and applies the activation: `(N, C, ceil(H / stride), ceil(W / stride))`.
///
/// # Errors
///
/// When the shapes do not fit or the device fails.
pub fn depthwise2d(x: &Tensor, weight: &Tensor, bias: &Tensor, conv: Conv) -> Result<Tensor> {
    if !fast(x) {
        return composed::depthwise2d(x, weight, bias, conv);
    }
    let op = depthwise::Depthwise { conv, portable: false };
    x.contiguous()?.apply_op3(&weight.contiguous()?, &bias.contiguous()?, op)
}

/// The transposed convolution of a 4x4 kernel with stride 2 and padding 1, PyTorch's
/// `ConvTranspose2d(.., 4, stride=2, padding=1)`: `x` `(N, Cin, H, W)` with `weight`
/// `(Cin, Cout, 4, 4)`, plus `bias` `(Cout)`, through the activation: `(N, Cout, 2 H, 2 W)`.
///
/// # Errors
///
/// When the shapes do not fit or the device fails.
pub fn conv_transpose2x(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    activation: Activation,
) -> Result<Tensor> {
    if !fast(x) {
        return composed::conv_transpose2x(x, weight, bias, activation);
    }
    let precision = precision::current();
    let op = transposed::Transposed2x { activation, precision, portable: false };
    x.contiguous()?.apply_op3(&weight.contiguous()?, &bias.contiguous()?, op)
}

/// Normalizes each channel of `x` `(N, C, H, W)` to mean 0 and deviation 1 over the batch,
/// multiplies by `weight`, adds `bias`, each `(C)`, and applies `ReLU` if `relu` is set. Returns the
/// result, and mean and biased variance of each channel, which have no gradient of their own. `None`
/// where there is no fast way.
///
/// # Errors
///
/// When the shapes do not fit.
pub fn batch_norm(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    epsilon: f64,
    relu: bool,
) -> Result<Option<(Tensor, Tensor, Tensor)>> {
    if !fast(x) {
        return Ok(None);
    }
    let x = x.contiguous()?;
    let statistics = norm::Statistics::of(&x)?;
    let op = norm::Norm::new(&statistics, epsilon as f32, relu);
    let y = x.apply_op3(&weight.contiguous()?, &bias.contiguous()?, op)?;
    let norm::Statistics { mean, variance } = statistics;
    let channels = mean.len();
    let to_tensor = |values| Tensor::from_vec(values, channels, x.device());
    Ok(Some((y, to_tensor(mean)?, to_tensor(variance)?)))
}

/// Multiplies each channel of `x` `(N, C, H, W)` by its `scale` and adds its `shift`, each `(C)`.
///
/// # Errors
///
/// When the shapes do not fit or the device fails.
pub fn scale_shift(x: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<Tensor> {
    if fast(x) && !x.track_op() && !scale.track_op() && !shift.track_op() {
        let op = pointwise::ScaleShift { scale: scale.to_vec1()?, shift: shift.to_vec1()? };
        return x.contiguous()?.apply_op1_no_bwd(&op);
    }
    let spread = |values: &Tensor| values.reshape((1, (), 1, 1));
    x.broadcast_mul(&spread(scale)?)?.broadcast_add(&spread(shift)?)
}

/// `x + y` of tensors of one shape.
///
/// # Errors
///
/// When the shapes differ or the device fails.
pub fn add(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    if fast(x) { x.contiguous()?.apply_op2(&y.contiguous()?, pointwise::Add) } else { x + y }
}

/// `max(x + y, 0)` of tensors of one shape; its gradient where the sum is 0 is 0.
///
/// # Errors
///
/// When the shapes differ or the device fails.
pub fn add_relu(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    if fast(x) {
        return x.contiguous()?.apply_op2(&y.contiguous()?, pointwise::AddRelu);
    }
    (x + y)?.relu()
}

/// `x` where it is above 0, `slope` times it elsewhere.
///
/// # Errors
///
/// When the device fails.
pub fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor> {
    if fast(x) {
        return x.contiguous()?.apply_op1(pointwise::LeakyRelu { slope: slope as f32 });
    }
    (x.relu()? * (1. - slope))? + (x * slope)?
}

/// Every second row and column of `x`, from the first on, both even in number: `(N, C, H, W)` to
/// `(N, C, H / 2, W / 2)`.
///
/// # Errors
///
/// When the shape does not fit or the device fails.
pub fn every_second(x: &Tensor) -> Result<Tensor> {
    if fast(x) {
        return x.contiguous()?.apply_op1(pointwise::EverySecond);
    }
    let (n, channels, height, width) = x.dims4()?;
    let x = x.contiguous()?.reshape((n, channels, height / 2, 2 * width))?;
    let x = x.narrow(3, 0, width)?.contiguous()?;
    x.reshape((n, channels, height / 2, width / 2, 2))?.narrow(4, 0, 1)?.squeeze(4)?.contiguous()
}

/// Enlarges `x` `(N, C, H, W)` by a whole factor, bilinear between pixel centers, the border
/// repeated: PyTorch's `Upsample(mode="bilinear", align_corners=False)`.
///
/// # Errors
///
/// When the shape does not fit or the device fails.
pub fn upsample_bilinear(x: &Tensor, factor: usize) -> Result<Tensor> {
    bilinear::upsample(x, factor)
}

/// Doubles height and width by repeating each pixel: `(N, C, H, W)` to `(N, C, 2 H, 2 W)`.
///
/// # Errors
///
/// When the shape does not fit or the device fails.
pub fn upsample2x(x: &Tensor) -> Result<Tensor> {
    if fast(x) { x.contiguous()?.apply_op1(upsample::Upsample2x) } else { composed::upsample2x(x) }
}

fn fast(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32
}
