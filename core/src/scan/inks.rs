//! CMYK and CIE Lab as linear light of sRGB's primaries, not clipped, so that no lightness is lost.

use std::path::Path;
use std::sync::Arc;

use moxcms::{
    ColorProfile, DataColorSpace, Layout, RenderingIntent, ToneReprCurve, TransformF32Executor,
    TransformOptions, Xyzd,
};

use super::{Result, damaged};
use crate::lab::srgb_to_linear;

/// CMYK through its profile, or by the plain formula.
#[derive(Default)]
pub(super) struct Inks(Option<Arc<TransformF32Executor>>);

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
        match transform(icc) {
            Ok(transform) => Self(Some(transform)),
            Err(reason) => {
                log::warn!("{path}: color profile ignored, lightness is an estimate: {reason}");
                Self(None)
            }
        }
    }

    /// Linear sRGB of interleaved CMYK, 0 (no ink) to 1.
    pub(super) fn to_linear(&self, path: &Path, cmyk: &[f32]) -> Result<Vec<f32>> {
        if let Some(transform) = &self.0 {
            let mut xyz = vec![0.0; cmyk.len() / 4 * 3];
            transform
                .transform(cmyk, &mut xyz)
                .map_err(|error| damaged(path, format!("color profile: {error}")))?;
            for pixel in xyz.chunks_exact_mut(3) {
                let linear = from_xyz([0, 1, 2].map(|i| D50[i] * pixel[i]));
                pixel.copy_from_slice(&linear);
            }
            return Ok(xyz);
        }
        // PDF 32000-1, 10.3.5 (its printers' form, as libtiff has it): (1 - ink) (1 - black).
        let light = |p: &[f32]| [0, 1, 2].map(|i| srgb_to_linear((1.0 - p[i]) * (1.0 - p[3])));
        Ok(cmyk.chunks_exact(4).flat_map(light).collect())
    }
}

/// To XYZ over white: moxcms clips to 0..=1, which linear sRGB of inks exceeds.
fn transform(icc: &[u8]) -> Result<Arc<TransformF32Executor>, String> {
    let profile = ColorProfile::new_from_slice(icc).map_err(|error| error.to_string())?;
    if profile.color_space != DataColorSpace::Cmyk {
        return Err(format!("it is for {:?}, the picture is CMYK", profile.color_space));
    }
    let options = TransformOptions {
        rendering_intent: RenderingIntent::RelativeColorimetric,
        allow_use_cicp_transfer: false,
        ..TransformOptions::default()
    };
    let mut xyz = linear_srgb();
    let [x, y, z] = D50.map(f64::from);
    xyz.red_colorant = Xyzd { x, y: 0.0, z: 0.0 };
    xyz.green_colorant = Xyzd { x: 0.0, y, z: 0.0 };
    xyz.blue_colorant = Xyzd { x: 0.0, y: 0.0, z };
    profile
        .create_transform_f32(Layout::Rgba, &xyz, Layout::Rgb, options)
        .map_err(|error| error.to_string())
}

/// sRGB's primaries with straight tone curves.
pub(super) fn linear_srgb() -> ColorProfile {
    let mut linear = ColorProfile::new_srgb();
    let identity = ToneReprCurve::Parametric(vec![1.0]);
    linear.red_trc = Some(identity.clone());
    linear.green_trc = Some(identity.clone());
    linear.blue_trc = Some(identity);
    linear.cicp = None;
    linear
}

/// From XYZ under D50 to linear sRGB, by Bradford's adaptation (brucelindbloom.com).
const FROM_XYZ_D50: [[f32; 3]; 3] = [
    [3.133_856, -1.616_867, -0.490_615],
    [-0.978_768, 1.916_142, 0.033_454],
    [0.071_945, -0.228_991, 1.405_243],
];

/// XYZ of D50.
const D50: [f32; 3] = [0.964_22, 1.0, 0.825_21];

/// Linear sRGB of CIE Lab under D50: L* 0..=100.
pub(super) fn lab_to_linear([l, a, b]: [f32; 3]) -> [f32; 3] {
    // CIE 15:2004, 8.2.1.
    let curve = |t: f32| {
        if t > 6.0 / 29.0 { t * t * t } else { (t - 4.0 / 29.0) * 3.0 * (6.0_f32 / 29.0).powi(2) }
    };
    let y = (l + 16.0) / 116.0;
    let relative = [y + a / 500.0, y, y - b / 200.0];
    from_xyz([0, 1, 2].map(|i| D50[i] * curve(relative[i])))
}

fn from_xyz(xyz: [f32; 3]) -> [f32; 3] {
    FROM_XYZ_D50.map(|row| row.iter().zip(xyz).map(|(m, v)| m * v).sum())
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
        let linear = inks.to_linear(Path::new("x"), &[0., 0., 0., 0., 0., 0., 0., 1.]).unwrap();
        assert_eq!(linear, [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    }
}
