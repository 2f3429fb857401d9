//! The head that gives two channels of color: a 3x3 convolution and the hyperbolic tangent.
//!
//! Registers hold 16 channels of results elsewhere, and two would leave most of each empty. So here
//! the results are taken apart first: one value for each step of the kernel, which a 1x1
//! convolution gives and which are then added up where they belong. In the gradient of the weights
//! inputs and outputs change their places, so that it is the inputs' channels that fill registers.

use rayon::prelude::*;

use super::conv::{self, Convolution, Out};
use super::features::{Features, Target};
use super::kernel::Kernel;
use super::lanes::{Element, LANES};
use super::pack::Window;
use super::scratch::Scratch;
use super::weights::{Filters, Packed, Part};
use crate::ops::Activation;

/// Channels of color.
const OUTPUTS: usize = 2;
/// Rows and columns of the kernel.
const KERNEL: usize = 3;
const STEPS: usize = KERNEL * KERNEL;

/// Chroma `(N, 2, H, W)`, within -1 and 1, of weights `(2, C, 3, 3)` and two biases.
pub(super) fn forward<E: Element>(
    kernel: Kernel,
    x: &Features<E>,
    weights: &[f32],
    bias: &[f32],
) -> Vec<f32> {
    let by_step = by_step(weights, x.channels);
    let part =
        Part { weights: &by_step, inputs: x.channels, first: 0, channels: x.channels, scale: 1.0 };
    let filters = Filters { parts: vec![part], outputs: OUTPUTS * STEPS, kernel: 1 };
    let packed = Packed::forward(kernel, &filters);
    let blocks = filters.output_blocks();
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
            weights: &packed,
            depth: filters.depth(),
            bias: None,
            activation: Activation::None,
            plus: [None; 2],
            gate: None,
            out,
        };
        convolution.run_here(kernel, image..image + 1);
        for (channel, plane) in planes.chunks_exact_mut(area).enumerate() {
            plane.fill(bias[channel]);
            for step in 0..STEPS {
                add_step(plane, size, &steps[channel * STEPS + step..], blocks * LANES, step);
            }
            for value in plane {
                *value = value.tanh();
            }
        }
    });
    planes
}

/// Weights `(2, C, 3, 3)` as those of a 1x1 convolution to each step of the kernel: `(2 * 9, C)`.
fn by_step(weights: &[f32], channels: usize) -> Vec<f32> {
    let of = |output: usize, step: usize| {
        (0..channels).map(move |channel| weights[(output * channels + channel) * STEPS + step])
    };
    (0..OUTPUTS * STEPS).flat_map(|row| of(row / STEPS, row % STEPS)).collect()
}

/// Adds what the pixels under a step of the kernel give; theirs lie so many values apart.
fn add_step(
    plane: &mut [f32],
    [height, width]: [usize; 2],
    values: &[f32],
    distance: usize,
    step: usize,
) {
    // An output reads the pixel before it, its own or the one after it.
    let (row_step, column_step) = (step / KERNEL, step % KERNEL);
    let rows = 1usize.saturating_sub(row_step)..height.min(height + 1 - row_step);
    let columns = 1usize.saturating_sub(column_step)..width.min(width + 1 - column_step);
    if columns.is_empty() {
        return;
    }
    for row in rows {
        let first = (row + row_step - 1) * width + columns.start + column_step - 1;
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

/// Gradient of the weights, `(2, C, 3, 3)`: the gradients as inputs of a convolution whose outputs'
/// gradients are the inputs. What a step of the kernel brought to an output comes from the pixel on
/// the other side now.
pub(super) fn weight_gradient<E: Element>(
    kernel: Kernel,
    x: &Features<E>,
    d_y: &Features<E>,
) -> Vec<f32> {
    let none = Part { weights: &[], inputs: OUTPUTS, first: 0, channels: OUTPUTS, scale: 1.0 };
    let filters = Filters { parts: vec![none], outputs: x.channels, kernel: KERNEL };
    let window = Window::same(KERNEL, 1, x.size());
    let (turned, _) =
        conv::weight_gradients(kernel, &[d_y.view()], window, &filters, x.view(), x.images);
    let index = |output: usize, channel: usize, step: usize| {
        (channel * OUTPUTS + output) * STEPS + STEPS - 1 - step
    };
    let mut gradient = Vec::with_capacity(turned[0].len());
    for output in 0..OUTPUTS {
        for channel in 0..x.channels {
            gradient.extend((0..STEPS).map(|step| turned[0][index(output, channel, step)]));
        }
    }
    gradient
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::*;
    use crate::engine::tests::{distance, features, kernels};

    const IMAGES: usize = 2;
    const CHANNELS: usize = 35;
    const SIZES: [[usize; 2]; 4] = [[1, 1], [1, 4], [5, 3], [30, 17]];

    fn filters(weights: &[f32]) -> Filters<'_> {
        let part = Part { weights, inputs: CHANNELS, first: 0, channels: CHANNELS, scale: 1.0 };
        Filters { parts: vec![part], outputs: OUTPUTS, kernel: KERNEL }
    }

    fn weights() -> Vec<f32> {
        (0..OUTPUTS * CHANNELS * STEPS).map(|i| (i * 37 % 101) as f32 / 1e3 - 0.05).collect()
    }

    /// By the convolution that serves more outputs.
    fn check_forward<E: Element>(tolerance: f64) {
        for size in SIZES {
            let (x, weights, bias) =
                (features::<E>(1, IMAGES, CHANNELS, size), weights(), [0.1, -0.2]);
            let filters = filters(&weights);
            let packed = Packed::forward(Kernel::Portable, &filters);
            let mut rows = vec![0f32; IMAGES * x.area() * LANES];
            let convolution = Convolution::<E, f32> {
                sources: &[x.view()],
                images: IMAGES,
                window: Window::same(KERNEL, 1, size),
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
                let found = forward(kernel, &x, &weights, &bias);
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
        for size in SIZES {
            let x = features::<f32>(1, IMAGES, CHANNELS, size);
            let d_y = features::<f32>(2, IMAGES, OUTPUTS, size);
            let (window, weights) = (Window::same(KERNEL, 1, size), weights());
            let (portable, filters) = (Kernel::Portable, filters(&weights));
            let (expected, _) =
                conv::weight_gradients(portable, &[x.view()], window, &filters, d_y.view(), IMAGES);
            for kernel in kernels::<f32>() {
                let found = weight_gradient(kernel, &x, &d_y);
                let off = distance(&found, &expected[0], 0.0);
                assert!(off < 1e-5, "{kernel:?}, {size:?}: {off}");
            }
        }
    }
}
