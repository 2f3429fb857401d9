//! What samples mean: ICC profiles, and what PNG says in place of one.

use moxcms::{ColorProfile, Layout as CmsLayout, RenderingIntent, ToneReprCurve, TransformOptions};

use self::icc::{Kind, Meaning};
use self::white::xyz_to_linear;
use super::lab;

pub(crate) mod cmyk;
mod curve;
mod icc;
mod lightness;
mod table;
mod white;

pub use lightness::Lightness;

/// Where the meaning of samples comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum ColorSpace {
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
pub fn samples_to_linear(space: &ColorSpace, rgb: &mut [f32]) {
    let by_profile = |bytes: &[u8], rgb: &[f32]| {
        if let Meaning::Tables(tables) = icc::read(bytes, Kind::Rgb).ok()? {
            return Some(rgb.chunks_exact(3).flat_map(|p| xyz_to_linear(tables.xyz(p))).collect());
        }
        let profile = ColorProfile::new_from_slice(bytes).ok()?;
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
