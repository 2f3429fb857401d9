//! What is minimized.
//!
//! The bins' part is that of Zhang, Isola and Efros 2016, <https://arxiv.org/abs/1603.08511>,
//! section 2.2, but for the soft encoding: all bins take part and not the five nearest, which
//! needs no search.

use std::collections::HashMap;

use candle_core::{D, DType, Device, Result, Tensor};

use super::dataset::Dataset;
use super::recipe::Recipe;
use super::validation;
use crate::model::Heads;
use crate::model::vivid::bin_centers;

/// Deviation of the soft encoding, and of the smoothing of the prior, in units of `a` and `b`.
const DEVIATION: f32 = 5.0;
/// Share of the uniform distribution in the prior that weights are taken from.
const UNIFORM: f64 = 0.5;
/// Difference of `a` and `b`, in their units, at which the order is held for likely (odds of e).
const ORDER_SCALE: f64 = 4.0;

/// The loss of a run.
#[derive(Debug)]
pub(crate) struct Objective {
    rebalanced: Option<Rebalanced>,
}

#[derive(Debug)]
struct Rebalanced {
    recipe: Recipe,
    /// `(2, Q)`: times 128 / sigma^2, so that a product with `(a, b) / 128` gives exponents.
    centers: Tensor,
    /// `(1, Q)`: what is subtracted from the exponents, `|center|^2 / (2 sigma^2)`.
    offsets: Tensor,
    /// `(Q, 1)`.
    weights: Tensor,
}

impl Objective {
    /// Mean squared error alone, or the recipe's, with weights from the photographs' colors.
    pub(crate) fn new(recipe: Option<&Recipe>, photos: &Dataset, device: &Device) -> Result<Self> {
        let Some(recipe) = recipe else { return Ok(Self { rebalanced: None }) };
        let centers = bin_centers();
        let weights = weights(&centers, &photos.color_counts(10.0));
        let variance = DEVIATION * DEVIATION;
        let factors: Vec<f32> = (0..2)
            .flat_map(|c| centers.iter().map(move |center| center[c] * 128.0 / variance))
            .collect();
        let offset = |[a, b]: &[f32; 2]| (a * a + b * b) / (2.0 * variance);
        let offsets: Vec<f32> = centers.iter().map(offset).collect();
        let count = centers.len();
        Ok(Self {
            rebalanced: Some(Rebalanced {
                recipe: recipe.clone(),
                centers: Tensor::from_vec(factors, (2, count), device)?,
                offsets: Tensor::from_vec(offsets, (1, count), device)?,
                weights: Tensor::from_vec(weights, (count, 1), device)?,
            }),
        })
    }

    /// The loss of a batch, a scalar; `chroma` is the true one, `(N, 2, H, W)` of `(a, b) / 128`.
    pub(crate) fn loss(&self, heads: &Heads, chroma: &Tensor) -> Result<Tensor> {
        let squares = validation::loss(&heads.chroma, chroma)?;
        let Some(rebalanced) = &self.rebalanced else { return Ok(squares) };
        let recipe = &rebalanced.recipe;
        let mut loss = (squares * recipe.chroma_weight)?;
        if recipe.order_weight > 0.0 {
            loss = (loss + (order(&heads.chroma, chroma)? * recipe.order_weight)?)?;
        }
        if let Some(logits) = &heads.bins {
            loss = (loss + (rebalanced.cross_entropy(logits, chroma)? * recipe.bins_weight)?)?;
        }
        Ok(loss)
    }
}

impl Rebalanced {
    fn cross_entropy(&self, logits: &Tensor, chroma: &Tensor) -> Result<Tensor> {
        let small = chroma.avg_pool2d(4)?.permute((0, 2, 3, 1))?.contiguous()?;
        let small = small.flatten_to(2)?; // (P, 2)
        let exponents = small.matmul(&self.centers)?.broadcast_sub(&self.offsets)?;
        let truth = log_softmax(&exponents)?.exp()?; // (P, Q)
        let weights = truth.matmul(&self.weights)?.squeeze(1)?; // (P)
        let agreement = (truth * log_softmax(logits)?)?.sum(D::Minus1)?; // (P)
        (agreement * weights)?.mean_all()?.neg()
    }
}

/// Logarithm of the softmax over the last dimension.
fn log_softmax(logits: &Tensor) -> Result<Tensor> {
    let most = logits.detach().max_keepdim(D::Minus1)?;
    let logits = logits.broadcast_sub(&most)?;
    logits.broadcast_sub(&logits.exp()?.sum_keepdim(D::Minus1)?.log()?)
}

/// Logistic loss on which of `a` and `b` is the larger: what the accuracy counts, and what a mean
/// color near gray leaves to chance.
fn order(predicted: &Tensor, target: &Tensor) -> Result<Tensor> {
    let difference = |chroma: &Tensor| {
        chroma.narrow(1, 1, 1)?.contiguous()? - chroma.narrow(1, 0, 1)?.contiguous()?
    };
    let truth = difference(target)?.gt(0f64)?.to_dtype(DType::F32)?.affine(2.0, -1.0)?;
    let margin = (difference(predicted)?.affine(128.0 / ORDER_SCALE, 0.0)? * truth)?;
    let tail = (margin.abs()?.neg()?.exp()? + 1.0)?.log()?;
    (margin.neg()?.relu()? + tail)?.mean_all()
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
mod tests {
    use super::*;

    #[test]
    fn rare_colors_weigh_more_and_the_mean_weight_is_one() {
        let centers = bin_centers();
        let counts = HashMap::from([((0, 0), 900), ((3, 4), 100)]);
        let weights = weights(&centers, &counts);
        let at =
            |a: f32, b: f32| weights[centers.iter().position(|center| *center == [a, b]).unwrap()];
        assert!(at(0.0, 0.0) < at(30.0, 40.0) && at(30.0, 40.0) < at(50.0, 0.0));
        assert!(at(0.0, 0.0) > 0.0);
    }

    fn objective() -> Objective {
        let photos = Dataset::for_tests(1, vec![200, 60, 30]);
        let recipe = Recipe { order_weight: 0.0, chroma_weight: 0.0, ..Recipe::default() };
        Objective::new(Some(&recipe), &photos, &Device::Cpu).unwrap()
    }

    #[test]
    fn cross_entropy_is_least_for_the_true_bin() {
        let chroma = Tensor::new(&[40f32 / 128.0, 30.0 / 128.0], &Device::Cpu).unwrap();
        let chroma = chroma.reshape((1, 2, 1, 1)).unwrap().broadcast_as((1, 2, 4, 4)).unwrap();
        let chroma = chroma.contiguous().unwrap();
        let centers = bin_centers();
        let loss = |color: [f32; 2]| {
            let logits = centers.iter().map(|center| if *center == color { 5f32 } else { 0.0 });
            let logits = Tensor::from_iter(logits, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
            let heads = Heads { chroma: chroma.clone(), bins: Some(logits) };
            objective().loss(&heads, &chroma).unwrap().to_scalar::<f32>().unwrap()
        };
        let exact = loss([40.0, 30.0]);
        assert!(exact > 0.0 && exact < loss([40.0, 40.0]));
        assert!(loss([40.0, 40.0]) < loss([-40.0, 30.0]));
    }

    #[test]
    fn the_order_costs_most_where_it_is_wrong() {
        let chroma = |a: f32, b: f32| {
            Tensor::new(&[a, b], &Device::Cpu).unwrap().reshape((1, 2, 1, 1)).unwrap()
        };
        let loss = |b: f32| {
            let loss = order(&chroma(0.0, b), &chroma(0.1, 0.2)).unwrap();
            loss.to_scalar::<f32>().unwrap()
        };
        assert!((loss(0.0) - 2f32.ln()).abs() < 1e-6);
        assert!(loss(0.1) < 0.1 && loss(-0.1) > 3.0);
    }
}
