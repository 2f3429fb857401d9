//! The gradients of a depthwise convolution: a channel of a picture at a time.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::{Depthwise, Plane};
use crate::ops::conv::{self, Given};
use crate::ops::matrix;
use crate::ops::storage::{contiguous, cpu};

/// Values that are summed at once.
const LANES: usize = 16;

/// The gradients of input (where it is wanted), weight and bias.
pub(super) fn backward(
    op: &Depthwise,
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    y: &Tensor,
    gradient: &Tensor,
) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
    let (images, channels, height, width) = x.dims4()?;
    let kernel = weight.dim(2)?;
    let plane = Plane::new(height, width, kernel, op.conv);
    let gradient = gradient.contiguous()?;
    let (x_storage, x_layout) = x.storage_and_layout();
    let (weight_storage, weight_layout) = weight.storage_and_layout();
    let (y_storage, y_layout) = y.storage_and_layout();
    let (gradient_storage, gradient_layout) = gradient.storage_and_layout();
    let given = Given {
        x: contiguous(cpu(&x_storage)?, x_layout)?,
        weight: contiguous(cpu(&weight_storage)?, weight_layout)?,
        y: contiguous(cpu(&y_storage)?, y_layout)?,
        gradient: contiguous(cpu(&gradient_storage)?, gradient_layout)?,
        activation: op.conv.activation,
    };
    let (pixels, taps) = (height * width, kernel * kernel);
    // For each channel of each picture the gradients of its weights and of its bias.
    let mut parts = vec![0f32; images * channels * (taps + 1)];
    let part = |i: usize, part: &mut [f32], d_x: Option<&mut [f32]>| {
        let weight = &given.weight[i % channels * taps..][..taps];
        let lens = [plane.lines() * plane.line(), plane.rows * reach(plane)];
        matrix::with_scratches(lens, |[packed, d_z]| {
            plane.pack(&given.x[i * pixels..][..pixels], packed);
            let rows = d_z.chunks_exact_mut(reach(plane)).enumerate();
            for (row, line) in rows {
                line.fill(0.);
                let start = (i * plane.rows + row) * plane.columns;
                given.deactivate(&mut line[kernel..][..plane.columns], start);
            }
            let (d_weight, d_bias) = part.split_at_mut(taps);
            d_bias[0] = conv::sum(d_z);
            op.gradients(plane, packed, d_z, weight, d_weight, d_x);
        });
    };
    let tasks = parts.par_chunks_exact_mut(taps + 1).enumerate();
    let d_x = if x.track_op() {
        let mut d_x = vec![0f32; images * channels * pixels];
        tasks.zip(d_x.par_chunks_exact_mut(pixels)).for_each(|((i, sums), d_x)| {
            part(i, sums, Some(d_x));
        });
        Some(Tensor::from_vec(d_x, x.shape(), x.device())?)
    } else {
        tasks.for_each(|(i, sums)| part(i, sums, None));
        None
    };
    let (mut d_weight, mut d_bias) = (vec![0f32; channels * taps], vec![0f32; channels]);
    for (i, part) in parts.chunks_exact(taps + 1).enumerate() {
        let channel = i % channels;
        let sums = d_weight[channel * taps..][..taps].iter_mut().zip(part);
        sums.for_each(|(sum, term)| *sum += term);
        d_bias[channel] += part[taps];
    }
    let d_weight = Tensor::from_vec(d_weight, weight.shape(), x.device())?;
    let d_bias = Tensor::from_vec(d_bias, bias.shape(), x.device())?;
    Ok((d_x, Some(d_weight), Some(d_bias)))
}

/// Floats of a row of the result's gradient: zeros as wide as the kernel, the row, and zeros up to
/// whole registers over all columns that a packed row has.
fn reach(plane: Plane) -> usize {
    plane.kernel + (plane.columns + plane.kernel).next_multiple_of(LANES)
}

impl Depthwise {
    fn gradients(
        &self,
        plane: Plane,
        packed: &[f32],
        d_z: &[f32],
        weight: &[f32],
        d_weight: &mut [f32],
        d_x: Option<&mut [f32]>,
    ) {
        #[cfg(target_arch = "x86_64")]
        if self.vectors() {
            // SAFETY: just checked.
            unsafe { gradients_avx512(plane, packed, d_z, weight, d_weight, d_x) };
            return;
        }
        gradients(plane, packed, d_z, weight, d_weight, d_x);
    }
}

/// [`gradients`], compiled for AVX-512.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn gradients_avx512(
    plane: Plane,
    packed: &[f32],
    d_z: &[f32],
    weight: &[f32],
    d_weight: &mut [f32],
    d_x: Option<&mut [f32]>,
) {
    gradients(plane, packed, d_z, weight, d_weight, d_x);
}

#[inline(always)]
fn gradients(
    plane: Plane,
    packed: &[f32],
    d_z: &[f32],
    weight: &[f32],
    d_weight: &mut [f32],
    d_x: Option<&mut [f32]>,
) {
    if plane.kernel == 3 {
        gradients_of::<3>(plane, packed, d_z, weight, d_weight, d_x);
    } else {
        gradients_of::<5>(plane, packed, d_z, weight, d_weight, d_x);
    }
}

/// For a kernel that the compiler knows.
#[inline(always)]
fn gradients_of<const K: usize>(
    plane: Plane,
    packed: &[f32],
    d_z: &[f32],
    weight: &[f32],
    d_weight: &mut [f32],
    d_x: Option<&mut [f32]>,
) {
    weight_gradient::<K>(plane, packed, d_z, d_weight);
    if let Some(d_x) = d_x {
        input_gradient::<K>(plane, d_z, weight, d_x);
    }
}

/// Sums of the products of what lies under each kernel position with the result's gradient.
#[inline(always)]
fn weight_gradient<const K: usize>(
    plane: Plane,
    packed: &[f32],
    d_z: &[f32],
    d_weight: &mut [f32],
) {
    for (dy, d_weight) in d_weight.chunks_exact_mut(K).enumerate() {
        let mut sums = [[0f32; LANES]; K];
        for (row, d_z) in d_z.chunks_exact(reach(plane)).enumerate() {
            let line = &packed[(row * plane.stride + dy) * plane.line()..];
            for chunk in (0..plane.columns).step_by(LANES) {
                let d_z = d_z[K + chunk..].first_chunk::<LANES>().expect("rows are padded");
                for (dx, sums) in sums.iter_mut().enumerate() {
                    let start = dx % plane.stride * plane.phase + dx / plane.stride + chunk;
                    let x = line[start..].first_chunk::<LANES>().expect("rows are padded");
                    for i in 0..LANES {
                        sums[i] += d_z[i] * x[i];
                    }
                }
            }
        }
        for (d_weight, sums) in d_weight.iter_mut().zip(sums) {
            *d_weight = sums.iter().sum();
        }
    }
}

/// For each pixel of the input the sum over the results that saw it.
#[inline(always)]
fn input_gradient<const K: usize>(plane: Plane, d_z: &[f32], weight: &[f32], d_x: &mut [f32]) {
    let stride = plane.stride;
    for (y, d_x) in d_x.chunks_exact_mut(plane.width).enumerate() {
        let line = y + plane.top;
        for phase in 0..stride {
            // Entry `i` of the packed row is column `i * stride + phase - left`.
            let columns = (plane.width + plane.left).saturating_sub(phase).div_ceil(stride);
            for chunk in (0..columns).step_by(LANES) {
                let mut sums = [0f32; LANES];
                for dy in 0..K {
                    let Some(row) = line.checked_sub(dy).filter(|row| row % stride == 0) else {
                        continue;
                    };
                    let row = row / stride;
                    if row >= plane.rows {
                        continue;
                    }
                    let d_z = &d_z[row * reach(plane)..][..reach(plane)];
                    for dx in (phase..K).step_by(stride) {
                        let start = K + chunk - dx / stride;
                        let d_z = d_z[start..].first_chunk::<LANES>().expect("rows are padded");
                        let weight = weight[dy * K + dx];
                        for i in 0..LANES {
                            sums[i] += weight * d_z[i];
                        }
                    }
                }
                for (i, sum) in sums.iter().enumerate().take(columns - chunk) {
                    let column = (chunk + i) * stride + phase;
                    if let Some(d_x) = column.checked_sub(plane.left).and_then(|x| d_x.get_mut(x)) {
                        *d_x = *sum;
                    }
                }
            }
        }
    }
}
