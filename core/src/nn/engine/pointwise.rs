//! Operations on each value by itself, and such as move pixels alone.

use rayon::prelude::*;

use super::features::{Features, Target};
use super::kernel::{Kernel, Task};
use super::lanes::{Dot, Element, LANES, Lanes};

/// What is made of two values at one place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pair {
    /// Their sum.
    Sum,
    /// `max(a + b, 0)`.
    SumRelu,
    /// `a` where `b` lies within 0 and this, else 0.
    Gate(f32),
    /// `a`, times this where `b` is not above 0.
    Leak(f32),
}

/// `(a, b)` of equal shapes.
pub(super) fn pairs<E: Element>(
    kernel: Kernel,
    what: Pair,
    a: &Features<E>,
    b: &Features<E>,
) -> Features<E> {
    assert_eq!(a.values.len(), b.values.len());
    let len = a.area() * LANES;
    let fill = |target: Target<E>| {
        let planes = a.values.par_chunks(len).zip(b.values.par_chunks(len));
        planes.enumerate().for_each(|(plane, (a, b))| {
            // SAFETY: the plane's own part.
            let y = unsafe { target.part(plane * len, len) };
            kernel.run(Pairs { what, a, b, y });
        });
    };
    // SAFETY: all planes are written.
    unsafe { Features::filled(a.images, a.channels, a.size(), fill) }
}

struct Pairs<'a, E> {
    what: Pair,
    a: &'a [E],
    b: &'a [E],
    y: &'a mut [E],
}

impl<E: Element> Task for Pairs<'_, E> {
    const SHORT: bool = E::SHORT;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let zero = D::Lanes::zero();
        let (high, leak) = match self.what {
            Pair::Gate(high) => (high, 0.0),
            Pair::Leak(leak) => (f32::INFINITY, leak),
            Pair::Sum | Pair::SumRelu => (0.0, 0.0),
        };
        let (high, leak) = (D::Lanes::splat(high), D::Lanes::splat(leak));
        let pixels = self.a.chunks_exact(LANES).zip(self.b.chunks_exact(LANES));
        for ((a, b), y) in pixels.zip(self.y.chunks_exact_mut(LANES)) {
            // SAFETY: 16 values each.
            let (a, b) =
                unsafe { (E::load::<D::Lanes>(a.as_ptr()), E::load::<D::Lanes>(b.as_ptr())) };
            let result = match self.what {
                Pair::Sum => a.add(b),
                Pair::SumRelu => a.add(b).max(zero),
                Pair::Gate(_) => a.where_between(b, zero, high),
                Pair::Leak(_) => {
                    let above = a.where_between(b, zero, high);
                    a.sub(above).mul_add(leak, above)
                }
            };
            // SAFETY: 16 values.
            unsafe { E::store(result, y.as_mut_ptr()) };
        }
    }
}

/// The sum of each channel over all pixels of a batch.
pub(super) fn channel_sums<E: Element>(kernel: Kernel, x: &Features<E>) -> Vec<f32> {
    let planes: Vec<[f32; LANES]> = x
        .values
        .par_chunks(x.area() * LANES)
        .map(|plane| {
            let mut sums = [0.0; LANES];
            kernel.run(PlaneSum { plane, sums: &mut sums });
            sums
        })
        .collect();
    let sum = |channel: usize| {
        let planes = planes.iter().skip(channel / LANES).step_by(x.blocks());
        planes.map(|sums| sums[channel % LANES]).sum()
    };
    (0..x.channels).map(sum).collect()
}

struct PlaneSum<'a, E> {
    plane: &'a [E],
    sums: &'a mut [f32; LANES],
}

impl<E: Element> Task for PlaneSum<'_, E> {
    const SHORT: bool = E::SHORT;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let mut sum = D::Lanes::zero();
        for pixel in self.plane.chunks_exact(LANES) {
            // SAFETY: 16 values.
            sum = sum.add(unsafe { E::load::<D::Lanes>(pixel.as_ptr()) });
        }
        // SAFETY: 16 values.
        unsafe { sum.store(self.sums.as_mut_ptr()) };
    }
}

/// Every second row and column from the first on, of an even height and width.
pub(super) fn every_second<E: Element>(x: &Features<E>) -> Features<E> {
    let mut y = Features::zeros(x.images, x.channels, x.size().map(|side| side / 2));
    let planes = y.values.par_chunks_mut(x.area() / 4 * LANES);
    planes.zip(x.values.par_chunks(x.area() * LANES)).for_each(|(y, x_plane)| {
        let rows = x_plane.chunks_exact(2 * x.width * LANES);
        for (to, from) in y.chunks_exact_mut(x.width / 2 * LANES).zip(rows) {
            for (to, from) in to.chunks_exact_mut(LANES).zip(from.chunks_exact(2 * LANES)) {
                to.copy_from_slice(&from[..LANES]);
            }
        }
    });
    y
}

/// Its gradient: 0 at the pixels that are left out.
pub(super) fn every_second_gradient<E: Element>(d_y: &Features<E>) -> Features<E> {
    let mut d_x = Features::zeros(d_y.images, d_y.channels, d_y.size().map(|side| 2 * side));
    let planes = d_x.values.par_chunks_mut(4 * d_y.area() * LANES);
    planes.zip(d_y.values.par_chunks(d_y.area() * LANES)).for_each(|(d_x, d_y_plane)| {
        let rows = d_x.chunks_exact_mut(4 * d_y.width * LANES);
        for (to, from) in rows.zip(d_y_plane.chunks_exact(d_y.width * LANES)) {
            for (to, from) in to.chunks_exact_mut(2 * LANES).zip(from.chunks_exact(LANES)) {
                to[..LANES].copy_from_slice(from);
            }
        }
    });
    d_x
}

/// Each pixel for two rows and two columns.
pub(super) fn doubled<E: Element>(x: &Features<E>) -> Features<E> {
    let mut y = Features::zeros(x.images, x.channels, x.size().map(|side| 2 * side));
    let planes = y.values.par_chunks_mut(4 * x.area() * LANES);
    planes.zip(x.values.par_chunks(x.area() * LANES)).for_each(|(y, plane)| {
        let rows = y.chunks_exact_mut(4 * x.width * LANES);
        for (to, from) in rows.zip(plane.chunks_exact(x.width * LANES)) {
            let (upper, lower) = to.split_at_mut(2 * x.width * LANES);
            for (to, from) in upper.chunks_exact_mut(2 * LANES).zip(from.chunks_exact(LANES)) {
                to[..LANES].copy_from_slice(from);
                to[LANES..].copy_from_slice(from);
            }
            lower.copy_from_slice(upper);
        }
    });
    y
}

/// Its gradient: the sum of the four pixels.
pub(super) fn doubled_gradient<E: Element>(kernel: Kernel, d_y: &Features<E>) -> Features<E> {
    let size = d_y.size().map(|side| side / 2);
    let plane = size[0] * size[1] * LANES;
    let fill = |target: Target<E>| {
        d_y.values.par_chunks(4 * plane).enumerate().for_each(|(i, d_y)| {
            // SAFETY: the plane's own part.
            let d_x = unsafe { target.part(i * plane, plane) };
            kernel.run(Fours { d_y, width: size[1], d_x });
        });
    };
    // SAFETY: all planes are written.
    unsafe { Features::filled(d_y.images, d_y.channels, size, fill) }
}

struct Fours<'a, E> {
    d_y: &'a [E],
    width: usize,
    d_x: &'a mut [E],
}

impl<E: Element> Task for Fours<'_, E> {
    const SHORT: bool = E::SHORT;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let line = 2 * self.width * LANES;
        let rows = self.d_y.chunks_exact(2 * line);
        for (to, from) in self.d_x.chunks_exact_mut(self.width * LANES).zip(rows) {
            for (column, to) in to.chunks_exact_mut(LANES).enumerate() {
                let mut sum = D::Lanes::zero();
                for at in [0, LANES, line, line + LANES] {
                    let pixel = &from[2 * column * LANES + at..][..LANES];
                    // SAFETY: 16 values.
                    sum = sum.add(unsafe { E::load::<D::Lanes>(pixel.as_ptr()) });
                }
                // SAFETY: 16 values.
                unsafe { E::store(sum, to.as_mut_ptr()) };
            }
        }
    }
}
