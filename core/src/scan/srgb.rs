//! The profile that results carry: sRGB as an ICC profile of version 4.
//!
//! Written here, and not by moxcms, whose writer leaves tags unaligned, which libpng warns of.

/// Version 4.3 (ICC.1:2010, 7.2.4), the last before tags that older readers do not know.
const VERSION: u32 = 0x0430_0000;

/// White of the connection space, D50, as 16.16 numbers (7.2.16).
const D50: [u32; 3] = [0xF6D6, 0x1_0000, 0xD32D];

/// sRGB's primaries (IEC 61966-2-1), adapted to D50 by Bradford's method, as 16.16 numbers that sum
/// to D50 exactly.
const PRIMARIES: [[u32; 3]; 3] =
    [[0x6FA0, 0x38F5, 0x0390], [0x6297, 0xB787, 0x18D9], [0x249F, 0x0F84, 0xB6C4]];

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

/// sRGB's tone curve as 2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045 (10.15, function 3).
const CURVE: [u32; 5] = [0x0002_6666, 0x0000_F2A7, 0x0000_0D59, 0x0000_13D0, 0x0000_0A5B];

/// The profile's bytes.
pub(super) fn profile() -> Vec<u8> {
    let xyz = |values: &[u32; 3]| numbers(*b"XYZ ", values);
    let mut curve = b"para\0\0\0\0\0\x03\0\0".to_vec();
    curve.extend(CURVE.iter().flat_map(|v| v.to_be_bytes()));
    let elements: [(&[&[u8; 4]], Vec<u8>); 8] = [
        (&[b"desc"], text("sRGB")),
        (&[b"cprt"], text("No copyright, use freely")),
        (&[b"wtpt"], xyz(&D50)),
        (&[b"chad"], numbers(*b"sf32", &ADAPTATION)),
        (&[b"rXYZ"], xyz(&PRIMARIES[0])),
        (&[b"gXYZ"], xyz(&PRIMARIES[1])),
        (&[b"bXYZ"], xyz(&PRIMARIES[2])),
        (&[b"rTRC", b"gTRC", b"bTRC"], curve),
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

    #[test]
    fn the_primaries_sum_to_white() {
        for (i, white) in D50.iter().enumerate() {
            assert_eq!(PRIMARIES.iter().map(|p| p[i]).sum::<u32>(), *white);
        }
    }

    #[test]
    fn the_profile_is_read_back_as_srgb() {
        let profile = moxcms::ColorProfile::new_from_slice(&profile()).unwrap();
        let expected = moxcms::ColorProfile::new_srgb();
        let close = |a: moxcms::Xyzd, b: moxcms::Xyzd| {
            // moxcms rounds the white of sRGB otherwise.
            (a.x - b.x).abs() < 5e-4 && (a.y - b.y).abs() < 5e-4 && (a.z - b.z).abs() < 5e-4
        };
        assert!(close(profile.red_colorant, expected.red_colorant));
        assert!(close(profile.green_colorant, expected.green_colorant));
        assert!(close(profile.blue_colorant, expected.blue_colorant));
        assert!(profile.red_trc.is_some() && profile.red_trc == profile.blue_trc);
    }
}
