//! Batch normalization, with `ReLU` where it is asked for.
//!
//! Ioffe and Szegedy, "Batch Normalization", 2015, <https://arxiv.org/abs/1502.03167>. Sums are taken
//! plane by plane, in an order that does not depend on threads.

use rayon::prelude::*;

use super::features::{Features, Target};
use super::kernel::{Kernel, Task};
use super::lanes::{Dot, Element, LANES, Lanes};

/// A normalization as it was done: what its gradient needs beside the values.
#[derive(Clone, Debug)]
pub(super) struct Normalized {
    /// Of each channel over the batch, filled up to whole blocks.
    pub(super) mean: Vec<f32>,
    /// Biased.
    pub(super) variance: Vec<f32>,
    /// One over the deviation.
    inverse: Vec<f32>,
    /// What values are multiplied by, and what is added then.
    scale: Vec<f32>,
    shift: Vec<f32>,
    /// Results are at least this: 0 with `ReLU`.
    least: f32,
}

/// What is added up over a plane.
#[derive(Clone, Copy)]
enum Summed {
    Values,
    /// Squared distances from the mean.
    Squares,
    /// The gradients before `ReLU`, and they times the distances from the mean.
    Gradients,
}

/// A plane, a block of an image, and what is known of its channels.
struct Sum<'a, E> {
    what: Summed,
    x: &'a [E],
    gradients: &'a [E],
    mean: &'a [f32],
    scale: &'a [f32],
    shift: &'a [f32],
    least: f32,
    sums: &'a mut [[f32; LANES]; 2],
}

#[inline(always)]
fn load<D: Dot>(values: &[f32]) -> D::Lanes {
    let values = &values[..LANES];
    // SAFETY: 16 values.
    unsafe { D::Lanes::load(values.as_ptr()) }
}

#[inline(always)]
fn pixel<D: Dot, E: Element>(values: &[E]) -> D::Lanes {
    debug_assert_eq!(values.len(), LANES);
    // SAFETY: 16 values, as `chunks_exact` gives them.
    unsafe { E::load(values.as_ptr()) }
}

impl<E: Element> Task for Sum<'_, E> {
    const SHORT: bool = E::SHORT;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let mean = load::<D>(self.mean);
        let mut sums = [D::Lanes::zero(); 2];
        let pixels = self.x.chunks_exact(LANES);
        match self.what {
            Summed::Values => {
                for x in pixels {
                    sums[0] = sums[0].add(pixel::<D, E>(x));
                }
            }
            Summed::Squares => {
                for x in pixels {
                    let distance = pixel::<D, E>(x).sub(mean);
                    sums[0] = distance.mul_add(distance, sums[0]);
                }
            }
            Summed::Gradients => {
                let (scale, shift) = (load::<D>(self.scale), load::<D>(self.shift));
                let (low, high) = (D::Lanes::splat(self.least), D::Lanes::splat(f32::INFINITY));
                for (x, gradient) in pixels.zip(self.gradients.chunks_exact(LANES)) {
                    let x = pixel::<D, E>(x);
                    let result = x.mul_add(scale, shift);
                    let gradient = pixel::<D, E>(gradient).where_between(result, low, high);
                    sums[0] = sums[0].add(gradient);
                    sums[1] = x.sub(mean).mul_add(gradient, sums[1]);
                }
            }
        }
        for (sum, to) in sums.into_iter().zip(self.sums) {
            // SAFETY: 16 values.
            unsafe { sum.store(to.as_mut_ptr()) };
        }
    }
}

impl Normalized {
    /// Normalizes, multiplies by `weight`, adds `bias` and applies `ReLU` if `relu` is set.
    pub(super) fn forward<E: Element>(
        kernel: Kernel,
        x: &Features<E>,
        weight: &[f32],
        bias: &[f32],
        epsilon: f32,
        relu: bool,
    ) -> (Self, Features<E>) {
        let padded = |values: &[f32]| {
            let mut values = values.to_vec();
            values.resize(x.blocks() * LANES, 0.0);
            values
        };
        let none = vec![0.0; x.blocks() * LANES];
        let mut normalized = Self {
            mean: none.clone(),
            variance: none.clone(),
            inverse: none.clone(),
            scale: none.clone(),
            shift: none,
            least: if relu { 0.0 } else { f32::NEG_INFINITY },
        };
        let [mean, _] = normalized.means(kernel, Summed::Values, x, x);
        normalized.mean = mean;
        let [variance, _] = normalized.means(kernel, Summed::Squares, x, x);
        normalized.inverse =
            variance.iter().map(|variance| 1.0 / (variance + epsilon).sqrt()).collect();
        normalized.variance = variance;
        let (weight, bias) = (padded(weight), padded(bias));
        let scales = weight.iter().zip(&normalized.inverse);
        normalized.scale = scales.map(|(weight, inverse)| weight * inverse).collect();
        let shifts = bias.iter().zip(&normalized.mean).zip(&normalized.scale);
        normalized.shift = shifts.map(|((bias, mean), scale)| bias - mean * scale).collect();

        let Self { scale, shift, least, .. } = &normalized;
        let y = apply(kernel, x, [scale, shift], *least);
        (normalized, y)
    }

    /// Gradients of the values, in the place of the result's, of `weight` and of `bias`. What gave the
    /// values let those within 0 and `high` through, if it is told.
    pub(super) fn backward<E: Element>(
        &self,
        kernel: Kernel,
        x: &Features<E>,
        gradients: &mut Features<E>,
        high: Option<f32>,
    ) -> (Vec<f32>, Vec<f32>) {
        let [mean_gradient, mean_product] = self.means(kernel, Summed::Gradients, x, gradients);
        let (blocks, len) = (x.blocks(), x.area() * LANES);
        // d x = scale (d z - mean(d z) - (x - mean) inverse^2 mean(d z (x - mean)))
        let slopes: Vec<f32> = mean_product
            .iter()
            .zip(&self.inverse)
            .map(|(product, inverse)| product * inverse * inverse)
            .collect();
        let planes = gradients.values.par_chunks_exact_mut(len).enumerate();
        planes.zip(x.values.par_chunks_exact(len)).for_each(|((plane, gradients), x)| {
            let at = plane % blocks * LANES;
            kernel.run(Backwards {
                x,
                gradients,
                mean: &self.mean[at..],
                scale: &self.scale[at..],
                shift: &self.shift[at..],
                mean_gradient: &mean_gradient[at..],
                slope: &slopes[at..],
                least: self.least,
                gate: high.map_or([f32::NEG_INFINITY, f32::INFINITY], |high| [0.0, high]),
            });
        });
        let count = (x.images * x.area()) as f32;
        let channels = 0..x.channels;
        let d_weight = channels.clone().map(|c| mean_product[c] * self.inverse[c] * count);
        (d_weight.collect(), channels.map(|c| mean_gradient[c] * count).collect())
    }

    /// Means over all pixels of a batch of both sums, for each channel.
    fn means<E: Element>(
        &self,
        kernel: Kernel,
        what: Summed,
        x: &Features<E>,
        gradients: &Features<E>,
    ) -> [Vec<f32>; 2] {
        let (blocks, len) = (x.blocks(), x.area() * LANES);
        let planes = x.values.par_chunks_exact(len).zip(gradients.values.par_chunks_exact(len));
        let sums: Vec<[[f32; LANES]; 2]> = planes
            .enumerate()
            .map(|(plane, (x, gradients))| {
                let mut sums = [[0.0; LANES]; 2];
                let at = plane % blocks * LANES;
                let [mean, scale, shift] =
                    [&self.mean, &self.scale, &self.shift].map(|values| &values[at..]);
                let least = self.least;
                kernel.run(Sum { what, x, gradients, mean, scale, shift, least, sums: &mut sums });
                sums
            })
            .collect();
        let count = (x.images * x.area()) as f64;
        [0, 1].map(|which| {
            let channel = |channel: usize| {
                let planes = sums.iter().skip(channel / LANES).step_by(blocks);
                let sum: f64 = planes.map(|sums| f64::from(sums[which][channel % LANES])).sum();
                (sum / count) as f32
            };
            (0..blocks * LANES).map(channel).collect()
        })
    }
}

/// Multiplies each channel by its scale and adds its shift.
pub(super) fn scale_and_shift<E: Element>(
    kernel: Kernel,
    x: &Features<E>,
    scale: &[f32],
    shift: &[f32],
) -> Features<E> {
    apply(kernel, x, [scale, shift], f32::NEG_INFINITY)
}

fn apply<E: Element>(
    kernel: Kernel,
    x: &Features<E>,
    [scale, shift]: [&[f32]; 2],
    least: f32,
) -> Features<E> {
    let (blocks, len) = (x.blocks(), x.area() * LANES);
    let fill = |target: Target<E>| {
        x.values.par_chunks_exact(len).enumerate().for_each(|(plane, x)| {
            let at = plane % blocks * LANES;
            // SAFETY: the plane's own part.
            let y = unsafe { target.part(plane * len, len) };
            kernel.run(Apply { x, scale: &scale[at..], shift: &shift[at..], least, y });
        });
    };
    // SAFETY: all planes are written.
    unsafe { Features::filled(x.images, x.channels, x.size(), fill) }
}

/// `max(x scale + shift, least)`.
struct Apply<'a, E> {
    x: &'a [E],
    scale: &'a [f32],
    shift: &'a [f32],
    least: f32,
    y: &'a mut [E],
}

impl<E: Element> Task for Apply<'_, E> {
    const SHORT: bool = E::SHORT;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let (scale, shift) = (load::<D>(self.scale), load::<D>(self.shift));
        let least = D::Lanes::splat(self.least);
        for (x, y) in self.x.chunks_exact(LANES).zip(self.y.chunks_exact_mut(LANES)) {
            let result = pixel::<D, E>(x).mul_add(scale, shift).max(least);
            // SAFETY: 16 values.
            unsafe { E::store(result, y.as_mut_ptr()) };
        }
    }
}

/// The values' gradients in the place of the results'.
struct Backwards<'a, E> {
    x: &'a [E],
    gradients: &'a mut [E],
    mean: &'a [f32],
    scale: &'a [f32],
    shift: &'a [f32],
    mean_gradient: &'a [f32],
    slope: &'a [f32],
    least: f32,
    gate: [f32; 2],
}

impl<E: Element> Task for Backwards<'_, E> {
    const SHORT: bool = E::SHORT;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let (mean, scale, shift) =
            (load::<D>(self.mean), load::<D>(self.scale), load::<D>(self.shift));
        let (mean_gradient, slope) = (load::<D>(self.mean_gradient), load::<D>(self.slope));
        let (low, high) = (D::Lanes::splat(self.least), D::Lanes::splat(f32::INFINITY));
        let gate = [D::Lanes::splat(self.gate[0]), D::Lanes::splat(self.gate[1])];
        let pixels = self.x.chunks_exact(LANES).zip(self.gradients.chunks_exact_mut(LANES));
        for (x, gradient) in pixels {
            let x = pixel::<D, E>(x);
            let result = x.mul_add(scale, shift);
            let d_z = pixel::<D, E>(gradient).where_between(result, low, high);
            let d_x = d_z.sub(mean_gradient).sub(x.sub(mean).mul(slope)).mul(scale);
            let d_x = d_x.where_between(x, gate[0], gate[1]);
            // SAFETY: 16 values.
            unsafe { E::store(d_x, gradient.as_mut_ptr()) };
        }
    }
}
