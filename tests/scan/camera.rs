//! What cameras and scanning programs say in EXIF, of any type.

use polychromify_core::{Format, Notice};
use polychromify_image::color::lab::RgbSpace;
use polychromify_image::color::output_profiles::profile;

use crate::beside::{directory, exif, holds, jpeg_with, packet, told};
use crate::carried::image_tags;
use crate::files::{File, Tiff, jpeg, samples};

/// The first bytes of a place as a value of a type.
fn pointer(kind: u16, at: u8) -> Vec<u8> {
    let size = match kind {
        1 | 6 => 1,
        3 | 8 => 2,
        _ => 4,
    };
    [at, 0, 0, 0][..size].to_vec()
}

/// An EXIF block of a camera that tells a color space and an interoperability index.
fn exif_of_camera(space: u16, index: &[u8], kind: u16) -> Vec<u8> {
    let head = exif(&[(34665, kind, &pointer(kind, 26))]);
    let space = space.to_le_bytes();
    let sub = directory(26, &[(0xA001, 3, &space), (0xA005, kind, &pointer(kind, 56))]);
    [head, sub, directory(56, &[(1, 2, index)])].concat()
}

#[test]
fn a_camera_says_adobe_rgb_in_exif() {
    let of = |block: &[u8], icc: &[u8]| {
        let file = jpeg((16, 16), 3, |encoder| {
            encoder.add_exif_metadata(block).unwrap();
            if !icc.is_empty() {
                encoder.add_icc_profile(icc).unwrap();
            }
        });
        File::new(&file).lightness()
    };
    let plain = exif_of_camera(1, b"R98\0", 4);
    let (srgb, adobe) = (of(&plain, &[]), of(&plain, profile(RgbSpace::AdobeRgb)));
    assert_ne!(srgb, adobe);
    for kind in [1, 3, 4, 6, 8, 9, 13] {
        assert_eq!(of(&exif_of_camera(65535, b"R03\0", kind), &[]), adobe, "{kind}");
        assert_eq!(of(&exif_of_camera(65535, b"R98\0", kind), &[]), srgb, "{kind}");
    }
    assert_eq!(of(&exif_of_camera(2, b"R98\0", 4), &[]), adobe);
    assert_eq!(of(&exif_of_camera(1, b"R03\0", 4), &[]), srgb);
    let display = profile(RgbSpace::DisplayP3);
    assert_eq!(of(&exif_of_camera(65535, b"R03\0", 4), display), of(&plain, display));
}

#[test]
fn text_of_exif_3_is_kept() {
    let [bridge, name] = ["Br\u{fc}cke \u{fc}ber die Ilz\0", "\u{141}uk\0"].map(str::as_bytes);
    let block = exif(&[(270, 129, bridge), (271, 2, b"Scanner\0"), (315, 129, name)]);
    let file = File::new(&jpeg((16, 12), 1, |encoder| encoder.add_exif_metadata(&block).unwrap()));
    let mut tiff = Tiff::new((16, 12), 1, 8);
    tiff.tags.extend([(270, 129, bridge.to_vec()), (315, 129, name.to_vec())]);
    for source in [file, File::new(&tiff.bytes(&samples(16, 12, 1)))] {
        for format in [Format::Jpeg, Format::Png, Format::Tiff, Format::Webp] {
            let (result, notices) = told(&source, format);
            assert_eq!(notices, []);
            let entry = [270_u16.to_le_bytes(), 129_u16.to_le_bytes()].concat();
            let count = (bridge.len() as u32).to_le_bytes();
            assert!(holds(&result, &[entry, count.to_vec()].concat()), "{format:?}");
            assert!(holds(&result, bridge) && holds(&result, name), "{format:?}");
        }
    }
}

/// Unit and resolution of a JPEG result by JFIF, of a PNG by pHYs.
fn whole_density(result: &File) -> (u8, u32, u32) {
    let bytes = result.bytes();
    if let Some(at) = bytes.windows(4).position(|window| window == b"pHYs") {
        let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        return (bytes[at + 12], word(at + 4), word(at + 8));
    }
    let short = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    (bytes[13], short(14).into(), short(16).into())
}

#[test]
fn resolutions_of_any_type_are_kept() {
    let words = |a: i32, b: i32| [a.to_le_bytes(), b.to_le_bytes()].concat();
    let types = [
        (3, 300_u16.to_le_bytes().to_vec()),
        (8, 300_i16.to_le_bytes().to_vec()),
        (4, 300_u32.to_le_bytes().to_vec()),
        (9, 300_i32.to_le_bytes().to_vec()),
        (5, words(300, 1)),
        (10, words(300, 1)),
        (10, words(-600, -2)),
        (11, 300_f32.to_le_bytes().to_vec()),
        (12, 300_f64.to_le_bytes().to_vec()),
    ];
    for (kind, value) in types {
        let block = exif(&[(282, kind, &value), (283, kind, &value), (296, 3, &[2, 0])]);
        let file = jpeg((16, 12), 1, |encoder| encoder.add_exif_metadata(&block).unwrap());
        let file = File::new(&file);
        assert_eq!(whole_density(&told(&file, Format::Jpeg).0), (1, 300, 300), "{kind}");
        assert_eq!(whole_density(&told(&file, Format::Png).0), (1, 11811, 11811), "{kind}");
        let tags = image_tags(&told(&file, Format::Tiff).0, Format::Tiff);
        assert_eq!((&*tags[&282], &*tags[&283], &*tags[&296]), ("300", "300", "2"), "{kind}");
    }
    for no_number in [f32::NAN, -300.0, f32::INFINITY, 0.0] {
        let value = no_number.to_le_bytes();
        let block = exif(&[(282, 11, &value), (283, 11, &value)]);
        let file = jpeg((16, 12), 1, |encoder| encoder.add_exif_metadata(&block).unwrap());
        assert_eq!(whole_density(&told(&File::new(&file), Format::Jpeg).0), (0, 1, 1));
    }
}

#[test]
fn a_ratio_without_a_unit_stays() {
    let float = |v: f32| v.to_le_bytes().to_vec();
    let rational = |n: u32, d: u32| [n.to_le_bytes(), d.to_le_bytes()].concat();
    let whole = |v: u32| v.to_le_bytes().to_vec();
    let cases = [
        (5, rational(3, 2), rational(1, 1), (3, 2)),
        (5, rational(3, 2), rational(3, 2), (1, 1)),
        (5, rational(118_110, 1), rational(70_000, 1), (11_811, 7000)),
        (11, float(1.5), float(0.25), (6, 1)),
        (4, whole(72), whole(72), (72, 72)),
    ];
    for (kind, x, y, expected) in cases {
        let block = exif(&[(282, kind, &x), (283, kind, &y), (296, 3, &[1, 0])]);
        let file = jpeg((16, 12), 1, |encoder| encoder.add_exif_metadata(&block).unwrap());
        let file = File::new(&file);
        let (unit, x, y) = whole_density(&told(&file, Format::Jpeg).0);
        assert_eq!((unit, (x, y)), (0, expected));
        let (unit, x, y) = whole_density(&told(&file, Format::Png).0);
        assert_eq!((unit, x * expected.1), (0, y * expected.0));
    }
}

#[test]
fn places_of_any_integer_type_lead_to_gps() {
    for kind in [1, 3, 4, 6, 8, 9, 13] {
        let block = exif(&[(34853, kind, &pointer(kind, 26))]);
        let block = [block, directory(26, &[(1, 2, b"N\0"), (29, 2, b"1904:05:06\0")])].concat();
        let jpeg = jpeg((16, 12), 1, |encoder| encoder.add_exif_metadata(&block).unwrap());
        for format in [Format::Jpeg, Format::Png, Format::Tiff, Format::Webp] {
            let (result, notices) = told(&File::new(&jpeg), format);
            assert!(notices.is_empty() && holds(&result, b"1904:05:06"), "{kind} {format:?}");
        }
    }
}

#[test]
fn blocks_among_the_tags_of_exif_are_read_unless_they_are_told_elsewhere() {
    let xmp = packet(r#"rdf:about="" dc:source="box 12""#, "").into_bytes();
    let [iptc, other] = [b"\x1C\x02\x78\0\x05Hello", b"\x1C\x02\x78\0\x05Other"];
    let block = exif(&[(700, 1, &xmp), (33723, 7, iptc)]);
    let block = [b"Exif\0\0", &block[..]].concat();
    let alone = jpeg_with(&[(0xE1, &block)]);
    let (result, notices) = told(&alone, Format::Jpeg);
    assert!(notices.is_empty() && holds(&result, b"box 12") && holds(&result, iptc));
    let resources = [b"Photoshop 3.0\08BIM\x04\x04\0\0\0\0\0\x0A", &other[..]].concat();
    for both in [[(0xE1, &block), (0xED, &resources)], [(0xED, &resources), (0xE1, &block)]] {
        let both = both.map(|(marker, data)| (marker, &data[..]));
        let (result, notices) = told(&jpeg_with(&both), Format::Jpeg);
        assert!(notices.is_empty() && holds(&result, other) && !holds(&result, iptc));
    }
}

#[test]
fn a_broken_exif_block_is_told() {
    for broken in [&b"Exif\0\0II*\0"[..], b"Exif\0\0XX*\0\x08\0\0\0", b"Exif\0\0II*\0\xFF\0\0\0"] {
        let (_, notices) = told(&jpeg_with(&[(0xE1, broken)]), Format::Tiff);
        assert_eq!(notices, [Notice::ExifBroken]);
    }
}
