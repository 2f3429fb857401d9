//! The dense convolutions of training steps, each the way that takes less time.

use super::conv::{self, Dense, Onward};
use super::features::{Features, View};
use super::kernel::Kernel;
use super::lanes::Element;
use super::pack::Window;
use super::weight_gradient;
use super::weights::{Filters, Packed};
use super::winograd;
use crate::nn::ops::Activation;

/// How products are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Each input times each weight.
    Direct,
    /// [`winograd`].
    Winograd,
}

/// A convolution's weights, and what becomes of the sums.
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) filters: &'a Filters<'a>,
    pub(super) window: Window,
    /// Of each channel, filled up to whole blocks.
    pub(super) bias: Option<&'a [f32]>,
    pub(super) activation: Activation,
}

/// Whether there are enough channels on both sides for Winograd's method.
fn has_many(inputs: usize, filters: &Filters<'_>) -> bool {
    inputs.min(filters.outputs) >= 64
}

impl Way {
    /// That of a convolution of pictures of this height and width, and of its gradients.
    pub(super) fn of<E: Element>(
        window: &Window,
        filters: &Filters<'_>,
        [height, width]: [usize; 2],
    ) -> Self {
        let inputs = filters.parts.iter().map(|part| part.channels).sum();
        // Tiles of 4x4 are filled badly where few of them lie side by side, and few channels do not make
        // up for the transforms.
        let is_small = height.min(width) < 8 * window.dilation;
        if E::SHORT || !winograd::fits(window) || is_small || !has_many(inputs, filters) {
            return Self::Direct;
        }
        Self::Winograd
    }

    /// That of the input gradient of one part.
    pub(super) fn of_part(self, part: usize, filters: &Filters<'_>) -> Self {
        if has_many(filters.parts[part].channels, filters) { self } else { Self::Direct }
    }

    /// A convolution of sources of one size, on all threads.
    pub(super) fn convolve<E: Element>(
        self,
        kernel: Kernel,
        sources: &[View<'_, E>],
        images: usize,
        layer: Layer<'_>,
    ) -> Features<E> {
        if self == Self::Winograd && !E::SHORT {
            return winograd::convolve(kernel, sources, images, layer);
        }
        let dense = Dense {
            weights: &Packed::forward(kernel, layer.filters),
            window: layer.window,
            outputs: layer.filters.outputs,
            depth: layer.filters.depth(),
            bias: layer.bias,
            activation: layer.activation,
        };
        conv::convolve(kernel, sources, images, dense)
    }

    /// Gradient of a source's values, for a stride of 1.
    #[expect(clippy::too_many_arguments, reason = "those of the direct way")]
    pub(super) fn input_gradient<E: Element>(
        self,
        kernel: Kernel,
        gradients: View<'_, E>,
        images: usize,
        window: Window,
        filters: &Filters<'_>,
        part: usize,
        onward: Onward<'_, E>,
    ) -> Features<E> {
        if self == Self::Winograd && !E::SHORT {
            return winograd::input_gradient(
                kernel, gradients, images, window, filters, part, onward,
            );
        }
        conv::input_gradient(kernel, gradients, images, window, filters, part, onward)
    }

    /// Gradients of a whole batch: those of each part's weights, `(Cout, channels, K, K)`, and of the
    /// biases.
    pub(super) fn weight_gradients<E: Element>(
        self,
        kernel: Kernel,
        sources: &[View<'_, E>],
        window: Window,
        filters: &Filters<'_>,
        gradients: View<'_, E>,
        images: usize,
    ) -> (Vec<Vec<f32>>, Vec<f32>) {
        if self == Self::Winograd && !E::SHORT {
            return winograd::weight_gradients(kernel, sources, window, filters, gradients, images);
        }
        weight_gradient::weight_gradients(kernel, sources, window, filters, gradients, images)
    }
}
