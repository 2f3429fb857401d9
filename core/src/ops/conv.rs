//! Convolution, bias and activation in one pass on the CPU, and their gradients.
//!
//! Work is cut into strips of rows that fit the second-level cache: the pixels under the kernel
//! are gathered into a matrix of the thread's own, one matrix product writes straight into the
//! result, and bias and activation are applied while that is in cache.
//!
//! **Invariant:** how work is cut, and in which order sums are taken, depends on the sizes alone
//! and never on the number of threads or their timing, so that training repeats bit for bit.
#![expect(unsafe_code, reason = "tasks write their own rows of one buffer")]

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Storage, Tensor, bail};
use rayon::prelude::*;

use super::geometry::Geometry;
use super::matrix::{self, Matrix};
use super::{Activation, Conv, im2col};

/// The operation: input, weight, bias.
pub(super) struct FusedConv(pub(super) Conv);

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
            Geometry::new(x_layout.shape(), weight_layout.shape(), bias_layout.shape(), self.0)?;
        let x = contiguous(x, x_layout)?;
        let weight = contiguous(weight, weight_layout)?;
        let bias = contiguous(bias, bias_layout)?;
        let y = forward(&g, x, weight, bias, self.0.activation);
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
        let g = Geometry::new(x.shape(), weight.shape(), bias.shape(), self.0)?;
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
            activation: self.0.activation,
        };
        // The first layer's input is data: it needs no gradient.
        let found = backward(&g, &given, x.track_op());
        let device = x.device();
        let d_x = found.x.map(|d_x| Tensor::from_vec(d_x, x.shape(), device)).transpose()?;
        let d_weight = Tensor::from_vec(found.weight, weight.shape(), device)?;
        let d_bias = Tensor::from_vec(found.bias, bias.shape(), device)?;
        Ok((d_x, Some(d_weight), Some(d_bias)))
    }
}

fn cpu(storage: &Storage) -> Result<&CpuStorage> {
    match storage {
        Storage::Cpu(storage) => Ok(storage),
        _ => bail!("fused-conv2d runs on the CPU only"),
    }
}

fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("fused-conv2d needs contiguous tensors"),
    }
}

fn forward(
    g: &Geometry,
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    activation: Activation,
) -> Vec<f32> {
    let plane = g.output_plane();
    let weight = Matrix::new(weight, g.outputs, g.depth(), g.depth());
    let tasks: Vec<_> =
        (0..g.images).flat_map(|image| g.strips().map(move |rows| (image, rows))).collect();
    let run = |y: matrix::Shared<'_>| {
        tasks.into_par_iter().for_each(|(image, rows)| {
            let x = &x[image * g.input_len()..][..g.input_len()];
            let pixels = rows.len() * g.columns;
            let first = image * g.output_len() + rows.start * g.columns;
            // SAFETY: tasks have rows of their own; `add` is false.
            let product =
                |input: Matrix<'_>| unsafe { y.product(first, plane, false, weight, input) };
            if g.pointwise() {
                product(Matrix::new(&x[rows.start * g.columns..], g.inputs, pixels, plane));
            } else {
                matrix::with_scratch(g.depth() * pixels, |columns| {
                    im2col::gather(g, x, rows, columns);
                    product(Matrix::new(columns, g.depth(), pixels, pixels));
                });
            }
            for (channel, &bias) in bias.iter().enumerate() {
                let start = first + channel * plane;
                // SAFETY: written by `product`; tasks have rows of their own.
                activate(unsafe { y.part(start..start + pixels) }, bias, activation);
            }
        });
    };
    // SAFETY: the strips of all images are all rows, and each is written whole.
    unsafe { matrix::filled(g.images * g.output_len(), run) }
}

fn activate(y: &mut [f32], bias: f32, activation: Activation) {
    match activation {
        Activation::None => y.iter_mut().for_each(|y| *y += bias),
        // Unlike `f32::max`, this keeps a NaN: a diverged network has to show.
        Activation::Relu => y.iter_mut().for_each(|y| {
            let z = *y + bias;
            *y = if z <= 0. { 0. } else { z };
        }),
        Activation::Tanh => y.iter_mut().for_each(|y| *y = (*y + bias).tanh()),
    }
}

/// What the backward pass starts from.
struct Given<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    /// The result of the forward pass.
    y: &'a [f32],
    /// The loss's gradient by `y`.
    gradient: &'a [f32],
    activation: Activation,
}

/// The loss's gradients.
struct Gradients {
    x: Option<Vec<f32>>,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

/// Most groups of images whose weight gradients are summed apart; bounds their memory.
const GROUPS: usize = 32;

fn backward(g: &Geometry, given: &Given<'_>, wants_x: bool) -> Gradients {
    let per_group = g.images.div_ceil(GROUPS);
    let mut d_x = wants_x.then(|| vec![0.; given.x.len()]);
    let shared = d_x.as_mut().map(|d_x| matrix::Shared::new(d_x));
    let groups: Vec<_> = (0..g.images).step_by(per_group).collect();
    let sums: Vec<(Vec<f32>, Vec<f32>)> = groups
        .into_par_iter()
        .map(|first| {
            let mut d_weight = vec![0.; given.weight.len()];
            let mut d_bias = vec![0.; g.outputs];
            for image in first..g.images.min(first + per_group) {
                let range = image * g.input_len()..(image + 1) * g.input_len();
                // SAFETY: tasks have images of their own.
                let d_x = shared.map(|d_x| unsafe { d_x.part(range) });
                backward_image(g, given, image, d_x, &mut d_weight, &mut d_bias);
            }
            (d_weight, d_bias)
        })
        .collect();
    let mut sums = sums.into_iter();
    let (mut weight, mut bias) = sums.next().expect("at least one image");
    for (d_weight, d_bias) in sums {
        add(&mut weight, &d_weight);
        add(&mut bias, &d_bias);
    }
    Gradients { x: d_x, weight, bias }
}

fn add(sum: &mut [f32], term: &[f32]) {
    sum.iter_mut().zip(term).for_each(|(sum, term)| *sum += term);
}

/// Adds one image's weight and bias gradients, and adds to its input gradient, which starts as 0.
fn backward_image(
    g: &Geometry,
    given: &Given<'_>,
    image: usize,
    mut d_x: Option<&mut [f32]>,
    d_weight: &mut [f32],
    d_bias: &mut [f32],
) {
    let plane = g.output_plane();
    let (depth, outputs) = (g.depth(), g.outputs);
    let x = &given.x[image * g.input_len()..][..g.input_len()];
    let weight = Matrix::new(given.weight, outputs, depth, depth);
    for rows in g.strips() {
        let pixels = rows.len() * g.columns;
        let offset = rows.start * g.columns;
        let first = image * g.output_len() + offset;
        let columns_len = if g.pointwise() { 0 } else { depth * pixels };
        matrix::with_scratch(outputs * pixels + columns_len, |scratch| {
            let (d_z, columns) = scratch.split_at_mut(outputs * pixels);
            for ((channel, d_z), d_bias) in
                d_z.chunks_exact_mut(pixels).enumerate().zip(&mut *d_bias)
            {
                let start = first + channel * plane;
                let (y, gradient) = (&given.y[start..], &given.gradient[start..]);
                *d_bias += deactivate(d_z, y, gradient, given.activation);
            }
            let d_z = Matrix::new(d_z, outputs, pixels, pixels);
            if g.pointwise() {
                let input = Matrix::new(&x[offset..], depth, pixels, plane);
                matrix::product(d_weight, true, d_z, input.transposed());
                if let Some(d_x) = &mut d_x {
                    let d_x = matrix::Shared::new(d_x);
                    // SAFETY: `d_x` is borrowed mutably; `add` is false.
                    unsafe { d_x.product(offset, plane, false, weight.transposed(), d_z) };
                }
                return;
            }
            im2col::gather(g, x, rows.clone(), columns);
            let input = Matrix::new(columns, depth, pixels, pixels);
            matrix::product(d_weight, true, d_z, input.transposed());
            if let Some(d_x) = &mut d_x {
                matrix::product(columns, false, weight.transposed(), d_z);
                im2col::scatter(g, columns, rows, d_x);
            }
        });
    }
}

/// Fills `d_z` with the gradient before the activation, and returns its sum.
fn deactivate(d_z: &mut [f32], y: &[f32], gradient: &[f32], activation: Activation) -> f32 {
    let triples = d_z.iter_mut().zip(y).zip(gradient);
    match activation {
        Activation::None => triples.for_each(|((d_z, _), d_y)| *d_z = *d_y),
        Activation::Relu => {
            triples.for_each(|((d_z, &y), &d_y)| *d_z = if y > 0. { d_y } else { 0. })
        }
        Activation::Tanh => triples.for_each(|((d_z, &y), &d_y)| *d_z = (1. - y * y) * d_y),
    }
    sum(d_z)
}

/// Sum in 16 interleaved parts, which the compiler turns into vectors.
fn sum(values: &[f32]) -> f32 {
    let mut parts = [0f32; 16];
    let chunks = values.chunks_exact(16);
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        parts.iter_mut().zip(chunk).for_each(|(part, value)| *part += value);
    }
    parts.iter().sum::<f32>() + rest
}
