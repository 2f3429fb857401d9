//! Bilinear upsampling as two products with small matrices: fast and differentiable everywhere.

use candle_core::{Result, Tensor};

/// Enlarges `x` `(N, C, H, W)` by a whole factor, bilinear between pixel centers, the border
/// repeated: PyTorch's `Upsample(mode="bilinear", align_corners=False)`.
///
/// # Errors
///
/// When the shape does not fit or the device fails.
pub(crate) fn upsample(x: &Tensor, factor: usize) -> Result<Tensor> {
    let (n, channels, height, width) = x.dims4()?;
    let planes = n * channels;
    let across = taps(width, factor, x)?.t()?; // (W, factor W)
    let x = x.contiguous()?.reshape((planes * height, width))?.matmul(&across)?;
    let x = x.reshape((planes, height, factor * width))?;
    let down = taps(height, factor, &x)?.unsqueeze(0)?;
    let down = down.broadcast_as((planes, factor * height, height))?.contiguous()?;
    down.matmul(&x)?.reshape((n, channels, factor * height, factor * width))
}

/// `(factor size, size)`: the share of each pixel in each one of the result, on the device of `x`.
fn taps(size: usize, factor: usize, x: &Tensor) -> Result<Tensor> {
    let mut shares = vec![0f32; factor * size * size];
    for (i, shares) in shares.chunks_exact_mut(size).enumerate() {
        let at = ((i as f32 + 0.5) / factor as f32 - 0.5).clamp(0., (size - 1) as f32);
        let first = at as usize;
        let share = at - first as f32;
        shares[first] += 1. - share;
        shares[(first + 1).min(size - 1)] += share;
    }
    Tensor::from_vec(shares, (factor * size, size), x.device())?.to_dtype(x.dtype())
}
