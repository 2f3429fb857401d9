//! CMYK and CIE Lab as linear light of sRGB's primaries, not clipped, so that no lightness is lost.

use super::icc::{self, Kind, Meaning};
use super::table::{Tables, lab_to_xyz};
use super::white::xyz_to_linear;
use crate::Notice;
use crate::color::lab::srgb_to_linear;

/// CMYK through its profile, or by the plain formula.
#[derive(Default)]
pub(crate) struct CmykConversion(Option<Box<Tables>>);

impl std::fmt::Debug for CmykConversion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() {
            "CmykConversion(profile)"
        } else {
            "CmykConversion(formula)"
        })
    }
}

impl CmykConversion {
    /// Prepares the conversion; without a usable profile it is the plain formula, which is told.
    pub(crate) fn new(icc: Option<&[u8]>, notices: &mut Vec<Notice>) -> Self {
        let Some(icc) = icc else {
            notices.push(Notice::InksWithoutProfile);
            return Self(None);
        };
        match icc::read(icc, Kind::Cmyk) {
            Ok(Meaning::Tables(tables)) => Self(Some(tables)),
            Ok(Meaning::Gray(_) | Meaning::Matrix(..)) => Self(None), // not of inks
            Err(reason) => {
                notices.push(Notice::InkProfileIgnored { reason });
                Self(None)
            }
        }
    }

    /// Linear sRGB of interleaved CMYK, 0 (no ink) to 1.
    pub(crate) fn to_linear(&self, cmyk: &[f32]) -> Vec<f32> {
        if let Some(tables) = &self.0 {
            return cmyk.chunks_exact(4).flat_map(|p| xyz_to_linear(tables.xyz(p))).collect();
        }
        // PDF 32000-1, 10.3.5 (its printers' form, as libtiff has it): (1 - ink) (1 - black).
        let light = |p: &[f32]| [0, 1, 2].map(|i| srgb_to_linear((1.0 - p[i]) * (1.0 - p[3])));
        cmyk.chunks_exact(4).flat_map(light).collect()
    }
}

/// Linear sRGB of CIE Lab under D50: L* 0..=100.
pub(crate) fn lab_to_linear(lab: [f32; 3]) -> [f32; 3] {
    xyz_to_linear(lab_to_xyz(lab))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::lab::Lab;

    #[test]
    fn gray_lab_keeps_its_lightness_and_has_no_chroma() {
        for l in [0.0, 3.0, 8.0, 30.0, 50.0, 99.0, 100.0] {
            let lab = Lab::from_linear(lab_to_linear([l, 0.0, 0.0]));
            assert!((lab.l - l).abs() < 0.005 && lab.chroma() < 0.02, "{l} became {lab:?}");
        }
    }

    #[test]
    fn no_ink_is_white_and_black_ink_black() {
        let inks = CmykConversion(None);
        let linear = inks.to_linear(&[0., 0., 0., 0., 0., 0., 0., 1.]);
        assert_eq!(linear, [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    }
}
