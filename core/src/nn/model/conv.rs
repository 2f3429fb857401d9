//! v1 of Ghiotto's model selection: the convolutional autoencoder.
//!
//! Convolutions 2x2 with `ReLU`, `same`-padded as in Keras, that is at the bottom and right alone;
//! then one of 3x3 to two channels with `tanh`.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use super::blocks::{Conv2d, Flow, Stack, conv};
use super::network::{Heads, Mode, Network, Outcome};
use super::refusal;
use crate::nn::engine::{Color, Pass};
use crate::nn::ops::Activation;

/// The layers; the default is Ghiotto's, of 82,946 parameters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Channels of the 2x2 convolutions, in order.
    pub filters: Vec<usize>,
}

impl Default for Config {
    fn default() -> Self {
        Self { filters: vec![32, 64, 128, 64, 32] }
    }
}

impl Config {
    /// Why the network cannot be built, if it cannot.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        refusal::at_least_one("filters", &self.filters)
    }
}

/// The network: tensors `layers.N` (N from 0) and `output`, each with `weight` and `bias`.
#[derive(Clone, Debug)]
pub struct Convolutional {
    layers: Stack,
    output: Conv2d,
}

impl Convolutional {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    ///
    /// When `vb` lacks one or has it in another shape.
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        let layers = Stack::new(1, &config.filters, 2, conv(1, Activation::Relu), vb.pp("layers"))?;
        let channels = config.filters.last().copied().unwrap_or(1);
        let output = Conv2d::new(channels, 2, 3, conv(1, Activation::Tanh), vb.pp("output"))?;
        Ok(Self { layers, output })
    }
}

impl Network for Convolutional {
    fn stock(&self, lightness: &Tensor, _: Option<&Tensor>, _: Mode) -> Result<Heads> {
        let chroma = self.output.forward(&self.layers.forward(lightness)?)?;
        Ok(Heads { chroma, bins: None })
    }

    fn run(&self, pass: &mut dyn Pass, lightness: &Tensor, _: Option<&Tensor>) -> Result<Outcome> {
        let x = self.layers.run(pass, Flow::Picture(lightness))?;
        Ok(Outcome { chroma: self.output.color(pass, &x, Color::PLAIN)?, bins: None })
    }

    fn stride(&self) -> usize {
        1
    }
}
