//! What an ICC profile says of samples, as far as it can be true.
//!
//! A profile whose white is no white, or whose curves do not rise, would make a picture black or
//! dark: such a one is refused, with the reason.

use moxcms::{ColorProfile, DataColorSpace, ProfileClass, ToneReprCurve};

use super::curve::evaluator;
use super::table::Tables;
use super::white::{D50, weights_from_d50};

/// How far the sum of the colorants may be from the white of the connection space: profiles that
/// were not adapted to it have the white of their display.
const NEAR_WHITE: [f64; 3] = [0.15, 0.05, 0.35];

/// A tone curve on 0..=1.
pub(crate) type Curve = Box<dyn Fn(f64) -> f64>;

/// From samples to light.
pub(crate) enum Meaning {
    /// Relative luminance of a gray value.
    Gray(Curve),
    /// Relative luminance (D65) of full red, green and blue, and their tone curves.
    Matrix([f64; 3], [Curve; 3]),
    /// Tables of as many inputs as the picture has inks.
    Tables(Box<Tables>),
}

/// Kinds of samples that have profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Gray,
    Rgb,
    Cmyk,
}

/// Reads a profile for a picture of a kind; a gray picture may have one for RGB, of which it has
/// equal parts.
pub(crate) fn read(bytes: &[u8], kind: Kind) -> Result<Meaning, String> {
    let profile = ColorProfile::new_from_slice(bytes).map_err(|_| "it is damaged".to_owned())?;
    match profile.profile_class {
        ProfileClass::DeviceLink => return Err("it links two devices".into()),
        ProfileClass::Abstract => return Err("it is for an effect, not for samples".into()),
        ProfileClass::Named => return Err("it is a list of named colors".into()),
        _ => {}
    }
    if !matches!(profile.pcs, DataColorSpace::Xyz | DataColorSpace::Lab) {
        return Err("it connects to neither XYZ nor Lab".into());
    }
    match (profile.color_space, kind) {
        (DataColorSpace::Gray, Kind::Gray) => gray(&profile),
        (DataColorSpace::Rgb, Kind::Gray | Kind::Rgb) => rgb(&profile),
        (DataColorSpace::Cmyk, Kind::Cmyk) => tables(&profile, &[0.0; 4], &[1.0; 4]),
        (found, _) => {
            let found = match found {
                DataColorSpace::Gray => "gray",
                DataColorSpace::Rgb => "RGB",
                DataColorSpace::Cmyk => "CMYK",
                _ => "another kind of color",
            };
            let picture = match kind {
                Kind::Gray => "gray",
                Kind::Rgb => "RGB",
                Kind::Cmyk => "CMYK",
            };
            Err(format!("it is for {found}, the picture is {picture}"))
        }
    }
}

/// Whether there are tables that count more than curves (ICC.1:2022, 8.10.2).
fn has_tables(profile: &ColorProfile) -> bool {
    profile.lut_a_to_b_colorimetric.is_some() || profile.lut_a_to_b_perceptual.is_some()
}

fn gray(profile: &ColorProfile) -> Result<Meaning, String> {
    if has_tables(profile) {
        return tables(profile, &[1.0], &[0.0]);
    }
    let curve = rising(profile.gray_trc.as_ref().ok_or("no gray tone curve")?)?;
    Ok(Meaning::Gray(match profile.pcs {
        // ICC.1:2022, 8.3.4: the curve gives L*.
        DataColorSpace::Lab => Box::new(move |v| luminance(curve(v))),
        _ => curve,
    }))
}

fn rgb(profile: &ColorProfile) -> Result<Meaning, String> {
    if has_tables(profile) {
        return tables(profile, &[1.0; 3], &[0.0; 3]);
    }
    let curves = [&profile.red_trc, &profile.green_trc, &profile.blue_trc];
    if curves.iter().all(|curve| curve.is_none()) {
        return tables(profile, &[1.0; 3], &[0.0; 3]); // those for another intent, if any
    }
    if profile.pcs != DataColorSpace::Xyz {
        return Err("a matrix that does not connect to XYZ".into());
    }
    let colorants = profile.colorant_matrix();
    let white = colorants.v.map(|row| row.iter().sum::<f64>());
    let near = |i: usize| (white[i] - D50[i]).abs() <= NEAR_WHITE[i];
    if !(0..3).all(near) {
        return Err("its red, green and blue do not make white".into());
    }
    let curve = |curve: &Option<ToneReprCurve>| {
        rising(curve.as_ref().ok_or("one of its tone curves is missing")?)
    };
    let [red, green, blue] = curves;
    let curves = [curve(red)?, curve(green)?, curve(blue)?];
    Ok(Meaning::Matrix(weights_from_d50(colorants), curves))
}

/// Tables whose white is lighter than their black.
fn tables(profile: &ColorProfile, white: &[f32], black: &[f32]) -> Result<Meaning, String> {
    let tables = Tables::of(profile, white.len())?;
    let [white, black] = [white, black].map(|samples| tables.xyz(samples)[1]);
    if !(white > 0.3 && white < 1.5 && black < white) {
        return Err("its white is no white".into());
    }
    Ok(Meaning::Tables(Box::new(tables)))
}

/// A curve from dark to light.
fn rising(curve: &ToneReprCurve) -> Result<Curve, String> {
    let curve = evaluator(curve)?;
    let (black, white) = (curve(0.0), curve(1.0));
    if white > 0.5 && black < white {
        Ok(curve)
    } else {
        Err("a tone curve that gives no white".into())
    }
}

/// Relative luminance of L*, 0..=1 (CIE 15:2004, 8.2.1.1, turned around).
fn luminance(lightness: f64) -> f64 {
    let f = (100.0 * lightness + 16.0) / 116.0;
    if f > 6.0 / 29.0 { f * f * f } else { 3.0 * (6.0_f64 / 29.0).powi(2) * (f - 4.0 / 29.0) }
}
