//! Convolutions of 3x3 kernels by Winograd's method, F(4x4, 3x3): 4x4 outputs of a tile take 36
//! products for each pair of channels in place of 144. Sources and matrices are in `transform`.
//!
//! The inputs of tiles are transformed, `(36, tiles, channels)`, and so are the filters, `(36, channels,
//! outputs)`; each of the 36 positions is then a product of two matrices, by the loops of
//! [`super::product`], and what comes of it is transformed back. The transforms cost the same however
//! many channels there are on the other side, so that few channels are faster multiplied directly
//! ([`super::ways`]).
//!
//! Sums are rounded otherwise than those of the direct way: errors are some times as large, some
//! millionths of a result's length. Only training steps go this way; predictions stay as they are.

use super::conv::{Onward, Out};
use super::features::{Features, View};
use super::kernel::Kernel;
use super::lanes::{Element, LANES};
use super::pack::Window;
use super::ways::Layer;
use super::weights::Filters;
use crate::nn::ops::Activation;
use filters::Source;
use forward::Convolution;

mod filters;
mod forward;
mod gradient;
#[cfg(test)]
mod tests;
mod tiles;
mod transform;

pub(super) use filters::fits;
pub(super) use gradient::weight_gradients;

/// A convolution of sources of one size, on all threads.
pub(super) fn convolve<E: Element>(
    kernel: Kernel,
    sources: &[View<'_, E>],
    images: usize,
    layer: Layer<'_>,
) -> Features<E> {
    let size = [sources[0].height, sources[0].width];
    let fill = |target| {
        let filters = Source::forward(layer.filters);
        let convolution = Convolution {
            sources,
            images,
            dilation: layer.window.dilation,
            filters: &filters,
            bias: layer.bias,
            activation: layer.activation,
            plus: None,
            gate: None,
            out: Out::features(target, filters.output_blocks(), size),
        };
        convolution.run(kernel);
    };
    // SAFETY: the tiles are all pixels of all blocks.
    unsafe { Features::filled(images, layer.filters.outputs, size, fill) }
}

/// Gradient of a source's values.
pub(super) fn input_gradient<E: Element>(
    kernel: Kernel,
    gradients: View<'_, E>,
    images: usize,
    window: Window,
    filters: &Filters<'_>,
    part: usize,
    onward: Onward<'_, E>,
) -> Features<E> {
    let channels = filters.parts[part].channels;
    let size = [gradients.height, gradients.width];
    let fill = |target| {
        let convolution = Convolution {
            sources: &[gradients],
            images,
            dilation: window.dilation,
            filters: &Source::backward(filters, part),
            bias: None,
            activation: Activation::None,
            plus: onward.plus(),
            gate: onward.gate(),
            out: Out::features(target, channels.div_ceil(LANES), size),
        };
        convolution.run(kernel);
    };
    // SAFETY: the tiles are all pixels of all blocks.
    unsafe { Features::filled(images, channels, size, fill) }
}
