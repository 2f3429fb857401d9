//! SIGGRAPH17: a U-shaped network that takes color hints.
//!
//! R. Zhang, J.-Y. Zhu, P. Isola and others, "Real-Time User-Guided Image Colorization with Learned
//! Deep Priors", 2017, <https://arxiv.org/abs/1705.02999>; layers, padding and scales as in the
//! authors' `colorizers/siggraph17.py` (<https://github.com/richzhang/colorization>). Its input is
//! lightness with the hints' colors and their mask beside it, its results chroma at full size and a
//! distribution over 529 colors at a quarter of it.

use candle_core::{DType, Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use super::blocks::{BatchNorm, Conv2d, ConvTranspose2x, Flow, NormConstants, conv};
use super::network::{Heads, Mode, Network, Outcome};
use super::zhang::{self, Block, CHROMA_RATIO, Steps};
use crate::nn::engine::{Color, Pass, Value};
use crate::nn::ops::{self, Activation};

/// Of the leaky ReLU before the result.
const LEAK: f64 = 0.2;

/// Sizes and constants; the default is the published network.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Channels of blocks 1, 2, 3, of 4 to 7, of 8, and of 9 and 10.
    pub filters: [usize; 6],
    /// What is subtracted from the mask of the hints: 0 for the published weights, as their own code
    /// has it; 0.5 for those that `colorization-pytorch` trains.
    pub mask_center: f64,
    /// What keeps the root of batch norm away from 0.
    pub epsilon: f64,
    /// Pixels of the thumbnail that the network sees at most.
    pub work_area: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            filters: [64, 128, 256, 512, 256, 128],
            mask_center: 0.,
            epsilon: NormConstants::PYTORCH.epsilon,
            work_area: 128 * 128,
        }
    }
}

impl Config {
    /// What the published weights are for.
    pub fn published() -> Self {
        Self { work_area: 256 * 256, ..Self::default() }
    }

    /// Why the network cannot be built, if it cannot.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        if self.filters.contains(&0) {
            return Err("each of `filters` has to be at least 1".to_owned());
        }
        if !self.mask_center.is_finite() {
            return Err(format!("`mask_center` has to be finite, found {}", self.mask_center));
        }
        if !(self.epsilon > 0. && self.epsilon.is_finite()) {
            return Err(format!("`epsilon` has to be above 0, found {}", self.epsilon));
        }
        Ok(())
    }
}

/// The network: tensors of `blockN`, N from 1 to 10, of `upN` and `shortN` before blocks 8 to 10,
/// of `bins` and `output`.
#[derive(Clone, Debug)]
pub struct Siggraph17 {
    blocks: Vec<Block>,
    steps: Vec<Step>,
    bins: Conv2d,
    output: Conv2d,
    mask_center: f64,
}

/// A step of the decoder: twice the size, a shortcut added, convolutions.
#[derive(Clone, Debug)]
struct Step {
    up: ConvTranspose2x,
    short: Conv2d,
    convs: Vec<Conv2d>,
    norm: Option<BatchNorm>,
    /// Whether the last convolution's ReLU is leaky.
    leaky: bool,
}

impl Step {
    fn forward(&self, x: &Tensor, short: &Tensor, mode: Mode) -> Result<Tensor> {
        let mut x = ops::add_relu(&self.up.forward(x)?, &self.short.forward(short)?)?;
        for conv in &self.convs {
            x = conv.forward(&x)?;
        }
        if self.leaky {
            x = ops::leaky_relu(&x, LEAK)?;
        }
        self.norm.as_ref().map_or(Ok(x.clone()), |norm| norm.forward(&x, mode))
    }
}

impl Step {
    /// The same in a pass.
    fn run(&self, pass: &mut dyn Pass, x: &Value, short: Value) -> Result<Value> {
        let Flow::Value(short) = self.short.run(pass, &Flow::Value(short))? else {
            unreachable!("a layer gives a value")
        };
        let up = self.up.run(pass, x)?;
        let mut x = Flow::Value(pass.add_relu(&up, &short)?);
        for conv in &self.convs {
            x = conv.run(pass, &x)?;
        }
        let mut x = x.value()?.clone();
        if self.leaky {
            x = pass.leaky_relu(&x, LEAK as f32)?;
        }
        self.norm.as_ref().map_or(Ok(x.clone()), |norm| norm.run(pass, &x))
    }
}

impl Siggraph17 {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    ///
    /// When `vb` lacks one or has it in another shape.
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        let norm = NormConstants { epsilon: config.epsilon, ..NormConstants::PYTORCH };
        let [c1, c2, c3, c4, c8, c9] = config.filters;
        let dilated = Steps { dilation: 2, ..Steps::plain(3) };
        let blocks = [
            (4, c1, Steps::plain(2)),
            (c1, c2, Steps::plain(2)),
            (c2, c3, Steps::plain(3)),
            (c3, c4, Steps::plain(3)),
            (c4, c4, dilated),
            (c4, c4, dilated),
            (c4, c4, Steps::plain(3)),
        ];
        let block = |(i, (inputs, outputs, steps)): (usize, (usize, usize, Steps))| {
            Block::new(inputs, outputs, steps, Some(norm), vb.pp(format!("block{}", i + 1)))
        };
        let step = |number: usize, [inputs, outputs, skipped]: [usize; 3], count: usize| {
            let vb = |what: &str| vb.pp(format!("{what}{number}"));
            let leaky = number == 10;
            let activation = if leaky { Activation::None } else { Activation::Relu };
            let conv3 =
                |inputs, activation, vb| Conv2d::new(inputs, outputs, 3, conv(1, activation), vb);
            let convs = (0..count).map(|i| conv3(outputs, activation, vb("block").pp(i)));
            let norm =
                (!leaky).then(|| BatchNorm::with_constants(outputs, norm, vb("block").pp("norm")));
            Ok::<_, candle_core::Error>(Step {
                up: ConvTranspose2x::new(inputs, outputs, Activation::None, vb("up"))?,
                short: conv3(skipped, Activation::None, vb("short"))?,
                convs: convs.collect::<Result<_>>()?,
                norm: norm.transpose()?,
                leaky,
            })
        };
        let bins = zhang::square_centers().len();
        Ok(Self {
            blocks: blocks.into_iter().enumerate().map(block).collect::<Result<_>>()?,
            steps: vec![
                step(8, [c4, c8, c3], 2)?,
                step(9, [c8, c9, c2], 1)?,
                step(10, [c9, c9, c1], 1)?,
            ],
            bins: zhang::pointwise(c8, bins, Activation::None, vb.pp("bins"))?,
            output: zhang::pointwise(c9, 2, Activation::Tanh, vb.pp("output"))?,
            mask_center: config.mask_center,
        })
    }

    /// Lightness, the hints' colors and their mask, each scaled: `(N, 4, H, W)`.
    fn input(&self, lightness: &Tensor, hints: Option<&Tensor>) -> Result<Tensor> {
        let (n, _, height, width) = lightness.dims4()?;
        let none = || Tensor::zeros((n, 3, height, width), DType::F32, lightness.device());
        let hints = hints.map_or_else(none, |hints| Ok(hints.clone()))?;
        let colors = (hints.narrow(1, 0, 2)? * (1. / CHROMA_RATIO))?;
        let mask = (hints.narrow(1, 2, 1)? - self.mask_center)?;
        Tensor::cat(&[lightness.affine(0.01, -0.5)?, colors, mask], 1)
    }

    /// What chroma is told from at full size, and the bins at a quarter of it.
    fn features(
        &self,
        lightness: &Tensor,
        hints: Option<&Tensor>,
        mode: Mode,
    ) -> Result<(Tensor, Tensor)> {
        let mut x = self.input(lightness, hints)?;
        let mut shorts = Vec::new();
        for (i, block) in self.blocks.iter().enumerate() {
            x = block.forward(&x, mode)?;
            if i < self.steps.len() {
                shorts.push(x.clone());
                x = ops::every_second(&x)?;
            }
        }
        let mut quarter = None;
        for (step, short) in self.steps.iter().zip(shorts.iter().rev()) {
            x = step.forward(&x, short, mode)?;
            quarter = quarter.or_else(|| Some(x.clone()));
        }
        Ok((x.clone(), quarter.unwrap_or(x)))
    }

    fn chroma(&self, features: &Tensor) -> Result<Tensor> {
        self.output.forward(features)? * CHROMA_RATIO
    }
}

impl Network for Siggraph17 {
    fn stride(&self) -> usize {
        8
    }

    fn stock(&self, lightness: &Tensor, hints: Option<&Tensor>, mode: Mode) -> Result<Heads> {
        let (full, quarter) = self.features(lightness, hints, mode)?;
        let bins = zhang::rows(&self.bins.forward(&quarter)?)?;
        Ok(Heads { chroma: self.chroma(&full)?, bins: Some(bins) })
    }

    fn run(
        &self,
        pass: &mut dyn Pass,
        lightness: &Tensor,
        hints: Option<&Tensor>,
    ) -> Result<Outcome> {
        let input = self.input(lightness, hints)?;
        let mut shorts = Vec::new();
        let mut x = Flow::Picture(&input);
        for (i, block) in self.blocks.iter().enumerate() {
            let value = block.run(pass, x)?;
            x = Flow::Value(if i < self.steps.len() {
                shorts.push(value.clone());
                pass.every_second(&value)?
            } else {
                value
            });
        }
        let mut bins = None;
        for (i, (step, short)) in self.steps.iter().zip(shorts.into_iter().rev()).enumerate() {
            let value = step.run(pass, x.value()?, short)?;
            if i == 0 && pass.wants_rows() {
                let [weight, bias] = self.bins.parameters();
                bins = Some(pass.rows(&value, weight, bias)?);
            }
            x = Flow::Value(value);
        }
        let color = Color { scale: CHROMA_RATIO as f32, ..Color::PLAIN };
        Ok(Outcome { chroma: self.output.color(pass, &x, color)?, bins })
    }

    fn bin_centers(&self) -> Option<Vec<[f32; 2]>> {
        Some(zhang::square_centers())
    }

    fn takes_hints(&self) -> bool {
        true
    }
}
