//! Hints as further inputs: of the stem, and of each convolution of the decoder that takes a skip.
//!
//! As in Zhang, Zhu, Isola and others 2017, <https://arxiv.org/abs/1705.02999>, a hint is a color
//! and a mask. Its weights begin at zero and stand beside those of lightness, so that a network
//! that is trained already goes on as it was, and a picture without hints costs nothing.

use candle_core::{DType, Result, Tensor};
use candle_nn::{Init, VarBuilder};

use super::encoder::STEM;
use super::layers::Side;

/// Channels of hints: `(a, b)` and the mask.
const PLANES: usize = 3;

/// Brings the chroma of hints, `(a, b) / 128` of 0.1 to 0.4, to the size of other inputs.
const CHROMA_GAIN: f64 = 8.0;

/// What the stem's hints are multiplied by: its folded weights for lightness are near 2, those of
/// the decoder near 0.04, and an optimizer moves all by like steps.
const STEM_GAIN: f64 = 16.0;

/// What convolutions have for hints: tensors `stem.weight` and, for each step N of the decoder
/// from 0, the smallest first, `decoder.N.weight`.
#[derive(Clone, Debug)]
pub(super) struct Hinted {
    stem: Tensor,
    decoder: Vec<Tensor>,
}

impl Hinted {
    /// `channels` are those that the steps of the decoder give.
    pub(super) fn new(channels: &[usize], vb: VarBuilder) -> Result<Self> {
        let weight = |outputs: usize, vb: VarBuilder| {
            vb.get_with_hints((outputs, PLANES, 3, 3), "weight", Init::Const(0.))
        };
        let step = |(i, outputs): (usize, &usize)| weight(*outputs, vb.pp("decoder").pp(i));
        Ok(Self {
            stem: weight(STEM, vb.pp("stem"))?,
            decoder: channels.iter().enumerate().map(step).collect::<Result<_>>()?,
        })
    }

    /// Beside `(N, 1, H, W)`.
    pub(super) fn stem<'a>(&'a self, pyramid: &'a Pyramid) -> Side<'a> {
        Side { planes: &pyramid.whole, weight: &self.stem }
    }

    /// Beside what a step of the decoder takes.
    pub(super) fn step<'a>(&'a self, step: usize, pyramid: &'a Pyramid) -> Side<'a> {
        Side { planes: &pyramid.smaller[step], weight: &self.decoder[step] }
    }
}

/// Hints at all sizes at which they are looked at.
#[derive(Debug)]
pub(super) struct Pyramid {
    whole: Tensor,
    /// At a 16th, an eighth, a quarter and half of the size.
    smaller: Vec<Tensor>,
}

impl Pyramid {
    /// Takes `(N, 3, H, W)`: `(a, b) / 128` where the mask is 1, and 0 elsewhere; the mask.
    pub(super) fn new(hints: &Tensor) -> Result<Self> {
        let smaller = |cell: usize| present(&hints.avg_pool2d(cell)?);
        Ok(Self {
            whole: (present(hints)? * STEM_GAIN)?,
            smaller: [16, 8, 4, 2].into_iter().map(smaller).collect::<Result<_>>()?,
        })
    }
}

/// The mean color of the hints in each cell, and whether there are any: a mean over the cell would
/// be the weaker the smaller a hint is.
fn present(pooled: &Tensor) -> Result<Tensor> {
    let (chroma, share) = (pooled.narrow(1, 0, 2)?, pooled.narrow(1, 2, 1)?);
    let mask = share.gt(0f64)?.to_dtype(DType::F32)?;
    let chroma = chroma.broadcast_div(&share.maximum(1e-6)?)?;
    Tensor::cat(&[(chroma * CHROMA_GAIN)?, mask], 1)
}
