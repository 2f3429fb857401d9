//! The profiles that results carry, as ICC profiles of version 4.
//!
//! Written here, and not by moxcms, whose writer leaves tags unaligned, which libpng warns of.

use crate::lab::RgbSpace;

/// Version 4.3 (ICC.1:2010, 7.2.4), the last before tags that older readers do not know.
const VERSION: u32 = 0x0430_0000;

/// White of the connection space, D50, as 16.16 numbers (7.2.16).
const D50: [u32; 3] = [0xF6D6, 0x1_0000, 0xD32D];

/// Primaries adapted to D50 by Bradford's method, as 16.16 numbers that sum to D50 exactly; of the
/// same chromaticities as in [`RgbSpace`].
fn primaries(space: RgbSpace) -> [[u32; 3]; 3] {
    match space {
        RgbSpace::Srgb => {
            [[0x6FA0, 0x38F5, 0x0390], [0x6297, 0xB787, 0x18D9], [0x249F, 0x0F84, 0xB6C4]]
        }
        RgbSpace::AdobeRgb => {
            [[0x9C18, 0x4FA5, 0x04FC], [0x348D, 0xA02C, 0x0F96], [0x2631, 0x102F, 0xBE9B]]
        }
        RgbSpace::DisplayP3 => {
            [[0x83DF, 0x3DBF, 0xFFFF_FFBB], [0x4ABF, 0xB136, 0x0AB9], [0x2838, 0x110B, 0xC8B9]]
        }
        RgbSpace::ProPhoto => {
            [[0xCC38, 0x49BE, 0x0000], [0x229A, 0xB63D, 0x0001], [0x0804, 0x0005, 0xD32C]]
        }
    }
}

/// Bradford's matrix from D65 to D50 (ICC.1:2010, annex E), as 16.16 numbers.
const ADAPTATION: [u32; 9] = [
    0x0001_0C42,
    0x0000_05DE,
    0xFFFF_F325,
    0x0000_0793,
    0x0000_FD90,
    0xFFFF_FBA1,
    0xFFFF_FDA2,
    0x0000_03DC,
    0x0000_C06E,
];

/// White that is D50 as it is.
const UNADAPTED: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x1_0000];

/// A tone curve (10.15).
fn curve(space: RgbSpace) -> Vec<u8> {
    let (function, parameters): (u8, &[u32]) = match space {
        // 2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045.
        RgbSpace::Srgb | RgbSpace::DisplayP3 => {
            (3, &[0x0002_6666, 0x0000_F2A7, 0x0000_0D59, 0x0000_13D0, 0x0000_0A5B])
        }
        // 563/256.
        RgbSpace::AdobeRgb => (0, &[0x0002_3300]),
        // 1.8, 1, 0, 1/16, 1/32.
        RgbSpace::ProPhoto => (3, &[0x0001_CCCD, 0x0001_0000, 0, 0x0000_1000, 0x0000_0800]),
    };
    let mut curve = [&b"para\0\0\0\0\0"[..], &[function, 0, 0]].concat();
    curve.extend(parameters.iter().flat_map(|v| v.to_be_bytes()));
    curve
}

fn name(space: RgbSpace) -> &'static str {
    match space {
        RgbSpace::Srgb => "sRGB",
        RgbSpace::AdobeRgb => "Compatible with Adobe RGB (1998)",
        RgbSpace::DisplayP3 => "Display P3",
        RgbSpace::ProPhoto => "ROMM RGB (ProPhoto RGB)",
    }
}

/// The profile's bytes.
pub(super) fn profile(space: RgbSpace) -> Vec<u8> {
    let xyz = |values: &[u32; 3]| numbers(*b"XYZ ", values);
    let primaries = primaries(space);
    let adaptation = if space == RgbSpace::ProPhoto { &UNADAPTED } else { &ADAPTATION };
    let elements: [(&[&[u8; 4]], Vec<u8>); 8] = [
        (&[b"desc"], text(name(space))),
        (&[b"cprt"], text("No copyright, use freely")),
        (&[b"wtpt"], xyz(&D50)),
        (&[b"chad"], numbers(*b"sf32", adaptation)),
        (&[b"rXYZ"], xyz(&primaries[0])),
        (&[b"gXYZ"], xyz(&primaries[1])),
        (&[b"bXYZ"], xyz(&primaries[2])),
        (&[b"rTRC", b"gTRC", b"bTRC"], curve(space)),
    ];
    let count: usize = elements.iter().map(|(names, _)| names.len()).sum();
    let mut table = (count as u32).to_be_bytes().to_vec();
    let mut data = Vec::new();
    let start = 128 + 4 + 12 * count;
    for (names, element) in elements {
        for name in names {
            table.extend(*name);
            table.extend(((start + data.len()) as u32).to_be_bytes());
            table.extend((element.len() as u32).to_be_bytes());
        }
        data.extend(element);
        data.resize(data.len().next_multiple_of(4), 0);
    }
    let mut profile = header((start + data.len()) as u32);
    profile.extend(table);
    profile.extend(data);
    profile
}

fn header(size: u32) -> Vec<u8> {
    let mut header = Vec::with_capacity(128);
    header.extend(size.to_be_bytes());
    header.extend([0; 4]);
    header.extend(VERSION.to_be_bytes());
    header.extend(b"mntrRGB XYZ ");
    header.extend([2020_u16, 1, 1, 0, 0, 0].iter().flat_map(|v| v.to_be_bytes())); // any date
    header.extend(b"acsp");
    header.resize(64, 0);
    header.extend([0; 4]); // perceptual, the default of readers
    header.extend(D50.iter().flat_map(|v| v.to_be_bytes()));
    header.resize(128, 0);
    header
}

fn numbers(kind: [u8; 4], values: &[u32]) -> Vec<u8> {
    let mut element = kind.to_vec();
    element.extend([0; 4]);
    element.extend(values.iter().flat_map(|v| v.to_be_bytes()));
    element
}

/// Text in one language (10.13).
fn text(text: &str) -> Vec<u8> {
    let words: Vec<u16> = text.encode_utf16().collect();
    let mut element = b"mluc\0\0\0\0\0\0\0\x01\0\0\0\x0cenUS".to_vec();
    element.extend((2 * words.len() as u32).to_be_bytes());
    element.extend(28_u32.to_be_bytes());
    element.extend(words.iter().flat_map(|v| v.to_be_bytes()));
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACES: [RgbSpace; 4] =
        [RgbSpace::Srgb, RgbSpace::AdobeRgb, RgbSpace::DisplayP3, RgbSpace::ProPhoto];

    #[test]
    fn the_primaries_sum_to_white() {
        for space in SPACES {
            for (i, white) in D50.iter().enumerate() {
                let sum = primaries(space).iter().fold(0_u32, |sum, p| sum.wrapping_add(p[i]));
                assert_eq!(sum, *white, "{space:?}");
            }
        }
    }

    #[test]
    fn the_profiles_are_read_back_as_those_of_moxcms() {
        for space in SPACES {
            let found = moxcms::ColorProfile::new_from_slice(&profile(space)).unwrap();
            let expected = match space {
                RgbSpace::Srgb => moxcms::ColorProfile::new_srgb(),
                RgbSpace::AdobeRgb => moxcms::ColorProfile::new_adobe_rgb(),
                RgbSpace::DisplayP3 => moxcms::ColorProfile::new_display_p3(),
                RgbSpace::ProPhoto => moxcms::ColorProfile::new_pro_photo_rgb(),
            };
            for (a, b) in [
                (found.red_colorant, expected.red_colorant),
                (found.green_colorant, expected.green_colorant),
                (found.blue_colorant, expected.blue_colorant),
            ] {
                // moxcms rounds whites otherwise.
                let far = (a.x - b.x).abs().max((a.y - b.y).abs()).max((a.z - b.z).abs());
                assert!(far < 5e-4, "{space:?}: {a:?}, {b:?}");
            }
            assert!(found.red_trc.is_some() && found.red_trc == found.blue_trc);
        }
    }
}
