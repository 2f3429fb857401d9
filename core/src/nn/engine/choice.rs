//! Which of the processor's sets of instructions is used: the best that calculates right here, and
//! no slower than a plainer one.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::conv::{Convolution, Out};
use super::features::{Features, filled};
use super::kernel::Kernel;
use super::lanes::{Element, LANES};
use super::pack::Window;
use super::weight_gradient::weight_gradients;
use super::weights::{Filters, Packed, Part};
use crate::nn::ops::{Activation, Precision};

impl Precision {
    /// Whether this processor has it, and is faster with it.
    pub fn is_available(self) -> bool {
        self == Self::F32 || !Kernel::best::<half::bf16>().has_no_bf16_products()
    }

    /// Itself where this processor has it, else f32.
    #[must_use]
    pub fn or_f32(self) -> Self {
        if self.is_available() { self } else { Self::F32 }
    }
}

impl Kernel {
    /// The best one for values that are kept as `E`. What this processor has is tried once, on a
    /// small convolution and its gradient, against the portable loops; a set that differs is left
    /// unused, and so are products of bf16 where those of f32 take less time.
    pub(crate) fn best<E: Element>() -> Self {
        let usable = |kernel: &Self| {
            kernel.is_allowed()
                && if E::SHORT { kernel.works_for_bf16() } else { kernel.works_for_f32() }
        };
        Self::ALL.iter().rev().copied().find(usable).unwrap_or(Self::Portable)
    }

    fn works_for_f32(self) -> bool {
        static WORK: [OnceLock<bool>; Kernel::ALL.len()] =
            [const { OnceLock::new() }; Kernel::ALL.len()];
        self.has_no_bf16_products() && *WORK[self.rank()].get_or_init(|| self.agrees::<f32>(1e-4))
    }

    fn works_for_bf16(self) -> bool {
        static WORK: [OnceLock<bool>; Kernel::ALL.len()] =
            [const { OnceLock::new() }; Kernel::ALL.len()];
        let works = || {
            // Inputs are rounded alike; results are rounded to 8 bits, up or down.
            self.agrees::<half::bf16>(2e-2) && (self.has_no_bf16_products() || pays())
        };
        *WORK[self.rank()].get_or_init(works)
    }

    /// Whether results and gradients are those of the portable loops, to a share of their length.
    fn agrees<E: Element>(self, tolerance: f64) -> bool {
        self == Self::Portable || {
            let sample = Sample::<E>::new(9, [40, 24]);
            let close = |(found, expected): (Vec<f32>, Vec<f32>)| {
                let length = |values: &mut dyn Iterator<Item = f32>| {
                    values.map(|value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt()
                };
                let off = length(&mut found.iter().zip(&expected).map(|(a, b)| a - b));
                off <= tolerance * length(&mut expected.iter().copied())
            };
            let [found, expected] = [self, Self::Portable].map(|kernel| sample.results(kernel));
            found.into_iter().zip(expected).all(close)
        }
    }
}

/// How much slower products of bf16 may be than those of f32 in a short measurement: less is noise,
/// and with it the choice would change from run to run.
const MARGIN: f64 = 1.25;

/// Whether products of bf16 are as fast as those of f32 on this processor. They are half the work
/// on AMD's Zen 4, and the same on Intel's cores, where they have one port and f32 has two.
fn pays() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        let sample = Sample::<half::bf16>::new(32, [64, 64]);
        let fastest = |kernel: Kernel| {
            let time = |_| {
                let start = Instant::now();
                sample.convolve(kernel);
                start.elapsed()
            };
            (0..5).map(time).min().unwrap_or(Duration::MAX).as_secs_f64()
        };
        fastest(Kernel::Avx512Bf16) <= MARGIN * fastest(Kernel::Avx512)
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// A small 3x3 convolution of made-up numbers.
struct Sample<E> {
    x: Features<E>,
    weights: Vec<f32>,
    channels: [usize; 2],
}

impl<E: Element> Sample<E> {
    fn new(side: usize, channels: [usize; 2]) -> Self {
        let number = |i: usize| ((i * 7919 + 13) % 101) as f32 / 50.0 - 1.0;
        let mut x = Features::<E>::zeros(1, channels[0], [side, side]);
        let area = side * side;
        for channel in 0..channels[0] {
            for pixel in 0..area {
                let at = (channel / LANES * area + pixel) * LANES + channel % LANES;
                x.values[at] = E::from_f32(number(channel * area + pixel));
            }
        }
        let weights = (0..channels[0] * channels[1] * 9).map(number).collect();
        Self { x, weights, channels }
    }

    fn filters(&self) -> Filters<'_> {
        let [inputs, outputs] = self.channels;
        let weights = &self.weights;
        let part = Part { weights, inputs, first: 0, channels: inputs, scale: 1.0 };
        Filters { parts: vec![part], outputs, kernel: 3 }
    }

    fn convolve(&self, kernel: Kernel) -> Vec<f32> {
        let filters = self.filters();
        let packed = Packed::forward(kernel, &filters);
        let size = self.x.size();
        let fill = |target| {
            Convolution::<E, f32> {
                sources: &[self.x.view()],
                images: 1,
                window: Window::same(3, 1, size),
                weights: &packed,
                depth: filters.depth(),
                bias: None,
                activation: Activation::None,
                plus: [None; 2],
                gate: None,
                out: Out::features(target, filters.output_blocks(), size),
            }
            .run_here(kernel, 0..1);
        };
        // SAFETY: a convolution writes all pixels of all blocks.
        unsafe { filled(filters.output_blocks() * self.x.area() * LANES, fill) }
    }

    /// The convolution, and the gradient of its weights by the inputs' first channels.
    fn results(&self, kernel: Kernel) -> [Vec<f32>; 2] {
        let filters = self.filters();
        let gradients = super::features::View { blocks: filters.output_blocks(), ..self.x.view() };
        let sources = [self.x.view()];
        let window = Window::same(3, 1, self.x.size());
        let (weights, _) = weight_gradients(kernel, &sources, window, &filters, gradients, 1);
        [self.convolve(kernel), weights.concat()]
    }
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::*;

    #[test]
    fn every_set_that_this_processor_has_calculates_right() {
        for kernel in Kernel::ALL {
            if !kernel.is_allowed() {
                continue; // nothing to be run here
            }
            assert!(!kernel.has_no_bf16_products() || kernel.agrees::<f32>(1e-4), "{kernel:?}");
            assert!(kernel.agrees::<bf16>(2e-2), "{kernel:?}");
        }
    }
}
