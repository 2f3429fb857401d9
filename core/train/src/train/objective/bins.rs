//! What the bins cost, block by block.

use polychromify_core::internals::model::{BLOCK, CHROMA_SCALE};
use polychromify_image::isa;
use pulp::{Simd, WithSimd};

use super::elementary::{exp, greatest, sum, sum_of_products};
use super::rebalanced::{DEVIATION, Picture, Rebalanced, Row, SIDE, position};
use crate::train::recipe::Targets;

/// Bins that take part in the encoding of a color (Zhang, Isola and Efros 2016, section 2.1).
const NEIGHBORS: usize = 5;
/// A photograph without a greater `|a|` or `|b|` is gray (the authors' `caffe_traininglayers.py`).
const GRAY: f32 = 5.0;

impl Rebalanced {
    /// Adds up what the bins cost, and sets their gradient; `scale` is one over the blocks.
    pub(super) fn blocks(&self, picture: &Picture<'_>, scale: f32, gradient: &mut [f32]) -> f64 {
        let Some(bins) = picture.bins else { return 0.0 };
        let weight = self.recipe.bins_weight as f32;
        let gray = || picture.truth.iter().all(|value| value.abs() * CHROMA_SCALE <= GRAY);
        if weight == 0.0 || self.recipe.targets == Targets::FiveNearest && gray() {
            return 0.0;
        }
        let scale = weight * scale;
        let blocks = Blocks { objective: self, picture, bins, scale, gradient };
        isa::arch().dispatch(blocks) * f64::from(scale)
    }

    /// Sets the shares of the bins in a block's color, by the recipe; returns its weight.
    #[inline(always)]
    fn target(&self, picture: &Picture<'_>, corner: usize, shares: &mut [f32]) -> f32 {
        let (a, b) = picture.truth.split_at(picture.truth.len() / 2);
        let mean = |plane: &[f32]| {
            let lines = (0..BLOCK).map(|y| &plane[corner + y * picture.width..][..BLOCK]);
            lines.map(|line| line.iter().sum::<f32>()).sum::<f32>() / (BLOCK * BLOCK) as f32
        };
        let first = [a[corner], b[corner]];
        match self.recipe.targets {
            Targets::Block => self.soften([mean(a), mean(b)], shares),
            Targets::FiveNearest => self.weights[self.encode::<NEIGHBORS>(first, shares)],
            Targets::Nearest => {
                self.encode::<1>(first, shares);
                1.0
            }
        }
    }

    /// Sets each bin's share in a color `(a, b) / 128`, of which only the `N` nearest have any;
    /// returns the nearest.
    pub(super) fn encode<const N: usize>(&self, color: [f32; 2], shares: &mut [f32]) -> usize {
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
    #[inline(always)]
    pub(super) fn soften(&self, color: [f32; 2], shares: &mut [f32]) -> f32 {
        // A Gaussian over the plane is the product of one along each axis.
        let mut along = [[0f32; SIDE]; 2];
        for (axis, value) in along.iter_mut().zip(color) {
            for (i, axis) in axis.iter_mut().enumerate() {
                let offset = position(i) - value * CHROMA_SCALE;
                *axis = exp(-offset * offset / (2.0 * DEVIATION * DEVIATION));
            }
        }
        for Row { first, count, a, b } in &self.rows {
            let factor = along[0][*a];
            let axis = &along[1][*b..][..*count];
            for (share, along) in shares[*first..][..*count].iter_mut().zip(axis) {
                *share = factor * along;
            }
        }
        let factor = 1.0 / sum(shares).max(f32::MIN_POSITIVE);
        for share in &mut *shares {
            *share *= factor;
        }
        sum_of_products(shares, &self.weights)
    }
}

/// The blocks of a picture: a row of logits and of their gradients for each.
struct Blocks<'a> {
    objective: &'a Rebalanced,
    picture: &'a Picture<'a>,
    bins: &'a [f32],
    scale: f32,
    gradient: &'a mut [f32],
}

impl WithSimd for Blocks<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let Self { objective, picture, bins, scale, gradient } = self;
        let count = objective.cells.len();
        let columns = picture.width / BLOCK;
        let mut truth = vec![0f32; count];
        let mut loss = 0.0;
        let rows = bins.chunks_exact(picture.step).zip(gradient.chunks_exact_mut(picture.step));
        for (i, (logits, gradient)) in rows.enumerate() {
            let (logits, gradient) = (&logits[..count], &mut gradient[..count]);
            let corner = i / columns * BLOCK * picture.width + i % columns * BLOCK;
            let weight = objective.target(picture, corner, &mut truth);
            let most = greatest(logits);
            for (gradient, logit) in gradient.iter_mut().zip(logits) {
                *gradient = exp(logit - most);
            }
            let all = sum(gradient);
            let agreement = sum_of_products(&truth, logits);
            loss += f64::from(weight * (most + all.ln() - agreement));
            let factor = 1.0 / all;
            for (gradient, share) in gradient.iter_mut().zip(&truth) {
                *gradient = scale * weight * (*gradient * factor - share);
            }
        }
        loss
    }
}
