//! True lightness of samples, through the color profile of their source.
//!
//! A matrix profile, or a gray one, is a tone curve a channel and a weighted sum: its relative
//! luminance under D65 needs no more than that and is not clipped. Profiles with tables are
//! evaluated by [`Tables`].

use std::path::Path;

use moxcms::{
    ColorProfile, DataColorSpace, Layout as CmsLayout, Matrix3d, RenderingIntent, ToneReprCurve,
    TransformOptions,
};
use rayon::prelude::*;

use super::Depth;
use super::inks::xyz_to_linear;
use super::samples::{Layout, SamplesRef};
use super::tables::Tables;
use crate::lab;

/// Pixels that are converted by one task.
const PIECE: usize = 1 << 15;

/// Where the meaning of samples comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ColorSpace {
    /// No profile, or one that says sRGB.
    Srgb,
    /// Linear light of sRGB's primaries, not clipped; with float samples alone.
    Linear,
    /// An ICC profile.
    Icc(Vec<u8>),
    /// PNG's gAMA and cHRM chunks.
    Gamma {
        /// Exponent from linear light to samples, such as 0.45455.
        exponent: f64,
        /// `(x, y)` of white, red, green and blue; `None`: those of sRGB.
        chromaticities: Option<[(f64, f64); 4]>,
    },
}

/// Turns samples into CIE L* (D65), 0..=100.
pub(super) enum Lightness {
    /// sRGB color, by the fast functions of [`lab`].
    Srgb,
    /// L* of each gray value.
    Gray(Vec<f32>),
    /// Relative luminance (D65) of each value of red, green and blue, to be summed.
    Matrix([Vec<f32>; 3]),
    /// Relative luminance (D65) of float gray, or red, green and blue, at equal steps of 0..=1.
    Float(Vec<Vec<f32>>),
    /// Linear sRGB.
    Linear,
    /// A profile with tables.
    Tables(Box<Tables>),
}

impl Lightness {
    /// Prepares the conversion; a profile that is broken or of another color space is ignored
    /// with a warning, and sRGB is assumed.
    pub(super) fn new(path: &Path, space: &ColorSpace, layout: Layout) -> Self {
        let values = if layout.depth == Depth::Eight { 256 } else { 65536 };
        let float = layout.depth == Depth::Float;
        let prepared = match space {
            ColorSpace::Srgb => None,
            ColorSpace::Linear => Some(Self::Linear),
            ColorSpace::Icc(bytes) => match from_icc(bytes, layout.color, values, float) {
                Ok(prepared) => Some(prepared),
                Err(reason) => {
                    log::warn!("{}: color profile ignored: {reason}", path.display());
                    None
                }
            },
            ColorSpace::Gamma { exponent, chromaticities } => {
                let curve = |v: f64| libm::pow(v, 1.0 / exponent);
                if layout.color {
                    let weights = luminance_weights(chromaticities.as_ref());
                    Some(Self::Matrix(weights.map(|w| table(values, |v| (w * curve(v)) as f32))))
                } else {
                    Some(Self::gray(values, float, curve))
                }
            }
        };
        prepared.unwrap_or_else(|| match (layout.color, float) {
            (true, false) => Self::Srgb,
            (true, true) => Self::Float(
                SRGB_WEIGHTS.map(|w| table(values, |v| (w * srgb_to_linear(v)) as f32)).to_vec(),
            ),
            (false, _) => Self::gray(values, float, srgb_to_linear),
        })
    }

    /// `curve` goes from samples, 0..=1, to relative luminance.
    fn gray(values: usize, float: bool, curve: impl Fn(f64) -> f64) -> Self {
        if float {
            return Self::Float(vec![table(values, |v| curve(v) as f32)]);
        }
        Self::Gray(table(values, |v| lightness_of(curve(v) as f32)))
    }

    /// Lightness of whole pixels of `layout`; alpha is skipped.
    pub(super) fn convert(
        &self,
        layout: Layout,
        samples: SamplesRef<'_>,
        lightness: &mut Vec<f32>,
    ) {
        let channels = layout.channels();
        lightness.resize(samples.len() / channels, 0.0);
        lightness.par_chunks_mut(PIECE).enumerate().for_each(|(i, lightness)| {
            let (_, rest) = samples.split_at(i * PIECE * channels);
            let (samples, _) = rest.split_at(lightness.len() * channels);
            self.convert_piece(channels, samples, lightness);
        });
    }

    fn convert_piece(&self, channels: usize, samples: SamplesRef<'_>, lightness: &mut [f32]) {
        match (self, samples) {
            (Self::Gray(table), SamplesRef::Eight(s)) if channels == 1 => {
                let table = table.first_chunk::<256>().expect("one for each value of 8 bits");
                // A loop that knows both lengths takes half the time.
                for (lightness, &value) in lightness.iter_mut().zip(s) {
                    *lightness = table[usize::from(value)];
                }
            }
            (Self::Gray(table), SamplesRef::Eight(s)) => {
                fill(lightness, s, channels, |p| table[usize::from(p[0])]);
            }
            (Self::Gray(table), SamplesRef::Sixteen(s)) => {
                fill(lightness, s, channels, |p| table[usize::from(p[0])]);
            }
            (Self::Matrix(tables), SamplesRef::Eight(s)) => {
                fill(lightness, s, channels, |p| lightness_of(sum(tables, p)));
            }
            (Self::Matrix(tables), SamplesRef::Sixteen(s)) => {
                fill(lightness, s, channels, |p| lightness_of(sum(tables, p)));
            }
            (Self::Srgb, SamplesRef::Eight(s)) if channels == 3 => {
                lab::lightness_from_srgb8(s, lightness);
            }
            (Self::Srgb, SamplesRef::Eight(s)) => {
                lab::lightness_from_srgb8(&without_alpha(s), lightness);
            }
            (Self::Srgb, SamplesRef::Sixteen(s)) if channels == 3 => {
                lab::lightness_from_srgb16(s, lightness);
            }
            (Self::Srgb, SamplesRef::Sixteen(s)) => {
                lab::lightness_from_srgb16(&without_alpha(s), lightness);
            }
            (Self::Float(tables), SamplesRef::Float(s)) => {
                fill(lightness, s, channels, |p| {
                    lightness_of(tables.iter().zip(p).map(|(t, &v)| between(t, v)).sum())
                });
            }
            (Self::Linear, SamplesRef::Float(s)) => {
                lab::lightness_from_linear(s, channels, lightness);
            }
            (Self::Tables(tables), samples) => {
                let rgb: Vec<f32> = match samples {
                    SamplesRef::Eight(s) => scaled(s, channels, 255.0),
                    SamplesRef::Sixteen(s) => scaled(s, channels, 65535.0),
                    SamplesRef::Float(s) => scaled(s, channels, 1.0),
                };
                let row = adapted_luminance(D50).map(|v| v as f32);
                let luminance =
                    |p: &[f32]| row.iter().zip(tables.xyz(p)).map(|(w, v)| w * v).sum::<f32>();
                fill(lightness, &rgb, 3, |p| lightness_of(luminance(p)));
            }
            _ => unreachable!("the conversion is made for the samples' depth"),
        }
    }
}

/// The lightness of each pixel of some channels.
fn fill<S>(lightness: &mut [f32], samples: &[S], channels: usize, of: impl Fn(&[S]) -> f32) {
    for (lightness, pixel) in lightness.iter_mut().zip(samples.chunks_exact(channels)) {
        *lightness = of(pixel);
    }
}

fn from_icc(bytes: &[u8], color: bool, values: usize, float: bool) -> Result<Lightness, String> {
    let profile = ColorProfile::new_from_slice(bytes).map_err(|error| error.to_string())?;
    match (profile.color_space, color) {
        (DataColorSpace::Gray, false) => {
            let curve = profile.gray_trc.as_ref().ok_or("no gray tone curve")?;
            let curve = evaluator(curve)?;
            Ok(Lightness::gray(values, float, curve))
        }
        (DataColorSpace::Rgb, true) => rgb_from_icc(&profile, values, float),
        (other, _) => {
            let wanted = if color { "RGB" } else { "gray" };
            Err(format!("it is for {other:?}, the picture is {wanted}"))
        }
    }
}

fn rgb_from_icc(profile: &ColorProfile, values: usize, float: bool) -> Result<Lightness, String> {
    let tables =
        profile.lut_a_to_b_colorimetric.is_some() || profile.lut_a_to_b_perceptual.is_some();
    if let (false, Some(red), Some(green), Some(blue)) =
        (tables, &profile.red_trc, &profile.green_trc, &profile.blue_trc)
    {
        let weights = weights_from_d50(profile.colorant_matrix());
        let [red, green, blue] = [evaluator(red)?, evaluator(green)?, evaluator(blue)?];
        let tables = [
            table(values, |v| (weights[0] * red(v)) as f32),
            table(values, |v| (weights[1] * green(v)) as f32),
            table(values, |v| (weights[2] * blue(v)) as f32),
        ];
        return Ok(if float {
            Lightness::Float(tables.to_vec())
        } else {
            Lightness::Matrix(tables)
        });
    }
    Ok(Lightness::Tables(Box::new(Tables::of(profile, 3)?)))
}

/// sRGB's primaries with straight tone curves.
fn linear_srgb() -> ColorProfile {
    let mut linear = ColorProfile::new_srgb();
    let identity = ToneReprCurve::Parametric(vec![1.0]);
    linear.red_trc = Some(identity.clone());
    linear.green_trc = Some(identity.clone());
    linear.blue_trc = Some(identity);
    linear.cicp = None;
    linear
}

/// Turns interleaved red, green and blue samples, 0..=1, into linear sRGB; where a profile does not
/// say how, sRGB is assumed.
pub(super) fn samples_to_linear(space: &ColorSpace, rgb: &mut [f32]) {
    let by_profile = |bytes: &[u8], rgb: &[f32]| {
        let profile = ColorProfile::new_from_slice(bytes).ok()?;
        if let Ok(tables) = Tables::of(&profile, 3) {
            return Some(rgb.chunks_exact(3).flat_map(|p| xyz_to_linear(tables.xyz(p))).collect());
        }
        let options = TransformOptions {
            rendering_intent: RenderingIntent::RelativeColorimetric,
            allow_use_cicp_transfer: false,
            ..TransformOptions::default()
        };
        let (rgb_layout, linear_profile) = (CmsLayout::Rgb, linear_srgb());
        let transform =
            profile.create_transform_f32(rgb_layout, &linear_profile, rgb_layout, options).ok()?;
        let mut linear = vec![0.0; rgb.len()];
        transform.transform(rgb, &mut linear).ok()?;
        Some(linear)
    };
    match space {
        ColorSpace::Linear => return,
        ColorSpace::Gamma { exponent, .. } => {
            for v in rgb {
                *v = libm::powf(*v, (1.0 / exponent) as f32);
            }
            return;
        }
        ColorSpace::Icc(bytes) => {
            if let Some(linear) = by_profile(bytes, rgb) {
                rgb.copy_from_slice(&linear);
                return;
            }
        }
        ColorSpace::Srgb => {}
    }
    for v in rgb {
        *v = lab::srgb_to_linear(*v);
    }
}

/// A tone curve as a function on 0..=1 in f64 (ICC.1:2022, 10.6 and 10.18).
pub(super) fn evaluator(curve: &ToneReprCurve) -> Result<Box<dyn Fn(f64) -> f64>, String> {
    match curve {
        ToneReprCurve::Lut(lut) if lut.is_empty() => Ok(Box::new(|v| v)),
        ToneReprCurve::Lut(lut) if lut.len() == 1 => {
            let gamma = f64::from(lut[0]) / 256.0;
            Ok(Box::new(move |v| libm::pow(v, gamma)))
        }
        ToneReprCurve::Lut(lut) => {
            let lut = lut.clone();
            Ok(Box::new(move |v| {
                let at = v.clamp(0.0, 1.0) * (lut.len() - 1) as f64;
                let below = (at as usize).min(lut.len() - 2);
                let [a, b] = [f64::from(lut[below]), f64::from(lut[below + 1])];
                (a + (b - a) * (at - below as f64)) / 65535.0
            }))
        }
        ToneReprCurve::Parametric(parameters) => {
            let p: Vec<f64> = parameters.iter().map(|&p| f64::from(p)).collect();
            let (g, a, b, c, d, e, f) = match p[..] {
                [g] => (g, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
                [g, a, b] => (g, a, b, 0.0, -b / a, 0.0, 0.0),
                [g, a, b, c] => (g, a, b, 0.0, -b / a, c, c),
                [g, a, b, c, d] => (g, a, b, c, d, 0.0, 0.0),
                [g, a, b, c, d, e, f] => (g, a, b, c, d, e, f),
                _ => return Err(format!("a tone curve with {} parameters", p.len())),
            };
            if !p.iter().all(|p| p.is_finite()) || !d.is_finite() {
                return Err("a tone curve that is not finite".into());
            }
            Ok(Box::new(move |v| {
                let y = if v >= d { libm::pow((a * v + b).max(0.0), g) + e } else { c * v + f };
                y.clamp(0.0, 1.0)
            }))
        }
    }
}

/// Linear luminance under D65 of full red, green and blue: the middle row of sRGB's matrix to
/// XYZ, IEC 61966-2-1.
const SRGB_WEIGHTS: [f64; 3] =
    [0.212_639_005_871_510_27, 0.715_168_678_767_755_9, 0.072_192_315_360_733_71];

/// XYZ of D50, the connection space of ICC.1:2022, 7.2.16.
const D50: [f64; 3] = [0.9642, 1.0, 0.8249];

/// XYZ of D65, from `x` 0.3127, `y` 0.3290 (IEC 61966-2-1).
const D65: [f64; 3] = [0.3127 / 0.3290, 1.0, (1.0 - 0.3127 - 0.3290) / 0.3290];

/// Bradford's cone responses (Lam 1985; ICC.1:2022, annex E).
const BRADFORD: Matrix3d = Matrix3d {
    v: [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]],
};

/// The luminance row of Bradford's adaptation from white `from` to D65.
fn adapted_luminance(from: [f64; 3]) -> [f64; 3] {
    let response = |white: [f64; 3]| {
        [0, 1, 2].map(|i| (0..3).map(|j| BRADFORD.v[i][j] * white[j]).sum::<f64>())
    };
    let (from, to) = (response(from), response(D65));
    let inverse = BRADFORD.inverse();
    let cones = [0, 1, 2].map(|i| inverse.v[1][i] * to[i] / from[i]);
    [0, 1, 2].map(|j| (0..3).map(|i| cones[i] * BRADFORD.v[i][j]).sum())
}

/// Luminance under D65 of full red, green and blue, given as columns of XYZ under D50.
fn weights_from_d50(colorants: Matrix3d) -> [f64; 3] {
    weights(colorants, adapted_luminance(D50))
}

fn weights(columns: Matrix3d, row: [f64; 3]) -> [f64; 3] {
    let weights = [0, 1, 2].map(|j| (0..3).map(|i| row[i] * columns.v[i][j]).sum::<f64>());
    let white: f64 = weights.iter().sum();
    // Colorants are stored with 16 bits of fraction; white is to be exactly 100.
    if (white - 1.0).abs() < 1e-3 { weights.map(|w| w / white) } else { weights }
}

/// Luminance weights under D65 from chromaticities of white, red, green and blue.
fn luminance_weights(chromaticities: Option<&[(f64, f64); 4]>) -> [f64; 3] {
    let Some(points) = chromaticities else { return SRGB_WEIGHTS };
    if points.iter().any(|&(_, y)| y <= 0.0) {
        return SRGB_WEIGHTS;
    }
    let xyz = points.map(|(x, y)| [x / y, 1.0, (1.0 - x - y) / y]);
    let primaries = Matrix3d { v: [0, 1, 2].map(|i| [xyz[1][i], xyz[2][i], xyz[3][i]]) };
    let inverse = primaries.inverse();
    let scale = [0, 1, 2].map(|i| (0..3).map(|j| inverse.v[i][j] * xyz[0][j]).sum::<f64>());
    let columns = Matrix3d { v: primaries.v.map(|row| [0, 1, 2].map(|j| row[j] * scale[j])) };
    let weights = weights(columns, adapted_luminance(xyz[0]));
    if weights.iter().all(|w| w.is_finite()) { weights } else { SRGB_WEIGHTS }
}

/// L* within its range; luminance of colors outside of a profile's gamut may not be, and floats may
/// be no numbers.
fn lightness_of(y: f32) -> f32 {
    lab::lightness_from_luminance(y.max(0.0)).min(100.0)
}

/// A table's value at a float, where 1 is its end; beyond its ends it goes on straight.
pub(super) fn between(table: &[f32], at: f32) -> f32 {
    let at = at * (table.len() - 1) as f32;
    let below = (at.max(0.0) as usize).min(table.len() - 2);
    table[below] + (table[below + 1] - table[below]) * (at - below as f32)
}

/// IEC 61966-2-1, in f64.
fn srgb_to_linear(v: f64) -> f64 {
    if v <= 0.04045 { v / 12.92 } else { libm::pow((v + 0.055) / 1.055, 2.4) }
}

pub(super) fn table(values: usize, f: impl Fn(f64) -> f32) -> Vec<f32> {
    (0..values).map(|i| f(i as f64 / (values - 1) as f64)).collect()
}

fn sum<T: Copy + Into<usize>>(tables: &[Vec<f32>; 3], pixel: &[T]) -> f32 {
    tables.iter().zip(pixel).map(|(table, &sample)| table[sample.into()]).sum()
}

fn scaled<T: Copy + Into<f32>>(samples: &[T], channels: usize, full: f32) -> Vec<f32> {
    let colors = samples.chunks_exact(channels).flat_map(|p| &p[..3]);
    colors.map(|&s| s.into() / full).collect()
}

fn without_alpha<T: Copy>(samples: &[T]) -> Vec<T> {
    samples.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect()
}
