//! True lightness of samples, through the color profile of their source.
//!
//! A matrix profile, or a gray one, is a tone curve a channel and a weighted sum: its relative
//! luminance under D65 needs no more than that and is not clipped. Profiles with tables are
//! evaluated by [`Tables`].

use rayon::prelude::*;

use super::ColorSpace;
use super::curve::{between, srgb_to_linear, table};
use super::icc::{self, Kind, Meaning};
use super::table::Tables;
use super::white::{D50, SRGB_WEIGHTS, adapted_luminance, luminance_weights};
use crate::Notice;
use crate::color::lab;
use crate::samples::{Depth, Layout, SamplesRef};

/// Pixels that are converted by one task.
const PIECE: usize = 1 << 15;

/// Turns samples into CIE L* (D65), 0..=100.
pub struct Lightness(Conversion);

enum Conversion {
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
    /// Prepares the conversion; a profile that is broken or of another color space is ignored,
    /// which is told, and sRGB is assumed.
    pub fn new(space: &ColorSpace, layout: Layout, notices: &mut Vec<Notice>) -> Self {
        let values = if layout.depth == Depth::Eight { 256 } else { 65536 };
        let float = layout.depth == Depth::Float;
        let prepared = match space {
            ColorSpace::Srgb => None,
            ColorSpace::Linear => Some(Conversion::Linear),
            ColorSpace::Icc(bytes) => match from_icc(bytes, layout.color, values, float) {
                Ok(prepared) => Some(prepared),
                Err(reason) => {
                    notices.push(Notice::ProfileIgnored { reason });
                    None
                }
            },
            ColorSpace::Gamma { exponent, chromaticities } => {
                let curve = |v: f64| libm::pow(v, 1.0 / exponent);
                if layout.color {
                    let weights = luminance_weights(chromaticities.as_ref());
                    Some(Conversion::Matrix(
                        weights.map(|w| table(values, |v| (w * curve(v)) as f32)),
                    ))
                } else {
                    Some(gray(values, float, curve))
                }
            }
        };
        Self(prepared.unwrap_or_else(|| match (layout.color, float) {
            (true, false) => Conversion::Srgb,
            (true, true) => Conversion::Float(
                SRGB_WEIGHTS.map(|w| table(values, |v| (w * srgb_to_linear(v)) as f32)).to_vec(),
            ),
            (false, _) => gray(values, float, srgb_to_linear),
        }))
    }

    /// Lightness of whole pixels of `layout`; alpha is skipped.
    pub fn convert(&self, layout: Layout, samples: SamplesRef<'_>, lightness: &mut Vec<f32>) {
        let channels = layout.channels();
        lightness.resize(samples.len() / channels, 0.0);
        lightness.par_chunks_mut(PIECE).enumerate().for_each(|(i, lightness)| {
            let (_, rest) = samples.split_at(i * PIECE * channels);
            let (samples, _) = rest.split_at(lightness.len() * channels);
            self.0.convert(channels, samples, lightness);
        });
    }
}

impl Conversion {
    fn convert(&self, channels: usize, samples: SamplesRef<'_>, lightness: &mut [f32]) {
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

/// `curve` goes from samples, 0..=1, to relative luminance.
fn gray(values: usize, float: bool, curve: impl Fn(f64) -> f64) -> Conversion {
    if float {
        return Conversion::Float(vec![table(values, |v| curve(v) as f32)]);
    }
    Conversion::Gray(table(values, |v| lightness_of(curve(v) as f32)))
}

/// The lightness of each pixel of some channels.
fn fill<S>(lightness: &mut [f32], samples: &[S], channels: usize, of: impl Fn(&[S]) -> f32) {
    for (lightness, pixel) in lightness.iter_mut().zip(samples.chunks_exact(channels)) {
        *lightness = of(pixel);
    }
}

fn from_icc(bytes: &[u8], color: bool, values: usize, float: bool) -> Result<Conversion, String> {
    let kind = if color { Kind::Rgb } else { Kind::Gray };
    Ok(match (icc::read(bytes, kind)?, color) {
        (Meaning::Gray(curve), _) => gray(values, float, curve),
        (Meaning::Matrix(weights, [red, green, blue]), true) => {
            let tables = [
                table(values, |v| (weights[0] * red(v)) as f32),
                table(values, |v| (weights[1] * green(v)) as f32),
                table(values, |v| (weights[2] * blue(v)) as f32),
            ];
            if float { Conversion::Float(tables.to_vec()) } else { Conversion::Matrix(tables) }
        }
        // Gray is equal parts of red, green and blue.
        (Meaning::Matrix(weights, curves), false) => gray(values, float, |v| {
            weights.iter().zip(&curves).map(|(weight, curve)| weight * curve(v)).sum()
        }),
        (Meaning::Tables(tables), true) => Conversion::Tables(tables),
        (Meaning::Tables(tables), false) => {
            let row = adapted_luminance(D50);
            gray(values, float, |v| {
                let xyz = tables.xyz(&[v as f32; 3]); // of gray one is taken
                row.iter().zip(xyz).map(|(weight, v)| weight * f64::from(v)).sum()
            })
        }
    })
}

/// L* within its range; luminance of colors outside of a profile's gamut may not be, and floats may
/// be no numbers.
fn lightness_of(y: f32) -> f32 {
    lab::lightness_from_luminance(y.max(0.0)).min(100.0)
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
