//! The head that gives two channels of color: a 1x1 or 3x3 convolution and the hyperbolic tangent.
//!
//! Registers hold 16 channels of results elsewhere, and two would leave most of each empty. So here
//! the results are taken apart first: one value for each step of the kernel, which a 1x1
//! convolution gives and which are then added up where they belong. In the gradient of the weights
//! inputs and outputs change their places, so that it is the inputs' channels that fill registers.

use rayon::prelude::*;

use super::conv::{Convolution, Out};
use super::features::{Features, Target};
use super::kernel::Kernel;
use super::lanes::{Element, LANES};
use super::pack::Window;
use super::scratch::Scratch;
use super::weight_gradient;
use super::weights::{Filters, Packed, Part, depth};
use crate::nn::ops::Activation;

/// Channels of color.
const OUTPUTS: usize = 2;

/// A head's weights, for a number of channels.
#[derive(Debug)]
pub(super) struct Head {
    packed: Packed,
    /// Rows and columns of the kernel.
    side: usize,
    bias: [f32; OUTPUTS],
}

impl Head {
    /// Of weights `(2, C, K, K)` and two biases; K is 1 or 3.
    pub(super) fn new(kernel: Kernel, weights: &[f32], channels: usize, bias: &[f32]) -> Self {
        let steps = weights.len() / (OUTPUTS * channels);
        let by_step = by_step(weights, channels, steps);
        let part = Part { weights: &by_step, inputs: channels, first: 0, channels, scale: 1.0 };
        let filters = Filters { parts: vec![part], outputs: OUTPUTS * steps, kernel: 1 };
        let side = if steps == 1 { 1 } else { 3 };
        assert_eq!(side * side, steps);
        Self { packed: Packed::forward(kernel, &filters), side, bias: [bias[0], bias[1]] }
    }
}

/// Chroma `(N, 2, H, W)`, within -1 and 1.
pub(super) fn forward<E: Element>(kernel: Kernel, x: &Features<E>, head: &Head) -> Vec<f32> {
    let steps_of_kernel = head.side * head.side;
    let blocks = (OUTPUTS * steps_of_kernel).div_ceil(LANES);
    let (size, area) = (x.size(), x.area());
    let mut planes = vec![0f32; x.images * OUTPUTS * area];
    planes.par_chunks_mut(OUTPUTS * area).enumerate().for_each(|(image, planes)| {
        let mut steps = Scratch::new(area * blocks * LANES);
        let mut out = Out::rows(Target::of(&mut steps), blocks, size);
        // Each image is written to the same place.
        out.image_step = 0;
        let convolution = Convolution::<E, f32> {
            sources: &[x.view()],
            images: x.images,
            window: Window::POINT,
            weights: &head.packed,
            depth: depth(x.channels),
            bias: None,
            activation: Activation::None,
            plus: [None; 2],
            gate: None,
            out,
        };
        convolution.run_here(kernel, image..image + 1);
        for (channel, plane) in planes.chunks_exact_mut(area).enumerate() {
            plane.fill(head.bias[channel]);
            for step in 0..steps_of_kernel {
                let values = &steps[channel * steps_of_kernel + step..];
                add_step(
                    plane,
                    size,
                    values,
                    blocks * LANES,
                    [step / head.side, step % head.side, head.side / 2],
                );
            }
            for value in plane {
                *value = value.tanh();
            }
        }
    });
    planes
}

/// Weights `(2, C, K, K)` as those of a 1x1 convolution to each step of the kernel: `(2 * K K, C)`.
fn by_step(weights: &[f32], channels: usize, steps: usize) -> Vec<f32> {
    let of = |output: usize, step: usize| {
        (0..channels).map(move |channel| weights[(output * channels + channel) * steps + step])
    };
    (0..OUTPUTS * steps).flat_map(|row| of(row / steps, row % steps)).collect()
}

/// Adds what the pixels under a row and column of the kernel give, which reaches so far around its
/// middle; their values lie `distance` apart.
fn add_step(
    plane: &mut [f32],
    [height, width]: [usize; 2],
    values: &[f32],
    distance: usize,
    [row_step, column_step, reach]: [usize; 3],
) {
    let rows = reach.saturating_sub(row_step)..height.min(height + reach - row_step);
    let columns = reach.saturating_sub(column_step)..width.min(width + reach - column_step);
    if columns.is_empty() {
        return;
    }
    for row in rows {
        let first = (row + row_step - reach) * width + columns.start + column_step - reach;
        let from = values[first * distance..].iter().step_by(distance);
        let to = &mut plane[row * width..][columns.clone()];
        to.iter_mut().zip(from).for_each(|(to, value)| *to += value);
    }
}

/// Gradients before the hyperbolic tangent, and each channel's sum, that of its bias; from chroma and
/// its gradients, `(N, 2, H, W)` both.
pub(super) fn before_tanh<E: Element>(
    planes: &[f32],
    gradients: &[f32],
    size: [usize; 2],
) -> (Features<E>, Vec<f32>) {
    let area = size[0] * size[1];
    let mut d_y = Features::zeros(planes.len() / (OUTPUTS * area), OUTPUTS, size);
    let images = d_y.values.par_chunks_mut(area * LANES).zip(planes.par_chunks(OUTPUTS * area));
    let sums =
        images.zip(gradients.par_chunks(OUTPUTS * area)).map(|((d_y, planes), gradients)| {
            let mut sums = [0f32; OUTPUTS];
            for (channel, sum) in sums.iter_mut().enumerate() {
                let plane = channel * area..(channel + 1) * area;
                let values = planes[plane.clone()].iter().zip(&gradients[plane]);
                for (pixel, (value, gradient)) in values.enumerate() {
                    let gradient = gradient * (1.0 - value * value);
                    *sum += gradient;
                    d_y[pixel * LANES + channel] = E::from_f32(gradient);
                }
            }
            sums
        });
    let sums: Vec<_> = sums.collect();
    let bias = (0..OUTPUTS).map(|channel| sums.iter().map(|sums| sums[channel]).sum());
    (d_y, bias.collect())
}

/// Gradient of the weights, `(2, C, K, K)`, of a kernel of so many rows and columns: the gradients as inputs of a convolution whose outputs'
/// gradients are the inputs. What a step of the kernel brought to an output comes from the pixel on
/// the other side now.
pub(super) fn weight_gradient<E: Element>(
    kernel: Kernel,
    x: &Features<E>,
    d_y: &Features<E>,
    side: usize,
) -> Vec<f32> {
    let steps = side * side;
    let none = Part { weights: &[], inputs: OUTPUTS, first: 0, channels: OUTPUTS, scale: 1.0 };
    let filters = Filters { parts: vec![none], outputs: x.channels, kernel: side };
    let window = Window::same(side, 1, x.size());
    let (turned, _) = weight_gradient::weight_gradients(
        kernel,
        &[d_y.view()],
        window,
        &filters,
        x.view(),
        x.images,
    );
    let index = |output: usize, channel: usize, step: usize| {
        (channel * OUTPUTS + output) * steps + steps - 1 - step
    };
    let mut gradient = Vec::with_capacity(turned[0].len());
    for output in 0..OUTPUTS {
        for channel in 0..x.channels {
            gradient.extend((0..steps).map(|step| turned[0][index(output, channel, step)]));
        }
    }
    gradient
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::*;
    use crate::nn::engine::tests::{distance, features, kernels};

    const IMAGES: usize = 2;
    const CHANNELS: usize = 35;
    const SIDES: [usize; 2] = [1, 3];
    const SIZES: [[usize; 2]; 4] = [[1, 1], [1, 4], [5, 3], [30, 17]];

    fn filters(weights: &[f32], side: usize) -> Filters<'_> {
        let part = Part { weights, inputs: CHANNELS, first: 0, channels: CHANNELS, scale: 1.0 };
        Filters { parts: vec![part], outputs: OUTPUTS, kernel: side }
    }

    fn weights(side: usize) -> Vec<f32> {
        (0..OUTPUTS * CHANNELS * side * side).map(|i| (i * 37 % 101) as f32 / 1e3 - 0.05).collect()
    }

    /// By the convolution that serves more outputs.
    fn check_forward<E: Element>(tolerance: f64) {
        for (size, side) in SIZES.into_iter().flat_map(|size| SIDES.map(|side| (size, side))) {
            let (x, weights, bias) =
                (features::<E>(1, IMAGES, CHANNELS, size), weights(side), [0.1, -0.2]);
            let filters = filters(&weights, side);
            let packed = Packed::forward(Kernel::Portable, &filters);
            let mut rows = vec![0f32; IMAGES * x.area() * LANES];
            let convolution = Convolution::<E, f32> {
                sources: &[x.view()],
                images: IMAGES,
                window: Window::same(side, 1, size),
                weights: &packed,
                depth: LANES,
                bias: None,
                activation: Activation::None,
                plus: [None; 2],
                gate: None,
                out: Out::rows(Target::of(&mut rows), 1, size),
            };
            convolution.run(Kernel::Portable);
            let mut expected = Vec::new();
            for image in rows.chunks_exact(x.area() * LANES) {
                for (channel, bias) in bias.iter().enumerate() {
                    let pixels = image.chunks_exact(LANES);
                    expected.extend(pixels.map(|pixel| (pixel[channel] + bias).tanh()));
                }
            }
            for kernel in kernels::<E>() {
                let found = forward(kernel, &x, &Head::new(kernel, &weights, CHANNELS, &bias));
                let off = distance(&found, &expected, 0.0);
                assert!(off < tolerance, "{kernel:?}, {size:?}: {off}");
            }
        }
    }

    #[test]
    fn forward_is_a_convolution_and_its_tangent() {
        check_forward::<f32>(1e-5);
        check_forward::<bf16>(1e-2);
    }

    #[test]
    fn weight_gradient_is_that_of_the_convolution() {
        for (size, side) in SIZES.into_iter().flat_map(|size| SIDES.map(|side| (size, side))) {
            let x = features::<f32>(1, IMAGES, CHANNELS, size);
            let d_y = features::<f32>(2, IMAGES, OUTPUTS, size);
            let (window, weights) = (Window::same(side, 1, size), weights(side));
            let (portable, filters) = (Kernel::Portable, filters(&weights, side));
            let (expected, _) = weight_gradient::weight_gradients(
                portable,
                &[x.view()],
                window,
                &filters,
                d_y.view(),
                IMAGES,
            );
            for kernel in kernels::<f32>() {
                let found = weight_gradient(kernel, &x, &d_y, side);
                let off = distance(&found, &expected[0], 0.0);
                assert!(off < 1e-5, "{kernel:?}, {size:?}: {off}");
            }
        }
    }
}
