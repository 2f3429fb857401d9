//! The ends of a network: the picture goes in, colors come out.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::features::{Features, Target, View, filled};
use super::kernel::{Kernel, Task};
use super::lanes::{Dot, Element, LANES, Lanes};
use super::pack::Window;

/// Values under a 3x3 kernel, of each plane of `(N, C, H, W)`, as the channels of a pixel:
/// `(N, H, W, 9 C)`, filled up with zeros to whole blocks.
///
/// A convolution of a picture's few channels is a product of these and the weights as they are, and
/// has no zeros to multiply.
pub(super) struct Patches {
    values: Vec<f32>,
    pub(super) channels: usize,
    size: [usize; 2],
}

impl Patches {
    pub(super) fn of(planes: &[f32], channels: usize, size: [usize; 2], window: Window) -> Self {
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
    #[inline(always)]
    fn run<D: Dot>(self) {
        for (from, to) in self.from.chunks_exact(LANES).zip(self.to.chunks_exact_mut(LANES)) {
            // SAFETY: 16 values each.
            unsafe { B::store(A::load::<D::Lanes>(from.as_ptr()), to.as_mut_ptr()) };
        }
    }
}

/// Gradients before `ReLU6`, as f32: those where the result was within 0 and 6.
pub(super) fn gated<E: Element>(
    kernel: Kernel,
    gradients: &Features<E>,
    results: &Features<E>,
) -> Features<f32> {
    let len = gradients.area() * LANES;
    let fill = |target: Target<f32>| {
        let planes = gradients.values.par_chunks(len).zip(results.values.par_chunks(len));
        planes.enumerate().for_each(|(plane, (gradients, results))| {
            // SAFETY: the plane's own part.
            let to = unsafe { target.part(plane * len, len) };
            kernel.run(Gate { gradients, results, to });
        });
    };
    // SAFETY: all planes are written.
    unsafe { Features::filled(gradients.images, gradients.channels, gradients.size(), fill) }
}

struct Gate<'a, E> {
    gradients: &'a [E],
    results: &'a [E],
    to: &'a mut [f32],
}

impl<E: Element> Task for Gate<'_, E> {
    #[inline(always)]
    fn run<D: Dot>(self) {
        let (low, high) = (D::Lanes::zero(), D::Lanes::splat(6.0));
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

/// Doubles height and width of planes, bilinear between pixel centers, the border repeated.
pub(super) fn bilinear2x(planes: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
    let mut larger = vec![0f32; planes.len() * 4];
    let area = height * width;
    larger.par_chunks_mut(4 * area).zip(planes.par_chunks(area)).for_each(|(larger, plane)| {
        let mut line = vec![0f32; width];
        for (row, to) in larger.chunks_exact_mut(2 * width).enumerate() {
            let (near, far) = neighbors(row, height);
            let [near, far] = [near, far].map(|row| &plane[row * width..][..width]);
            for ((to, near), far) in line.iter_mut().zip(near).zip(far) {
                *to = 0.75 * near + 0.25 * far;
            }
            for (column, pair) in to.chunks_exact_mut(2).enumerate() {
                let side = |column: usize| 0.25 * line[column];
                pair[0] = 0.75 * line[column] + side(column.saturating_sub(1));
                pair[1] = 0.75 * line[column] + side((column + 1).min(width - 1));
            }
        }
    });
    larger
}

/// The gradient of the smaller planes, `height` times `width`, from that of the larger.
pub(super) fn bilinear2x_gradient(larger: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
    let mut planes = vec![0f32; larger.len() / 4];
    let area = height * width;
    planes.par_chunks_mut(area).zip(larger.par_chunks(4 * area)).for_each(|(plane, larger)| {
        let mut line = vec![0f32; width];
        for (row, from) in larger.chunks_exact(2 * width).enumerate() {
            line.fill(0.0);
            for (column, pair) in from.chunks_exact(2).enumerate() {
                line[column] += 0.75 * (pair[0] + pair[1]);
                line[column.saturating_sub(1)] += 0.25 * pair[0];
                line[(column + 1).min(width - 1)] += 0.25 * pair[1];
            }
            let (near, far) = neighbors(row, height);
            for (row, share) in [(near, 0.75), (far, 0.25)] {
                let to = &mut plane[row * width..][..width];
                to.iter_mut().zip(&line).for_each(|(to, value)| *to += share * value);
            }
        }
    });
    planes
}

/// The smaller rows that a larger one lies between: the nearer, and the other.
fn neighbors(row: usize, height: usize) -> (usize, usize) {
    let near = row / 2;
    let far =
        if row.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(height - 1) };
    (near, far)
}
