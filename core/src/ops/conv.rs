//! Convolution, bias and activation in one pass on the CPU, and their gradients.
//!
//! Work is cut into strips of rows that fit the second-level cache, and bias and activation are
//! applied while a strip is there. What computes a strip depends on the processor.
//!
//! **Invariant:** how work is cut, and in which order sums are taken, depends on the sizes alone
//! and never on the number of threads or their timing, so that training repeats bit for bit.
#![expect(unsafe_code, reason = "tasks write their own rows of one buffer")]

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::geometry::Geometry;
use super::matrix::{self, Shared};
use super::prepared::Constant;
use super::storage::{contiguous, cpu};
use super::{Activation, Conv, Precision, lowered};
#[cfg(target_arch = "x86_64")]
use super::{avx512, direct};

/// The operation: input, weight, bias.
pub(super) struct FusedConv {
    pub(super) conv: Conv,
    /// What products are taken in, where this processor has it.
    pub(super) precision: Precision,
    /// The weight, if it never changes.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "nothing is packed"))]
    pub(super) constant: Option<Constant>,
    /// Whether to compute as on a processor that has nothing special.
    pub(super) portable: bool,
}

impl CustomOp3 for FusedConv {
    fn name(&self) -> &'static str {
        "fused-conv2d"
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
        let g =
            Geometry::new(x_layout.shape(), weight_layout.shape(), bias_layout.shape(), self.conv)?;
        let x = contiguous(x, x_layout)?;
        let weight = contiguous(weight, weight_layout)?;
        let bias = contiguous(bias, bias_layout)?;
        let y = self.forward(&g, x, weight, bias);
        Ok((CpuStorage::F32(y), Shape::from((g.images, g.outputs, g.rows, g.columns))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let g = Geometry::new(x.shape(), weight.shape(), bias.shape(), self.conv)?;
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
            activation: self.conv.activation,
        };
        // The first layer's input is data: it needs no gradient.
        let found = self.backward(&g, &given, x.track_op());
        let device = x.device();
        let d_x = found.x.map(|d_x| Tensor::from_vec(d_x, x.shape(), device)).transpose()?;
        let d_weight = Tensor::from_vec(found.weight, weight.shape(), device)?;
        let d_bias = Tensor::from_vec(found.bias, bias.shape(), device)?;
        Ok((d_x, Some(d_weight), Some(d_bias)))
    }
}

impl FusedConv {
    /// The forward pass, by the fastest way that this processor has.
    pub(super) fn forward(
        &self,
        g: &Geometry,
        x: &[f32],
        weight: &[f32],
        bias: &[f32],
    ) -> Vec<f32> {
        #[cfg(target_arch = "x86_64")]
        if !self.portable && avx512::available() {
            let precision = self.precision.or_f32();
            // SAFETY: just checked.
            let pack = || unsafe { direct::pack_weights_of(g, precision, weight) };
            let weights = match &self.constant {
                Some(constant) => constant.packed(precision, pack),
                None => Arc::new(pack()),
            };
            // SAFETY: just checked.
            return unsafe {
                direct::forward(g, x, &weights, bias, self.conv.activation, precision)
            };
        }
        lowered::forward(g, x, weight, bias, self.conv.activation)
    }

    /// The backward pass, by the fastest way that this processor has.
    pub(super) fn backward(&self, g: &Geometry, given: &Given<'_>, wants_x: bool) -> Gradients {
        #[cfg(target_arch = "x86_64")]
        if !self.portable && avx512::available() {
            // SAFETY: just checked.
            return unsafe { direct::backward(g, given, wants_x, self.precision.or_f32()) };
        }
        lowered::backward(g, given, wants_x)
    }
}

/// What the backward pass starts from.
pub(super) struct Given<'a> {
    pub(super) x: &'a [f32],
    pub(super) weight: &'a [f32],
    /// The result of the forward pass.
    pub(super) y: &'a [f32],
    /// The loss's gradient by `y`.
    pub(super) gradient: &'a [f32],
    pub(super) activation: Activation,
}

impl Given<'_> {
    /// Fills `d_z` with the gradient before the activation, from index `start` of `y` on.
    pub(super) fn deactivate(&self, d_z: &mut [f32], start: usize) {
        let end = start + d_z.len();
        let (y, gradient) = (&self.y[start..end], &self.gradient[start..end]);
        let triples = d_z.iter_mut().zip(y).zip(gradient);
        match self.activation {
            Activation::None => d_z.copy_from_slice(gradient),
            Activation::Relu => {
                triples.for_each(|((d_z, &y), &d_y)| *d_z = if y > 0. { d_y } else { 0. });
            }
            Activation::Relu6 => triples.for_each(|((d_z, &y), &d_y)| {
                *d_z = if y > 0. && y < 6. { d_y } else { 0. };
            }),
            Activation::Tanh => triples.for_each(|((d_z, &y), &d_y)| *d_z = (1. - y * y) * d_y),
        }
    }
}

/// The loss's gradients.
pub(super) struct Gradients {
    pub(super) x: Option<Vec<f32>>,
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

/// Most groups of images whose weight gradients are summed apart; bounds their memory.
const GROUPS: usize = 32;
/// Pixels that a group has at least where there are more than [`FEW`] groups: adding a group's sums
/// costs as much as some hundred pixels.
const PIXELS: usize = 4096;
/// Groups that there are in any case, images permitting, so that all cores have one.
const FEW: usize = 4;

/// Runs `task(image, d_x, d_weight, d_bias)` for all images: it writes the image's gradient of the
/// input, where that is wanted, and adds to those of the weights (of `weight_len` elements, laid
/// out as it likes) and biases.
pub(super) fn backward<T>(g: &Geometry, wants_x: bool, weight_len: usize, task: T) -> Gradients
where
    T: Fn(usize, Option<Shared<'_>>, &mut [f32], &mut [f32]) + Sync,
{
    let groups = (g.images * g.output_plane() / PIXELS).clamp(FEW, GROUPS);
    let per_group = g.images.div_ceil(groups);
    let groups: Vec<_> = (0..g.images).step_by(per_group).collect();
    let run = |d_x: Option<Shared<'_>>| -> Vec<(Vec<f32>, Vec<f32>)> {
        let sums = groups.into_par_iter().map(|first| {
            let mut d_weight = vec![0.; weight_len];
            let mut d_bias = vec![0.; g.outputs];
            for image in first..g.images.min(first + per_group) {
                task(image, d_x, &mut d_weight, &mut d_bias);
            }
            (d_weight, d_bias)
        });
        sums.collect()
    };
    let mut sums = Vec::new();
    let x = if wants_x {
        // SAFETY: tasks write all of their image, and all images have one.
        Some(unsafe { matrix::filled(g.images * g.input_len(), |d_x| sums = run(Some(d_x))) })
    } else {
        sums = run(None);
        None
    };
    let mut sums = sums.into_iter();
    let (mut weight, mut bias) = sums.next().expect("at least one image");
    for (d_weight, d_bias) in sums {
        add(&mut weight, &d_weight);
        add(&mut bias, &d_bias);
    }
    Gradients { x, weight, bias }
}

fn add(sum: &mut [f32], term: &[f32]) {
    /// Values that a task adds.
    const PART: usize = 1 << 16;
    sum.par_chunks_mut(PART).zip(term.par_chunks(PART)).for_each(|(sum, term)| {
        sum.iter_mut().zip(term).for_each(|(sum, term)| *sum += term);
    });
}

/// Sum in 16 interleaved parts, which the compiler turns into vectors.
pub(super) fn sum(values: &[f32]) -> f32 {
    let mut parts = [0f32; 16];
    let (chunks, rest) = values.as_chunks::<16>();
    for chunk in chunks {
        parts.iter_mut().zip(chunk).for_each(|(part, value)| *part += value);
    }
    parts.iter().sum::<f32>() + rest.iter().sum::<f32>()
}
