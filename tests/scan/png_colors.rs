//! What a PNG says its samples mean: code points, a profile, gamma; and what of it is broken.

use polychromify_core::{Error, Format, Notice};
use polychromify_image::color::lab::RgbSpace;
use polychromify_image::color::output_profiles::profile;

use crate::beside::{png_with, told, with_chunks};
use crate::files::{File, difference, png, samples, to_eight};
use crate::lightness::gray;

type Chunk<'a> = (&'a [u8; 4], &'a [u8]);

/// A PNG of 16x12 pixels in color with chunks behind its header.
fn color(chunks: &[Chunk<'_>]) -> File {
    let data = to_eight(&samples(16, 12, 3));
    let plain = png((16, 12), png::ColorType::Rgb, png::BitDepth::Eight, &data, |_| {});
    File::new(&with_chunks(&plain, chunks))
}

fn in_gray(chunks: &[Chunk<'_>]) -> File {
    File::new(&png_with(chunks))
}

/// The chunk of a profile, packed.
fn embedded(profile: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(profile).unwrap();
    [b"x\0\0", &encoder.finish().unwrap()[..]].concat()
}

/// What was told of a file, and its lightness.
fn read(file: &File) -> (Vec<Notice>, Vec<f32>) {
    (told(file, Format::Png).1, file.lightness())
}

fn broken(chunk: &str) -> Notice {
    Notice::ProfileIgnored { reason: format!("the chunk {chunk} is broken") }
}

#[test]
fn a_broken_profile_is_told() {
    let whole = embedded(profile(RgbSpace::AdobeRgb));
    let mut of_other_method = whole.clone();
    of_other_method[2] = 1;
    let mut without_zlib = whole.clone();
    without_zlib[3] ^= 1;
    let plain = color(&[]).lightness();
    for data in [
        &whole[..whole.len() / 2],
        &whole[1..],
        &of_other_method,
        &without_zlib,
        &embedded(b"\0\0\0\x0Cno profile"),
        b"x",
        b"",
    ] {
        let (notices, lightness) = read(&color(&[(b"iCCP", data)]));
        assert_eq!(notices, [broken("iCCP")], "{} bytes", data.len());
        assert_eq!(lightness, plain);
    }
}

#[test]
fn a_profile_behind_the_pixels_is_told() {
    let plain = png_with(&[]);
    let (start, end) = plain.split_at(plain.len() - 12);
    let profile = with_chunks(&plain, &[(b"iCCP", &embedded(profile(RgbSpace::AdobeRgb)))]);
    let chunk = &profile[33..profile.len() - (plain.len() - 33)];
    let (notices, lightness) = read(&File::new(&[start, chunk, end].concat()));
    assert_eq!((notices, lightness), (vec![broken("iCCP")], in_gray(&[]).lightness()));
}

#[test]
fn a_profile_with_a_wrong_checksum_is_read() {
    let whole = embedded(profile(RgbSpace::AdobeRgb));
    let expected = read(&color(&[(b"iCCP", &whole)]));
    let mut altered = whole.clone();
    let end = altered.len() - 4;
    altered[end..].fill(0);
    assert_eq!(read(&color(&[(b"iCCP", &altered)])), expected);
    assert_eq!(read(&color(&[(b"iCCP", &whole[..end])])), expected);
    assert!(expected.0.is_empty() && expected.1 != color(&[]).lightness());
}

#[test]
fn broken_gamma_and_chromaticities_are_told() {
    assert_eq!(read(&in_gray(&[(b"gAMA", &[0, 0, 1])])).0, [broken("gAMA")]);
    assert_eq!(read(&in_gray(&[(b"gAMA", &[0; 4])])).0, [broken("gAMA")]);
    let gamma: Chunk<'_> = (b"gAMA", &100_000_u32.to_be_bytes());
    assert_eq!(read(&color(&[gamma, (b"cHRM", &[0; 31])])).0, [broken("cHRM")]);
    // Of gray they say nothing, and sRGB counts more.
    assert_eq!(read(&in_gray(&[gamma, (b"cHRM", &[0; 31])])).0, []);
    assert_eq!(read(&in_gray(&[(b"sRGB", &[0]), (b"gAMA", &[0, 0, 1])])).0, []);
}

#[test]
fn curves_of_code_points_are_followed() {
    let values = samples(16, 12, 1);
    let powers = [(8, 1.0), (4, 2.2), (5, 2.8)];
    for (curve, power) in powers {
        let expected = gray(&values, 65535.0, |v| v.powf(power));
        for primaries in [1, 9] {
            let (notices, found) = read(&in_gray(&[(b"cICP", &[primaries, curve, 0, 1])]));
            assert!(difference(&found, &expected) < 0.01 && notices.is_empty(), "{curve}");
        }
    }
    let (plain, in_color) = (in_gray(&[]).lightness(), color(&[]).lightness());
    assert_eq!(in_gray(&[(b"cICP", &[9, 13, 0, 1])]).lightness(), plain);
    assert_eq!(color(&[(b"cICP", &[1, 13, 0, 1])]).lightness(), in_color);
    assert_eq!(in_gray(&[(b"cICP", &[2, 2, 0, 1])]).lightness(), plain);
    let display_p3 = color(&[(b"iCCP", &embedded(profile(RgbSpace::DisplayP3)))]);
    assert_eq!(color(&[(b"cICP", &[12, 13, 0, 1])]).lightness(), display_p3.lightness());
}

#[test]
fn code_points_count_more_than_what_else_the_file_says() {
    let linear = in_gray(&[(b"cICP", &[1, 8, 0, 1])]).lightness();
    let gamma: Chunk<'_> = (b"gAMA", &45455_u32.to_be_bytes());
    for other in [gamma, (b"sRGB", &[0]), (b"iCCP", b"broken")] {
        let (notices, found) = read(&in_gray(&[(b"cICP", &[1, 8, 0, 1]), other]));
        assert!(found == linear && notices.is_empty(), "{notices:?}");
    }
}

#[test]
fn code_points_that_are_not_followed_are_refused_unless_the_file_says_it_in_another_way() {
    let gamma: Chunk<'_> = (b"gAMA", &51000_u32.to_be_bytes());
    let by_gamma = color(&[gamma]).lightness();
    for points in [[1, 1, 0, 1], [9, 14, 0, 1], [9, 8, 0, 1], [9, 13, 0, 1]] {
        let error = color(&[(b"cICP", &points)]).open().err().unwrap();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains("(cICP)"), "{error}");
        assert_eq!(color(&[(b"cICP", &points), gamma]).lightness(), by_gamma);
    }
    for points in [[9, 16, 0, 1], [9, 18, 0, 1], [1, 13, 0, 0]] {
        for file in [color(&[(b"cICP", &points), gamma]), in_gray(&[(b"cICP", &points)])] {
            let error = file.open().err().unwrap();
            assert!(matches!(error, Error::Unsupported { .. }), "{error}");
        }
    }
}

#[test]
fn broken_code_points_are_told_or_refused() {
    let (notices, lightness) = read(&in_gray(&[(b"cICP", &[1, 8, 0])]));
    assert_eq!((notices, lightness), (vec![broken("cICP")], in_gray(&[]).lightness()));
    for points in [[1, 8, 1, 1], [1, 8, 0, 2]] {
        let error = in_gray(&[(b"cICP", &points)]).open().err().unwrap();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
    }
}
