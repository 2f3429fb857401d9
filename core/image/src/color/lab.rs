//! sRGB to CIE Lab (D65) and back.
//!
//! sRGB by IEC 61966-2-1, CIE Lab by CIE 15:2004 with the exact fractions of its thresholds, the
//! matrix and the white point D65 of <http://www.brucelindbloom.com/Eqn_RGB_XYZ_Matrix.html>. The
//! white point is folded into the matrices, whose rows then sum to one: neutral colors have no
//! chroma by construction.
//!
//! All operations on rows are written for the compiler's vectorizer and dispatched to the best
//! instruction set at run time; no fused multiply-add is used, so that every instruction set gives
//! the same bits.

mod gamut;
mod matrix;
mod rows;
mod space;

pub use gamut::fit_chroma;
use matrix::TO_XYZ;
pub use rows::{
    chroma_rows_to_linear, encode_rows, lightness_from_linear, lightness_from_srgb8,
    lightness_from_srgb16, nodes_of, planes_from_srgb8, split_chroma,
};
pub use space::RgbSpace;
use space::{Primaries, Srgb};

/// Where `f(t)` turns from linear to cube root: (6/29)^3.
const EPSILON: f32 = 216.0 / 24389.0;
/// Slope of the linear part of L*: (29/3)^3.
const KAPPA: f32 = 24389.0 / 27.0;

/// A color in CIE Lab under D65.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lab {
    /// Lightness L*, 0..=100.
    pub l: f32,
    /// a*, green to red, about -86..=98 within sRGB.
    pub a: f32,
    /// b*, blue to yellow, about -108..=94 within sRGB.
    pub b: f32,
}

impl Lab {
    /// From sRGB-encoded red, green and blue in 0..=1.
    pub fn from_srgb(rgb: [f32; 3]) -> Self {
        Self::from_linear(rgb.map(srgb_to_linear))
    }

    /// From linear sRGB in 0..=1.
    #[inline(always)]
    pub fn from_linear(rgb: [f32; 3]) -> Self {
        let [x, y, z] = product(&TO_XYZ, rgb);
        let [fx, fy, fz] = [lab_f(x), lab_f(y), lab_f(z)];
        Self { l: 116.0 * fy - 16.0, a: 500.0 * (fx - fy), b: 200.0 * (fy - fz) }
    }

    /// To linear sRGB; outside 0..=1 where the color lies outside the gamut.
    #[inline(always)]
    pub fn to_linear(self) -> [f32; 3] {
        self.to_linear_of::<Srgb>()
    }

    /// To linear red, green and blue of a space; outside 0..=1 where the color lies outside of it.
    #[inline(always)]
    fn to_linear_of<P: Primaries>(self) -> [f32; 3] {
        let fy = (self.l + 16.0) * (1.0 / 116.0);
        let xyz = [
            lab_f_inverse(fy + self.a * (1.0 / 500.0)),
            lab_f_inverse(fy),
            lab_f_inverse(fy - self.b * (1.0 / 200.0)),
        ];
        product(&P::FROM_XYZ, xyz)
    }

    /// To sRGB-encoded red, green and blue; colors outside the gamut are clipped to 0..=1.
    pub fn to_srgb_clipped(self) -> [f32; 3] {
        self.to_linear().map(|v| linear_to_srgb(v.clamp(0.0, 1.0)))
    }

    /// Chroma: the distance from the neutral axis.
    pub fn chroma(self) -> f32 {
        self.a.hypot(self.b)
    }
}

/// A matrix times a vector. No closure, which is left without the caller's instructions where it is not
/// inlined.
#[inline(always)]
fn product([x, y, z]: &[[f32; 3]; 3], v: [f32; 3]) -> [f32; 3] {
    [
        x[0] * v[0] + x[1] * v[1] + x[2] * v[2],
        y[0] * v[0] + y[1] * v[1] + y[2] * v[2],
        z[0] * v[0] + z[1] * v[1] + z[2] * v[2],
    ]
}

/// CIE L* (0..=100) of a relative luminance `Y/Yn` (0..=1).
#[inline(always)]
pub fn lightness_from_luminance(y: f32) -> f32 {
    116.0 * lab_f(y) - 16.0
}

/// Decodes one sRGB channel, 0..=1 (IEC 61966-2-1); odd-symmetric outside.
pub fn srgb_to_linear(v: f32) -> f32 {
    let magnitude = v.abs();
    let linear = if magnitude <= 0.04045 {
        magnitude / 12.92
    } else {
        libm::pow((f64::from(magnitude) + 0.055) / 1.055, 2.4) as f32
    };
    linear.copysign(v)
}

/// Encodes one linear channel, 0..=1 (IEC 61966-2-1).
#[inline(always)]
pub fn linear_to_srgb(v: f32) -> f32 {
    // x^(1/2.4) = x^(1/3) * (x^(1/3))^(1/4).
    let root = cbrt(v.max(0.0031308));
    let curve = 1.055 * (root * root.sqrt().sqrt()) - 0.055;
    if v <= 0.0031308 { v * 12.92 } else { curve }
}

/// The cube root of CIE Lab with its linear part near black.
#[inline(always)]
fn lab_f(t: f32) -> f32 {
    let root = cbrt(t.max(EPSILON));
    let line = (KAPPA * t + 16.0) * (1.0 / 116.0);
    if t > EPSILON { root } else { line }
}

#[inline(always)]
fn lab_f_inverse(t: f32) -> f32 {
    let cube = t * t * t;
    let line = (116.0 * t - 16.0) * (1.0 / KAPPA);
    if t > 6.0 / 29.0 { cube } else { line }
}

/// Cube root of a positive number to the last bit or two, without branches or calls, so that it
/// vectorizes: a guess by dividing the exponent by three, then two steps of Halley's method, each
/// of which triples the correct digits.
#[inline(always)]
fn cbrt(x: f32) -> f32 {
    // 0x2a51_37a0: the guess constant of FreeBSD's cbrtf shifted for use without its rescaling.
    let mut y = f32::from_bits(x.to_bits() / 3 + 0x2a51_37a0);
    for _ in 0..2 {
        let cube = y * y * y;
        y = y * (cube + x + x) / (cube + cube + x);
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    /// sRGB primaries, secondaries and a gray in Lab, from the calculator at
    /// <http://www.brucelindbloom.com/ColorCalculator.html> (D65, no adaptation).
    const PUBLISHED: [([f32; 3], [f32; 3]); 8] = [
        ([1.0, 1.0, 1.0], [100.0, 0.0, 0.0]),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
        ([1.0, 0.0, 0.0], [53.2408, 80.0925, 67.2032]),
        ([0.0, 1.0, 0.0], [87.7347, -86.1827, 83.1793]),
        ([0.0, 0.0, 1.0], [32.2970, 79.1875, -107.8602]),
        ([1.0, 1.0, 0.0], [97.1393, -21.5537, 94.4780]),
        ([0.0, 1.0, 1.0], [91.1132, -48.0875, -14.1312]),
        ([1.0, 0.0, 1.0], [60.3242, 98.2343, -60.8249]),
    ];

    #[test]
    fn agrees_with_published_values_to_a_thousandth() {
        for (rgb, expected) in PUBLISHED {
            let lab = Lab::from_srgb(rgb);
            for (found, expected) in [lab.l, lab.a, lab.b].into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-3, "{rgb:?}: {lab:?}, expected {expected}");
            }
        }
    }

    #[test]
    fn middle_gray_119_has_lightness_50() {
        // 18.4187 % luminance is L* = 50 by definition; sRGB 119/255 is the nearest code.
        assert!((lightness_from_luminance(0.184_186_5) - 50.0).abs() < 1e-3);
        assert!((Lab::from_srgb([119.0 / 255.0; 3]).l - 50.034_4).abs() < 1e-3);
    }

    #[test]
    fn the_gray_axis_has_no_chroma() {
        for code in 0..=255_u8 {
            let lab = Lab::from_srgb([f32::from(code) / 255.0; 3]);
            assert!(lab.chroma() < 1e-3, "{code}: {lab:?}");
        }
    }

    #[test]
    fn srgb_to_lab_and_back_keeps_every_color_to_2e_5() {
        for r in (0..=255).step_by(15) {
            for g in (0..=255).step_by(15) {
                for b in (0..=255).step_by(15) {
                    let rgb = [r, g, b].map(|v| v as f32 / 255.0);
                    let back = Lab::from_srgb(rgb).to_srgb_clipped();
                    for (expected, found) in rgb.iter().zip(back) {
                        assert!((expected - found).abs() < 2e-5, "{rgb:?} became {back:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn cube_root_is_exact_to_1e_6_relative() {
        for i in 1..=100_000_u32 {
            let x = i as f32 / 50_000.0;
            let exact = f64::from(x).cbrt();
            assert!((f64::from(cbrt(x)) / exact - 1.0).abs() < 4e-7, "{x}: {}", cbrt(x));
        }
    }

    #[test]
    fn srgb_encoding_inverts_decoding_for_all_16_bit_codes() {
        for code in 0..=u16::MAX {
            let v = f32::from(code) / 65535.0;
            let back = linear_to_srgb(srgb_to_linear(v)) * 65535.0;
            assert!((back - f32::from(code)).abs() < 0.25, "{code} became {back}");
        }
    }
}
