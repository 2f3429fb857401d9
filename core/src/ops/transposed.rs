//! Transposed convolution of a 4x4 kernel with stride 2 on the CPU, and its gradients.
//!
//! Pixels of the result whose row and column have the same remainders by 2 see the same 2x2 of the
//! kernel's 16 weights, and so are a convolution of the input by themselves: four convolutions, all
//! of them dense, by the same loops as any other.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::conv::{FusedConv, Given};
use super::geometry::Geometry;
use super::storage::{contiguous, cpu};
use super::{Activation, Conv, Padding, Precision};

/// The operation: input, weight, bias.
pub(super) struct Transposed2x {
    pub(super) activation: Activation,
    /// What products are taken in, where this processor has it.
    pub(super) precision: Precision,
    /// Whether to compute as on a processor that has nothing special.
    pub(super) portable: bool,
}

/// Remainders by 2 of the row and the column of a pixel of the result.
#[derive(Clone, Copy)]
struct Phase {
    row: usize,
    column: usize,
}

impl Phase {
    const ALL: [Self; 4] = [
        Self { row: 0, column: 0 },
        Self { row: 0, column: 1 },
        Self { row: 1, column: 0 },
        Self { row: 1, column: 1 },
    ];

    /// Where the weight of position `i` of 4 of the phase's kernel lies in the whole's 16: row `2 r`
    /// of the result sees rows `r - 1` and `r` through the kernel's rows 3 and 1, row `2 r + 1` sees
    /// `r` and `r + 1` through 2 and 0.
    fn position(self, i: usize) -> usize {
        let along = |phase: usize, tap: usize| 3 - phase - 2 * tap;
        4 * along(self.row, i / 2) + along(self.column, i % 2)
    }
}

impl Transposed2x {
    fn conv(&self, phase: Phase) -> FusedConv {
        let padding = Padding::Before([1 - phase.row, 1 - phase.column]);
        let conv = Conv { padding, activation: self.activation, ..Conv::default() };
        let (precision, portable) = (self.precision, self.portable);
        FusedConv { conv, precision, constant: None, portable }
    }

    /// Sizes of each phase's convolution.
    fn geometry(&self, x: &Shape, weight: &Shape, bias: &Shape, phase: Phase) -> Result<Geometry> {
        let (inputs, outputs, height, width) = weight.dims4()?;
        if (height, width) != (4, 4) {
            bail!("transposed convolution with weight {weight:?}: the kernel is not 4x4");
        }
        let weight = Shape::from((outputs, inputs, 2, 2));
        Geometry::new(x, &weight, bias, self.conv(phase).conv)
    }
}

impl CustomOp3 for Transposed2x {
    fn name(&self) -> &'static str {
        "conv-transpose2x"
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
        let (n, _, height, width) = x_layout.shape().dims4()?;
        let outputs = weight_layout.shape().dims4()?.1;
        let x = contiguous(x, x_layout)?;
        let weight = contiguous(weight, weight_layout)?;
        let bias = contiguous(bias, bias_layout)?;
        let mut y = vec![0f32; 4 * n * outputs * height * width];
        for phase in Phase::ALL {
            let (x_shape, bias_shape) = (x_layout.shape(), bias_layout.shape());
            let g = self.geometry(x_shape, weight_layout.shape(), bias_shape, phase)?;
            let part = self.conv(phase).forward(&g, x, &phase_weight(&g, weight, phase), bias);
            spread(&part, width, phase, &mut y);
        }
        Ok((CpuStorage::F32(y), Shape::from((n, outputs, 2 * height, 2 * width))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        let (x_storage, x_layout) = x.storage_and_layout();
        let (weight_storage, weight_layout) = weight.storage_and_layout();
        let (y_storage, y_layout) = y.storage_and_layout();
        let (gradient_storage, gradient_layout) = gradient.storage_and_layout();
        let values = contiguous(cpu(&x_storage)?, x_layout)?;
        let weights = contiguous(cpu(&weight_storage)?, weight_layout)?;
        let y = contiguous(cpu(&y_storage)?, y_layout)?;
        let gradient = contiguous(cpu(&gradient_storage)?, gradient_layout)?;
        let width = x.dim(3)?;

        let mut d_x: Option<Vec<f32>> = None;
        let mut d_weight = vec![0f32; weights.len()];
        let mut d_bias = vec![0f32; bias.elem_count()];
        for phase in Phase::ALL {
            let g = self.geometry(x.shape(), weight.shape(), bias.shape(), phase)?;
            let given = Given {
                x: values,
                weight: &phase_weight(&g, weights, phase),
                y: &gather(y, width, phase),
                gradient: &gather(gradient, width, phase),
                activation: self.activation,
            };
            let found = self.conv(phase).backward(&g, &given, x.track_op());
            for (i, value) in found.weight.iter().enumerate() {
                let (output, input) = (i / 4 / g.inputs, i / 4 % g.inputs);
                d_weight[16 * (input * g.outputs + output) + phase.position(i % 4)] = *value;
            }
            d_bias.iter_mut().zip(&found.bias).for_each(|(sum, term)| *sum += term);
            d_x = match (d_x, found.x) {
                (Some(mut sum), Some(term)) => {
                    sum.par_iter_mut().zip(&term).for_each(|(sum, term)| *sum += term);
                    Some(sum)
                }
                (None, term) => term,
                (sum, None) => sum,
            };
        }
        let device = x.device();
        let d_x = d_x.map(|d_x| Tensor::from_vec(d_x, x.shape(), device)).transpose()?;
        let d_weight = Tensor::from_vec(d_weight, weight.shape(), device)?;
        let d_bias = Tensor::from_vec(d_bias, bias.shape(), device)?;
        Ok((d_x, Some(d_weight), Some(d_bias)))
    }
}

/// The phase's weights `(Cout, Cin, 2, 2)`.
fn phase_weight(g: &Geometry, weight: &[f32], phase: Phase) -> Vec<f32> {
    let at = |i: usize| {
        let (output, input) = (i / 4 / g.inputs, i / 4 % g.inputs);
        weight[16 * (input * g.outputs + output) + phase.position(i % 4)]
    };
    (0..weight.len() / 4).map(at).collect()
}

/// Writes the phase's pixels to their places in the result; `width` is the phase's.
fn spread(part: &[f32], width: usize, phase: Phase, y: &mut [f32]) {
    let lines = y.par_chunks_mut(4 * width).zip(part.par_chunks(width));
    lines.for_each(|(y, part)| {
        let line = &mut y[2 * width * phase.row..][..2 * width];
        line.chunks_exact_mut(2).zip(part).for_each(|(pair, part)| pair[phase.column] = *part);
    });
}

/// The phase's pixels of a result; `width` is the phase's.
fn gather(y: &[f32], width: usize, phase: Phase) -> Vec<f32> {
    let mut part = vec![0f32; y.len() / 4];
    let lines = part.par_chunks_mut(width).zip(y.par_chunks(4 * width));
    lines.for_each(|(part, y)| {
        let line = &y[2 * width * phase.row..][..2 * width];
        part.iter_mut()
            .zip(line.chunks_exact(2))
            .for_each(|(part, pair)| *part = pair[phase.column]);
    });
    part
}
