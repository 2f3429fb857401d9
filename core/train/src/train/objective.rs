//! What is minimized.
//!
//! The bins' part is that of Zhang, Isola and Efros 2016, <https://arxiv.org/abs/1603.08511>,
//! section 2.2, but that for `vivid` all bins take part in the soft encoding and not the five
//! nearest, which needs no search.
//!
//! A recipe's loss and its gradient by what the network predicts are computed in one pass on the CPU,
//! for any device: composed of stock operations they took some sixty passes over the batch.

mod bins;
mod chroma;
mod elementary;
mod rebalanced;

use std::collections::HashMap;

use candle_core::{Result, Tensor};
use polychromify_core::internals::model::{BLOCK, Heads, vivid};
use rayon::prelude::*;

use super::dataset::Dataset;
use super::recipe::Recipe;
use super::validation;
use rebalanced::{DEVIATION, GRID, Picture, REACH, Rebalanced, SIDE, position};

/// Share of the uniform distribution in the prior that weights are taken from.
const UNIFORM: f64 = 0.5;

/// The loss of a run.
#[derive(Debug)]
pub(crate) struct Objective {
    rebalanced: Option<Rebalanced>,
}

impl Objective {
    /// Mean squared error alone, or the recipe's, with weights from the photographs' colors.
    pub(crate) fn new(
        recipe: Option<&Recipe>,
        centers: Option<Vec<[f32; 2]>>,
        photos: &Dataset,
    ) -> Self {
        let Some(recipe) = recipe else { return Self { rebalanced: None } };
        let centers = centers.unwrap_or_else(vivid::bin_centers);
        let weights = weights(&centers, &photos.color_counts(GRID));
        let index = |value: f32| ((value / GRID).round() as i32 + REACH) as usize;
        let nearest = |cell: usize| {
            let at = [cell % SIDE, cell / SIDE].map(position);
            let distance = |center: &[f32; 2]| (center[0] - at[0]).hypot(center[1] - at[1]);
            let order =
                |a: &usize, b: &usize| distance(&centers[*a]).total_cmp(&distance(&centers[*b]));
            weights[(0..centers.len()).min_by(order).expect("there are bins")]
        };
        let grid = (0..SIDE * SIDE).map(nearest).collect();
        let cells: Vec<_> = centers.iter().map(|center| center.map(index)).collect();
        let (recipe, rows) = (recipe.clone(), rebalanced::rows(&cells));
        Self { rebalanced: Some(Rebalanced { recipe, centers, cells, rows, weights, grid }) }
    }

    /// The loss of a batch, a scalar; `lightness` is what the network saw, `(N, 1, H, W)` in 0..=100,
    /// `chroma` the true one, `(N, 2, H, W)` of `(a, b) / 128`.
    pub(crate) fn loss(
        &self,
        heads: &Heads,
        lightness: &Tensor,
        chroma: &Tensor,
    ) -> Result<Tensor> {
        let Some(rebalanced) = &self.rebalanced else {
            return validation::loss(&heads.chroma, chroma);
        };
        rebalanced.loss(heads, lightness, chroma)
    }

    /// The loss of pictures of a height and width, and its gradients; lightness and true chroma as
    /// [`Objective::loss`] takes them.
    pub(crate) fn costs(
        &self,
        predicted: &Predicted<'_>,
        lightness: &[f32],
        truth: &[f32],
        size: [usize; 2],
    ) -> Costs {
        match &self.rebalanced {
            Some(rebalanced) => rebalanced.costs(predicted, lightness, truth, size),
            None => Costs::of_squares(predicted.chroma, truth),
        }
    }
}

/// What a network says of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Predicted<'a> {
    /// `(N, 2, H, W)` of `(a, b) / 128`.
    pub(crate) chroma: &'a [f32],
    /// Logits, one row for each block of 4x4 pixels, and values from row to row.
    pub(crate) bins: Option<(&'a [f32], usize)>,
}

/// A loss, and its gradients by what was predicted.
#[derive(Debug)]
pub(crate) struct Costs {
    pub(crate) loss: f64,
    pub(crate) d_chroma: Vec<f32>,
    /// Empty where there are no bins.
    pub(crate) d_bins: Vec<f32>,
}

impl Costs {
    /// The mean squared error.
    fn of_squares(predicted: &[f32], truth: &[f32]) -> Self {
        const PART: usize = 1 << 14;
        let scale = 2.0 / predicted.len() as f32;
        let mut d_chroma = vec![0f32; predicted.len()];
        let parts = d_chroma.par_chunks_mut(PART).zip(predicted.par_chunks(PART));
        let losses: Vec<f64> = parts
            .zip(truth.par_chunks(PART))
            .map(|((gradient, predicted), truth)| {
                let mut sum = 0.0;
                for ((gradient, predicted), truth) in gradient.iter_mut().zip(predicted).zip(truth)
                {
                    *gradient = scale * (predicted - truth);
                    sum += (predicted - truth) * (predicted - truth);
                }
                f64::from(sum)
            })
            .collect();
        let loss = losses.iter().sum::<f64>() / predicted.len() as f64;
        Self { loss, d_chroma, d_bins: Vec::new() }
    }
}

impl Rebalanced {
    fn loss(&self, heads: &Heads, lightness: &Tensor, chroma: &Tensor) -> Result<Tensor> {
        let (_, _, height, width) = chroma.dims4()?;
        let host = |tensor: &Tensor| tensor.detach().flatten_all()?.to_vec1::<f32>();
        let (truth, predicted, lightness) = (host(chroma)?, host(&heads.chroma)?, host(lightness)?);
        let bins = heads.bins.as_ref().map(host).transpose()?;
        let predicted = Predicted {
            chroma: &predicted,
            bins: bins.as_ref().map(|bins| (&bins[..], self.cells.len())),
        };
        let Costs { loss, d_chroma, d_bins } =
            self.costs(&predicted, &lightness, &truth, [height, width]);
        let mut loss = Tensor::new(loss as f32, chroma.device())?;
        let parts = [(Some(&heads.chroma), d_chroma), (heads.bins.as_ref(), d_bins)];
        for (predicted, gradient) in parts {
            let Some(predicted) = predicted else { continue };
            if gradient.iter().any(|value| *value != 0.0) {
                // The value of the loss with the gradient of the carrier.
                let carrier = carry(predicted, gradient)?;
                loss = (loss + (&carrier - carrier.detach())?)?;
            }
        }
        Ok(loss)
    }

    fn costs(
        &self,
        predicted: &Predicted<'_>,
        lightness: &[f32],
        truth: &[f32],
        [height, width]: [usize; 2],
    ) -> Costs {
        let area = height * width;
        let n = truth.len() / (2 * area);
        let step = predicted.bins.map_or(1, |(_, step)| step);
        let rows = area / (BLOCK * BLOCK) * step;
        let mut d_chroma = vec![0f32; predicted.chroma.len()];
        let mut d_bins = vec![0f32; n * rows.max(1)];
        let gradients = d_chroma.par_chunks_mut(2 * area).zip(d_bins.par_chunks_mut(rows.max(1)));
        let losses: Vec<f64> = gradients
            .enumerate()
            .map(|(i, (d_chroma, d_bins))| {
                let picture = Picture {
                    lightness: &lightness[i * area..][..area],
                    truth: &truth[i * 2 * area..][..2 * area],
                    chroma: &predicted.chroma[i * 2 * area..][..2 * area],
                    bins: predicted.bins.map(|(bins, _)| &bins[i * rows..][..rows]),
                    step,
                    width,
                };
                let scale = 1.0 / (n * area) as f32;
                let pixels = self.pixels(&picture, scale, d_chroma);
                pixels + self.blocks(&picture, scale * (BLOCK * BLOCK) as f32, d_bins)
            })
            .collect();
        Costs { loss: losses.iter().sum(), d_chroma, d_bins }
    }
}

/// A scalar whose gradient by `predicted` is `gradient`.
fn carry(predicted: &Tensor, gradient: Vec<f32>) -> Result<Tensor> {
    let gradient = Tensor::from_vec(gradient, predicted.shape(), predicted.device())?;
    (predicted * gradient)?.sum_all()
}

/// Weights of the bins, 1 on average over the photographs' pixels, from how often each cell of the
/// grid is seen. Cells that sRGB does not reach are left out: rounding alone gets there.
fn weights(centers: &[[f32; 2]], counts: &HashMap<(i32, i32), usize>) -> Vec<f32> {
    let cell = |[a, b]: [f32; 2]| ((a / 10.0).round() as i32, (b / 10.0).round() as i32);
    let counted = |center: &[f32; 2]| counts.get(&cell(*center)).copied().unwrap_or(0) as f64;
    let seen: Vec<f64> = centers.iter().map(counted).collect();
    let all: f64 = seen.iter().sum();
    let mut prior = vec![0.0; centers.len()];
    for (from, seen) in centers.iter().zip(seen) {
        let near = |to: &[f32; 2]| {
            let square = (to[0] - from[0]).powi(2) + (to[1] - from[1]).powi(2);
            f64::from(-square / (2.0 * DEVIATION * DEVIATION)).exp()
        };
        let shares: Vec<f64> = centers.iter().map(near).collect();
        let sum: f64 = shares.iter().sum();
        prior.iter_mut().zip(shares).for_each(|(prior, share)| *prior += share / sum * seen / all);
    }
    let uniform = UNIFORM / centers.len() as f64;
    let raw: Vec<f64> =
        prior.iter().map(|prior| 1.0 / ((1.0 - UNIFORM) * prior + uniform)).collect();
    let mean: f64 = raw.iter().zip(&prior).map(|(weight, prior)| weight * prior).sum();
    raw.into_iter().map(|weight| (weight / mean) as f32).collect()
}

#[cfg(test)]
mod tests;
