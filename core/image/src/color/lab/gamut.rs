//! Gamut mapping at constant lightness and hue.

use super::Lab;
use super::space::{Primaries, Srgb};

/// Halvings of the interval of the chroma factor; 2^-14 of the largest chroma is 0.01.
pub(crate) const HALVINGS: usize = 14;

/// Largest factor in 0..=1 by which `a` and `b` can be multiplied so that the color lies within
/// sRGB, and the linear sRGB color at that factor, in 0..=1.
///
/// Lightness and hue angle stay; only chroma shrinks. Along such a line from the neutral axis the
/// gamut is left once, so bisection finds where.
#[inline(always)]
pub fn fit_chroma(lab: Lab) -> (f32, [f32; 3]) {
    fit_chroma_in::<Srgb>(lab)
}

/// [`fit_chroma`] for another space.
#[inline(always)]
fn fit_chroma_in<P: Primaries>(lab: Lab) -> (f32, [f32; 3]) {
    let rgb = lab.to_linear_of::<P>();
    if in_gamut(rgb) {
        return (1.0, rgb.map(|v| v.clamp(0.0, 1.0)));
    }
    let (mut inside, mut outside) = (0.0_f32, 1.0_f32);
    for _ in 0..HALVINGS {
        (inside, outside) = halve::<P>(lab, inside, outside);
    }
    (inside, scaled(lab, inside).to_linear_of::<P>().map(|v| v.clamp(0.0, 1.0)))
}

/// One step of the bisection: the half of an interval of chroma factors in which the gamut is left.
#[inline(always)]
pub(crate) fn halve<P: Primaries>(lab: Lab, inside: f32, outside: f32) -> (f32, f32) {
    let middle = 0.5 * (inside + outside);
    let fits = in_gamut(scaled(lab, middle).to_linear_of::<P>());
    (if fits { middle } else { inside }, if fits { outside } else { middle })
}

#[inline(always)]
fn scaled(lab: Lab, factor: f32) -> Lab {
    Lab { l: lab.l, a: lab.a * factor, b: lab.b * factor }
}

/// Within 1e-6 of 0..=1, a thirtieth of a 16-bit step, so that rounding does not push neutral
/// white out.
#[inline(always)]
#[expect(
    clippy::manual_range_contains,
    clippy::needless_bitwise_bool,
    reason = "without branches, this vectorizes"
)]
pub(crate) fn in_gamut(rgb: [f32; 3]) -> bool {
    let fits = |v: f32| (v >= -1e-6) & (v <= 1.0 + 1e-6);
    fits(rgb[0]) & fits(rgb[1]) & fits(rgb[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_lightness_and_hue_of_every_color_it_shrinks() {
        for l in [0.5_f32, 2.0, 8.0, 30.0, 50.0, 70.0, 95.0, 99.5] {
            for degrees in (0..360).step_by(7) {
                let (sin, cos) = (degrees as f32).to_radians().sin_cos();
                let lab = Lab { l, a: 130.0 * cos, b: 130.0 * sin };
                let (factor, rgb) = fit_chroma(lab);
                assert!((0.0..1.0).contains(&factor), "{lab:?} cannot be inside: {factor}");
                let found = Lab::from_linear(rgb);
                assert!((found.l - l).abs() < 0.005, "{lab:?} became {found:?}");
                if found.chroma() > 2.0 {
                    let cross = (found.a * sin - found.b * cos) / found.chroma();
                    assert!(cross.abs() < 0.01, "{lab:?} turned to {found:?}");
                }
            }
        }
    }

    #[test]
    fn leaves_at_most_a_hundredth_of_chroma_unused() {
        let lab = Lab { l: 60.0, a: 100.0, b: 40.0 };
        let (factor, _) = fit_chroma(lab);
        let step = 0.02 / lab.chroma();
        assert!(!in_gamut(scaled(lab, factor + step).to_linear()));
    }

    #[test]
    fn colors_inside_stay_as_they_are() {
        let lab = Lab::from_srgb([0.8, 0.4, 0.2]);
        let (factor, rgb) = fit_chroma(lab);
        assert_eq!(factor, 1.0);
        assert_eq!(rgb, lab.to_linear());
    }

    #[test]
    fn black_and_white_stay_black_and_white_whatever_the_chroma() {
        for (l, value) in [(0.0, 0.0), (100.0, 1.0)] {
            let (_, rgb) = fit_chroma(Lab { l, a: 20.0, b: -30.0 });
            for v in rgb {
                assert!((v - value).abs() < 2e-5, "L* {l} became {rgb:?}");
            }
        }
    }
}
