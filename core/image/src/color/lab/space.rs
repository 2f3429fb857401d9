//! RGB color spaces that results can be in.

use std::fmt;
use std::sync::LazyLock;

use super::matrix::{TO_XYZ_EXACT, inverse, narrowed};

/// An RGB color space of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RgbSpace {
    /// IEC 61966-2-1.
    #[default]
    Srgb,
    /// Adobe RGB (1998), 4.3.
    AdobeRgb,
    /// Display P3: the primaries of SMPTE EG 432-1 with white D65 and sRGB's tone curve.
    DisplayP3,
    /// `ProPhoto` RGB, ROMM RGB of ISO 22028-2, white D50. 8 bits are too few for it.
    ProPhoto,
}

impl fmt::Display for RgbSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Srgb => "sRGB",
            Self::AdobeRgb => "Adobe RGB",
            Self::DisplayP3 => "Display P3",
            Self::ProPhoto => "ProPhoto RGB",
        })
    }
}

/// The primaries of a space, known when the code is compiled, as sRGB's are.
pub(crate) trait Primaries {
    /// XYZ over white to linear red, green and blue.
    const FROM_XYZ: [[f32; 3]; 3];
}

/// From linear red, green and blue to XYZ under D65 over white, computed from the chromaticities of
/// the standards; D50 adapted by Bradford's method.
macro_rules! primaries {
    ($(#[$about:meta])* $name:ident, $to_xyz:expr) => {
        $(#[$about])*
        pub(crate) struct $name;

        impl Primaries for $name {
            const FROM_XYZ: [[f32; 3]; 3] = narrowed(inverse($to_xyz));
        }
    };
}

primaries!(
    /// Those of sRGB.
    Srgb,
    TO_XYZ_EXACT
);
primaries!(
    /// Red (0.64, 0.33), green (0.21, 0.71), blue (0.15, 0.06).
    AdobeRgb,
    [
        [0.6067288619, 0.1952307652, 0.1980403729],
        [0.2973449753, 0.6273635663, 0.0752914585],
        [0.0248208705, 0.0649082682, 0.9102708613],
    ]
);
primaries!(
    /// Red (0.680, 0.320), green (0.265, 0.690), blue (0.150, 0.060).
    DisplayP3,
    [
        [0.5119342568, 0.2795160571, 0.2085496861],
        [0.2289745641, 0.6917385218, 0.0792869141],
        [0.0, 0.0414242329, 0.9585757671],
    ]
);
primaries!(
    /// Red (0.734699, 0.265301), green (0.159597, 0.840403), blue (0.036598, 0.000105).
    ProPhoto,
    [
        [0.7949771481, 0.1185955492, 0.0864273027],
        [0.2683218436, 0.7151152567, 0.0165628998],
        [0.0035957439, -0.0118758099, 1.0082800660],
    ]
);

/// Intervals of a table of a tone curve.
const INTERVALS: usize = 4096;

/// A tone curve at equal steps of the square root of linear light, which makes it nearly straight:
/// linear interpolation errs by less than 3 steps of 16 bits, and that near black alone.
pub(crate) struct Encoder(Vec<f32>);

/// 563/256 (Adobe RGB (1998), 4.3.4.2).
static ADOBE_RGB: LazyLock<Encoder> =
    LazyLock::new(|| Encoder::new(|v| libm::pow(v, 256.0 / 563.0)));

/// Linear to 1/512, then 1.8 (ISO 22028-2, ROMM RGB).
static PRO_PHOTO: LazyLock<Encoder> = LazyLock::new(|| {
    Encoder::new(|v| if v < 1.0 / 512.0 { 16.0 * v } else { libm::pow(v, 1.0 / 1.8) })
});

impl Encoder {
    fn new(curve: impl Fn(f64) -> f64) -> Self {
        let root = |i: usize| i as f64 / INTERVALS as f64;
        Self((0..=INTERVALS).map(|i| curve(root(i) * root(i)) as f32).collect())
    }

    /// That of a space, if it is not sRGB's.
    pub(crate) fn of(space: RgbSpace) -> Option<&'static Self> {
        match space {
            RgbSpace::Srgb | RgbSpace::DisplayP3 => None,
            RgbSpace::AdobeRgb => Some(&ADOBE_RGB),
            RgbSpace::ProPhoto => Some(&PRO_PHOTO),
        }
    }

    /// Encodes linear light in 0..=1 in place.
    pub(crate) fn encode(&self, plane: &mut [f32]) {
        for v in plane {
            let at = v.sqrt() * INTERVALS as f32;
            let below = (at as usize).min(INTERVALS - 1);
            let [from, to] = [self.0[below], self.0[below + 1]];
            *v = from + (at - below as f32) * (to - from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_met_to_a_few_steps_of_16_bit() {
        for space in [RgbSpace::AdobeRgb, RgbSpace::ProPhoto] {
            let curve = |v: f64| match space {
                RgbSpace::AdobeRgb => v.powf(256.0 / 563.0),
                _ if v < 1.0 / 512.0 => 16.0 * v,
                _ => v.powf(1.0 / 1.8),
            };
            let mut plane: Vec<f32> = (0..=100_000).map(|i| i as f32 / 100_000.0).collect();
            let expected: Vec<f64> = plane.iter().map(|&v| curve(v.into())).collect();
            Encoder::of(space).unwrap().encode(&mut plane);
            for (found, expected) in plane.iter().zip(expected) {
                let steps = (f64::from(*found) - expected).abs() * 65535.0;
                assert!(steps < 3.0, "{space:?}: {found}, expected {expected}");
            }
            assert_eq!((plane[0], plane[100_000]), (0.0, 1.0));
        }
    }
}
