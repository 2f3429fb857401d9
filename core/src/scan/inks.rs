//! CMYK and CIE Lab as linear light of sRGB's primaries, not clipped, so that no lightness is lost.

use std::path::Path;

use moxcms::{ColorProfile, DataColorSpace};

use super::tables::{Tables, lab_to_xyz};
use crate::lab::srgb_to_linear;

/// CMYK through its profile, or by the plain formula.
#[derive(Default)]
pub(super) struct Inks(Option<Box<Tables>>);

impl std::fmt::Debug for Inks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Inks(profile)" } else { "Inks(formula)" })
    }
}

impl Inks {
    /// Prepares the conversion; without a usable profile it is the plain formula, with a warning.
    pub(super) fn new(path: &Path, icc: Option<&[u8]>) -> Self {
        let path = path.display();
        let Some(icc) = icc else {
            log::warn!("{path}: CMYK without a color profile: lightness is an estimate");
            return Self(None);
        };
        match tables(icc) {
            Ok(tables) => Self(Some(Box::new(tables))),
            Err(reason) => {
                log::warn!("{path}: color profile ignored, lightness is an estimate: {reason}");
                Self(None)
            }
        }
    }

    /// Linear sRGB of interleaved CMYK, 0 (no ink) to 1.
    pub(super) fn to_linear(&self, cmyk: &[f32]) -> Vec<f32> {
        if let Some(tables) = &self.0 {
            return cmyk.chunks_exact(4).flat_map(|p| xyz_to_linear(tables.xyz(p))).collect();
        }
        // PDF 32000-1, 10.3.5 (its printers' form, as libtiff has it): (1 - ink) (1 - black).
        let light = |p: &[f32]| [0, 1, 2].map(|i| srgb_to_linear((1.0 - p[i]) * (1.0 - p[3])));
        cmyk.chunks_exact(4).flat_map(light).collect()
    }
}

fn tables(icc: &[u8]) -> Result<Tables, String> {
    let profile = ColorProfile::new_from_slice(icc).map_err(|error| error.to_string())?;
    if profile.color_space != DataColorSpace::Cmyk {
        return Err(format!("it is for {:?}, the picture is CMYK", profile.color_space));
    }
    Tables::of(&profile, 4)
}

/// From XYZ under D50 to linear sRGB, by Bradford's adaptation (brucelindbloom.com), its columns
/// scaled from the white there (0.96422, 1, 0.82521) to that of ICC, so that neutrals stay neutral.
const FROM_XYZ_D50: [[f32; 3]; 3] = [
    [3.133_921, -1.616_867, -0.490_799],
    [-0.978_789, 1.916_142, 0.033_467],
    [0.071_947, -0.228_991, 1.405_771],
];

/// Linear sRGB of XYZ under D50, the white that of ICC.
pub(super) fn xyz_to_linear(xyz: [f32; 3]) -> [f32; 3] {
    FROM_XYZ_D50.map(|row| row.iter().zip(xyz).map(|(m, v)| m * v).sum())
}

/// Linear sRGB of CIE Lab under D50: L* 0..=100.
pub(super) fn lab_to_linear(lab: [f32; 3]) -> [f32; 3] {
    xyz_to_linear(lab_to_xyz(lab))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Lab;

    #[test]
    fn gray_lab_keeps_its_lightness_and_has_no_chroma() {
        for l in [0.0, 3.0, 8.0, 30.0, 50.0, 99.0, 100.0] {
            let lab = Lab::from_linear(lab_to_linear([l, 0.0, 0.0]));
            assert!((lab.l - l).abs() < 0.005 && lab.chroma() < 0.02, "{l} became {lab:?}");
        }
    }

    #[test]
    fn no_ink_is_white_and_black_ink_black() {
        let inks = Inks(None);
        let linear = inks.to_linear(&[0., 0., 0., 0., 0., 0., 0., 1.]);
        assert_eq!(linear, [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    }
}
