//! The operations under the networks, of candle's own ones, with their gradients: what runs on CUDA, and
//! what the CPU's [engine](crate::nn::engine) is compared with. Beside them what both have in common.

mod bilinear;
mod composed;
pub(crate) mod integer;
mod precision;
#[cfg(test)]
mod tests;

pub(crate) use bilinear::upsample as upsample_bilinear;
pub(crate) use composed::{
    add_relu, conv_transpose2x, conv2d, every_second, leaky_relu, upsample2x,
};
#[doc(hidden)]
pub(crate) use integer::Instructions;
pub use integer::{Loop, integer_loops};
pub(crate) use precision::current as current_precision;
pub use precision::{Precision, with_precision};

/// What is applied to a convolution's result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    #[default]
    None,
    /// `max(x, 0)`; its gradient at exactly 0 is 0, as in Keras (candle's is 1).
    Relu,
    /// `min(max(x, 0), 6)`; its gradient is 0 at 0 and at 6.
    Relu6,
    /// Hyperbolic tangent.
    Tanh,
}

/// Where a convolution's input is padded with zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// Keras' `same`: where the rows to add are odd in number the extra one is at the bottom; columns
    /// alike.
    #[default]
    Same,
    /// So many rows above and columns left, at most what the kernel reaches; below and right what the
    /// last result sees. PyTorch's `padding=1` for a 3x3 kernel of stride 2 is `Before([1, 1])`.
    Before([usize; 2]),
}

/// How a convolution steps and what follows it. The result has `ceil(H / stride)` rows, and columns
/// alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Step in pixels, at least 1.
    pub stride: usize,
    /// Distance between the pixels under the kernel, at least 1.
    pub dilation: usize,
    /// Where zeros are added.
    pub padding: Padding,
    /// What is applied after the bias.
    pub activation: Activation,
}

impl Default for Conv {
    fn default() -> Self {
        Self { stride: 1, dilation: 1, padding: Padding::Same, activation: Activation::None }
    }
}
