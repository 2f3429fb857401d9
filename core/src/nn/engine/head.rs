//! The ends of a network: the picture goes in, colors come out.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::features::{Features, Target, View, filled};
use super::kernel::{Kernel, Task};
use super::lanes::{Dot, Element, LANES, Lanes};
use super::pack::Window;
use super::pass::Color;
use super::weights::{Filters, Part};
use crate::nn::ops::Conv;

/// Values under a kernel, of each plane of `(N, C, H, W)`, as the channels of a pixel:
/// `(N, H, W, K K C)`, filled up with zeros to whole blocks.
///
/// A convolution of a picture's few channels is a product of these and the weights as they are, and
/// has no zeros to multiply.
pub(super) struct Patches {
    values: Vec<f32>,
    pub(super) channels: usize,
    size: [usize; 2],
}

impl Patches {
    /// What lies under a convolution of planes `(N, C, H, W)` with a weight `(Cout, C, K, K)`.
    pub(super) fn under(planes: &Tensor, weight: &Tensor, conv: Conv) -> Result<Self> {
        let (_, channels, height, width) = planes.dims4()?;
        let (size, kernel) = ([height, width], weight.dim(2)?);
        let values = planes.flatten_all()?.to_vec1::<f32>()?;
        Ok(Self::of(&values, channels, size, Window::of(conv, kernel, size)))
    }

    fn of(planes: &[f32], channels: usize, size: [usize; 2], window: Window) -> Self {
        let smaller = size.map(|side| side.div_ceil(window.stride));
        let taps = window.kernel * window.kernel;
        let step = (channels * taps).next_multiple_of(LANES);
        let image = channels * size[0] * size[1];
        let mut values = vec![0f32; planes.len() / image * smaller[0] * smaller[1] * step];
        let rows = values.par_chunks_mut(smaller[1] * step).enumerate();
        rows.for_each(|(line, row)| {
            let planes = &planes[line / smaller[0] * image..][..image];
            for channel in 0..channels {
                for tap in 0..taps {
                    let [y, x] = [tap / window.kernel, tap % window.kernel]
                        .map(|step| (step * window.dilation) as isize);
                    let from = (line % smaller[0] * window.stride) as isize + y
                        - window.before[0] as isize;
                    if from < 0 || from >= size[0] as isize {
                        continue;
                    }
                    let from = &planes[(channel * size[0] + from as usize) * size[1]..][..size[1]];
                    for (column, pixel) in row.chunks_exact_mut(step).enumerate() {
                        let at = (column * window.stride) as isize + x - window.before[1] as isize;
                        if let Some(value) = usize::try_from(at).ok().and_then(|at| from.get(at)) {
                            pixel[channel * taps + tap] = *value;
                        }
                    }
                }
            }
        });
        Self { values, channels: channels * taps, size: smaller }
    }

    pub(super) fn view(&self) -> View<'_, f32> {
        rows(&self.values, self.channels.div_ceil(LANES), self.size)
    }
}

/// Weights of so many outputs for patches, as those of 1x1 convolutions.
pub(super) fn filters_of_patches<'a>(
    weights: impl Iterator<Item = &'a [f32]>,
    patches: &[Patches],
    outputs: usize,
) -> Filters<'a> {
    let parts = weights.zip(patches).map(|(weights, patches)| Part {
        weights,
        inputs: patches.channels,
        first: 0,
        channels: patches.channels,
        scale: 1.0,
    });
    Filters { parts: parts.collect(), outputs, kernel: 1 }
}

/// `(N, H, W, C)` of whole blocks.
pub(super) fn rows<E>(values: &[E], blocks: usize, [height, width]: [usize; 2]) -> View<'_, E> {
    let pixel_step = blocks * LANES;
    View {
        values,
        blocks,
        height,
        width,
        image_step: height * width * pixel_step,
        block_step: LANES,
        row_step: width * pixel_step,
        pixel_step,
    }
}

/// Values of another kind, in parallel.
pub(super) fn convert<A: Element, B: Element>(kernel: Kernel, from: &[A]) -> Vec<B> {
    const PART: usize = 1 << 14;
    let fill = |target: Target<B>| {
        from.par_chunks(PART).enumerate().for_each(|(i, from)| {
            // SAFETY: the part's own.
            let to = unsafe { target.part(i * PART, from.len()) };
            kernel.run(Convert { from, to });
        });
    };
    // SAFETY: all parts are written.
    unsafe { filled(from.len(), fill) }
}

struct Convert<'a, A, B> {
    from: &'a [A],
    to: &'a mut [B],
}

impl<A: Element, B: Element> Task for Convert<'_, A, B> {
    const SHORT: bool = A::SHORT || B::SHORT;

    #[inline(always)]
    fn run<D: Dot>(self) {
        for (from, to) in self.from.chunks_exact(LANES).zip(self.to.chunks_exact_mut(LANES)) {
            // SAFETY: 16 values each.
            unsafe { B::store(A::load::<D::Lanes>(from.as_ptr()), to.as_mut_ptr()) };
        }
    }
}

/// Gradients before an activation, as f32: those where the result was within 0 and `high`, or all.
pub(super) fn gated<E: Element>(
    kernel: Kernel,
    gradients: &Features<E>,
    results: &Features<E>,
    high: Option<f32>,
) -> Features<f32> {
    let gate = high.map_or([f32::NEG_INFINITY, f32::INFINITY], |high| [0.0, high]);
    let len = gradients.area() * LANES;
    let fill = |target: Target<f32>| {
        let planes = gradients.values.par_chunks(len).zip(results.values.par_chunks(len));
        planes.enumerate().for_each(|(plane, (gradients, results))| {
            // SAFETY: the plane's own part.
            let to = unsafe { target.part(plane * len, len) };
            kernel.run(Gated { gradients, results, gate, to });
        });
    };
    // SAFETY: all planes are written.
    unsafe { Features::filled(gradients.images, gradients.channels, gradients.size(), fill) }
}

struct Gated<'a, E> {
    gradients: &'a [E],
    results: &'a [E],
    gate: [f32; 2],
    to: &'a mut [f32],
}

impl<E: Element> Task for Gated<'_, E> {
    const SHORT: bool = E::SHORT;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let (low, high) = (D::Lanes::splat(self.gate[0]), D::Lanes::splat(self.gate[1]));
        let pixels = self.gradients.chunks_exact(LANES).zip(self.results.chunks_exact(LANES));
        for ((gradient, result), to) in pixels.zip(self.to.chunks_exact_mut(LANES)) {
            // SAFETY: 16 values each.
            unsafe {
                let gradient = E::load::<D::Lanes>(gradient.as_ptr());
                let gate = E::load::<D::Lanes>(result.as_ptr());
                gradient.where_between(gate, low, high).store(to.as_mut_ptr());
            }
        }
    }
}

/// Features of planes `(N, C, H, W)`.
pub(super) fn features_of<E: Element>(planes: &Tensor) -> Result<Features<E>> {
    let (images, channels, height, width) = planes.dims4()?;
    let values = planes.flatten_all()?.to_vec1::<f32>()?;
    let mut features = Features::zeros(images, channels, [height, width]);
    let (area, image_len) = (height * width, features.image_len());
    let to = features.values.par_chunks_mut(image_len);
    to.zip(values.par_chunks(channels * area)).for_each(|(to, from)| {
        for (channel, plane) in from.chunks_exact(area).enumerate() {
            let to = &mut to[channel / LANES * area * LANES + channel % LANES..];
            for (pixel, &value) in plane.iter().enumerate() {
                to[pixel * LANES] = E::from_f32(value);
            }
        }
    });
    Ok(features)
}

/// Two channels of color as they are wanted.
pub(super) fn colors(planes: &[f32], size: [usize; 2], color: Color) -> Vec<f32> {
    let mut larger = bilinear(planes, size, color.enlarged);
    for value in &mut larger {
        *value *= color.scale;
    }
    larger
}

/// The gradient of what [`colors`] took.
pub(super) fn colors_gradient(larger: &[f32], size: [usize; 2], color: Color) -> Vec<f32> {
    let mut planes = bilinear_gradient(larger, size, color.enlarged);
    for value in &mut planes {
        *value *= color.scale;
    }
    planes
}

/// Enlarges planes by a whole factor, bilinear between pixel centers, the border repeated.
pub(crate) fn bilinear(planes: &[f32], [height, width]: [usize; 2], factor: usize) -> Vec<f32> {
    if factor == 1 {
        return planes.to_vec();
    }
    let mut larger = vec![0f32; planes.len() * factor * factor];
    let (rows, columns) = (Shares::of(height, factor), Shares::of(width, factor));
    let area = height * width;
    let pairs = larger.par_chunks_mut(factor * factor * area).zip(planes.par_chunks(area));
    pairs.for_each(|(larger, plane)| {
        let mut line = vec![0f32; width];
        for (to, share) in larger.chunks_exact_mut(factor * width).zip(&rows) {
            let [first, second] = share.at.map(|row| &plane[row * width..][..width]);
            for ((to, first), second) in line.iter_mut().zip(first).zip(second) {
                *to = (1.0 - share.second) * first + share.second * second;
            }
            for (to, share) in to.iter_mut().zip(&columns) {
                let [first, second] = share.at.map(|column| line[column]);
                *to = (1.0 - share.second) * first + share.second * second;
            }
        }
    });
    larger
}

/// The gradient of the smaller planes, `height` times `width`, from that of the larger.
pub(super) fn bilinear_gradient(
    larger: &[f32],
    [height, width]: [usize; 2],
    factor: usize,
) -> Vec<f32> {
    if factor == 1 {
        return larger.to_vec();
    }
    let mut planes = vec![0f32; larger.len() / (factor * factor)];
    let (rows, columns) = (Shares::of(height, factor), Shares::of(width, factor));
    let area = height * width;
    let pairs = planes.par_chunks_mut(area).zip(larger.par_chunks(factor * factor * area));
    pairs.for_each(|(plane, larger)| {
        let mut line = vec![0f32; width];
        for (from, row) in larger.chunks_exact(factor * width).zip(&rows) {
            line.fill(0.0);
            for (value, share) in from.iter().zip(&columns) {
                line[share.at[0]] += (1.0 - share.second) * value;
                line[share.at[1]] += share.second * value;
            }
            for (at, share) in row.at.into_iter().zip([1.0 - row.second, row.second]) {
                let to = &mut plane[at * width..][..width];
                to.iter_mut().zip(&line).for_each(|(to, value)| *to += share * value);
            }
        }
    });
    planes
}

/// The two smaller rows, or columns, that a larger one lies between, and the second one's share.
struct Shares {
    at: [usize; 2],
    second: f32,
}

impl Shares {
    /// Of each larger row.
    fn of(size: usize, factor: usize) -> Vec<Self> {
        let share = |row: usize| {
            let center = (row as f32 + 0.5) / factor as f32 - 0.5;
            let center = center.clamp(0.0, (size - 1) as f32);
            let first = center as usize;
            Self { at: [first, (first + 1).min(size - 1)], second: center - first as f32 }
        };
        (0..factor * size).map(share).collect()
    }
}
