//! Predictions of [`Vivid`](super::vivid) in integers: the same bits on every machine.
//!
//! Activations have 13 bits and a sign, weights 16 bits with a power of two for each output channel,
//! sums 32 bits, exactly. Tensors of their own in the weights file say all of it; `calibrate` makes
//! them of the network's.

mod bench;
mod bins;
pub mod calibrate;
mod network;
mod picture;
mod plan;
mod quantized;
mod resize;

pub use bench::head_loops;

use candle_core::{Device, Result, Tensor, bail};

use super::network::{Heads, Mode, Network, Outcome};
use super::vivid::{self, Config, STRIDE};
use crate::nn::engine::Pass;
use crate::nn::weights::{Integers, Numbers};
use network::{Layers, Picture};
use plan::{BINS, Plan};
use resize::Extent;

/// Name of the tensor of what a logit's number is multiplied by.
const BINS_STEP: &str = "bins.step";

/// The network in integers, for pictures that are not trained on.
#[derive(Debug)]
pub(crate) struct IntegerVivid {
    config: Config,
    layers: Layers,
    bins_step: f32,
    centers: Vec<[f32; 2]>,
}

/// Planes of chroma, and logits if they were asked for.
struct Prediction {
    chroma: [Vec<f32>; 2],
    logits: Option<Vec<f32>>,
}

impl IntegerVivid {
    /// # Errors
    ///
    /// When a tensor is missing, of another type or length, or sums could be longer than 32 bits.
    pub(super) fn new(config: &Config, file: &Integers) -> std::result::Result<Self, String> {
        let bins_step = match &*file.get(BINS_STEP, 1)? {
            Numbers::F32(step) if step[0].is_finite() => step[0],
            _ => return Err(format!("tensor `integers.{BINS_STEP}` is no number of f32")),
        };
        let layers = Layers::new(Plan::new(config), file)?;
        let centers = vivid::bin_centers();
        Ok(Self { config: config.clone(), layers, bins_step, centers })
    }

    /// A picture at the size that it has.
    fn predict(
        &self,
        lightness: &[f32],
        hints: Option<&[f32]>,
        extent: Extent,
        with_logits: bool,
    ) -> Prediction {
        let [height, width] = extent;
        let hints = hints.filter(|_| self.config.hints);
        let mut stem = self.layers.take(self.layers.stem_size(height, width, hints.is_some()));
        picture::stem(lightness, hints, extent, &mut stem);
        let pyramid = hints.map(|hints| picture::pyramid(hints, extent));
        let seen = Picture { height, width, stem: &stem, hints: pyramid.as_ref() };
        let share = self.config.bins_share as f32;
        let heads = self.layers.forward(&seen, with_logits || share > 0.);
        self.layers.give(stem);
        let (chroma, half) = picture::chroma(&heads.chroma);
        self.layers.give(heads.chroma);
        let mut chroma = chroma.map(|plane| resize::doubled(&plane, half));
        if let Some(planes) = heads.bins.as_ref().filter(|_| share > 0.) {
            let sharpness = self.config.sharpness as f32;
            let annealed = bins::annealed(planes, self.bins_step, &self.centers, sharpness);
            for (plane, annealed) in chroma.iter_mut().zip(annealed) {
                let annealed = resize::doubled(&annealed, [height / 4, width / 4]);
                let annealed = resize::doubled(&annealed, [height / 2, width / 2]);
                for (value, annealed) in plane.iter_mut().zip(annealed) {
                    *value = *value * (1. - share) + annealed * share;
                }
            }
        }
        let logits = heads.bins.map(|planes| {
            let logits = with_logits.then(|| bins::logits(&planes, BINS, self.bins_step));
            self.layers.give(planes);
            logits
        });
        Prediction { chroma, logits: logits.flatten() }
    }

    /// Planes of chroma of one picture, enlarged, mirrored and multiplied as the dials say.
    fn colored(&self, lightness: &[f32], hints: Option<&[f32]>, extent: Extent) -> [Vec<f32>; 2] {
        let seen: Extent = self.config.seen(extent[0], extent[1]).into();
        let enlarged = seen != extent;
        let large = enlarged.then(|| resize::resized(lightness, extent, seen));
        let lightness = large.as_deref().unwrap_or(lightness);
        let large = hints.filter(|_| enlarged).map(|h| resize::nearest(h, extent, seen));
        let hints = large.as_deref().or(hints);
        let mut chroma = self.predict(lightness, hints, seen, false).chroma;
        if self.config.mirrored {
            let mirror = |planes: &[f32]| resize::mirrored(planes, seen[1]);
            let turned = hints.map(mirror);
            let turned = self.predict(&mirror(lightness), turned.as_deref(), seen, false).chroma;
            for (plane, turned) in chroma.iter_mut().zip(turned) {
                let pairs = plane.iter_mut().zip(mirror(&turned));
                pairs.for_each(|(value, turned)| *value = (*value + turned) * 0.5);
            }
        }
        if enlarged {
            chroma = chroma.map(|plane| resize::resized(&plane, seen, extent));
        }
        let gain = self.config.gain as f32;
        for plane in &mut chroma {
            for value in plane {
                *value = (*value * gain).clamp(-1., 1.);
            }
        }
        chroma
    }
}

/// Lightness of a picture, and hints if there are any.
type Inputs = (Vec<f32>, Option<Vec<f32>>);

/// Numbers of each picture of a batch, with the hints' if there are any.
fn pictures(
    lightness: &Tensor,
    hints: Option<&Tensor>,
    mode: Mode,
) -> Result<(Vec<Inputs>, Extent)> {
    if mode == Mode::Train {
        bail!("a network in integers is not trained");
    }
    let (n, _, height, width) = lightness.dims4()?;
    let numbers = |x: &Tensor, i: usize| x.get(i)?.flatten_all()?.to_vec1::<f32>();
    let picture = |i| {
        let hints = hints.map(|hints| numbers(hints, i)).transpose()?;
        Ok((numbers(lightness, i)?, hints))
    };
    Ok(((0..n).map(picture).collect::<Result<_>>()?, [height, width]))
}

/// `(N, 2, H, W)` of planes of each picture.
fn batch(planes: Vec<[Vec<f32>; 2]>, [height, width]: Extent) -> Result<Tensor> {
    let shape = (planes.len(), 2, height, width);
    Tensor::from_vec(planes.as_flattened().concat(), shape, &Device::Cpu)
}

impl Network for IntegerVivid {
    fn forward(&self, lightness: &Tensor, hints: Option<&Tensor>, mode: Mode) -> Result<Tensor> {
        let (pictures, extent) = pictures(lightness, hints, mode)?;
        let colored =
            |(lightness, hints): &Inputs| self.colored(lightness, hints.as_deref(), extent);
        // Within the pool: from outside, each layer would wake it and wait for it.
        batch(rayon::scope(|_| pictures.iter().map(colored).collect()), extent)
    }

    fn heads(&self, lightness: &Tensor, hints: Option<&Tensor>, mode: Mode) -> Result<Heads> {
        let (pictures, extent) = pictures(lightness, hints, mode)?;
        let (mut chroma, mut logits) = (Vec::new(), Vec::new());
        for (lightness, hints) in &pictures {
            let predict = |_: &_| self.predict(lightness, hints.as_deref(), extent, true);
            let found = rayon::scope(predict);
            chroma.push(found.chroma);
            logits.extend(found.logits.unwrap_or_default());
        }
        let logits = Tensor::from_vec(
            logits,
            (pictures.len() * extent[0] * extent[1] / 16, BINS),
            &Device::Cpu,
        )?;
        Ok(Heads { chroma: batch(chroma, extent)?, bins: Some(logits) })
    }

    fn stock(&self, lightness: &Tensor, hints: Option<&Tensor>, mode: Mode) -> Result<Heads> {
        self.heads(lightness, hints, mode)
    }

    fn run(&self, _: &mut dyn Pass, _: &Tensor, _: Option<&Tensor>) -> Result<Outcome> {
        bail!("a network in integers has operations of its own")
    }

    fn stride(&self) -> usize {
        STRIDE
    }

    fn bin_centers(&self) -> Option<Vec<[f32; 2]>> {
        Some(self.centers.clone())
    }

    fn takes_hints(&self) -> bool {
        self.config.hints
    }
}

#[cfg(test)]
mod tests;
