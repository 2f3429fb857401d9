//! The operations composed of stock ones, with their autograd.
//!
//! Stock convolutions have a backward pass that is too slow to train with (the weight gradient is
//! computed as a convolution with a kernel of the picture's size), so a convolution is made of
//! shifted views, one concatenation and one matrix product, whose gradients are the like.

use candle_core::{Result, Tensor, bail};

use super::{Activation, Conv, Padding};

/// Convolves `x` `(N, Cin, H, W)` with `weight` `(Cout, Cin, Kh, Kw)`, adds `bias` `(Cout)` and
/// applies the activation: `(N, Cout, ceil(H / stride), ceil(W / stride))`.
///
/// # Errors
///
/// When the shapes do not fit or the device fails.
pub(crate) fn conv2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    conv: Conv,
) -> Result<Tensor> {
    let (n, inputs, height, width) = x.dims4()?;
    let (outputs, _, kernel_h, kernel_w) = weight.dims4()?;
    let Conv { stride, dilation, activation, padding } = conv;
    let reach = [kernel_h, kernel_w].map(|kernel| (kernel - 1) * dilation);
    if stride == 0 || weight.dim(1)? != inputs {
        bail!("convolution of {:?} with weight {:?}, {conv:?}", x.shape(), weight.shape());
    }
    if let Padding::Before(before) = padding
        && (before[0] > reach[0] || before[1] > reach[1])
    {
        bail!("convolution with {conv:?}: pads more than the kernel reaches");
    }
    let (rows, columns) = (height.div_ceil(stride), width.div_ceil(stride));
    let x = pad(x, 2, kernel_h, conv)?;
    let x = pad(&x, 3, kernel_w, conv)?;

    let mut shifted = Vec::with_capacity(kernel_h * kernel_w);
    for dy in 0..kernel_h {
        let x = every(&x, 2, dy * dilation, stride, rows)?;
        for dx in 0..kernel_w {
            let x = every(&x, 3, dx * dilation, stride, columns)?;
            shifted.push(x.contiguous()?.reshape((n, inputs, rows * columns))?);
        }
    }
    let pixels = Tensor::cat(&shifted, 1)?; // (N, Kh Kw Cin, H W)
    let weight = weight.permute((0, 2, 3, 1))?.contiguous()?;
    let weight = weight.reshape((1, outputs, kernel_h * kernel_w * inputs))?;
    let weight = weight.broadcast_as((n, outputs, kernel_h * kernel_w * inputs))?.contiguous()?;
    let mut y = weight.matmul(&pixels)?.reshape((n, outputs, rows, columns))?;
    if let Some(bias) = bias {
        y = y.broadcast_add(&bias.reshape((1, outputs, 1, 1))?)?;
    }
    activate(y, activation)
}

fn activate(y: Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::None => Ok(y),
        // Not `relu`, whose gradient at exactly 0 is 1.
        Activation::Relu => {
            let positive = y.detach().gt(0f64)?.to_dtype(y.dtype())?;
            y * positive
        }
        Activation::Relu6 => {
            let above = y.detach().ge(6f64)?.to_dtype(y.dtype())?;
            let below = y.detach().lt(6f64)?.to_dtype(y.dtype())?;
            let inside = (y.detach().gt(0f64)?.to_dtype(y.dtype())? * below)?;
            (y * inside)? + (above * 6.)?
        }
        Activation::Tanh => y.tanh(),
    }
}

/// The transposed convolution of a 4x4 kernel with stride 2 and padding 1, PyTorch's
/// `ConvTranspose2d(.., 4, stride=2, padding=1)`: `x` `(N, Cin, H, W)` with `weight`
/// `(Cin, Cout, 4, 4)`, plus `bias` `(Cout)`, through the activation: `(N, Cout, 2 H, 2 W)`.
///
/// # Errors
///
/// When the shapes do not fit or the device fails.
pub(crate) fn conv_transpose2x(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    activation: Activation,
) -> Result<Tensor> {
    let (n, _, height, width) = x.dims4()?;
    let outputs = weight.dim(1)?;
    let weight = weight.transpose(0, 1)?.contiguous()?; // (Cout, Cin, 4, 4)
    let taps = |weight: &Tensor, dim: usize, phase: usize| {
        Tensor::cat(&[weight.narrow(dim, 3 - phase, 1)?, weight.narrow(dim, 1 - phase, 1)?], dim)
    };
    let phase = |row: usize, column: usize| {
        let weight = taps(&taps(&weight, 2, row)?, 3, column)?;
        let padding = Padding::Before([1 - row, 1 - column]);
        conv2d(x, &weight, Some(bias), Conv { padding, activation, ..Conv::default() })
    };
    let line = |row: usize| {
        Tensor::stack(&[phase(row, 0)?, phase(row, 1)?], 4)?.reshape((
            n,
            outputs,
            height,
            2 * width,
        ))
    };
    Tensor::stack(&[line(0)?, line(1)?], 3)?.reshape((n, outputs, 2 * height, 2 * width))
}

/// Pads a dimension with zeros so that every result of `conv` has its pixels, and up to whole
/// strides so that [`every`] can split it.
fn pad(x: &Tensor, dim: usize, kernel: usize, conv: Conv) -> Result<Tensor> {
    let size = x.dim(dim)?;
    let before = padding_before(size, kernel, conv, dim - 2);
    let positions = size.div_ceil(conv.stride);
    let needed = (kernel - 1) * conv.dilation + positions * conv.stride;
    // A stride can skip pixels at the end: nothing reads those.
    let after = needed.saturating_sub(before + size);
    x.pad_with_zeros(dim, before, after)
}

/// Takes `count` entries of a dimension, from `start` on, one in `stride`.
fn every(x: &Tensor, dim: usize, start: usize, stride: usize, count: usize) -> Result<Tensor> {
    let x = x.narrow(dim, start, count * stride)?;
    if stride == 1 {
        return Ok(x);
    }
    let mut shape = x.dims().to_vec();
    shape[dim] = count;
    shape.insert(dim + 1, stride);
    x.contiguous()?.reshape(shape)?.narrow(dim + 1, 0, 1)?.squeeze(dim + 1)
}

/// Doubles height and width by repeating each pixel: `(N, C, H, W)` to `(N, C, 2 H, 2 W)`.
///
/// # Errors
///
/// When the shape does not fit or the device fails.
pub(crate) fn upsample2x(x: &Tensor) -> Result<Tensor> {
    let (n, channels, height, width) = x.dims4()?;
    x.reshape((n, channels, height, 1, width, 1))?
        .broadcast_as((n, channels, height, 2, width, 2))?
        .contiguous()?
        .reshape((n, channels, 2 * height, 2 * width))
}

/// `max(x + y, 0)` of tensors of one shape.
///
/// # Errors
///
/// When the shapes differ or the device fails.
pub(crate) fn add_relu(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    (x + y)?.relu()
}

/// `x` where it is above 0, `slope` times it elsewhere.
///
/// # Errors
///
/// When the device fails.
pub(crate) fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor> {
    (x.relu()? * (1. - slope))? + (x * slope)?
}

/// Every second row and column of `x`, from the first on, both even in number: `(N, C, H, W)` to
/// `(N, C, H / 2, W / 2)`.
///
/// # Errors
///
/// When the shape does not fit or the device fails.
pub(crate) fn every_second(x: &Tensor) -> Result<Tensor> {
    let (n, channels, height, width) = x.dims4()?;
    let x = x.contiguous()?.reshape((n, channels, height / 2, 2 * width))?;
    let x = x.narrow(3, 0, width)?.contiguous()?;
    x.reshape((n, channels, height / 2, width / 2, 2))?.narrow(4, 0, 1)?.squeeze(4)?.contiguous()
}

/// Zero rows above `size` ones, or columns left of them where `axis` is 1.
fn padding_before(size: usize, kernel: usize, conv: Conv, axis: usize) -> usize {
    if let Padding::Before(before) = conv.padding {
        return before[axis];
    }
    let positions = size.div_ceil(conv.stride);
    let reach = (positions - 1) * conv.stride + (kernel - 1) * conv.dilation + 1;
    reach.saturating_sub(size) / 2
}
