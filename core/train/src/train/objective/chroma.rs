//! What the predicted chroma costs, pixel by pixel.

use polychromify_core::internals::model::CHROMA_SCALE;
use polychromify_image::isa;
use pulp::{Simd, WithSimd};

use super::elementary::{exp, ln_1p, sum};
use super::rebalanced::{GRID, Picture, REACH, Rebalanced, SIDE};
use crate::train::recipe::Recipe;

/// Difference of `a` and `b`, in their units, at which the order is held for likely (odds of e).
const ORDER_SCALE: f32 = 4.0;
/// Distance in units of `a` and `b` below which the error counts as a square.
const NEAR: f32 = 2.0;
/// The same along each axis for the smooth distance.
const SMOOTH: f32 = 1.0;
/// L* up to which a pixel is black, and from which on it is not dark.
const BLACK: f32 = 8.0;
const DARK: f32 = 25.0;
/// Mean chroma of photographs in units of `a` and `b` (`scripts/palette`): 15.3 to 17.5.
const TYPICAL: f32 = 16.0;

/// Weights of the parts.
#[derive(Clone, Copy)]
struct Shares {
    squares: f32,
    distances: f32,
    orders: f32,
    smooth: f32,
    blacks: f32,
    saturation: f32,
}

impl Shares {
    fn of(recipe: &Recipe) -> Self {
        Self {
            squares: recipe.chroma_weight as f32,
            distances: recipe.distance_weight as f32,
            orders: recipe.order_weight as f32,
            smooth: recipe.smooth_weight as f32,
            blacks: recipe.blacks_weight as f32,
            saturation: recipe.saturation_weight as f32,
        }
    }

    fn are_zero(self) -> bool {
        let Self { squares, distances, orders, smooth, blacks, saturation } = self;
        [squares, distances, orders, smooth, blacks, saturation] == [0.0; 6]
    }
}

impl Rebalanced {
    /// Adds up what the chroma costs, and sets its gradient; `scale` is one over the pixels.
    pub(super) fn pixels(&self, picture: &Picture<'_>, scale: f32, gradient: &mut [f32]) -> f64 {
        let shares = Shares::of(&self.recipe);
        if shares.are_zero() {
            return 0.0;
        }
        let area = picture.truth.len() / 2;
        let truth = picture.truth.split_at(area);
        let mut costs = vec![0.0; area];
        if shares.distances > 0.0 {
            for (cost, (a, b)) in costs.iter_mut().zip(truth.0.iter().zip(truth.1)) {
                *cost = shares.distances * self.weight_at([*a, *b]);
            }
        }
        let predicted = picture.chroma.split_at(area);
        let lightness = picture.lightness;
        let gradient = gradient.split_at_mut(area);
        let pixels =
            Pixels { shares, scale, lightness, truth, predicted, gradient, costs: &mut costs };
        f64::from(isa::arch().dispatch(pixels)) * f64::from(scale)
    }

    /// Weight of a color `(a, b) / 128`.
    fn weight_at(&self, color: [f32; 2]) -> f32 {
        let index = |value: f32| {
            let cell = (value * CHROMA_SCALE / GRID).round() as i32;
            (cell.clamp(-REACH, REACH) + REACH) as usize
        };
        self.grid[index(color[1]) * SIDE + index(color[0])]
    }
}

/// The pixels of a picture: planes of `a` and of `b`, in units of 128.
struct Pixels<'a> {
    shares: Shares,
    scale: f32,
    lightness: &'a [f32],
    truth: (&'a [f32], &'a [f32]),
    predicted: (&'a [f32], &'a [f32]),
    gradient: (&'a mut [f32], &'a mut [f32]),
    /// What a unit of distance costs at first, then what the pixel does.
    costs: &'a mut [f32],
}

impl WithSimd for Pixels<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f32 {
        let Self { shares, scale, lightness, truth, predicted, gradient, costs } = self;
        let count = costs.len();
        // One length for all, so that the loop has no bounds to check.
        let (l, true_a, true_b) = (&lightness[..count], &truth.0[..count], &truth.1[..count]);
        let (a, b) = (&predicted.0[..count], &predicted.1[..count]);
        let (d_a, d_b) = (&mut gradient.0[..count], &mut gradient.1[..count]);
        for i in 0..count {
            let pixel =
                Pixel { lightness: l[i], truth: [true_a[i], true_b[i]], predicted: [a[i], b[i]] };
            let (cost, slope) = pixel.cost(shares, costs[i]);
            costs[i] = cost;
            d_a[i] = scale * slope[0];
            d_b[i] = scale * slope[1];
        }
        sum(costs)
    }
}

struct Pixel {
    lightness: f32,
    truth: [f32; 2],
    predicted: [f32; 2],
}

impl Pixel {
    /// What it costs, and the slope by `a` and `b`; a unit of distance costs `rarity`.
    #[inline(always)]
    fn cost(&self, shares: Shares, rarity: f32) -> (f32, [f32; 2]) {
        let Self { truth: [true_a, true_b], predicted: [a, b], .. } = *self;
        let (da, db) = (a - true_a, b - true_b);
        let near = NEAR / CHROMA_SCALE;
        let square = da * da + db * db;
        let distance = (square + near * near).sqrt();
        let pull = shares.squares + rarity / distance;
        let (order, push) = order(a, b, true_b > true_a);
        let (radial_cost, radial) = self.magnitude(shares);
        let [(cost_a, slope_a), (cost_b, slope_b)] = [smooth_distance(da), smooth_distance(db)];
        let cost = 0.5 * shares.squares * square
            + rarity * (distance - near)
            + shares.orders * order
            + shares.smooth * (cost_a + cost_b)
            + radial_cost;
        let push = shares.orders * push;
        let slope_a = pull * da + push + shares.smooth * slope_a + radial * a;
        let slope_b = pull * db - push + shares.smooth * slope_b + radial * b;
        (cost, [slope_a, slope_b])
    }

    /// What the length of `(a, b)` costs, and the slope by it over the length itself.
    ///
    /// Color that the photograph does not have costs its square in the dark; and everywhere the square
    /// of the difference of lengths, as far as the photograph has color: the best answer to that is
    /// the mean of c weighted by c, E[c^2] / E[c], which is above the mean.
    #[inline(always)]
    fn magnitude(&self, shares: Shares) -> (f32, f32) {
        let near = NEAR / CHROMA_SCALE;
        let [true_square, square] = [self.truth, self.predicted].map(|[a, b]| a * a + b * b);
        let [true_length, length] =
            [true_square, square].map(|square| (square + near * near).sqrt());
        let difference = length - true_length;
        let excess = if difference > 0.0 { difference } else { 0.0 };
        let dark = ((DARK - self.lightness) / (DARK - BLACK)).clamp(0.0, 1.0);
        let blacks = shares.blacks * dark;
        let colored = shares.saturation * true_square.sqrt() * (CHROMA_SCALE / TYPICAL);
        let cost = 0.5 * (blacks * excess * excess + colored * difference * difference);
        (cost, (blacks * excess + colored * difference) / length)
    }
}

/// The logistic loss on which of `a` and `b` is the larger, and its slope by `a`; that by `b` is the
/// opposite.
#[inline(always)]
fn order(a: f32, b: f32, b_is_larger: bool) -> (f32, f32) {
    let scale = CHROMA_SCALE / ORDER_SCALE;
    let sign = if b_is_larger { 1.0 } else { -1.0 };
    let margin = (b - a) * scale * sign;
    // ln(1 + e^-margin), and e^-margin / (1 + e^-margin), for any size.
    let tail = exp(-margin.abs());
    let against = if margin < 0.0 { -margin } else { 0.0 };
    let doubt = if margin > 0.0 { tail } else { 1.0 } / (1.0 + tail);
    (against + ln_1p(tail), doubt * scale * sign)
}

/// The distance of a difference of `(a, b) / 128` along an axis, a square near 0, and its slope.
#[inline(always)]
fn smooth_distance(difference: f32) -> (f32, f32) {
    let near = SMOOTH / CHROMA_SCALE;
    let length = difference.abs();
    if length < near {
        (length * length / (2.0 * near), difference / near)
    } else {
        (length - near / 2.0, if difference < 0.0 { -1.0 } else { 1.0 })
    }
}
