//! Convolution without a matrix of gathered pixels, on processors with AVX-512.
//!
//! The rows that a strip of the result sees are copied, zero-padded, so that the terms of any pixel
//! lie at the same offsets from it: one for each input channel and kernel position. With a stride
//! `s`, columns are sorted by their remainder by `s`, so that this holds too. The sums are then
//! products of registers, without any further copy. The input's gradient is a convolution of the
//! same kind, of the result's gradient with the kernel turned around.
#![expect(
    unsafe_code,
    reason = "calls the AVX-512 loops; tasks write their own rows of one buffer"
)]

use std::ops::Range;

use rayon::prelude::*;

use super::Activation;
use super::avx512::{self, BLOCK, LANES};
use super::conv::{self, Given, Gradients};
use super::geometry::Geometry;
use super::lowered;
use super::matrix::{self, Shared};

/// Floats of a packed strip: a bit over half of the 1 MiB that a core has of second-level cache.
const CACHED: usize = 144 * 1024;

/// How the pixels of a strip of the result's rows are packed.
struct Packing {
    /// First row of the strip, in the result.
    start: usize,
    /// Rows of the strip, in the result.
    rows: usize,
    /// Rows of the input that the strip sees, padding included.
    lines: usize,
    /// Columns of the input with the same remainder by the stride, padding included.
    phase: usize,
    /// Floats a channel.
    plane: usize,
}

impl Packing {
    fn new(g: &Geometry, rows: Range<usize>) -> Self {
        let lines = (rows.len() - 1) * g.stride + (g.kernel_h - 1) * g.dilation + 1;
        let phase = g.columns + (g.kernel_w - 1) * g.dilation / g.stride;
        // An odd number of cache lines: powers of two would all fall on the same few cache sets.
        let plane = ((lines * g.stride * phase).div_ceil(LANES) | 1) * LANES;
        Self { start: rows.start, rows: rows.len(), lines, phase, plane }
    }

    /// Strips of rows that fit the cache, of a size that depends on the geometry alone.
    fn strips(g: &Geometry) -> impl Iterator<Item = Range<usize>> + Clone + use<> {
        let line = Self::new(g, 0..1).line(g) * g.inputs;
        let overlap = (g.kernel_h - 1) * g.dilation;
        let cached = (CACHED / line).saturating_sub(overlap) / g.stride;
        // Enough strips that many cores share one picture.
        let strip = cached.clamp(1, (g.rows / 16).max(4)).min(g.rows);
        // Even strips: 5 rows are better cut into 3 and 2 than into 4 and 1.
        let strip = g.rows.div_ceil(g.rows.div_ceil(strip));
        let rows = g.rows;
        (0..rows).step_by(strip).map(move |start| start..rows.min(start + strip))
    }

    /// Floats from one line of a channel to the next.
    fn line(&self, g: &Geometry) -> usize {
        g.stride * self.phase
    }

    /// Floats of all.
    fn len(&self, g: &Geometry) -> usize {
        g.inputs * self.plane
    }

    /// Rows and columns that the loops see: where rows follow each other without padding, they are
    /// one long row.
    fn shape(&self, g: &Geometry) -> (usize, usize) {
        if g.pointwise() { (1, self.rows * g.columns) } else { (self.rows, g.columns) }
    }

    /// Where a pixel's terms lie, from where the pixel is: in the order of the weights.
    fn offsets(&self, g: &Geometry) -> Vec<usize> {
        let mut offsets = Vec::with_capacity(g.depth());
        for channel in 0..g.inputs {
            for dy in 0..g.kernel_h {
                for dx in 0..g.kernel_w {
                    let column = dx * g.dilation;
                    offsets.push(
                        channel * self.plane
                            + dy * g.dilation * self.line(g)
                            + column % g.stride * self.phase
                            + column / g.stride,
                    );
                }
            }
        }
        offsets
    }

    /// Fills `packed`; `read(to, start)` writes the pixels from index `start` of the image on,
    /// `stride` apart.
    fn pack(&self, g: &Geometry, packed: &mut [f32], read: impl Fn(&mut [f32], usize)) {
        for (channel, packed) in packed.chunks_exact_mut(self.plane).enumerate() {
            for (line, packed) in packed.chunks_exact_mut(self.line(g)).take(self.lines).enumerate()
            {
                let y = (self.start * g.stride + line).checked_sub(g.top).filter(|&y| y < g.height);
                let Some(y) = y else {
                    packed.fill(0.);
                    continue;
                };
                for (phase, packed) in packed.chunks_exact_mut(self.phase).enumerate() {
                    // Entry `i` is column `i * stride + phase - left`, which has to be in 0..width.
                    let start = g.left.saturating_sub(phase).div_ceil(g.stride).min(self.phase);
                    let end = (g.width + g.left).saturating_sub(phase).div_ceil(g.stride);
                    let end = end.clamp(start, self.phase);
                    packed[..start].fill(0.);
                    packed[end..].fill(0.);
                    if start < end {
                        let x = start * g.stride + phase - g.left;
                        read(&mut packed[start..end], (channel * g.height + y) * g.width + x);
                    }
                }
            }
        }
    }
}

/// Weights `(Cout, depth)` in blocks of channels, `(blocks, depth, BLOCK)`, padded with zeros.
fn pack_weights(g: &Geometry, weight: impl Fn(usize, usize) -> f32) -> Vec<f32> {
    let mut packed = vec![0.; g.outputs.div_ceil(BLOCK) * g.depth() * BLOCK];
    for (block, packed) in packed.chunks_exact_mut(g.depth() * BLOCK).enumerate() {
        for (term, packed) in packed.chunks_exact_mut(BLOCK).enumerate() {
            for (i, packed) in packed.iter_mut().enumerate().take(g.outputs - block * BLOCK) {
                *packed = weight(block * BLOCK + i, term);
            }
        }
    }
    packed
}

/// What all strips of one convolution share.
struct Sums<'a> {
    weights: &'a [f32],
    bias: &'a [f32],
    limits: Option<(f32, f32)>,
}

/// Computes a packed strip, into the image of `y` that starts at `first`.
///
/// # Safety
///
/// AVX-512 is there, and no other task accesses these rows.
unsafe fn convolve(
    g: &Geometry,
    packing: &Packing,
    packed: &[f32],
    sums: &Sums<'_>,
    y: Shared<'_>,
    first: usize,
) {
    let offsets = packing.offsets(g);
    let reach = offsets.iter().copied().max().unwrap_or(0);
    let (rows, columns) = packing.shape(g);
    for (block, weights) in sums.weights.chunks_exact(g.depth() * BLOCK).enumerate() {
        let channel = block * BLOCK;
        let channels = (g.outputs - channel).min(BLOCK);
        let mut bias = [0.; BLOCK];
        bias[..channels].copy_from_slice(&sums.bias[channel..channel + channels]);
        for row in 0..rows {
            let base = row * g.stride * packing.line(g);
            let row_start = first + channel * g.output_plane() + (packing.start + row) * g.columns;
            let row = avx512::Row {
                input: packed,
                base,
                offsets: &offsets,
                weights,
                bias,
                limits: sums.limits,
                columns,
                channels,
            };
            // SAFETY: as the caller promises; `reach` is the largest offset.
            unsafe { avx512::convolve(&row, reach, y, row_start, g.output_plane()) };
        }
    }
}

/// The forward pass.
///
/// # Safety
///
/// AVX-512 is there.
pub(super) unsafe fn forward(
    g: &Geometry,
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    activation: Activation,
) -> Vec<f32> {
    let depth = g.depth();
    let weights = pack_weights(g, |channel, term| weight[channel * depth + term]);
    let sums = Sums { weights: &weights, bias, limits: limits(activation) };
    let tasks: Vec<_> =
        (0..g.images).flat_map(|image| Packing::strips(g).map(move |rows| (image, rows))).collect();
    let run = |y: Shared<'_>| {
        tasks.into_par_iter().for_each(|(image, rows)| {
            let x = &x[image * g.input_len()..][..g.input_len()];
            let first = image * g.output_len();
            let packing = Packing::new(g, rows.clone());
            matrix::with_scratch(packing.len(g), |packed| {
                packing.pack(g, packed, |to, start| copy(to, &x[start..], g.stride));
                // SAFETY: AVX-512 is there, as the caller promises; tasks have their own rows.
                unsafe { convolve(g, &packing, packed, &sums, y, first) };
            });
            if activation == Activation::Tanh {
                for channel in 0..g.outputs {
                    let start = first + channel * g.output_plane();
                    let part = start + rows.start * g.columns..start + rows.end * g.columns;
                    // SAFETY: written by `convolve`; tasks have their own rows.
                    unsafe { y.part(part) }.iter_mut().for_each(|y| *y = y.tanh());
                }
            }
        });
    };
    // SAFETY: the strips of all images are all rows, and each is written whole.
    unsafe { matrix::filled(g.images * g.output_len(), run) }
}

/// The least and the greatest result, for activations that do nothing else.
fn limits(activation: Activation) -> Option<(f32, f32)> {
    match activation {
        Activation::Relu => Some((0., f32::INFINITY)),
        Activation::Relu6 => Some((0., 6.)),
        Activation::None | Activation::Tanh => None,
    }
}

fn copy(to: &mut [f32], from: &[f32], step: usize) {
    if step == 1 {
        to.copy_from_slice(&from[..to.len()]);
    } else {
        to.iter_mut().zip(from.iter().step_by(step)).for_each(|(to, from)| *to = *from);
    }
}

/// The backward pass.
///
/// # Safety
///
/// AVX-512 is there.
pub(super) unsafe fn backward(g: &Geometry, given: &Given<'_>, wants_x: bool) -> Gradients {
    let (depth, width) = (g.depth(), g.outputs.next_multiple_of(LANES));
    let turned = g.turned();
    let weights = turned.map(|turned| {
        // Input and result exchange their roles, and the kernel is turned around.
        let area = g.kernel_h * g.kernel_w;
        pack_weights(&turned, |input, term| {
            let (output, position) = (term / area, term % area);
            given.weight[(output * g.inputs + input) * area + (area - 1 - position)]
        })
    });
    let zeros = vec![0.; g.inputs];
    let task = |image: usize, d_x: Option<Shared<'_>>, d_weight: &mut [f32], d_bias: &mut [f32]| {
        // SAFETY: AVX-512 is there, as the caller promises.
        unsafe { weight_gradient(g, given, image, d_weight, d_bias) };
        let Some(d_x) = d_x else { return };
        match (&turned, &weights) {
            (Some(turned), Some(weights)) => {
                let sums = Sums { weights, bias: &zeros, limits: None };
                // SAFETY: AVX-512 is there, as the caller promises; tasks have their own images.
                unsafe { input_gradient(turned, given, image, &sums, d_x) };
            }
            _ => lowered::input_gradient(g, given, image, d_x),
        }
    };
    let mut gradients = conv::backward(g, wants_x, depth * width, task);
    // From (depth, width) to (Cout, depth).
    let sums = &gradients.weight;
    let transposed =
        (0..g.outputs).flat_map(|o| (0..depth).map(move |term| sums[term * width + o]));
    gradients.weight = transposed.collect();
    gradients
}

/// Adds one image's gradients of weights, `(depth, width)`, and of biases.
///
/// # Safety
///
/// AVX-512 is there.
unsafe fn weight_gradient(
    g: &Geometry,
    given: &Given<'_>,
    image: usize,
    d_weight: &mut [f32],
    d_bias: &mut [f32],
) {
    let width = g.outputs.next_multiple_of(LANES);
    let x = &given.x[image * g.input_len()..][..g.input_len()];
    for rows in Packing::strips(g) {
        let packing = Packing::new(g, rows.clone());
        let offsets = packing.offsets(g);
        let pixels = rows.len() * g.columns;
        let padded = pixels.next_multiple_of(LANES);
        let first = image * g.output_len() + rows.start * g.columns;
        let lens = [packing.len(g), LANES * padded, padded * width];
        matrix::with_scratches(lens, |[packed, lines, gradients]| {
            packing.pack(g, packed, |to, start| copy(to, &x[start..], g.stride));
            for channel in (0..g.outputs).step_by(LANES) {
                for (i, line) in lines.chunks_exact_mut(padded).enumerate() {
                    let (line, rest) = line.split_at_mut(pixels);
                    rest.fill(0.);
                    if channel + i < g.outputs {
                        given.deactivate(line, first + (channel + i) * g.output_plane());
                        d_bias[channel + i] += conv::sum(line);
                    } else {
                        line.fill(0.);
                    }
                }
                // SAFETY: AVX-512 is there, as the caller promises.
                unsafe { avx512::transpose(lines, padded, &mut gradients[channel..], width) };
            }
            let (rows, columns) = packing.shape(g);
            let row_step = g.stride * packing.line(g);
            let strip = avx512::Strip { input: packed, row_step, rows, columns, gradients, width };
            // SAFETY: AVX-512 is there, as the caller promises.
            unsafe { avx512::accumulate(&strip, &offsets, d_weight) };
        });
    }
}

/// Writes one image's gradient of the input; `g` is turned.
///
/// # Safety
///
/// AVX-512 is there, and no other task accesses this image of `d_x`.
unsafe fn input_gradient(
    g: &Geometry,
    given: &Given<'_>,
    image: usize,
    sums: &Sums<'_>,
    d_x: Shared<'_>,
) {
    for rows in Packing::strips(g) {
        let packing = Packing::new(g, rows);
        matrix::with_scratch(packing.len(g), |packed| {
            packing.pack(g, packed, |to, start| {
                given.deactivate(to, image * g.input_len() + start);
            });
            // SAFETY: as the caller promises.
            unsafe { convolve(g, &packing, packed, sums, d_x, image * g.output_len()) };
        });
    }
}
