//! What stored samples mean: gray, RGB, palette, CMYK, Lab or YCbCr, with or without alpha.

use crate::color::profile::cmyk::{CmykConversion, lab_to_linear};
use crate::error::damaged;
use crate::samples::{Layout, Samples, SamplesRef};
use crate::{Depth, Result};

/// Colors, as TIFF's `PhotometricInterpretation` tells them.
#[derive(Debug)]
pub(crate) enum Meaning {
    Gray {
        /// 0 is white.
        inverted: bool,
    },
    Rgb,
    /// Red, green and blue of each number, 0..=65535.
    Palette(Vec<[u16; 3]>),
    Cmyk(CmykConversion),
    Lab(LabCode),
    YCbCr(YCbCr),
}

/// How Lab is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LabCode {
    /// TIFF 6.0, section 23: a* and b* have a sign.
    Cie,
    /// TIFF technical note 4: as in ICC profiles, 0 of a* and b* in the middle.
    Icc,
}

/// Conversion of luminance and color differences (TIFF 6.0, sections 20 and 21).
#[derive(Clone, Copy, Debug)]
pub(crate) struct YCbCr {
    /// Weights of red, green and blue in luminance.
    pub(crate) weights: [f32; 3],
    /// Black and white of each of the three.
    pub(crate) reference: [f32; 6],
}

/// The stored sample beside those of color that is carried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alpha {
    /// Place in the pixel.
    pub(crate) index: usize,
    /// Whether it is opacity, and not infrared, a mask or whatever else.
    pub(crate) is_opacity: bool,
    /// Whether colors were multiplied by it.
    pub(crate) premultiplied: bool,
}

/// From stored samples to pixels of a [`Layout`].
#[derive(Debug)]
pub(crate) struct Pixels {
    pub(crate) meaning: Meaning,
    /// Stored samples a pixel, extra ones included.
    pub(crate) samples: usize,
    pub(crate) alpha: Option<Alpha>,
    /// Largest number of a stored sample that is not scaled.
    pub(crate) full: f32,
}

impl Pixels {
    /// What comes out of samples of a depth.
    pub(crate) fn layout(&self, stored: Depth) -> Layout {
        let depth = match self.meaning {
            Meaning::Gray { .. } | Meaning::Rgb | Meaning::YCbCr(_) => stored,
            Meaning::Palette(_) => Depth::Sixteen,
            Meaning::Cmyk(_) | Meaning::Lab(_) => Depth::Float,
        };
        let color = !matches!(self.meaning, Meaning::Gray { .. });
        Layout { color, alpha: self.alpha.is_some(), depth }
    }

    /// Stored samples of color a pixel.
    pub(crate) fn colors(meaning: &Meaning) -> usize {
        match meaning {
            Meaning::Gray { .. } | Meaning::Palette(_) => 1,
            Meaning::Rgb | Meaning::Lab(_) | Meaning::YCbCr(_) => 3,
            Meaning::Cmyk(_) => 4,
        }
    }

    /// Appends pixels made of whole stored ones.
    pub(crate) fn append(&self, stored: SamplesRef<'_>, into: &mut Samples) -> Result<()> {
        match (&self.meaning, stored, into) {
            (Meaning::Gray { .. } | Meaning::Rgb, stored, into) => self.append_plain(stored, into),
            (Meaning::Palette(palette), stored, Samples::Sixteen(into)) => {
                for pixel in numbers(stored).chunks_exact(self.samples) {
                    let color = palette.get(pixel[0] as usize);
                    let color = color.ok_or_else(|| {
                        damaged(format!("color {} is not in the palette", pixel[0]))
                    })?;
                    into.extend(color);
                    let alpha = |alpha: &Alpha| pixel[alpha.index] / self.full;
                    into.extend(self.alpha.iter().map(|a| (65535.0 * alpha(a)).round() as u16));
                }
            }
            (Meaning::Cmyk(inks), stored, Samples::Float(into)) => {
                let values = numbers(stored);
                let pixels = || values.chunks_exact(self.samples);
                let full = largest(stored);
                let cmyk: Vec<f32> =
                    pixels().flat_map(|p| p[..4].iter().map(|v| v / full)).collect();
                let linear = inks.to_linear(&cmyk);
                for (pixel, color) in pixels().zip(linear.chunks_exact(3)) {
                    into.extend(color);
                    into.extend(self.alpha.iter().map(|alpha| pixel[alpha.index] / full));
                }
            }
            (Meaning::Lab(code), stored, Samples::Float(into)) => {
                let full = largest(stored);
                for pixel in numbers(stored).chunks_exact(self.samples) {
                    into.extend(lab_to_linear(code.lab(pixel, full)));
                    into.extend(self.alpha.iter().map(|alpha| pixel[alpha.index] / full));
                }
            }
            (Meaning::YCbCr(conversion), SamplesRef::Eight(stored), Samples::Eight(into)) => {
                for pixel in stored.chunks_exact(self.samples) {
                    into.extend(conversion.rgb([pixel[0], pixel[1], pixel[2]]));
                    into.extend(self.alpha.iter().map(|alpha| pixel[alpha.index]));
                }
            }
            _ => unreachable!("the layout is made for the meaning"),
        }
        Ok(())
    }

    fn append_plain(&self, stored: SamplesRef<'_>, into: &mut Samples) {
        match (stored, into) {
            (SamplesRef::Eight(from), Samples::Eight(to)) => {
                let divided = |c: u8, a: u8| {
                    let (c, a) = (u32::from(c), u32::from(a));
                    ((c * 255 + a / 2).checked_div(a).unwrap_or(0)).min(255) as u8
                };
                self.pick(from, to, |s| !s, divided);
            }
            (SamplesRef::Sixteen(from), Samples::Sixteen(to)) => {
                let divided = |c: u16, a: u16| {
                    let (c, a) = (u64::from(c), u64::from(a));
                    ((c * 65535 + a / 2).checked_div(a).unwrap_or(0)).min(65535) as u16
                };
                self.pick(from, to, |s| !s, divided);
            }
            (SamplesRef::Float(from), Samples::Float(to)) => {
                let divided = |c: f32, a: f32| if a > 0.0 { c / a } else { 0.0 };
                self.pick(from, to, |s| 1.0 - s, divided);
            }
            _ => unreachable!("plain samples keep their depth"),
        }
    }

    fn pick<T: Copy>(
        &self,
        from: &[T],
        to: &mut Vec<T>,
        not: impl Fn(T) -> T,
        divided: impl Fn(T, T) -> T,
    ) {
        let colors = Self::colors(&self.meaning);
        let inverted = matches!(self.meaning, Meaning::Gray { inverted: true });
        let all = self.samples == colors + usize::from(self.alpha.is_some());
        if all && !inverted && !self.alpha.is_some_and(|alpha| alpha.premultiplied) {
            to.extend_from_slice(from);
            return;
        }
        for pixel in from.chunks_exact(self.samples) {
            for &sample in &pixel[..colors] {
                let sample = match self.alpha {
                    Some(Alpha { index, premultiplied: true, .. }) => divided(sample, pixel[index]),
                    _ => sample,
                };
                to.push(if inverted { not(sample) } else { sample });
            }
            to.extend(self.alpha.iter().map(|alpha| pixel[alpha.index]));
        }
    }
}

impl LabCode {
    /// L*, a* and b* of the numbers of a pixel of 8 or 16 bits, whose largest is `full`.
    fn lab(self, pixel: &[f32], full: f32) -> [f32; 3] {
        let byte = full / 255.0; // 257 for 16 bits
        match self {
            Self::Cie => {
                let unit = if byte > 1.0 { 256.0 } else { 1.0 };
                let signed = |v: f32| if v > full / 2.0 { v - full - 1.0 } else { v };
                [100.0 * pixel[0] / full, signed(pixel[1]) / unit, signed(pixel[2]) / unit]
            }
            // 16 bits are those of ICC.1:2001, 6.5.10: L* 100 is 0xFF00.
            Self::Icc if byte > 1.0 => {
                [pixel[0] * 100.0 / 65280.0, pixel[1] / 256.0 - 128.0, pixel[2] / 256.0 - 128.0]
            }
            Self::Icc => [100.0 * pixel[0] / 255.0, pixel[1] - 128.0, pixel[2] - 128.0],
        }
    }
}

impl YCbCr {
    /// Weights of ITU-R BT.601.
    pub(crate) const BT_601: [f32; 3] = [0.299, 0.587, 0.114];
    /// Black and white of JFIF.
    pub(crate) const FULL_RANGE: [f32; 6] = [0.0, 255.0, 128.0, 255.0, 128.0, 255.0];

    /// Whether it is that of JFIF.
    pub(crate) fn is_usual(&self) -> bool {
        let near = |(a, b): (&f32, &f32)| (a - b).abs() < 2e-3;
        self.weights.iter().zip(&Self::BT_601).all(near)
            && self.reference.iter().zip(&Self::FULL_RANGE).all(near)
    }

    fn rgb(&self, pixel: [u8; 3]) -> [u8; 3] {
        let r = &self.reference;
        let scaled = |i: usize, full: f32| {
            let range = r[2 * i + 1] - r[2 * i];
            (f32::from(pixel[i]) - r[2 * i]) * full / if range == 0.0 { 1.0 } else { range }
        };
        let (y, cb, cr) = (scaled(0, 255.0), scaled(1, 127.0), scaled(2, 127.0));
        let [wr, wg, wb] = self.weights;
        let red = cr * (2.0 - 2.0 * wr) + y;
        let blue = cb * (2.0 - 2.0 * wb) + y;
        let green = (y - wb * blue - wr * red) / wg;
        [red, green, blue].map(|v| v.round() as u8)
    }
}

/// Stored samples as numbers.
fn numbers(stored: SamplesRef<'_>) -> Vec<f32> {
    match stored {
        SamplesRef::Eight(s) => s.iter().map(|&s| f32::from(s)).collect(),
        SamplesRef::Sixteen(s) => s.iter().map(|&s| f32::from(s)).collect(),
        SamplesRef::Float(s) => s.to_vec(),
    }
}

/// The number that is full.
fn largest(stored: SamplesRef<'_>) -> f32 {
    match stored {
        SamplesRef::Eight(_) => 255.0,
        SamplesRef::Sixteen(_) => 65535.0,
        SamplesRef::Float(_) => 1.0,
    }
}
