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

use rayon::prelude::*;

use super::avx512::{self, BLOCK, LANES};
use super::conv::{self, Given, Gradients};
use super::geometry::Geometry;
use super::matrix::{self, Shared};
use super::packing::Packing;
use super::{Activation, Precision, bf16, lowered};

/// The geometry in lanes: with bf16, two input channels share one.
pub(super) fn lanes(g: &Geometry, precision: Precision) -> Geometry {
    match precision {
        Precision::F32 => *g,
        Precision::Bf16 => Geometry { inputs: g.inputs.div_ceil(2), ..*g },
    }
}

/// Weights in blocks of channels, `(blocks, depth in lanes, BLOCK)`, padded with zeros;
/// `weight(output, input, position)` tells them.
///
/// # Safety
///
/// AVX-512 is there, with bf16 if that is asked for.
unsafe fn pack_weights(
    g: &Geometry,
    precision: Precision,
    weight: impl Fn(usize, usize, usize) -> f32 + Sync,
) -> Vec<f32> {
    let (depth, area) = (lanes(g, precision).depth(), g.kernel_h * g.kernel_w);
    let mut packed = vec![0.; g.outputs.div_ceil(BLOCK) * depth * BLOCK];
    packed.par_chunks_exact_mut(depth * BLOCK).enumerate().for_each(|(block, packed)| {
        // Two planes a lane: where inputs are odd in number, the last one stays zero.
        let mut row = vec![0.; 2 * depth];
        let mut rounded = vec![0; row.len()];
        for (i, output) in (block * BLOCK..g.outputs).take(BLOCK).enumerate() {
            for (input, row) in row.chunks_exact_mut(area).take(g.inputs).enumerate() {
                for (position, value) in row.iter_mut().enumerate() {
                    *value = weight(output, input, position);
                }
            }
            match precision {
                Precision::F32 => {
                    for (term, value) in packed.chunks_exact_mut(BLOCK).zip(&row) {
                        term[i] = *value;
                    }
                }
                Precision::Bf16 => {
                    // SAFETY: as the caller promises.
                    unsafe { bf16::shorten(&row, &mut rounded) };
                    let planes = rounded.chunks_exact(2 * area).map(|pair| pair.split_at(area));
                    for (terms, (even, odd)) in packed.chunks_exact_mut(area * BLOCK).zip(planes) {
                        let pairs = even.iter().zip(odd);
                        for (term, (&even, &odd)) in terms.chunks_exact_mut(BLOCK).zip(pairs) {
                            term[i] = bf16::lane(even, odd);
                        }
                    }
                }
            }
        }
    });
    packed
}

/// The same for weights as they are stored, `(Cout, Cin, Kh, Kw)`.
///
/// # Safety
///
/// AVX-512 is there, with bf16 if that is asked for.
pub(super) unsafe fn pack_weights_of(
    g: &Geometry,
    precision: Precision,
    weight: &[f32],
) -> Vec<f32> {
    let area = g.kernel_h * g.kernel_w;
    let weight = |output: usize, input: usize, position: usize| {
        weight[(output * g.inputs + input) * area + position]
    };
    // SAFETY: as the caller promises.
    unsafe { pack_weights(g, precision, weight) }
}

/// Packs a strip in lanes, with two rows of scratch; `read` is that of [`Packing::pack`].
///
/// # Safety
///
/// AVX-512 is there, with bf16 if that is asked for.
unsafe fn pack(
    g: &Geometry,
    precision: Precision,
    packing: &Packing,
    [packed, even, odd]: [&mut [f32]; 3],
    read: impl Fn(&mut [f32], usize, usize),
) {
    match precision {
        Precision::F32 => packing.pack(g, packed, read),
        Precision::Bf16 => packing.pack(&lanes(g, precision), packed, |to, pair, start| {
            let (even, odd) = (&mut even[..to.len()], &mut odd[..to.len()]);
            read(even, 2 * pair, start);
            if 2 * pair + 1 < g.inputs {
                read(odd, 2 * pair + 1, start);
            } else {
                odd.fill(0.);
            }
            // SAFETY: AVX-512 with bf16 is there, as the caller promises.
            unsafe { bf16::interleave(even, odd, to) };
        }),
    }
}

/// Floats that [`pack`] needs: the strip, and two rows of it for pairs.
fn scratch(g: &Geometry, precision: Precision, packing: &Packing) -> [usize; 3] {
    let row = if precision == Precision::Bf16 { packing.phase } else { 0 };
    [packing.len(&lanes(g, precision)), row, row]
}

/// What all strips of one convolution share.
struct Sums<'a> {
    weights: &'a [f32],
    bias: &'a [f32],
    limits: Option<(f32, f32)>,
    precision: Precision,
}

/// Computes a packed strip, into the image of `y` that starts at `first`; `g` is in lanes.
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
                precision: sums.precision,
                columns,
                channels,
            };
            // SAFETY: as the caller promises; `reach` is the largest offset.
            unsafe { avx512::convolve(&row, reach, y, row_start, g.output_plane()) };
        }
    }
}

/// The forward pass, with packed weights.
///
/// # Safety
///
/// AVX-512 is there, with bf16 if that is asked for.
pub(super) unsafe fn forward(
    g: &Geometry,
    x: &[f32],
    weights: &[f32],
    bias: &[f32],
    activation: Activation,
    precision: Precision,
) -> Vec<f32> {
    let in_lanes = lanes(g, precision);
    let sums = Sums { weights, bias, limits: limits(activation), precision };
    let strips = Packing::strips(&in_lanes);
    let tasks: Vec<_> =
        (0..g.images).flat_map(|image| strips.clone().map(move |rows| (image, rows))).collect();
    let run = |y: Shared<'_>| {
        tasks.into_par_iter().for_each(|(image, rows)| {
            let x = &x[image * g.input_len()..][..g.input_len()];
            let first = image * g.output_len();
            let packing = Packing::new(g, rows.clone());
            let read = |to: &mut [f32], channel: usize, start: usize| {
                copy(to, &x[channel * g.height * g.width + start..], g.stride);
            };
            matrix::with_scratches(scratch(g, precision, &packing), |[packed, even, odd]| {
                // SAFETY: as the caller promises.
                unsafe { pack(g, precision, &packing, [packed, even, odd], read) };
                // SAFETY: as the caller promises; tasks have their own rows.
                unsafe { convolve(&in_lanes, &packing, packed, &sums, y, first) };
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

pub(super) fn copy(to: &mut [f32], from: &[f32], step: usize) {
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
/// AVX-512 is there, with bf16 if that is asked for.
pub(super) unsafe fn backward(
    g: &Geometry,
    given: &Given<'_>,
    wants_x: bool,
    precision: Precision,
) -> Gradients {
    let (depth, width) = (g.depth(), g.outputs.next_multiple_of(LANES));
    let turned = g.turned();
    let weights = turned.map(|turned| {
        // Input and result exchange their roles, and the kernel is turned around.
        let area = g.kernel_h * g.kernel_w;
        let weight = |input: usize, output: usize, position: usize| {
            given.weight[(output * g.inputs + input) * area + (area - 1 - position)]
        };
        // SAFETY: as the caller promises.
        unsafe { pack_weights(&turned, precision, weight) }
    });
    let zeros = vec![0.; g.inputs];
    let task = |image: usize, d_x: Option<Shared<'_>>, d_weight: &mut [f32], d_bias: &mut [f32]| {
        match precision {
            // SAFETY: as the caller promises.
            Precision::F32 => unsafe { weight_gradient(g, given, image, d_weight, d_bias) },
            // SAFETY: as the caller promises.
            Precision::Bf16 => unsafe { bf16::weight_gradient(g, given, image, d_weight, d_bias) },
        }
        let Some(d_x) = d_x else { return };
        match (&turned, &weights) {
            (Some(turned), Some(weights)) => {
                let sums = Sums { weights, bias: &zeros, limits: None, precision };
                // SAFETY: as the caller promises; tasks have their own images.
                unsafe { input_gradient(turned, given, image, &sums, d_x) };
            }
            _ => lowered::input_gradient(g, given, image, d_x),
        }
    };
    let mut gradients = conv::backward(g, wants_x, depth * width, task);
    // From (depth, width) to (Cout, depth), by lines of the cache.
    let mut transposed = vec![0.; g.outputs * depth];
    transposed.par_chunks_mut(LANES * depth).enumerate().for_each(|(block, to)| {
        for (term, sums) in gradients.weight.chunks_exact(width).enumerate() {
            for (to, sum) in to.chunks_exact_mut(depth).zip(&sums[block * LANES..]) {
                to[term] = *sum;
            }
        }
    });
    gradients.weight = transposed;
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
            packing.pack(g, packed, |to, channel, start| {
                copy(to, &x[channel * g.height * g.width + start..], g.stride);
            });
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
/// AVX-512 is there, with bf16 if that is asked for, and no other task accesses this image of `d_x`.
unsafe fn input_gradient(
    g: &Geometry,
    given: &Given<'_>,
    image: usize,
    sums: &Sums<'_>,
    d_x: Shared<'_>,
) {
    let precision = sums.precision;
    let in_lanes = lanes(g, precision);
    for rows in Packing::strips(&in_lanes) {
        let packing = Packing::new(g, rows);
        let read = |to: &mut [f32], channel: usize, start: usize| {
            given.deactivate(to, image * g.input_len() + channel * g.height * g.width + start);
        };
        matrix::with_scratches(scratch(g, precision, &packing), |[packed, even, odd]| {
            // SAFETY: as the caller promises.
            unsafe { pack(g, precision, &packing, [packed, even, odd], read) };
            // SAFETY: as the caller promises.
            unsafe { convolve(&in_lanes, &packing, packed, sums, d_x, image * g.output_len()) };
        });
    }
}
