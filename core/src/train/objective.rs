//! What is minimized.
//!
//! The bins' part is that of Zhang, Isola and Efros 2016, <https://arxiv.org/abs/1603.08511>,
//! section 2.2, but that for `vivid` all bins take part in the soft encoding and not the five
//! nearest, which needs no search.
//!
//! A recipe's loss and its gradient by what the network says are computed in one pass on the CPU,
//! for any device: composed of stock operations they took some sixty passes over the batch.

use std::collections::HashMap;

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::dataset::Dataset;
use super::recipe::{Recipe, Targets};
use super::validation;
use crate::model::{BLOCK, Heads, vivid};

/// What chroma is divided by.
const CHROMA_SCALE: f32 = 128.0;
/// Distance of the bins, in units of `a` and `b`, and greatest index of one on either side of 0.
const GRID: f32 = 10.0;
const REACH: i32 = 13;
/// Deviation of the soft encoding, and of the smoothing of the prior, in units of `a` and `b`.
const DEVIATION: f32 = 5.0;
/// Share of the uniform distribution in the prior that weights are taken from.
const UNIFORM: f64 = 0.5;
/// Difference of `a` and `b`, in their units, at which the order is held for likely (odds of e).
const ORDER_SCALE: f32 = 4.0;
/// Distance in units of `a` and `b` below which the error counts as a square.
const NEAR: f32 = 2.0;
/// The same along each axis for the smooth distance.
const SMOOTH: f32 = 1.0;
/// Bins that take part in the encoding of a color (Zhang, Isola and Efros 2016, section 2.1).
const NEIGHBORS: usize = 5;
/// A photograph without a greater `|a|` or `|b|` is gray (the authors' `caffe_traininglayers.py`).
const GRAY: f32 = 5.0;

/// The loss of a run.
#[derive(Debug)]
pub(crate) struct Objective {
    rebalanced: Option<Rebalanced>,
}

#[derive(Debug)]
struct Rebalanced {
    recipe: Recipe,
    /// Colors of the bins, in units of `a` and `b`.
    centers: Vec<[f32; 2]>,
    /// Grid indices of the bins, by `a` and `b`.
    cells: Vec<[usize; 2]>,
    /// Weight of each bin.
    weights: Vec<f32>,
    /// Weight of each cell of the grid, the nearest bin's.
    grid: Vec<f32>,
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
        let cells = centers.iter().map(|center| center.map(index)).collect();
        let recipe = recipe.clone();
        Self { rebalanced: Some(Rebalanced { recipe, centers, cells, weights, grid }) }
    }

    /// The loss of a batch, a scalar; `chroma` is the true one, `(N, 2, H, W)` of `(a, b) / 128`.
    pub(crate) fn loss(&self, heads: &Heads, chroma: &Tensor) -> Result<Tensor> {
        let Some(rebalanced) = &self.rebalanced else {
            return validation::loss(&heads.chroma, chroma);
        };
        rebalanced.loss(heads, chroma)
    }

    /// The loss of pictures of `width` pixels in a row and its gradients; `truth` is the true
    /// chroma, `(N, 2, H, W)` of `(a, b) / 128`.
    pub(crate) fn costs(&self, said: &Said<'_>, truth: &[f32], size: [usize; 2]) -> Costs {
        match &self.rebalanced {
            Some(rebalanced) => rebalanced.costs(said, truth, size),
            None => Costs::of_squares(said.chroma, truth),
        }
    }
}

/// What a network says of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    /// `(N, 2, H, W)` of `(a, b) / 128`.
    pub(crate) chroma: &'a [f32],
    /// Logits, one row for each block of 4x4 pixels, and values from row to row.
    pub(crate) bins: Option<(&'a [f32], usize)>,
}

/// A loss, and its gradients by what was said.
#[derive(Debug)]
pub(crate) struct Costs {
    pub(crate) loss: f64,
    pub(crate) d_chroma: Vec<f32>,
    /// Empty where there are no bins.
    pub(crate) d_bins: Vec<f32>,
}

impl Costs {
    /// The mean squared error.
    fn of_squares(said: &[f32], truth: &[f32]) -> Self {
        const PART: usize = 1 << 14;
        let scale = 2.0 / said.len() as f32;
        let mut d_chroma = vec![0f32; said.len()];
        let parts = d_chroma.par_chunks_mut(PART).zip(said.par_chunks(PART));
        let losses: Vec<f64> = parts
            .zip(truth.par_chunks(PART))
            .map(|((gradient, said), truth)| {
                let mut sum = 0.0;
                for ((gradient, said), truth) in gradient.iter_mut().zip(said).zip(truth) {
                    *gradient = scale * (said - truth);
                    sum += (said - truth) * (said - truth);
                }
                f64::from(sum)
            })
            .collect();
        let loss = losses.iter().sum::<f64>() / said.len() as f64;
        Self { loss, d_chroma, d_bins: Vec::new() }
    }
}

/// Cells of the grid from one end to the other.
const SIDE: usize = 2 * REACH as usize + 1;

/// Center of a cell along an axis, in units of `a` and `b`.
fn position(index: usize) -> f32 {
    (index as f32 - REACH as f32) * GRID
}

/// A picture of a batch: what is true, what was said, and where the gradients go.
struct Picture<'a> {
    truth: &'a [f32],
    chroma: &'a [f32],
    bins: Option<&'a [f32]>,
    /// Values from row to row of the bins.
    step: usize,
    width: usize,
}

impl Rebalanced {
    fn loss(&self, heads: &Heads, chroma: &Tensor) -> Result<Tensor> {
        let (_, _, height, width) = chroma.dims4()?;
        let host = |tensor: &Tensor| tensor.detach().flatten_all()?.to_vec1::<f32>();
        let (truth, said) = (host(chroma)?, host(&heads.chroma)?);
        let bins = heads.bins.as_ref().map(host).transpose()?;
        let said = Said {
            chroma: &said,
            bins: bins.as_ref().map(|bins| (&bins[..], self.cells.len())),
        };
        let Costs { loss, d_chroma, d_bins } = self.costs(&said, &truth, [height, width]);
        let mut loss = Tensor::new(loss as f32, chroma.device())?;
        let parts = [(Some(&heads.chroma), d_chroma), (heads.bins.as_ref(), d_bins)];
        for (said, gradient) in parts {
            let Some(said) = said else { continue };
            if gradient.iter().any(|value| *value != 0.0) {
                // The value of the loss with the gradient of the carrier.
                let carrier = carry(said, gradient)?;
                loss = (loss + (&carrier - carrier.detach())?)?;
            }
        }
        Ok(loss)
    }

    fn costs(&self, said: &Said<'_>, truth: &[f32], [height, width]: [usize; 2]) -> Costs {
        let area = height * width;
        let n = truth.len() / (2 * area);
        let step = said.bins.map_or(1, |(_, step)| step);
        let rows = area / (BLOCK * BLOCK) * step;
        let mut d_chroma = vec![0f32; said.chroma.len()];
        let mut d_bins = vec![0f32; n * rows.max(1)];
        let gradients = d_chroma.par_chunks_mut(2 * area).zip(d_bins.par_chunks_mut(rows.max(1)));
        let losses: Vec<f64> = gradients
            .enumerate()
            .map(|(i, (d_chroma, d_bins))| {
                let picture = Picture {
                    truth: &truth[i * 2 * area..][..2 * area],
                    chroma: &said.chroma[i * 2 * area..][..2 * area],
                    bins: said.bins.map(|(bins, _)| &bins[i * rows..][..rows]),
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

    /// Adds up what the chroma costs, and sets its gradient; `scale` is one over the pixels.
    fn pixels(&self, picture: &Picture<'_>, scale: f32, gradient: &mut [f32]) -> f64 {
        let Recipe { chroma_weight, distance_weight, order_weight, .. } = self.recipe;
        let [squares, distances, orders, smooth] =
            [chroma_weight, distance_weight, order_weight, self.recipe.smooth_weight]
                .map(|weight| weight as f32);
        if [squares, distances, orders, smooth] == [0.0; 4] {
            return 0.0;
        }
        let area = picture.truth.len() / 2;
        let (d_a, d_b) = gradient.split_at_mut(area);
        let near = NEAR / CHROMA_SCALE;
        let margin_scale = CHROMA_SCALE / ORDER_SCALE;
        let mut loss = 0.0;
        for i in 0..area {
            let [true_a, true_b] = [picture.truth[i], picture.truth[area + i]];
            let [a, b] = [picture.chroma[i], picture.chroma[area + i]];
            let (da, db) = (a - true_a, b - true_b);
            let square = da * da + db * db;
            let distance = (square + near * near).sqrt();
            let rarity = distances * self.weight_at([true_a, true_b]);
            let sign = if true_b > true_a { 1.0 } else { -1.0 };
            let margin = (b - a) * margin_scale * sign;
            // ln(1 + e^-margin), and e^-margin / (1 + e^-margin), for any size.
            let tail = (-margin.abs()).exp();
            let order = (-margin).max(0.0) + tail.ln_1p();
            let doubt = if margin > 0.0 { tail / (1.0 + tail) } else { 1.0 / (1.0 + tail) };
            loss += f64::from(0.5 * squares * square + rarity * (distance - near) + orders * order);
            let pull = squares + rarity / distance;
            let push = orders * doubt * margin_scale * sign;
            let [(cost_a, slope_a), (cost_b, slope_b)] = [da, db].map(smooth_distance);
            loss += f64::from(smooth * (cost_a + cost_b));
            d_a[i] = scale * (pull * da + push + smooth * slope_a);
            d_b[i] = scale * (pull * db - push + smooth * slope_b);
        }
        loss * f64::from(scale)
    }

    /// Weight of a color `(a, b) / 128`.
    fn weight_at(&self, color: [f32; 2]) -> f32 {
        let index = |value: f32| {
            let cell = (value * CHROMA_SCALE / GRID).round() as i32;
            (cell.clamp(-REACH, REACH) + REACH) as usize
        };
        self.grid[index(color[1]) * SIDE + index(color[0])]
    }

    /// Adds up what the bins cost, and sets their gradient; `scale` is one over the blocks.
    fn blocks(&self, picture: &Picture<'_>, scale: f32, gradient: &mut [f32]) -> f64 {
        let Some(bins) = picture.bins else { return 0.0 };
        let scale = self.recipe.bins_weight as f32 * scale;
        let (width, area) = (picture.width, picture.truth.len() / 2);
        let count = self.cells.len();
        let gray = picture.truth.iter().all(|value| value.abs() * CHROMA_SCALE <= GRAY);
        if self.recipe.targets == Targets::FiveNearest && gray {
            return 0.0;
        }
        let mut truth = vec![0f32; count];
        let mut loss = 0.0;
        let rows = bins.chunks_exact(picture.step).zip(gradient.chunks_exact_mut(picture.step));
        for (i, (logits, gradient)) in rows.enumerate() {
            let (logits, gradient) = (&logits[..count], &mut gradient[..count]);
            let columns = width / BLOCK;
            let corner = i / columns * BLOCK * width + i % columns * BLOCK;
            let mean = |plane: &[f32]| {
                let lines = (0..BLOCK).map(|y| &plane[corner + y * width..][..BLOCK]);
                lines.map(|line| line.iter().sum::<f32>()).sum::<f32>() / (BLOCK * BLOCK) as f32
            };
            let first = [picture.truth[corner], picture.truth[area + corner]];
            let weight = match self.recipe.targets {
                Targets::Block => {
                    let color = [mean(&picture.truth[..area]), mean(&picture.truth[area..])];
                    self.soften(color, &mut truth)
                }
                Targets::FiveNearest => self.weights[self.encode::<NEIGHBORS>(first, &mut truth)],
                Targets::Nearest => {
                    self.encode::<1>(first, &mut truth);
                    1.0
                }
            };
            let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut sum = 0.0;
            for (gradient, logit) in gradient.iter_mut().zip(logits) {
                *gradient = (logit - most).exp();
                sum += *gradient;
            }
            let agreement: f32 = truth.iter().zip(logits).map(|(share, logit)| share * logit).sum();
            loss += f64::from(weight * (most + sum.ln() - agreement));
            for (gradient, share) in gradient.iter_mut().zip(&truth) {
                *gradient = scale * weight * (*gradient / sum - share);
            }
        }
        loss * f64::from(scale)
    }

    /// Sets each bin's share in a color `(a, b) / 128`, of which only the `N` nearest have any;
    /// returns the nearest.
    fn encode<const N: usize>(&self, color: [f32; 2], shares: &mut [f32]) -> usize {
        let [a, b] = color.map(|value| value * CHROMA_SCALE);
        let mut nearest = [(f32::INFINITY, 0); N];
        for (i, center) in self.centers.iter().enumerate() {
            let mut candidate =
                ((center[0] - a) * (center[0] - a) + (center[1] - b) * (center[1] - b), i);
            for kept in &mut nearest {
                if candidate.0 < kept.0 {
                    std::mem::swap(kept, &mut candidate);
                }
            }
        }
        shares.fill(0.0);
        // Beside the nearest: a color far from all of them has shares too.
        let share = |square: f32| (-(square - nearest[0].0) / (2.0 * DEVIATION * DEVIATION)).exp();
        let sum: f32 = nearest.iter().map(|(square, _)| share(*square)).sum();
        for (square, i) in nearest {
            shares[i] = share(square) / sum;
        }
        nearest[0].1
    }

    /// Sets each bin's share in a color `(a, b) / 128`; returns the color's weight.
    fn soften(&self, color: [f32; 2], shares: &mut [f32]) -> f32 {
        // A Gaussian over the plane is the product of one along each axis.
        let along = color.map(|value| {
            let mut axis = [0f32; SIDE];
            for (i, axis) in axis.iter_mut().enumerate() {
                let offset = position(i) - value * CHROMA_SCALE;
                *axis = (-offset * offset / (2.0 * DEVIATION * DEVIATION)).exp();
            }
            axis
        });
        let mut sum = 0.0;
        for (share, [a, b]) in shares.iter_mut().zip(&self.cells) {
            *share = along[0][*a] * along[1][*b];
            sum += *share;
        }
        let mut weight = 0.0;
        for (share, bin) in shares.iter_mut().zip(&self.weights) {
            *share /= sum.max(f32::MIN_POSITIVE);
            weight += *share * bin;
        }
        weight
    }
}

/// The distance of a difference of `(a, b) / 128` along an axis, a square near 0, and its slope.
fn smooth_distance(difference: f32) -> (f32, f32) {
    let near = SMOOTH / CHROMA_SCALE;
    if difference.abs() < near {
        (difference * difference / (2.0 * near), difference / near)
    } else {
        (difference.abs() - near / 2.0, difference.signum())
    }
}

/// A scalar whose gradient by `said` is `gradient`.
fn carry(said: &Tensor, gradient: Vec<f32>) -> Result<Tensor> {
    let gradient = Tensor::from_vec(gradient, said.shape(), said.device())?;
    (said * gradient)?.sum_all()
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
    use candle_core::Device;

    use super::*;
    use crate::model::zhang;

    #[test]
    fn rare_colors_weigh_more_and_the_mean_weight_is_one() {
        let centers = vivid::bin_centers();
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
        Objective::new(Some(&recipe), None, &photos)
    }

    #[test]
    fn cross_entropy_is_least_for_the_true_bin() {
        let chroma = Tensor::new(&[40f32 / 128.0, 30.0 / 128.0], &Device::Cpu).unwrap();
        let chroma = chroma.reshape((1, 2, 1, 1)).unwrap().broadcast_as((1, 2, 4, 4)).unwrap();
        let chroma = chroma.contiguous().unwrap();
        let centers = vivid::bin_centers();
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
        let photos = Dataset::for_tests(1, vec![200, 60, 30]);
        let recipe =
            Recipe { order_weight: 1.0, chroma_weight: 0.0, bins_weight: 0.0, ..Recipe::default() };
        let objective = Objective::new(Some(&recipe), None, &photos);
        let chroma = |a: f32, b: f32| {
            Tensor::new(&[a, b], &Device::Cpu).unwrap().reshape((1, 2, 1, 1)).unwrap()
        };
        let loss = |b: f32| {
            let heads = Heads { chroma: chroma(0.0, b), bins: None };
            let loss = objective.loss(&heads, &chroma(0.1, 0.2)).unwrap();
            loss.to_scalar::<f32>().unwrap()
        };
        assert!((loss(0.0) - 2f32.ln()).abs() < 1e-6);
        assert!(loss(0.1) < 0.1 && loss(-0.1) > 3.0);
    }

    fn noise(shape: &[usize], scale: f32) -> Tensor {
        let count: usize = shape.iter().product();
        let values = (0..count).map(|i| (((i * 7919 + 13) % 101) as f32 / 50. - 1.) * scale);
        Tensor::from_iter(values, &Device::Cpu).unwrap().reshape(shape).unwrap()
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let photos = Dataset::for_tests(2, [[200, 60, 30], [30, 90, 200]].repeat(2).concat());
        let vivid = Recipe { distance_weight: 1.0, order_weight: 0.5, ..Recipe::default() };
        let published = |network| {
            let config = serde_json::json!({"head": "bins"});
            Recipe::of(network, &config).unwrap()
        };
        for (recipe, centers) in [
            (vivid, vivid::bin_centers()),
            (published("eccv16"), zhang::hull_centers()),
            (published("siggraph17"), zhang::square_centers()),
        ] {
            let objective = Objective::new(Some(&recipe), Some(centers.clone()), &photos);
            assert_slope(&objective, centers.len());
        }
    }

    fn assert_slope(objective: &Objective, bins: usize) {
        let truth = (noise(&[2, 2, 8, 8], -0.3) + 0.05).unwrap();
        let said = [noise(&[2, 2, 8, 8], 0.3), noise(&[8, bins], 2.0)];
        let vars = said.map(|tensor| candle_core::Var::from_tensor(&tensor).unwrap());
        let loss = |chroma: &Tensor, bins: &Tensor| {
            let heads = Heads { chroma: chroma.clone(), bins: Some(bins.clone()) };
            objective.loss(&heads, &truth).unwrap()
        };
        let gradients = loss(&vars[0], &vars[1]).backward().unwrap();
        for (which, var) in vars.iter().enumerate() {
            let direction = noise(var.dims(), 1.0).flip(&[1]).unwrap();
            let step = 1e-3;
            let at = |step: f64| {
                let moved = (var.as_detached_tensor() + (&direction * step).unwrap()).unwrap();
                let both = if which == 0 {
                    (&moved, vars[1].as_tensor())
                } else {
                    (vars[0].as_tensor(), &moved)
                };
                f64::from(loss(both.0, both.1).to_scalar::<f32>().unwrap())
            };
            let slope = (at(step) - at(-step)) / (2.0 * step);
            let expected = gradients.get(var).map_or(0.0, |gradient| {
                let along = (gradient * &direction).unwrap().sum_all().unwrap();
                f64::from(along.to_scalar::<f32>().unwrap())
            });
            assert!(
                (slope - expected).abs() < 0.02 * expected.abs().max(0.01),
                "{bins} bins: {slope} {expected}"
            );
        }
    }

    #[test]
    fn the_documents_recipe_is_the_mean_squared_error() {
        let photos = Dataset::for_tests(1, vec![200, 60, 30]);
        let said = noise(&[2, 2, 8, 8], 0.4);
        let truth = noise(&[2, 2, 8, 8], -0.3);
        let heads = Heads { chroma: said, bins: None };
        let loss = |recipe: Option<&Recipe>| {
            let loss = Objective::new(recipe, None, &photos).loss(&heads, &truth).unwrap();
            loss.to_scalar::<f32>().unwrap()
        };
        assert!((loss(Some(&Recipe::document())) - loss(None)).abs() < 1e-6);
    }

    #[test]
    fn the_five_nearest_bins_share_a_color_and_a_gray_photograph_does_not_count() {
        let photos = Dataset::for_tests(1, vec![200, 60, 30]);
        let config = serde_json::json!({"head": "bins"});
        let recipe = Recipe::of("eccv16", &config).unwrap();
        let centers = zhang::hull_centers();
        let objective = Objective::new(Some(&recipe), Some(centers.clone()), &photos);
        let rebalanced = objective.rebalanced.as_ref().unwrap();
        let mut shares = vec![1.0; 313];
        let nearest = rebalanced.encode::<NEIGHBORS>([42.0 / 128.0, 31.0 / 128.0], &mut shares);
        assert_eq!(centers[nearest], [40.0, 30.0]);
        assert_eq!(shares.iter().filter(|share| **share > 0.0).count(), 5);
        assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        // exp(-d^2 / 50) of the squared distances 5 and 65.
        let other = centers.iter().position(|center| *center == [50.0, 30.0]).unwrap();
        assert!((shares[other] / shares[nearest] - (-60f32 / 50.0).exp()).abs() < 1e-4);

        let loss = |color: f32| {
            let chroma = Tensor::full(color / 128.0, (1, 2, 4, 4), &Device::Cpu).unwrap();
            let heads = Heads { chroma: chroma.clone(), bins: Some(noise(&[1, 313], 1.0)) };
            objective.loss(&heads, &chroma).unwrap().to_scalar::<f32>().unwrap()
        };
        assert!(loss(4.9) == 0.0 && loss(5.1) > 0.1);
    }
}
