//! Batch normalization with an activation on the CPU, and its gradients.
//!
//! Ioffe and Szegedy, "Batch Normalization", 2015, <https://arxiv.org/abs/1502.03167>. Composed of
//! stock operations it takes some twenty passes over the layer's values, each on one thread; here it
//! takes three forward and two back, on all.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::conv;
use super::storage::{contiguous, cpu};

/// Mean and biased variance of each channel.
#[derive(Clone, Debug)]
pub(super) struct Statistics {
    pub(super) mean: Vec<f32>,
    pub(super) variance: Vec<f32>,
}

impl Statistics {
    /// Those of `(N, C, H, W)`. Sums are taken plane by plane, in an order that does not depend on
    /// threads.
    pub(super) fn of(x: &Tensor) -> Result<Self> {
        let (images, channels, height, width) = x.dims4()?;
        let (storage, layout) = x.storage_and_layout();
        let x = contiguous(cpu(&storage)?, layout)?;
        let area = height * width;
        let count = (images * area) as f64;
        let means = |sums: &[f32]| -> Vec<f32> {
            (0..channels)
                .map(|channel| {
                    let planes = sums.iter().skip(channel).step_by(channels);
                    (planes.map(|&sum| f64::from(sum)).sum::<f64>() / count) as f32
                })
                .collect()
        };
        let sums: Vec<f32> = x.par_chunks_exact(area).map(conv::sum).collect();
        let mean = means(&sums);
        let squares = x.par_chunks_exact(area).enumerate().map(|(i, plane)| {
            let mean = mean[i % channels];
            sum_of(plane, |value| (value - mean) * (value - mean))
        });
        let variance = means(&squares.collect::<Vec<f32>>());
        Ok(Self { mean, variance })
    }
}

/// The operation: input `(N, C, H, W)`, weight and bias `(C)`. Its gradients are those of the
/// input's own statistics.
pub(super) struct Norm {
    mean: Vec<f32>,
    /// One over the deviation.
    scale: Vec<f32>,
    /// Whether `ReLU` follows; else nothing does.
    relu: bool,
}

impl Norm {
    pub(super) fn new(statistics: &Statistics, epsilon: f32, relu: bool) -> Self {
        let scale = statistics.variance.iter().map(|variance| 1. / (variance + epsilon).sqrt());
        Self { mean: statistics.mean.clone(), scale: scale.collect(), relu }
    }

    /// The gradient before the activation.
    #[inline(always)]
    fn deactivated(&self, y: f32, d_y: f32) -> f32 {
        if self.relu && y <= 0. { 0. } else { d_y }
    }
}

impl CustomOp3 for Norm {
    fn name(&self) -> &'static str {
        "batch-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, channels, height, width) = x_layout.shape().dims4()?;
        let x = contiguous(x, x_layout)?;
        let (weight, bias) = (contiguous(weight, weight_layout)?, contiguous(bias, bias_layout)?);
        let mut y = vec![0f32; x.len()];
        let planes = y.par_chunks_exact_mut(height * width);
        planes.zip(x.par_chunks_exact(height * width)).enumerate().for_each(|(i, (y, x))| {
            let channel = i % channels;
            let scale = self.scale[channel] * weight[channel];
            let shift = bias[channel] - self.mean[channel] * scale;
            for (y, x) in y.iter_mut().zip(x) {
                let z = x * scale + shift;
                // Unlike `f32::max`, this keeps a NaN: a diverged network has to show.
                *y = if self.relu && z <= 0. { 0. } else { z };
            }
        });
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (images, channels, height, width) = x.dims4()?;
        let (area, device) = (height * width, x.device());
        let gradient = gradient.contiguous()?;
        let (x_storage, x_layout) = x.storage_and_layout();
        let (weight_storage, weight_layout) = weight.storage_and_layout();
        let (y_storage, y_layout) = y.storage_and_layout();
        let (gradient_storage, gradient_layout) = gradient.storage_and_layout();
        let values = contiguous(cpu(&x_storage)?, x_layout)?;
        let scales = contiguous(cpu(&weight_storage)?, weight_layout)?;
        let y = contiguous(cpu(&y_storage)?, y_layout)?;
        let gradient = contiguous(cpu(&gradient_storage)?, gradient_layout)?;

        // Of each plane the sums of the gradient before ReLU, and of it times the normalized value.
        let planes = values.par_chunks_exact(area).zip(y.par_chunks_exact(area));
        let planes = planes.zip(gradient.par_chunks_exact(area)).enumerate();
        let sums: Vec<[f32; 2]> = planes
            .map(|(i, ((x, y), d_y))| {
                let (mean, scale) = (self.mean[i % channels], self.scale[i % channels]);
                let mut sums = [[0f32; 16]; 2];
                let (x, y, d_y) = (x.chunks(16), y.chunks(16), d_y.chunks(16));
                for ((x, y), d_y) in x.zip(y).zip(d_y) {
                    for (lane, ((x, y), d_y)) in x.iter().zip(y).zip(d_y).enumerate() {
                        let d_z = self.deactivated(*y, *d_y);
                        sums[0][lane] += d_z;
                        sums[1][lane] += d_z * (x - mean) * scale;
                    }
                }
                sums.map(|lanes| lanes.iter().sum())
            })
            .collect();
        let channel_sums = |which: usize| -> Vec<f32> {
            let of = |channel| sums.iter().skip(channel).step_by(channels);
            let sum = |channel| of(channel).map(|sums| f64::from(sums[which])).sum::<f64>() as f32;
            (0..channels).map(sum).collect()
        };
        let (d_bias, d_weight) = (channel_sums(0), channel_sums(1));

        let count = (images * area) as f32;
        let mut d_x = vec![0f32; values.len()];
        let planes = d_x.par_chunks_exact_mut(area).zip(values.par_chunks_exact(area));
        let planes = planes.zip(y.par_chunks_exact(area)).zip(gradient.par_chunks_exact(area));
        planes.enumerate().for_each(|(i, (((d_x, x), y), d_y))| {
            let channel = i % channels;
            let (mean, scale) = (self.mean[channel], self.scale[channel]);
            let (shift, slope) = (d_bias[channel] / count, d_weight[channel] / count);
            let factor = scales[channel] * scale;
            for (((d_x, x), y), d_y) in d_x.iter_mut().zip(x).zip(y).zip(d_y) {
                let d_z = self.deactivated(*y, *d_y);
                *d_x = factor * (d_z - shift - (x - mean) * scale * slope);
            }
        });
        Ok((
            Some(Tensor::from_vec(d_x, x.shape(), device)?),
            Some(Tensor::from_vec(d_weight, weight.shape(), device)?),
            Some(Tensor::from_vec(d_bias, bias.shape(), device)?),
        ))
    }
}

/// Sum of a function of the values, in 16 interleaved parts.
fn sum_of(values: &[f32], function: impl Fn(f32) -> f32) -> f32 {
    let mut parts = [0f32; 16];
    let (chunks, rest) = values.as_chunks::<16>();
    for chunk in chunks {
        parts.iter_mut().zip(chunk).for_each(|(part, &value)| *part += function(value));
    }
    parts.iter().sum::<f32>() + rest.iter().map(|&value| function(value)).sum::<f32>()
}
