//! ECCV16: eight blocks of convolutions and a distribution over 313 colors.
//!
//! R. Zhang, P. Isola and A. A. Efros, "Colorful Image Colorization", 2016,
//! <https://arxiv.org/abs/1603.08511>; layers, padding and scales as in the authors'
//! `colorizers/eccv16.py` (<https://github.com/richzhang/colorization>). Ghiotto 2021 trained
//! it otherwise: by the squared error of a last layer with `tanh`.

use candle_core::{D, Result, Tensor};
use candle_nn::{Init, VarBuilder, ops::softmax};
use serde::{Deserialize, Serialize};

use super::blocks::{Conv2d, ConvTranspose2x, Flow, NormConstants, conv};
use super::network::{CHROMA_SCALE, Heads, Mode, Network, Outcome};
use super::zhang::{self, Block, CHROMA_RATIO, Steps};
use crate::nn::engine::{self, Color, Pass};
use crate::nn::ops::{self, Activation};

/// How color is told from the last 313 channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Head {
    /// Ghiotto's: a 1x1 convolution with `tanh`.
    #[default]
    Regression,
    /// The paper's: the annealed mean of the bins.
    Bins,
    /// The published weights': the bins' colors over 110 are a tensor, and their mean is taken.
    Published,
}

/// Sizes and the head; the default is Ghiotto's.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How color is told.
    pub head: Head,
    /// Channels of blocks 1, 2, 3, of 4 to 7, and of 8.
    pub filters: [usize; 5],
    /// Temperature of the annealed mean, above 0: 1 gives the mean, 0 would give the mode.
    pub temperature: f64,
    /// What keeps the root of batch norm away from 0.
    pub epsilon: f64,
    /// Pixels of the thumbnail that the network sees at most.
    pub work_area: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            head: Head::Regression,
            filters: [64, 128, 256, 512, 256],
            temperature: 0.38,
            epsilon: NormConstants::PYTORCH.epsilon,
            work_area: 128 * 128,
        }
    }
}

impl Config {
    /// What the published weights are for: their last layer has the temperature in it.
    pub fn published() -> Self {
        Self { head: Head::Published, temperature: 1., work_area: 256 * 256, ..Self::default() }
    }

    /// Why the network cannot be built, if it cannot.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        if self.filters.contains(&0) {
            return Err("each of `filters` has to be at least 1".to_owned());
        }
        if !(self.temperature > 0. && self.temperature.is_finite()) {
            return Err(format!("`temperature` has to be above 0, found {}", self.temperature));
        }
        if !(self.epsilon > 0. && self.epsilon.is_finite()) {
            return Err(format!("`epsilon` has to be above 0, found {}", self.epsilon));
        }
        Ok(())
    }
}

/// The network: tensors of `blockN`, N from 1 to 7, `block8.up`, `block8.0`, `block8.1`, `bins` and,
/// but for [`Head::Bins`], `output`.
#[derive(Clone, Debug)]
pub struct Eccv16 {
    blocks: Vec<Block>,
    up: ConvTranspose2x,
    last: Block,
    bins: Conv2d,
    output: Output,
    temperature: f64,
}

#[derive(Clone, Debug)]
enum Output {
    Regression(Conv2d),
    /// `(313, 2)`: the bins' `(a, b) / 128`.
    Bins(Tensor),
}

impl Eccv16 {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    ///
    /// When `vb` lacks one or has it in another shape.
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        let norm = NormConstants { epsilon: config.epsilon, ..NormConstants::PYTORCH };
        let [c1, c2, c3, c4, c8] = config.filters;
        let dilated = Steps { dilation: 2, ..Steps::plain(3) };
        let halving = |count| Steps { stride: 2, ..Steps::plain(count) };
        let blocks = [
            (1, c1, halving(2)),
            (c1, c2, halving(2)),
            (c2, c3, halving(3)),
            (c3, c4, Steps::plain(3)),
            (c4, c4, dilated),
            (c4, c4, dilated),
            (c4, c4, Steps::plain(3)),
        ];
        let block = |(i, (inputs, outputs, steps)): (usize, (usize, usize, Steps))| {
            Block::new(inputs, outputs, steps, Some(norm), vb.pp(format!("block{}", i + 1)))
        };
        let centers = zhang::hull_centers();
        let count = centers.len();
        let output = match config.head {
            Head::Regression => {
                let layer = zhang::pointwise(count, 2, Activation::Tanh, vb.pp("output"))?;
                Output::Regression(layer)
            }
            Head::Bins => {
                let centers = centers.into_iter().flatten().map(|value| value / CHROMA_SCALE);
                Output::Bins(Tensor::from_iter(centers, vb.device())?.reshape((count, 2))?)
            }
            Head::Published => {
                let shape = (2, count, 1, 1);
                let centers = vb.pp("output").get_with_hints(shape, "weight", Init::Const(0.))?;
                let centers = (centers.reshape((2, count))?.t()? * CHROMA_RATIO)?;
                Output::Bins(centers.contiguous()?)
            }
        };
        Ok(Self {
            blocks: blocks.into_iter().enumerate().map(block).collect::<Result<_>>()?,
            up: ConvTranspose2x::new(c4, c8, Activation::Relu, vb.pp("block8").pp("up"))?,
            last: Block::new(c8, c8, Steps::plain(2), None, vb.pp("block8"))?,
            bins: Conv2d::new(c8, count, 1, conv(1, Activation::None), vb.pp("bins"))?,
            output,
            temperature: config.temperature,
        })
    }

    /// The 313 channels at a quarter of the size.
    fn quarter(&self, lightness: &Tensor, mode: Mode) -> Result<Tensor> {
        let mut x = lightness.affine(0.01, -0.5)?;
        for block in &self.blocks {
            x = block.forward(&x, mode)?;
        }
        self.bins.forward(&self.last.forward(&self.up.forward(&x)?, mode)?)
    }

    /// Chroma at the size of the 313 channels; of bins, it has no gradient.
    fn chroma(&self, quarter: &Tensor) -> Result<Tensor> {
        let centers = match &self.output {
            Output::Regression(layer) => return layer.forward(quarter),
            Output::Bins(centers) => centers,
        };
        let (n, _, height, width) = quarter.dims4()?;
        let logits = (zhang::rows(&quarter.detach())? * (1. / self.temperature))?;
        let mean = softmax(&logits, D::Minus1)?.matmul(&centers.detach())?; // (N H W, 2)
        mean.reshape((n, height, width, 2))?.permute((0, 3, 1, 2))?.contiguous()
    }
}

impl Network for Eccv16 {
    fn stride(&self) -> usize {
        8
    }

    fn stock(&self, lightness: &Tensor, _: Option<&Tensor>, mode: Mode) -> Result<Heads> {
        let quarter = self.quarter(lightness, mode)?;
        let chroma = ops::upsample_bilinear(&self.chroma(&quarter)?, 4)?;
        let bins = match self.output {
            Output::Regression(_) => None,
            Output::Bins(_) => Some(zhang::rows(&quarter)?),
        };
        Ok(Heads { chroma, bins })
    }

    fn run(&self, pass: &mut dyn Pass, lightness: &Tensor, _: Option<&Tensor>) -> Result<Outcome> {
        let (_, _, height, width) = lightness.dims4()?;
        let x = lightness.affine(0.01, -0.5)?;
        let mut x = Flow::Picture(&x);
        for block in &self.blocks {
            x = Flow::Value(block.run(pass, x)?);
        }
        let x = Flow::Value(self.up.run(pass, x.value()?)?);
        let x = self.last.run(pass, x)?;
        let [weight, bias] = self.bins.parameters();
        let centers = match &self.output {
            Output::Regression(layer) => {
                let x = pass.convolution(&x, weight, bias, conv(1, Activation::None))?;
                let color = Color { enlarged: 4, ..Color::PLAIN };
                return Ok(Outcome {
                    chroma: layer.color(pass, &Flow::Value(x), color)?,
                    bins: None,
                });
            }
            Output::Bins(centers) => centers.to_vec2::<f32>()?,
        };
        let bins = pass.rows(&x, weight, bias)?;
        let centers: Vec<[f32; 2]> = centers.iter().map(|center| [center[0], center[1]]).collect();
        let quarter = [height / 4, width / 4];
        let sharpness = 1. / self.temperature as f32;
        let mean = zhang::annealed_mean(&bins, &centers, sharpness, quarter[0] * quarter[1]);
        Ok(Outcome { chroma: engine::enlarged(&mean, quarter, 4), bins: Some(bins) })
    }

    fn bin_centers(&self) -> Option<Vec<[f32; 2]>> {
        let Output::Bins(centers) = &self.output else { return None };
        let rows = centers.to_vec2::<f32>().ok()?;
        Some(rows.iter().map(|row| [row[0] * CHROMA_SCALE, row[1] * CHROMA_SCALE]).collect())
    }
}
