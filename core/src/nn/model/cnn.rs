//! CNN, the small network that Ghiotto 2021 tests Polychromify against.
//!
//! 3x3 convolutions with `ReLU`, each followed by batch norm, and a "dense" layer, a 1x1
//! convolution, to two channels with `tanh`.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use super::blocks::{BatchNorm, Conv2d, Flow, conv};
use super::network::{Heads, Mode, Network, Outcome};
use super::refusal;
use crate::nn::engine::{Color, Pass};
use crate::nn::ops::Activation;

/// The layers; the default is Ghiotto's, of 98,370 parameters with the running statistics.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Channels of the 3x3 convolutions, in order.
    pub filters: Vec<usize>,
}

impl Default for Config {
    fn default() -> Self {
        Self { filters: vec![16, 32, 64, 128] }
    }
}

impl Config {
    /// Why the network cannot be built, if it cannot.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        refusal::at_least_one("filters", &self.filters)
    }
}

/// The network: tensors `layers.N` (N from 0) and `output`, each with `weight` and `bias`, and
/// `layers.N.norm`.
#[derive(Clone, Debug)]
pub struct Cnn {
    layers: Vec<(Conv2d, BatchNorm)>,
    output: Conv2d,
}

impl Cnn {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    ///
    /// When `vb` lacks one or has it in another shape.
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        let mut inputs = 1;
        let mut layers = Vec::with_capacity(config.filters.len());
        for (i, &outputs) in config.filters.iter().enumerate() {
            let vb = vb.pp("layers").pp(i);
            let norm = BatchNorm::new(outputs, vb.pp("norm"))?;
            layers.push((Conv2d::new(inputs, outputs, 3, conv(1, Activation::Relu), vb)?, norm));
            inputs = outputs;
        }
        let output = Conv2d::new(inputs, 2, 1, conv(1, Activation::Tanh), vb.pp("output"))?;
        Ok(Self { layers, output })
    }
}

impl Network for Cnn {
    fn stock(&self, lightness: &Tensor, _: Option<&Tensor>, mode: Mode) -> Result<Heads> {
        let mut x = lightness.clone(); // (N, 1, H, W)
        for (conv, norm) in &self.layers {
            x = norm.forward(&conv.forward(&x)?, mode)?;
        }
        Ok(Heads { chroma: self.output.forward(&x)?, bins: None })
    }

    fn run(&self, pass: &mut dyn Pass, lightness: &Tensor, _: Option<&Tensor>) -> Result<Outcome> {
        let mut x = Flow::Picture(lightness);
        for (conv, norm) in &self.layers {
            let y = conv.run(pass, &x)?;
            x = Flow::Value(norm.run(pass, y.value()?)?);
        }
        Ok(Outcome { chroma: self.output.color(pass, &x, Color::PLAIN)?, bins: None })
    }

    fn stride(&self) -> usize {
        1
    }
}
