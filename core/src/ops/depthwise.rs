//! Depthwise convolution, bias and activation in one pass on the CPU, and their gradients.
//!
//! A channel is copied, zero-padded, with its columns sorted by their remainder by the stride, so
//! that the pixels under each kernel position lie side by side; a few registers' worth of results
//! are then summed at once. The loops are plain Rust, compiled once more for AVX-512.
#![expect(unsafe_code, reason = "calls a function compiled for AVX-512")]

mod gradient;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
use super::avx512;
use super::geometry::padding_before;
use super::storage::contiguous;
use super::{Activation, Conv, matrix};

/// Results that are summed at once.
const CHUNK: usize = 32;

/// The operation: input, weight, bias. Dilation is 1.
pub(super) struct Depthwise {
    pub(super) conv: Conv,
    /// Whether to compute as on a processor that has nothing special.
    pub(super) portable: bool,
}

/// Sizes of one channel.
#[derive(Clone, Copy)]
struct Plane {
    height: usize,
    width: usize,
    /// Rows and columns of the result.
    rows: usize,
    columns: usize,
    kernel: usize,
    stride: usize,
    /// Zero rows above and zero columns left of the input.
    top: usize,
    left: usize,
    /// Columns with the same remainder by the stride, padding included, up to whole chunks.
    phase: usize,
}

impl Plane {
    fn new(height: usize, width: usize, kernel: usize, conv: Conv) -> Self {
        let columns = width.div_ceil(conv.stride);
        Self {
            height,
            width,
            rows: height.div_ceil(conv.stride),
            columns,
            kernel,
            stride: conv.stride,
            top: padding_before(height, kernel, conv, 0),
            left: padding_before(width, kernel, conv, 1),
            phase: columns.next_multiple_of(CHUNK) + kernel,
        }
    }

    /// Floats of a padded row.
    fn line(&self) -> usize {
        self.stride * self.phase
    }

    /// Rows of the input that the result sees, padding included.
    fn lines(&self) -> usize {
        (self.rows - 1) * self.stride + self.kernel
    }

    fn pack(&self, x: &[f32], packed: &mut [f32]) {
        packed.fill(0.);
        for (row, x) in x.chunks_exact(self.width).enumerate().take(self.height) {
            let Some(line) = packed.chunks_exact_mut(self.line()).nth(row + self.top) else {
                break;
            };
            for (phase, line) in line.chunks_exact_mut(self.phase).enumerate() {
                // Entry `i` is column `i * stride + phase - left`, which has to be in 0..width.
                let start = self.left.saturating_sub(phase).div_ceil(self.stride);
                let column = start * self.stride + phase - self.left;
                if self.stride == 1 {
                    line[start..start + self.width].copy_from_slice(x);
                } else if column < self.width {
                    let pixels = x[column..].iter().step_by(self.stride);
                    line[start..].iter_mut().zip(pixels).for_each(|(to, &from)| *to = from);
                }
            }
        }
    }
}

impl CustomOp3 for Depthwise {
    fn name(&self) -> &'static str {
        "depthwise-conv2d"
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
        let (images, channels, height, width) = x_layout.shape().dims4()?;
        let (outputs, one, kernel, kernel_w) = weight_layout.shape().dims4()?;
        if (outputs, one) != (channels, 1)
            || kernel != kernel_w
            || ![3, 5].contains(&kernel)
            || bias_layout.dims() != [channels]
            || self.conv.stride == 0
            || self.conv.dilation != 1
            || x_layout.shape().elem_count() == 0
        {
            let (x, weight) = (x_layout.shape(), weight_layout.shape());
            bail!("depthwise convolution of {x:?} with weight {weight:?}, {:?}", self.conv);
        }
        let plane = Plane::new(height, width, kernel, self.conv);
        let x = contiguous(x, x_layout)?;
        let weight = contiguous(weight, weight_layout)?;
        let bias = contiguous(bias, bias_layout)?;
        let mut y = vec![0f32; images * channels * plane.rows * plane.columns];
        let results = y.par_chunks_exact_mut(plane.rows * plane.columns);
        let planes = results.zip(x.par_chunks_exact(height * width)).enumerate();
        planes.for_each(|(i, (y, x))| {
            let channel = i % channels;
            let weight = &weight[channel * kernel * kernel..][..kernel * kernel];
            matrix::with_scratch(plane.lines() * plane.line(), |packed| {
                plane.pack(x, packed);
                self.sum(plane, packed, weight, bias[channel], y);
            });
            activate(y, self.conv.activation);
        });
        Ok((CpuStorage::F32(y), Shape::from((images, channels, plane.rows, plane.columns))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        gradient::backward(self, x, weight, bias, y, gradient)
    }
}

impl Depthwise {
    #[cfg(target_arch = "x86_64")]
    fn vectors(&self) -> bool {
        !self.portable && avx512::available()
    }

    fn sum(&self, plane: Plane, packed: &[f32], weight: &[f32], bias: f32, y: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        if self.vectors() {
            // SAFETY: just checked.
            unsafe { sum_avx512(plane, packed, weight, bias, y) };
            return;
        }
        sum(plane, packed, weight, bias, y);
    }
}

/// [`sum`], compiled for AVX-512.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn sum_avx512(plane: Plane, packed: &[f32], weight: &[f32], bias: f32, y: &mut [f32]) {
    sum(plane, packed, weight, bias, y);
}

/// Writes a channel of the result, before the activation.
#[inline(always)]
fn sum(plane: Plane, packed: &[f32], weight: &[f32], bias: f32, y: &mut [f32]) {
    match (plane.kernel, plane.stride) {
        (3, 1) => sum_of::<3, 1>(plane, packed, weight, bias, y),
        (3, 2) => sum_of::<3, 2>(plane, packed, weight, bias, y),
        (3, stride) => sum_rows::<3>(plane, stride, packed, weight, bias, y),
        (5, 1) => sum_of::<5, 1>(plane, packed, weight, bias, y),
        (5, 2) => sum_of::<5, 2>(plane, packed, weight, bias, y),
        (_, stride) => sum_rows::<5>(plane, stride, packed, weight, bias, y),
    }
}

/// With a stride that the compiler knows.
#[inline(always)]
fn sum_of<const K: usize, const S: usize>(
    plane: Plane,
    packed: &[f32],
    weight: &[f32],
    bias: f32,
    y: &mut [f32],
) {
    sum_rows::<K>(plane, S, packed, weight, bias, y);
}

#[inline(always)]
fn sum_rows<const K: usize>(
    plane: Plane,
    stride: usize,
    packed: &[f32],
    weight: &[f32],
    bias: f32,
    y: &mut [f32],
) {
    for (row, y) in y.chunks_exact_mut(plane.columns).enumerate() {
        let lines = &packed[row * stride * plane.line()..];
        for (chunk, y) in y.chunks_mut(CHUNK).enumerate() {
            let mut sums = [bias; CHUNK];
            for dy in 0..K {
                for dx in 0..K {
                    let start =
                        dy * plane.line() + dx % stride * plane.phase + dx / stride + chunk * CHUNK;
                    let weight = weight[dy * K + dx];
                    let pixels = lines[start..].first_chunk::<CHUNK>();
                    let pixels = pixels.expect("rows are padded to whole chunks");
                    for i in 0..CHUNK {
                        sums[i] += weight * pixels[i];
                    }
                }
            }
            y.copy_from_slice(&sums[..y.len()]);
        }
    }
}

fn activate(y: &mut [f32], activation: Activation) {
    match activation {
        Activation::None => {}
        // Unlike `f32::max`, both keep a NaN: a diverged network has to show.
        Activation::Relu => y.iter_mut().for_each(|y| *y = if *y <= 0. { 0. } else { *y }),
        Activation::Relu6 => y.iter_mut().for_each(|y| *y = y.clamp(0., 6.)),
        Activation::Tanh => y.iter_mut().for_each(|y| *y = y.tanh()),
    }
}
