//! Vivid: a pre-trained encoder, a light decoder with skips, and two opinions on chroma.
//!
//! A network trained for recognizing things tells sky from sea and skin from sand; the decoder
//! turns that into a mean color at half size (regression, faithful and pale) and a distribution
//! over color bins at quarter size (Zhang, Isola and Efros 2016, <https://arxiv.org/abs/1603.08511>,
//! vivid and coarse). The result is a mixture of both; its dials are part of the configuration.

mod bins;
mod encoder;
mod layers;

use candle_core::{D, Result, Tensor};
use candle_nn::{VarBuilder, ops};
use serde::{Deserialize, Serialize};

use super::{Heads, Mode, Network};
use crate::ops::Activation;
use encoder::{CHANNELS, Encoder};
use layers::{Conv, NormedConv, bilinear2x, upsample2x};

pub(crate) use bins::centers as bin_centers;

/// Brings what the encoder hands out to the size of the decoder's own values: one over its mean
/// magnitude.
const SKIP_SCALES: [f64; 5] = [0.1, 0.08, 0.1, 0.17, 0.33];

/// Sizes of the decoder and how its two results are joined.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Channels of the decoder at a 16th, an eighth, a quarter and half of the size.
    pub decoder: [usize; 4],
    /// Share of the bins' color in the result, 0..=1; the rest is the regression's.
    pub bins_share: f64,
    /// Exponent `1 / T` of the bins' annealed mean: 1 gives the mean, above that it nears the mode.
    pub sharpness: f64,
    /// Pixels of the thumbnail that the network sees at most.
    #[serde(default = "work_area")]
    pub work_area: usize,
}

fn work_area() -> usize {
    256 * 256
}

impl Default for Config {
    fn default() -> Self {
        Self {
            decoder: [160, 128, 96, 48],
            bins_share: 0.5,
            sharpness: 1.6,
            work_area: work_area(),
        }
    }
}

impl Config {
    /// Why the network cannot be built, if it cannot.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        if self.decoder.contains(&0) {
            return Err("each of `decoder` has to be at least 1".to_owned());
        }
        if !(0. ..=1.).contains(&self.bins_share) {
            return Err(format!("`bins_share` has to be in 0..=1, found {}", self.bins_share));
        }
        if !(self.sharpness > 0. && self.sharpness.is_finite()) {
            return Err(format!("`sharpness` has to be above 0, found {}", self.sharpness));
        }
        Ok(())
    }
}

/// The network: tensors of `encoder`, `decoder.N` (N from 0, the smallest first), `reduce`,
/// `fine`, `bins` and `chroma`.
#[derive(Clone, Debug)]
pub struct Vivid {
    encoder: Encoder,
    top: NormedConv,
    decoder: Vec<NormedConv>,
    reduce: NormedConv,
    fine: NormedConv,
    bins: Conv,
    chroma: Conv,
    centers: Tensor,
    config: Config,
}

impl Vivid {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    ///
    /// When `vb` lacks one or has it in another shape.
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        let [c16, c8, c4, c2] = config.decoder;
        let [half, quarter, eighth, sixteenth, smallest] = CHANNELS;
        let decoder = vb.pp("decoder");
        let centers = bins::centers();
        let count = centers.len();
        let centers = centers.into_iter().flatten().map(|value| value / 128.);
        Ok(Self {
            encoder: Encoder::new(vb.pp("encoder"))?,
            top: NormedConv::new(smallest, c16, 1, vb.pp("top"))?,
            decoder: vec![
                NormedConv::new(c16 + sixteenth, c16, 3, decoder.pp(0))?,
                NormedConv::new(c16 + eighth, c8, 3, decoder.pp(1))?,
                NormedConv::new(c8 + quarter, c4, 3, decoder.pp(2))?,
            ],
            reduce: NormedConv::new(c4, c2, 1, vb.pp("reduce"))?,
            fine: NormedConv::new(c2 + half, c2, 3, vb.pp("fine"))?,
            bins: Conv::head(c4, count, 1, vb.pp("bins"))?,
            chroma: Conv::head(c2, 2, 3, vb.pp("chroma"))?,
            centers: Tensor::from_iter(centers, vb.device())?.reshape((count, 2))?,
            config: config.clone(),
        })
    }

    /// Regression `(2, N, H / 2, W / 2)` and what the bins are told from, `(C, N, H / 4, W / 4)`.
    fn raw(&self, lightness: &Tensor, mode: Mode) -> Result<(Tensor, Tensor)> {
        let (n, _, height, width) = lightness.dims4()?;
        // ImageNet's mean and deviation over all three channels.
        let x = lightness.affine(0.01 / 0.226, -0.45 / 0.226)?.reshape((1, n, height, width))?;
        let skips = self.encoder.forward(&x, mode)?.into_iter().zip(SKIP_SCALES);
        let skips = skips.map(|(skip, scale)| skip * scale).collect::<Result<Vec<_>>>()?;
        let mut x = self.top.forward(&skips[4], mode)?;
        for (block, skip) in self.decoder.iter().zip(skips[1..4].iter().rev()) {
            x = block.forward(&Tensor::cat(&[&upsample2x(&x, mode)?, skip], 0)?, mode)?;
        }
        let quarter = x;
        let x = upsample2x(&self.reduce.forward(&quarter, mode)?, mode)?;
        let x = self.fine.forward(&Tensor::cat(&[&x, &skips[0]], 0)?, mode)?;
        Ok((self.chroma.forward(&x, Activation::Tanh, mode)?, quarter))
    }
}

impl Network for Vivid {
    fn forward(&self, lightness: &Tensor, mode: Mode) -> Result<Tensor> {
        let (n, _, height, width) = lightness.dims4()?;
        if n > 1 && mode == Mode::Infer && lightness.device().is_cpu() {
            // The fast operations of the CPU take one picture.
            let alone = |i| self.forward(&lightness.narrow(0, i, 1)?, mode);
            return Tensor::cat(&(0..n).map(alone).collect::<Result<Vec<_>>>()?, 0);
        }
        let (mean, quarter) = self.raw(lightness, mode)?;
        let mut chroma = bilinear2x(&mean)?;
        let share = self.config.bins_share;
        if share > 0. {
            let logits = self.bins.forward_channels_last(&quarter)?;
            let shares = ops::softmax(&(logits * self.config.sharpness)?, D::Minus1)?;
            let annealed = shares.matmul(&self.centers)?.t()?.contiguous()?;
            let annealed = annealed.reshape((2, n, height / 4, width / 4))?;
            let annealed = bilinear2x(&bilinear2x(&annealed)?)?;
            chroma = ((chroma * (1. - share))? + (annealed * share)?)?;
        }
        chroma.transpose(0, 1)?.contiguous()
    }

    fn heads(&self, lightness: &Tensor, mode: Mode) -> Result<Heads> {
        let (mean, quarter) = self.raw(lightness, mode)?;
        let chroma = bilinear2x(&mean)?.transpose(0, 1)?.contiguous()?;
        Ok(Heads { chroma, bins: Some(self.bins.forward_channels_last(&quarter)?) })
    }

    fn stride(&self) -> usize {
        32
    }
}

#[cfg(test)]
mod tests;
