//! v3 of Ghiotto's model selection: the deep convolutional autoencoder.
//!
//! 3x3 convolutions with `ReLU` of stride 2, which halve the picture each; then as many without a
//! stride, each followed by nearest upsampling by two; then one to two channels with `tanh`. On an
//! even size Keras pads a stride of 2 at the bottom and right alone.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use super::blocks::{Conv2d, Flow, Stack, conv};
use super::network::{Heads, Mode, Network, Outcome};
use super::refusal;
use crate::nn::engine::{Color, Pass};
use crate::nn::ops::{self, Activation};

/// The layers; the default is Ghiotto's, of 5,495,586 parameters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Channels of the convolutions: the first half halves the picture, the rest doubles it.
    pub filters: Vec<usize>,
}

impl Default for Config {
    fn default() -> Self {
        Self { filters: vec![32, 64, 128, 256, 512, 512, 256, 128, 64, 32] }
    }
}

impl Config {
    /// Why the network cannot be built, if it cannot.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        refusal::halves("filters", "the middle", &self.filters)?;
        refusal::at_least_one("filters", &self.filters)
    }
}

/// The network: tensors `encoder.N`, `decoder.N` (N from 0) and `output`, each with `weight` and
/// `bias`.
#[derive(Clone, Debug)]
pub struct DeepConvolutional {
    encoder: Stack,
    decoder: Stack,
    output: Conv2d,
}

impl DeepConvolutional {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    ///
    /// When `vb` lacks one or has it in another shape.
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        let (down, up) = config.filters.split_at(config.filters.len() / 2);
        let encoder = Stack::new(1, down, 3, conv(2, Activation::Relu), vb.pp("encoder"))?;
        let channels = down.last().copied().unwrap_or(1);
        let decoder = Stack::new(channels, up, 3, conv(1, Activation::Relu), vb.pp("decoder"))?;
        let channels = up.last().copied().unwrap_or(1);
        let output = Conv2d::new(channels, 2, 3, conv(1, Activation::Tanh), vb.pp("output"))?;
        Ok(Self { encoder, decoder, output })
    }
}

impl Network for DeepConvolutional {
    fn stock(&self, lightness: &Tensor, _: Option<&Tensor>, _: Mode) -> Result<Heads> {
        let mut x = self.encoder.forward(lightness)?;
        for layer in self.decoder.layers() {
            x = ops::upsample2x(&layer.forward(&x)?)?;
        }
        Ok(Heads { chroma: self.output.forward(&x)?, bins: None })
    }

    fn run(&self, pass: &mut dyn Pass, lightness: &Tensor, _: Option<&Tensor>) -> Result<Outcome> {
        let mut x = self.encoder.run(pass, Flow::Picture(lightness))?;
        for layer in self.decoder.layers() {
            let y = layer.run(pass, &x)?;
            x = Flow::Value(pass.doubled(y.value()?)?);
        }
        Ok(Outcome { chroma: self.output.color(pass, &x, Color::PLAIN)?, bins: None })
    }

    fn stride(&self) -> usize {
        1 << self.encoder.layers().len()
    }
}
