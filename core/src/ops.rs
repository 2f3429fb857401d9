//! The operations under the networks: fast ones on the CPU, stock ones composed elsewhere.

mod allocator;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod bf16;
mod composed;
mod conv;
mod depthwise;
#[cfg(target_arch = "x86_64")]
mod direct;
mod geometry;
mod im2col;
mod lowered;
mod matrix;
mod norm;
#[cfg(target_arch = "x86_64")]
mod packing;
mod precision;
mod storage;
#[cfg(test)]
mod tests;
mod upsample;

use candle_core::{DType, Result, Tensor};

pub use allocator::Allocator;
pub use precision::{Precision, with_precision};

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

/// How a convolution steps and what follows it.
///
/// The padding is Keras' `same`: the result has `ceil(H / stride)` rows, and where the rows to add
/// are odd in number the extra one is at the bottom; columns alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Step in pixels, at least 1.
    pub stride: usize,
    /// Distance between the pixels under the kernel, at least 1.
    pub dilation: usize,
    /// What is applied after the bias.
    pub activation: Activation,
}

impl Default for Conv {
    fn default() -> Self {
        Self { stride: 1, dilation: 1, activation: Activation::None }
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
    x.contiguous()?.apply_op3(
        &weight.contiguous()?,
        &bias,
        conv::FusedConv { conv, precision: precision::current(), portable: false },
    )
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
