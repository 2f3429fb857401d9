//! The profiles that results carry: ICC profiles of version 4.3 (ICC.1:2010), the last before tags
//! that older readers do not know; free to use.

use super::lab::RgbSpace;

/// The bytes of a color space's profile.
pub fn profile(space: RgbSpace) -> &'static [u8] {
    match space {
        RgbSpace::Srgb => include_bytes!("output_profiles/srgb.icc"),
        RgbSpace::AdobeRgb => include_bytes!("output_profiles/adobe_rgb.icc"),
        RgbSpace::DisplayP3 => include_bytes!("output_profiles/display_p3.icc"),
        RgbSpace::ProPhoto => include_bytes!("output_profiles/prophoto.icc"),
    }
}

#[cfg(test)]
mod tests {
    use moxcms::ColorProfile;

    use super::*;

    const SPACES: [RgbSpace; 4] =
        [RgbSpace::Srgb, RgbSpace::AdobeRgb, RgbSpace::DisplayP3, RgbSpace::ProPhoto];

    /// A tag's numbers behind its type, as 16.16 fixed-point numbers.
    fn numbers(profile: &[u8], tag: [u8; 4]) -> Vec<u32> {
        let word = |at: usize| u32::from_be_bytes(profile[at..at + 4].try_into().unwrap());
        let entries = (0..word(128) as usize).map(|i| 132 + 12 * i);
        let entry = entries.into_iter().find(|&at| profile[at..at + 4] == tag).unwrap();
        let (at, length) = (word(entry + 4) as usize, word(entry + 8) as usize);
        (at + 8..at + length).step_by(4).map(word).collect()
    }

    #[test]
    fn the_primaries_sum_to_the_white_of_the_connection_space() {
        for space in SPACES {
            let primaries = [*b"rXYZ", *b"gXYZ", *b"bXYZ"].map(|tag| numbers(profile(space), tag));
            // D50 (7.2.16).
            for (i, white) in [0xF6D6, 0x1_0000, 0xD32D].into_iter().enumerate() {
                let sum = primaries.iter().fold(0_u32, |sum, p| sum.wrapping_add(p[i]));
                assert_eq!(sum, white, "{space:?}");
            }
        }
    }

    #[test]
    fn the_profiles_are_read_back_as_those_of_moxcms() {
        for space in SPACES {
            let found = ColorProfile::new_from_slice(profile(space)).unwrap();
            let expected = match space {
                RgbSpace::Srgb => ColorProfile::new_srgb(),
                RgbSpace::AdobeRgb => ColorProfile::new_adobe_rgb(),
                RgbSpace::DisplayP3 => ColorProfile::new_display_p3(),
                RgbSpace::ProPhoto => ColorProfile::new_pro_photo_rgb(),
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
