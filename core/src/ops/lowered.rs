//! Convolution as matrix products, on any processor.
//!
//! The pixels under the kernel are gathered into a matrix of the thread's own, and one matrix
//! product writes straight into the result.
#![expect(unsafe_code, reason = "tasks write their own rows of one buffer")]

use rayon::prelude::*;

use super::Activation;
use super::conv::{self, Given, Gradients};
use super::geometry::Geometry;
use super::im2col;
use super::matrix::{self, Matrix, Shared};

/// The forward pass.
pub(super) fn forward(
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
    let run = |y: Shared<'_>| {
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
        Activation::Relu6 => y.iter_mut().for_each(|y| *y = (*y + bias).clamp(0., 6.)),
        Activation::Tanh => y.iter_mut().for_each(|y| *y = (*y + bias).tanh()),
    }
}

/// The backward pass.
pub(super) fn backward(g: &Geometry, given: &Given<'_>, wants_x: bool) -> Gradients {
    let len = given.weight.len();
    conv::backward(g, wants_x, len, |image, d_x, d_weight, d_bias| {
        weight_gradient(g, given, image, d_weight, d_bias);
        if let Some(d_x) = d_x {
            input_gradient(g, given, image, d_x);
        }
    })
}

/// Adds one image's gradients of weights and biases.
fn weight_gradient(
    g: &Geometry,
    given: &Given<'_>,
    image: usize,
    d_weight: &mut [f32],
    d_bias: &mut [f32],
) {
    let x = &given.x[image * g.input_len()..][..g.input_len()];
    let depth = g.depth();
    for rows in g.strips() {
        let pixels = rows.len() * g.columns;
        let gathered = if g.pointwise() { 0 } else { depth * pixels };
        matrix::with_scratches([g.outputs * pixels, gathered], |[d_z, columns]| {
            deactivate(g, given, image, rows.start, d_z, pixels);
            for (d_bias, d_z) in d_bias.iter_mut().zip(d_z.chunks_exact(pixels)) {
                *d_bias += conv::sum(d_z);
            }
            let d_z = Matrix::new(d_z, g.outputs, pixels, pixels);
            let input = if g.pointwise() {
                Matrix::new(&x[rows.start * g.columns..], depth, pixels, g.output_plane())
            } else {
                im2col::gather(g, x, rows, columns);
                Matrix::new(columns, depth, pixels, pixels)
            };
            matrix::product(d_weight, true, d_z, input.transposed());
        });
    }
}

/// Writes one image's gradient of the input, which no other task accesses.
pub(super) fn input_gradient(g: &Geometry, given: &Given<'_>, image: usize, d_x: Shared<'_>) {
    let depth = g.depth();
    let weight = Matrix::new(given.weight, g.outputs, depth, depth).transposed();
    let first = image * g.input_len();
    if !g.pointwise() {
        // SAFETY: all of it is written here; tasks have their own images.
        unsafe { d_x.zero(first..first + g.input_len()) };
    }
    for rows in g.strips() {
        let pixels = rows.len() * g.columns;
        let gathered = if g.pointwise() { 0 } else { depth * pixels };
        matrix::with_scratches([g.outputs * pixels, gathered], |[d_z, columns]| {
            deactivate(g, given, image, rows.start, d_z, pixels);
            let d_z = Matrix::new(d_z, g.outputs, pixels, pixels);
            if g.pointwise() {
                let start = first + rows.start * g.columns;
                // SAFETY: tasks have their own images; `add` is false.
                unsafe { d_x.product(start, g.output_plane(), false, weight, d_z) };
            } else {
                matrix::product(columns, false, weight, d_z);
                // SAFETY: set to zero above; tasks have their own images.
                let d_x = unsafe { d_x.part(first..first + g.input_len()) };
                im2col::scatter(g, columns, rows, d_x);
            }
        });
    }
}

/// Fills `d_z` `(Cout, pixels)` with the gradient before the activation, from row `row` on.
fn deactivate(
    g: &Geometry,
    given: &Given<'_>,
    image: usize,
    row: usize,
    d_z: &mut [f32],
    pixels: usize,
) {
    let first = image * g.output_len() + row * g.columns;
    for (channel, d_z) in d_z.chunks_exact_mut(pixels).enumerate() {
        given.deactivate(d_z, first + channel * g.output_plane());
    }
}
