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

impl Way {
    /// That of a convolution and its gradients.
    pub(super) fn of<E: Element>(window: &Window, filters: &Filters<'_>) -> Self {
        let inputs: usize = filters.parts.iter().map(|part| part.channels).sum();
        if E::SHORT || !winograd::fits(window) || inputs.min(filters.outputs) < 64 {
            return Self::Direct;
        }
        Self::Winograd
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
