//! Vivid: a pre-trained encoder, a light decoder with skips, and two opinions on chroma.
//!
//! A network trained for recognizing things tells sky from sea and skin from sand; the decoder
//! turns that into a mean color at half size (regression, faithful and pale) and a distribution
//! over color bins at quarter size (Zhang, Isola and Efros 2016, <https://arxiv.org/abs/1603.08511>,
//! vivid and coarse). The result is a mixture of both; its dials are part of the configuration.

mod bins;
mod encoder;
mod hinted;
mod layers;

use candle_core::{D, Result, Tensor};
use candle_nn::{VarBuilder, ops};
use serde::{Deserialize, Serialize};

use super::network::{self, CHROMA_SCALE, Heads, Mode, Network, Outcome};
use crate::nn::engine::{Color, From, Pass};
use crate::nn::ops::Activation;
use encoder::{CHANNELS, Encoder};
use hinted::{Hinted, Pyramid};
use layers::{Conv, NormedConv, bilinear2x, turn, upsample2x};

pub use bins::centers as bin_centers;

/// Brings what the encoder hands out to the size of the decoder's own values: one over its mean
/// magnitude.
const SKIP_SCALES: [f64; 5] = [0.1, 0.08, 0.1, 0.17, 0.33];

/// What height and width of pictures are multiples of.
pub(super) const STRIDE: usize = 32;

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
    /// What the result is multiplied by, above 0: training is paid for being shy.
    #[serde(default = "one")]
    pub gain: f64,
    /// Whether the result is the mean over the picture and its mirror image, at twice the time.
    #[serde(default)]
    pub mirrored: bool,
    /// Pixels below which a picture is enlarged before the network sees it, and its chroma made
    /// smaller again: on small pictures things are smaller than what the encoder knows.
    #[serde(default)]
    pub least_area: usize,
    /// Pixels of the thumbnail that the network sees at most.
    #[serde(default = "work_area")]
    pub work_area: usize,
    /// Whether hints are an input.
    #[serde(default)]
    pub hints: bool,
}

fn one() -> f64 {
    1.
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
            gain: 1.,
            mirrored: false,
            least_area: 0,
            work_area: work_area(),
            hints: true,
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
        if !(self.gain > 0. && self.gain.is_finite()) {
            return Err(format!("`gain` has to be above 0, found {}", self.gain));
        }
        Ok(())
    }

    /// Height and width at which the network looks at a picture.
    pub(super) fn seen(&self, height: usize, width: usize) -> (usize, usize) {
        let factor = (self.least_area as f64 / (height * width) as f64).sqrt();
        if factor <= 1. {
            return (height, width);
        }
        let side =
            |size: usize| ((size as f64 * factor / STRIDE as f64).round() as usize).max(1) * STRIDE;
        (side(height), side(width))
    }
}

/// The network: tensors of `encoder`, `decoder.N` (N from 0, the smallest first), `reduce`,
/// `fine`, `bins` and `chroma`, and of `hints` if they are an input.
#[derive(Clone, Debug)]
pub struct Vivid {
    encoder: Encoder,
    top: NormedConv,
    decoder: Vec<NormedConv>,
    reduce: NormedConv,
    fine: NormedConv,
    bins: Conv,
    chroma: Conv,
    hinted: Option<Hinted>,
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
        let centers = centers.into_iter().flatten().map(|value| value / CHROMA_SCALE);
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
            hinted: if config.hints {
                Some(Hinted::new(&[c16, c8, c4, c2], vb.pp("hints"))?)
            } else {
                None
            },
            centers: Tensor::from_iter(centers, vb.device())?.reshape((count, 2))?,
            config: config.clone(),
        })
    }

    /// Chroma, and logits of the bins if they are wanted, of pictures at the size that they have: by the
    /// engine on the CPU, but for training.
    fn predict(&self, lightness: &Tensor, hints: Option<&Tensor>, mode: Mode) -> Result<Tensor> {
        let share = self.config.bins_share;
        let (n, _, height, width) = lightness.dims4()?;
        let Heads { chroma, bins } = network::heads(self, lightness, hints, mode, share > 0.)?;
        let Some(logits) = bins.filter(|_| share > 0.) else { return Ok(chroma) };
        let shares = ops::softmax(&(logits * self.config.sharpness)?, D::Minus1)?;
        let annealed = shares.matmul(&self.centers)?.reshape((n, height / 4, width / 4, 2))?;
        let annealed = bilinear2x(&bilinear2x(&annealed.permute((0, 3, 1, 2))?.contiguous()?)?)?;
        (chroma * (1. - share))? + (annealed * share)?
    }

    /// Height and width at which the network looks at a picture.
    fn seen(&self, height: usize, width: usize) -> (usize, usize) {
        self.config.seen(height, width)
    }
}

impl Network for Vivid {
    fn forward(&self, lightness: &Tensor, hints: Option<&Tensor>, mode: Mode) -> Result<Tensor> {
        let (_, _, height, width) = lightness.dims4()?;
        let seen = self.seen(height, width);
        let (mut x, mut hints) = (lightness.clone(), hints.cloned());
        if seen != (height, width) {
            x = x.upsample_bilinear2d(seen.0, seen.1, false)?;
            hints = hints.map(|hints| hints.upsample_nearest2d(seen.0, seen.1)).transpose()?;
        }
        let mut chroma = self.predict(&x, hints.as_ref(), mode)?;
        if self.config.mirrored {
            let hints = hints.as_ref().map(mirror).transpose()?;
            let mirrored = mirror(&self.predict(&mirror(&x)?, hints.as_ref(), mode)?)?;
            chroma = ((chroma + mirrored)? * 0.5)?;
        }
        if seen != (height, width) {
            chroma = chroma.upsample_bilinear2d(height, width, false)?;
        }
        (chroma * self.config.gain)?.clamp(-1., 1.)
    }

    fn stock(&self, lightness: &Tensor, hints: Option<&Tensor>, mode: Mode) -> Result<Heads> {
        let pyramid = hints.map(Pyramid::new).transpose()?;
        let hinted = self.hinted.as_ref().zip(pyramid.as_ref());
        let beside = |step| hinted.map(|(hinted, pyramid)| hinted.step(step, pyramid));
        let x = turn(&scaled(lightness)?)?;
        let stem = hinted.map(|(hinted, pyramid)| hinted.stem(pyramid));
        let skips = self.encoder.forward(&x, stem)?.into_iter().zip(SKIP_SCALES);
        let skips = skips.map(|(skip, scale)| skip * scale).collect::<Result<Vec<_>>>()?;
        let mut x = self.top.forward(&skips[4], None, mode)?;
        for (i, (block, skip)) in self.decoder.iter().zip(skips[1..4].iter().rev()).enumerate() {
            x = Tensor::cat(&[&upsample2x(&x)?, skip], 0)?;
            x = block.forward(&x, beside(i), mode)?;
        }
        let bins = self.bins.forward_channels_last(&x)?;
        let x = upsample2x(&self.reduce.forward(&x, None, mode)?)?;
        let x = Tensor::cat(&[&x, &skips[0]], 0)?;
        let x = self.fine.forward(&x, beside(self.decoder.len()), mode)?;
        let half = self.chroma.forward(&x, None, Activation::Tanh)?;
        Ok(Heads { chroma: turn(&bilinear2x(&half)?)?, bins: Some(bins) })
    }

    fn run(
        &self,
        pass: &mut dyn Pass,
        lightness: &Tensor,
        hints: Option<&Tensor>,
    ) -> Result<Outcome> {
        let pyramid = hints.map(Pyramid::new).transpose()?;
        let hinted = self.hinted.as_ref().zip(pyramid.as_ref());
        let beside = |step| hinted.map(|(hinted, pyramid)| hinted.step(step, pyramid));
        let stem = hinted.map(|(hinted, pyramid)| hinted.stem(pyramid));
        let skips = self.encoder.run(pass, &scaled(lightness)?, stem)?;
        let skip = |i: usize| (From::Value(&skips[i]), CHANNELS[i], SKIP_SCALES[i]);
        let [c16, c8, c4, c2] = self.config.decoder;
        let mut x = self.top.run(pass, &[skip(4)], None)?;
        for (i, block) in self.decoder.iter().enumerate() {
            let larger = (From::Doubled(&x), [c16, c16, c8][i], 1.);
            x = block.run(pass, &[larger, skip(3 - i)], beside(i))?;
        }
        let rows = pass.wants_rows().then(|| {
            let [weight, bias] = self.bins.parameters();
            pass.rows(&x, weight, bias)
        });
        let bins = rows.transpose()?;
        let x = self.reduce.run(pass, &[(From::Value(&x), c4, 1.)], None)?;
        let larger = (From::Doubled(&x), c2, 1.);
        let x = self.fine.run(pass, &[larger, skip(0)], beside(self.decoder.len()))?;
        let [weight, bias] = self.chroma.parameters();
        let chroma = pass.chroma(&x, weight, bias, Color { enlarged: 2, ..Color::PLAIN })?;
        Ok(Outcome { chroma, bins })
    }

    fn stride(&self) -> usize {
        STRIDE
    }

    fn bin_centers(&self) -> Option<Vec<[f32; 2]>> {
        Some(bins::centers())
    }

    fn takes_hints(&self) -> bool {
        self.hinted.is_some()
    }
}

/// Lightness by `ImageNet`'s mean and deviation over all three channels.
fn scaled(lightness: &Tensor) -> Result<Tensor> {
    lightness.affine(0.01 / 0.226, -0.45 / 0.226)
}

/// Left to right.
fn mirror(x: &Tensor) -> Result<Tensor> {
    let columns = x.dim(3)?;
    let backwards = Tensor::arange(0, columns as u32, x.device())?;
    let backwards = (Tensor::full(columns as u32 - 1, columns, x.device())? - backwards)?;
    x.contiguous()?.index_select(&backwards, 3)
}

#[cfg(test)]
mod tests;
