//! v0 of Ghiotto's model selection: the vanilla autoencoder.
//!
//! "Dense" layers with `ReLU`, which Keras applies to the channel axis and which are 1x1
//! convolutions, then one to two channels with `tanh`: each pixel is colored by its own lightness
//! alone.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use super::blocks::{Conv2d, Flow, Stack, conv};
use super::network::{Heads, Mode, Network, Outcome};
use super::refusal;
use crate::nn::engine::{Color, Pass};
use crate::nn::ops::Activation;

/// The layers; the default is Ghiotto's, of 21,282 parameters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Channels of the dense layers, in order.
    pub neurons: Vec<usize>,
}

impl Default for Config {
    fn default() -> Self {
        Self { neurons: vec![128, 64, 32, 64, 128] }
    }
}

impl Config {
    /// Why the network cannot be built, if it cannot.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        refusal::at_least_one("neurons", &self.neurons)
    }
}

/// The network: tensors `dense.N` (N from 0) and `output`, each with `weight` and `bias`.
#[derive(Clone, Debug)]
pub struct Vanilla {
    dense: Stack,
    output: Conv2d,
}

impl Vanilla {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    ///
    /// When `vb` lacks one or has it in another shape.
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        let dense = Stack::new(1, &config.neurons, 1, conv(1, Activation::Relu), vb.pp("dense"))?;
        let channels = config.neurons.last().copied().unwrap_or(1);
        let output = Conv2d::new(channels, 2, 1, conv(1, Activation::Tanh), vb.pp("output"))?;
        Ok(Self { dense, output })
    }
}

impl Network for Vanilla {
    fn stock(&self, lightness: &Tensor, _: Option<&Tensor>, _: Mode) -> Result<Heads> {
        let chroma = self.output.forward(&self.dense.forward(lightness)?)?;
        Ok(Heads { chroma, bins: None })
    }

    fn run(&self, pass: &mut dyn Pass, lightness: &Tensor, _: Option<&Tensor>) -> Result<Outcome> {
        let x = self.dense.run(pass, Flow::Picture(lightness))?;
        Ok(Outcome { chroma: self.output.color(pass, &x, Color::PLAIN)?, bins: None })
    }

    fn stride(&self) -> usize {
        1
    }
}
