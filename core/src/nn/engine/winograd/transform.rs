//! The transforms of Winograd's method, of 16 channels at once: each lane is a sum of its own.
//!
//! Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015,
//! <https://arxiv.org/abs/1509.09308>, section 4.1 and the matrices of F(4x4, 3x3) in section 4.3. With
//! `g` a 3x3 filter and `d` the 6x6 inputs of a tile its 4x4 outputs are
//!
//! ```text
//! Y = A^T [(G g G^T) * (B^T d B)] A
//! ```
//!
//! where `*` multiplies value by value. `Y` is linear in `g`, so the gradient of `g` by a gradient `dY` of
//! the outputs is the same product read backwards, and is F(3x3, 4x4) of the same points:
//!
//! ```text
//! dg = G^T [(A dY A^T) * (B^T d B)] G
//! ```
//!
//! ```text
//!       | 4  0 -5  0  1  0 |       |  1/4     0     0  |
//!       | 0 -4 -4  1  1  0 |       | -1/6  -1/6  -1/6  |         | 1  1  1  1  1  0 |
//! B^T = | 0  4 -4 -1  1  0 |   G = | -1/6   1/6  -1/6  |   A^T = | 0  1 -1  2 -2  0 |
//!       | 0 -2 -1  2  1  0 |       | 1/24  1/12   1/6  |         | 0  1  1  4  4  0 |
//!       | 0  2 -1 -2  1  0 |       | 1/24 -1/12   1/6  |         | 0  1 -1  8 -8  1 |
//!       | 0  4  0 -5  0  1 |       |    0     0     1  |
//! ```

use crate::nn::engine::lanes::Lanes;

/// Rows and columns of a tile of inputs, and of what is multiplied.
pub(super) const POINTS: usize = 6;
/// Products of a tile.
pub(super) const POSITIONS: usize = POINTS * POINTS;
/// Rows and columns of a tile of outputs.
pub(super) const OUTPUTS: usize = 4;
/// Rows and columns of a filter.
pub(super) const KERNEL: usize = 3;

/// A matrix times a column of numbers.
pub(super) trait Transform<const FROM: usize, const TO: usize> {
    fn line<L: Lanes>(from: [L; FROM]) -> [L; TO];
}

/// By `B^T`.
pub(super) struct Inputs;

impl Transform<POINTS, POINTS> for Inputs {
    #[inline(always)]
    fn line<L: Lanes>(d: [L; POINTS]) -> [L; POINTS] {
        let (four, minus_five) = (L::splat(4.0), L::splat(-5.0));
        let minus_four = L::splat(-4.0);
        let even = d[2].mul_add(minus_four, d[4]);
        let odd = d[1].mul_add(minus_four, d[3]);
        let (difference, twice) = (d[4].sub(d[2]), d[3].sub(d[1]));
        let twice = twice.add(twice);
        [
            d[0].mul_add(four, d[2].mul_add(minus_five, d[4])),
            even.add(odd),
            even.sub(odd),
            difference.add(twice),
            difference.sub(twice),
            d[1].mul_add(four, d[3].mul_add(minus_five, d[5])),
        ]
    }
}

/// By `G`.
pub(super) struct Filter;

impl Transform<KERNEL, POINTS> for Filter {
    #[inline(always)]
    fn line<L: Lanes>(g: [L; KERNEL]) -> [L; POINTS] {
        let (sixth, minus_sixth) = (L::splat(1.0 / 6.0), L::splat(-1.0 / 6.0));
        let (outer, middle) = (g[0].add(g[2]).mul(minus_sixth), g[1].mul(sixth));
        let even = g[2].mul_add(sixth, g[0].mul(L::splat(1.0 / 24.0)));
        let odd = g[1].mul(L::splat(1.0 / 12.0));
        [
            g[0].mul(L::splat(0.25)),
            outer.sub(middle),
            outer.add(middle),
            even.add(odd),
            even.sub(odd),
            g[2],
        ]
    }
}

/// By `A^T`.
pub(super) struct Outputs;

impl Transform<POINTS, OUTPUTS> for Outputs {
    #[inline(always)]
    fn line<L: Lanes>(m: [L; POINTS]) -> [L; OUTPUTS] {
        let (near, near_difference) = (m[1].add(m[2]), m[1].sub(m[2]));
        let (far, far_difference) = (m[3].add(m[4]), m[3].sub(m[4]));
        [
            m[0].add(near).add(far),
            far_difference.mul_add(L::splat(2.0), near_difference),
            far.mul_add(L::splat(4.0), near),
            far_difference.mul_add(L::splat(8.0), near_difference).add(m[5]),
        ]
    }
}

/// By `A`.
pub(super) struct Gradients;

impl Transform<OUTPUTS, POINTS> for Gradients {
    #[inline(always)]
    fn line<L: Lanes>(y: [L; OUTPUTS]) -> [L; POINTS] {
        let (even, odd) = (y[0].add(y[2]), y[1].add(y[3]));
        let far_even = y[2].mul_add(L::splat(4.0), y[0]);
        let far_odd = y[3].mul_add(L::splat(8.0), y[1].add(y[1]));
        [y[0], even.add(odd), even.sub(odd), far_even.add(far_odd), far_even.sub(far_odd), y[3]]
    }
}

/// By `G^T`.
pub(super) struct FilterGradient;

impl Transform<POINTS, KERNEL> for FilterGradient {
    #[inline(always)]
    fn line<L: Lanes>(u: [L; POINTS]) -> [L; KERNEL] {
        let sixth = L::splat(1.0 / 6.0);
        let (near, near_difference) = (u[1].add(u[2]), u[2].sub(u[1]));
        let (far, far_difference) = (u[3].add(u[4]), u[3].sub(u[4]));
        let near = near.mul(sixth);
        [
            u[0].mul_add(L::splat(0.25), far.mul(L::splat(1.0 / 24.0))).sub(near),
            near_difference.mul_add(sixth, far_difference.mul(L::splat(1.0 / 12.0))),
            far.mul_add(sixth, u[5]).sub(near),
        ]
    }
}

/// The matrix times a square, times the matrix transposed; the square's columns, to the result's rows.
#[inline(always)]
pub(super) fn both_ways<T, L, const FROM: usize, const TO: usize>(
    columns: [[L; FROM]; FROM],
) -> [[L; TO]; TO]
where
    T: Transform<FROM, TO>,
    L: Lanes,
{
    let mut half = [[L::zero(); TO]; FROM];
    for column in 0..FROM {
        half[column] = T::line(columns[column]);
    }
    let mut rows = [[L::zero(); TO]; TO];
    for row in 0..TO {
        let mut line = [L::zero(); FROM];
        for column in 0..FROM {
            line[column] = half[column][row];
        }
        rows[row] = T::line(line);
    }
    rows
}
