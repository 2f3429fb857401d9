//! The convolutional dense autoencoder: Polychromify and its tuning variants.
//!
//! Convolutions 3x3 with `ReLU`, `same`-padded; then "dense" layers, which Keras applies to the
//! channel axis and which are 1x1 convolutions; convolutions again, and a last one to two channels
//! with `tanh`.
//!
//! Ghiotto 2021 does not say where the strided variants put strides and batch norm. Here each
//! encoder convolution has stride 2, each decoder convolution is followed by nearest upsampling, as
//! in the author's later version, and batch norm follows the activation of each of these.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use super::blocks::{BatchNorm, Conv2d, Flow, conv};
use super::network::{Heads, Mode, Network, Outcome};
use super::refusal;
use crate::nn::engine::{Color, Pass};
use crate::nn::ops::{self, Activation};

/// What distinguishes the members of the family; the default is Polychromify.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Channels of the dense layers, in order.
    pub neurons: Vec<usize>,
    /// Channels of the 3x3 convolutions: the first half before the dense layers, the rest after.
    pub filters: Vec<usize>,
    /// Whether each convolution before the dense layers halves the picture and each one after
    /// doubles it.
    #[serde(default)]
    pub strides: bool,
    /// Whether batch norm follows each of `filters`.
    #[serde(default)]
    pub batch_norm: bool,
}

/// Ghiotto's names for layer sizes: (low, medium, high).
const NEURONS: [[usize; 5]; 3] =
    [[64, 32, 16, 32, 64], [128, 64, 32, 64, 128], [256, 128, 64, 128, 256]];
const FILTERS: [[usize; 6]; 2] = [[16, 32, 64, 64, 32, 16], [32, 64, 128, 128, 64, 32]];

impl Config {
    /// Tuning variant 1 of Ghiotto 2021: low, low.
    pub fn v1() -> Self {
        Self::plain(NEURONS[0])
    }

    /// Tuning variant 2, the convolutional dense autoencoder of the model selection: medium, low.
    pub fn v2() -> Self {
        Self::plain(NEURONS[1])
    }

    /// Tuning variant 3, Polychromify: high, low; 293,330 parameters.
    pub fn v3() -> Self {
        Self::plain(NEURONS[2])
    }

    /// Tuning variant 4: high, high, strides and upsampling.
    pub fn v4() -> Self {
        Self {
            neurons: NEURONS[2].to_vec(),
            filters: FILTERS[1].to_vec(),
            strides: true,
            batch_norm: false,
        }
    }

    /// Tuning variant 5: variant 4 with batch norm.
    pub fn v5() -> Self {
        Self { batch_norm: true, ..Self::v4() }
    }

    fn plain(neurons: [usize; 5]) -> Self {
        Self {
            neurons: neurons.to_vec(),
            filters: FILTERS[0].to_vec(),
            strides: false,
            batch_norm: false,
        }
    }

    /// Why the network cannot be built, if it cannot.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        refusal::at_least_one("neurons", &self.neurons)?;
        refusal::at_least_one("filters", &self.filters)?;
        refusal::halves("filters", "the dense layers", &self.filters)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::v3()
    }
}

/// A 3x3 convolution and what follows it.
#[derive(Clone, Debug)]
struct Block {
    conv: Conv2d,
    norm: Option<BatchNorm>,
}

impl Block {
    fn new(
        config: &Config,
        inputs: usize,
        outputs: usize,
        stride: usize,
        vb: VarBuilder,
    ) -> Result<Self> {
        let norm = config.batch_norm.then(|| BatchNorm::new(outputs, vb.pp("norm"))).transpose()?;
        let conv = Conv2d::new(inputs, outputs, 3, conv(stride, Activation::Relu), vb)?;
        Ok(Self { conv, norm })
    }

    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let x = self.conv.forward(x)?;
        self.norm.as_ref().map_or(Ok(x.clone()), |norm| norm.forward(&x, mode))
    }

    fn run(&self, pass: &mut dyn Pass, x: &Flow<'_>) -> Result<Flow<'static>> {
        let x = self.conv.run(pass, x)?;
        let Some(norm) = &self.norm else { return Ok(x) };
        Ok(Flow::Value(norm.run(pass, x.value()?)?))
    }
}

/// The network: tensors `encoder.N`, `dense.N`, `decoder.N` (N from 0) and `output`, each with
/// `weight` and `bias`, and `norm` below the encoder's and the decoder's where there is batch norm.
#[derive(Clone, Debug)]
pub struct ConvDense {
    encoder: Vec<Block>,
    dense: Vec<Conv2d>,
    decoder: Vec<Block>,
    output: Conv2d,
    strides: bool,
}

impl ConvDense {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    ///
    /// When `vb` lacks one or has it in another shape.
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        let mut channels = 1;
        let mut next = |outputs| (std::mem::replace(&mut channels, outputs), outputs);
        let (before, after) = config.filters.split_at(config.filters.len() / 2);
        let stride = if config.strides { 2 } else { 1 };

        let mut encoder = Vec::new();
        for (i, &filters) in before.iter().enumerate() {
            let (inputs, outputs) = next(filters);
            let vb = vb.pp("encoder").pp(i);
            encoder.push(Block::new(config, inputs, outputs, stride, vb)?);
        }
        let mut dense = Vec::new();
        for (i, &neurons) in config.neurons.iter().enumerate() {
            let (inputs, outputs) = next(neurons);
            let vb = vb.pp("dense").pp(i);
            dense.push(Conv2d::new(inputs, outputs, 1, conv(1, Activation::Relu), vb)?);
        }
        let mut decoder = Vec::new();
        for (i, &filters) in after.iter().enumerate() {
            let (inputs, outputs) = next(filters);
            let vb = vb.pp("decoder").pp(i);
            decoder.push(Block::new(config, inputs, outputs, 1, vb)?);
        }
        let (inputs, outputs) = next(2);
        let output = Conv2d::new(inputs, outputs, 3, conv(1, Activation::Tanh), vb.pp("output"))?;
        Ok(Self { encoder, dense, decoder, output, strides: config.strides })
    }
}

impl Network for ConvDense {
    fn stock(&self, lightness: &Tensor, _: Option<&Tensor>, mode: Mode) -> Result<Heads> {
        let mut x = lightness.clone(); // (N, 1, H, W)
        for block in &self.encoder {
            x = block.forward(&x, mode)?;
        }
        for dense in &self.dense {
            x = dense.forward(&x)?;
        }
        for block in &self.decoder {
            x = block.forward(&x, mode)?;
            if self.strides {
                x = ops::upsample2x(&x)?;
            }
        }
        Ok(Heads { chroma: self.output.forward(&x)?, bins: None })
    }

    fn run(&self, pass: &mut dyn Pass, lightness: &Tensor, _: Option<&Tensor>) -> Result<Outcome> {
        let mut x = Flow::Picture(lightness);
        for block in &self.encoder {
            x = block.run(pass, &x)?;
        }
        for dense in &self.dense {
            x = dense.run(pass, &x)?;
        }
        for block in &self.decoder {
            x = block.run(pass, &x)?;
            if self.strides {
                x = Flow::Value(pass.doubled(x.value()?)?);
            }
        }
        Ok(Outcome { chroma: self.output.color(pass, &x, Color::PLAIN)?, bins: None })
    }

    fn stride(&self) -> usize {
        if self.strides { 1 << self.encoder.len() } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use candle_nn::VarMap;

    use super::*;

    /// All elements of all tensors, running statistics too, as Keras counts them.
    fn parameters(config: &Config) -> usize {
        let vars = VarMap::new();
        let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
        ConvDense::new(config, vb).unwrap();
        vars.all_vars().iter().map(|var| var.elem_count()).sum()
    }

    #[test]
    fn polychromify_has_the_parameters_of_the_document() {
        assert_eq!(parameters(&Config::default()), 293_330);
    }

    #[test]
    fn each_tuning_variant_has_the_parameters_of_its_layers() {
        // Sums of (9 or 1) * inputs * outputs + outputs over the layers of Ghiotto's table.
        assert_eq!(parameters(&Config::v1()), 93_026);
        assert_eq!(parameters(&Config::v2()), 149_554);
        assert_eq!(parameters(&Config::v3()), 293_330);
        assert_eq!(parameters(&Config::v4()), 596_066);
        // Four more for each channel of the six normalized layers.
        assert_eq!(parameters(&Config::v5()), 596_066 + 4 * 2 * (32 + 64 + 128));
    }

    #[test]
    fn strided_variants_give_back_the_size() {
        let vars = VarMap::new();
        let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
        let network = ConvDense::new(&Config::v5(), vb).unwrap();
        assert_eq!(network.stride(), 8);
        let lightness = Tensor::ones((2, 1, 16, 24), DType::F32, &Device::Cpu).unwrap();
        for mode in [Mode::Train, Mode::Infer] {
            assert_eq!(network.forward(&lightness, None, mode).unwrap().dims(), [2, 2, 16, 24]);
        }
    }
}
