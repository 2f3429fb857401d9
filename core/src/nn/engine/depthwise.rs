//! Convolution of each channel by itself: 16 channels of a pixel are one register.

use super::features::View;
use super::kernel::Task;
use super::lanes::{Dot, Element, LANES, Lanes, Single};
use super::pack::{Strip, Window, pad, padded_len};
use super::scratch::Scratch;
use crate::nn::ops::Activation;

/// Pixels of a strip's padded copy, in f32, that stay in the nearest caches.
const STRIP_PIXELS: usize = 1 << 10;
/// Most rows and columns of a kernel.
const MOST: usize = 5;

/// Weights of a layer: for each block `(K K, 16)`, and the same upside down.
#[derive(Debug)]
pub(super) struct Taps {
    pub(super) kernel: usize,
    forward: Vec<f32>,
    backward: Vec<f32>,
}

impl Taps {
    /// From `(C, 1, K, K)`, K of 3 or 5.
    pub(super) fn new(weights: &[f32], channels: usize, kernel: usize) -> Self {
        assert!([3, MOST].contains(&kernel));
        let taps = kernel * kernel;
        let mut forward = vec![0f32; channels.next_multiple_of(LANES) * taps];
        let mut backward = forward.clone();
        for (channel, weights) in weights.chunks_exact(taps).enumerate() {
            for (tap, &weight) in weights.iter().enumerate() {
                let at = |tap: usize| (channel / LANES * taps + tap) * LANES + channel % LANES;
                forward[at(tap)] = weight;
                backward[at(taps - 1 - tap)] = weight;
            }
        }
        Self { kernel, forward, backward }
    }

    fn of_block<'a>(&self, weights: &'a [f32], block: usize) -> &'a [f32] {
        let len = self.kernel * self.kernel * LANES;
        &weights[block * len..][..len]
    }
}

/// Gradients of a block's weights and biases, from their sums `(K K + 1, 16)`: `(16, K K)` and 16.
pub(super) fn gradients_of(sums: &[f32], taps: usize) -> (Vec<f32>, Vec<f32>) {
    let weights = (0..LANES).flat_map(|lane| (0..taps).map(move |tap| sums[tap * LANES + lane]));
    (weights.collect(), sums[taps * LANES..].to_vec())
}

/// Reads a plane, a block of an image, and writes another.
pub(super) struct Forward<'a, E> {
    /// One block.
    pub(super) x: View<'a, E>,
    pub(super) image: usize,
    pub(super) window: Window,
    pub(super) taps: &'a Taps,
    /// Which of the layer's blocks it is.
    pub(super) block: usize,
    pub(super) bias: &'a [f32],
    pub(super) activation: Activation,
    /// `(H, W, 16)`.
    pub(super) y: &'a mut [E],
    pub(super) size: [usize; 2],
}

impl<E: Element> Task for Forward<'_, E> {
    const SHORT: bool = E::SHORT;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let [height, width] = self.size;
        let weights = self.taps.of_block(&self.taps.forward, self.block);
        let bias = &self.bias[self.block * LANES..][..LANES];
        assert!(self.y.len() >= height * width * LANES);
        let y = self.y.as_mut_ptr();
        // SAFETY: 16 values.
        let bias = unsafe { D::Lanes::load(bias.as_ptr()) };
        let source = self.x;
        let finish = Activated { bias, activation: self.activation, y };
        for strip in strips(&self.window, self.image, self.size) {
            let mut scratch = Scratch::new(padded_len(&self.window, &strip, 1));
            // SAFETY: there is room for one block.
            unsafe {
                pad::<Single<D::Lanes>, E>(&source, &self.window, &strip, scratch.as_mut_ptr());
            }
            // SAFETY: the copy holds all that is under the strip.
            unsafe { convolve::<D, _>(&scratch, &self.window, &strip, weights, &finish) };
        }
    }
}

/// Gradients of a plane and of its weights.
pub(super) struct Backward<'a, E> {
    /// What was read, one block.
    pub(super) x: View<'a, E>,
    /// Gradients of what was written, one block, before the activation.
    pub(super) gradients: View<'a, E>,
    pub(super) image: usize,
    /// Image of `gradients`.
    pub(super) gradient_image: usize,
    pub(super) window: Window,
    pub(super) taps: &'a Taps,
    pub(super) block: usize,
    /// What was read lets its gradient through where it lies between these.
    pub(super) gate: [f32; 2],
    /// Gradients of what was read, `(H, W, 16)`.
    pub(super) d_x: &'a mut [E],
    /// Sums of the gradients of weights and bias, `(K K + 1, 16)`, are added to.
    pub(super) sums: &'a mut [f32],
}

impl<E: Element> Task for Backward<'_, E> {
    const SHORT: bool = E::SHORT;

    #[inline(always)]
    fn run<D: Dot>(mut self) {
        self.weights::<D>();
        self.input::<D>();
    }
}

impl<E: Element> Backward<'_, E> {
    #[inline(always)]
    fn weights<D: Dot>(&mut self) {
        let (window, gradients) = (self.window, self.gradients);
        let source = self.x;
        let size = [gradients.height, gradients.width];
        let taps = window.kernel * window.kernel;
        assert!(self.sums.len() >= (taps + 1) * LANES);
        for strip in strips(&window, self.image, size) {
            let mut scratch = Scratch::new(padded_len(&window, &strip, 1));
            // SAFETY: there is room for one block.
            unsafe {
                pad::<Single<D::Lanes>, E>(&source, &window, &strip, scratch.as_mut_ptr());
            }
            let (sums, image) = (self.sums.as_mut_ptr(), self.gradient_image);
            // SAFETY: the copy holds all that is under the strip.
            unsafe {
                if window.kernel == 3 {
                    correlate::<D, E, 3>(&scratch, &window, &strip, &gradients, image, sums);
                } else {
                    correlate::<D, E, MOST>(&scratch, &window, &strip, &gradients, image, sums);
                }
            }
        }
    }

    #[inline(always)]
    fn input<D: Dot>(&mut self) {
        let (window, gradients) = (self.window, self.gradients);
        let (height, width) = (self.x.height, self.x.width);
        let weights = self.taps.of_block(&self.taps.backward, self.block);
        // As if the gradient had been taken at each pixel, and was 0 at those between.
        let dense = Window { stride: 1, ..window }.backwards();
        let (x, [low, high]) = (self.x, self.gate.map(D::Lanes::splat));
        let first = x.at(self.image, 0, 0, 0);
        assert!(x.is_flat() && first + height * width * LANES <= x.values.len());
        assert!(self.d_x.len() >= height * width * LANES);
        let finish = Gated {
            gate: x.values.as_ptr().wrapping_add(first),
            low,
            high,
            d_x: self.d_x.as_mut_ptr(),
        };
        let source = gradients;
        for strip in strips(&dense, self.gradient_image, [height, width]) {
            let mut scratch = Scratch::new(padded_len(&dense, &strip, 1));
            // SAFETY: there is room for one block.
            unsafe {
                if window.stride == 1 {
                    let to = scratch.as_mut_ptr();
                    pad::<Single<D::Lanes>, E>(&source, &dense, &strip, to);
                } else {
                    spread::<D, E>(&gradients, &dense, &strip, window.stride, &mut scratch);
                }
            }
            // SAFETY: the copy holds all that is under the strip.
            unsafe { convolve::<D, _>(&scratch, &dense, &strip, weights, &finish) };
        }
    }
}

/// What becomes of a pixel's sums.
trait Finish<L> {
    /// # Safety
    ///
    /// The pixel lies within the plane.
    unsafe fn finish(&self, pixel: usize, sum: L);
}

struct Activated<L, E> {
    bias: L,
    activation: Activation,
    y: *mut E,
}

impl<L: Lanes, E: Element> Finish<L> for Activated<L, E> {
    #[inline(always)]
    unsafe fn finish(&self, pixel: usize, sum: L) {
        let mut value = sum.add(self.bias);
        match self.activation {
            Activation::Relu => value = value.max(L::zero()),
            Activation::Relu6 => value = value.max(L::zero()).min(L::splat(6.0)),
            Activation::None | Activation::Tanh => {}
        }
        // SAFETY: as the caller promises.
        unsafe { E::store(value, self.y.add(pixel * LANES)) };
    }
}

struct Gated<L, E> {
    gate: *const E,
    low: L,
    high: L,
    d_x: *mut E,
}

impl<L: Lanes, E: Element> Finish<L> for Gated<L, E> {
    #[inline(always)]
    unsafe fn finish(&self, pixel: usize, sum: L) {
        // SAFETY: as the caller promises; the gate is a plane of the same size.
        unsafe {
            let gate = E::load::<L>(self.gate.add(pixel * LANES));
            let value = sum.where_between(gate, self.low, self.high);
            E::store(value, self.d_x.add(pixel * LANES));
        }
    }
}

/// Strips of a plane whose padded copies stay in the nearest caches.
fn strips(
    window: &Window,
    image: usize,
    [height, columns]: [usize; 2],
) -> impl Iterator<Item = Strip> + use<> {
    let rows = (STRIP_PIXELS / (window.reach(columns) * window.stride)).clamp(1, height);
    let strip = move |first| Strip { image, first, rows: rows.min(height - first), columns };
    (0..height).step_by(rows).map(strip)
}

/// Copies gradients under a strip with zeros between them and around the image.
#[inline(always)]
unsafe fn spread<D: Dot, E: Element>(
    gradients: &View<'_, E>,
    window: &Window,
    strip: &Strip,
    stride: usize,
    to: &mut [f32],
) {
    let (rows, columns) = (window.reach(strip.rows), window.reach(strip.columns));
    to[..rows * columns * LANES].fill(0.0);
    for row in 0..rows {
        let Some(at) = (strip.first + row).checked_sub(window.before[0]) else { continue };
        if !at.is_multiple_of(stride) || at / stride >= gradients.height {
            continue;
        }
        let line = gradients.at(strip.image, 0, at / stride, 0);
        for column in 0..gradients.width {
            let place = (row * columns + window.before[1] + column * stride) * LANES;
            let value = &gradients.values[line + column * gradients.pixel_step..][..LANES];
            let to = &mut to[place..place + LANES];
            // SAFETY: 16 values each.
            unsafe { E::load::<D::Lanes>(value.as_ptr()).store(to.as_mut_ptr()) };
        }
    }
}

/// Hands each pixel of a strip the sum of what is under the kernel, with its index in the plane.
#[inline(always)]
unsafe fn convolve<D: Dot, F: Finish<D::Lanes>>(
    x: &[f32],
    window: &Window,
    strip: &Strip,
    weights: &[f32],
    finish: &F,
) {
    assert!(x.len() >= window.reach(strip.rows) * window.reach(strip.columns) * LANES);
    assert!(weights.len() >= window.kernel * window.kernel * LANES);
    // SAFETY: as the caller promises.
    unsafe {
        match (window.kernel, D::WIDE) {
            (3, true) => convolve_by::<D, F, 3, 8>(x, window, strip, weights, finish),
            (_, true) => convolve_by::<D, F, MOST, 8>(x, window, strip, weights, finish),
            (3, false) => convolve_by::<D, F, 3, 4>(x, window, strip, weights, finish),
            (_, false) => convolve_by::<D, F, MOST, 4>(x, window, strip, weights, finish),
        }
    }
}

/// `P` pixels at a time.
#[inline(always)]
unsafe fn convolve_by<D: Dot, F: Finish<D::Lanes>, const K: usize, const P: usize>(
    x: &[f32],
    window: &Window,
    strip: &Strip,
    weights: &[f32],
    finish: &F,
) {
    let line = window.reach(strip.columns);
    for row in 0..strip.rows {
        let mut column = 0;
        while column < strip.columns {
            // The last ones again where the row is not a multiple, so that none lies beyond it.
            let first = column.min(strip.columns.saturating_sub(P));
            let count = P.min(strip.columns);
            let start = (row * window.stride * line + first * window.stride) * LANES;
            let mut steps = [0; P];
            for pixel in 0..P {
                steps[pixel] = pixel.min(count - 1) * window.stride * LANES;
            }
            let mut sums = [D::Lanes::zero(); P];
            for tap_row in 0..K {
                for tap_column in 0..K {
                    let tap = tap_row * K + tap_column;
                    let at = start + (tap_row * line + tap_column) * LANES;
                    // SAFETY: in bounds, checked by the caller.
                    let weight = unsafe { D::Lanes::load(weights.as_ptr().add(tap * LANES)) };
                    for pixel in 0..P {
                        // SAFETY: in bounds, checked by the caller.
                        let x = unsafe { D::Lanes::load(x.as_ptr().add(at + steps[pixel])) };
                        sums[pixel] = x.mul_add(weight, sums[pixel]);
                    }
                }
            }
            for pixel in 0..count {
                let at = (strip.first + row) * strip.columns + first + pixel;
                // SAFETY: a pixel of the plane.
                unsafe { finish.finish(at, sums[pixel]) };
            }
            column += P;
        }
    }
}

/// Adds to `sums` the products of gradients and what is under the kernel, for each of its steps, and
/// the gradients themselves.
#[inline(always)]
unsafe fn correlate<D: Dot, E: Element, const K: usize>(
    x: &[f32],
    window: &Window,
    strip: &Strip,
    gradients: &View<'_, E>,
    image: usize,
    sums: *mut f32,
) {
    let line = window.reach(strip.columns);
    let mut total = [[D::Lanes::zero(); K]; K];
    let mut plain = D::Lanes::zero();
    for row in 0..strip.rows {
        let from = gradients.at(image, 0, strip.first + row, 0);
        for column in 0..strip.columns {
            let at = from + column * gradients.pixel_step;
            debug_assert!(at + LANES <= gradients.values.len());
            // SAFETY: a pixel of the gradients.
            let gradient = unsafe { E::load::<D::Lanes>(gradients.values.as_ptr().add(at)) };
            plain = plain.add(gradient);
            let start = (row * line + column) * window.stride * LANES;
            for tap_row in 0..K {
                for tap_column in 0..K {
                    let at = start + (tap_row * line + tap_column) * LANES;
                    debug_assert!(at + LANES <= x.len());
                    // SAFETY: under the kernel, which the copy holds.
                    let x = unsafe { D::Lanes::load(x.as_ptr().add(at)) };
                    total[tap_row][tap_column] = x.mul_add(gradient, total[tap_row][tap_column]);
                }
            }
        }
    }
    for tap in 0..=K * K {
        let total = if tap < K * K { total[tap / K][tap % K] } else { plain };
        // SAFETY: the caller has checked that there is room.
        unsafe {
            let at = sums.add(tap * LANES);
            D::Lanes::load(at).add(total).store(at);
        }
    }
}
