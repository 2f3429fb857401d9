//! True lightness through the source's profile, kept in the result.

use moxcms::ColorProfile;
use polychromify_core::Format;

use crate::files::{File, Tiff, difference, jpeg, png, samples, to_eight};

const SIZE: (usize, usize) = (23, 17);

/// CIE L* of relative luminance, in f64 (CIE 15:2004, 8.2.1).
pub(crate) fn l(y: f64) -> f32 {
    let epsilon = 216.0 / 24389.0;
    (if y > epsilon { 116.0 * y.cbrt() - 16.0 } else { 24389.0 / 27.0 * y }) as f32
}

pub(crate) fn srgb(v: f64) -> f64 {
    if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

pub(crate) fn gray(samples: &[u16], full: f64, curve: impl Fn(f64) -> f64) -> Vec<f32> {
    samples.iter().map(|&s| l(curve(f64::from(s) / full))).collect()
}

pub(crate) fn rgb(
    samples: &[u16],
    full: f64,
    weights: [f64; 3],
    curve: impl Fn(f64) -> f64,
) -> Vec<f32> {
    let luminance = |p: &[u16]| -> f64 {
        p.iter().zip(weights).map(|(&s, w)| w * curve(f64::from(s) / full)).sum()
    };
    samples.chunks_exact(3).map(|p| l(luminance(p))).collect()
}

pub(crate) const SRGB: [f64; 3] = [0.212639, 0.715169, 0.072192];
/// Adobe RGB (1998), section 4.3.5.3, rounded there to five digits.
const ADOBE: [f64; 3] = [0.29734, 0.62736, 0.07529];
const ADOBE_GAMMA: f64 = 2.19921875;

/// L* of a written PNG or TIFF, by another decoder and in f64.
fn written(file: &File) -> Vec<f32> {
    let picture = image::ImageReader::open(&file.path).unwrap().with_guessed_format().unwrap();
    match picture.decode().unwrap() {
        image::DynamicImage::ImageRgb8(p) => {
            let samples: Vec<u16> = p.into_raw().into_iter().map(u16::from).collect();
            rgb(&samples, 255.0, SRGB, srgb)
        }
        image::DynamicImage::ImageRgb16(p) => rgb(&p.into_raw(), 65535.0, SRGB, srgb),
        other => panic!("{:?}", other.color()),
    }
}

/// Asserts what is read, and what is left of it in results of two formats.
pub(crate) fn assert_lightness(file: &File, expected: &[f32], depth: u16) {
    let read = difference(&file.lightness(), expected);
    assert!(read < 0.01, "read: {read}");
    let most = if depth == 8 { 0.5 } else { 0.02 };
    for format in [Format::Tiff, Format::Png] {
        let kept = difference(&written(&file.colored(format)), expected);
        assert!(kept <= most, "{format:?}, {depth} bits: {kept}");
    }
}

fn tiff(channels: usize, bits: u16, profile: Option<&ColorProfile>) -> (File, Vec<u16>) {
    let samples = samples(SIZE.0, SIZE.1, channels);
    let mut tiff = Tiff::new(SIZE, channels, bits);
    tiff.tags.extend(profile.map(|p| (34675, 7, p.encode().unwrap())));
    let file = File::new(&tiff.bytes(&samples));
    let stored = if bits == 8 { samples.iter().map(|s| s >> 8).collect() } else { samples };
    (file, stored)
}

#[test]
fn gray_without_profile_has_the_curve_of_srgb() {
    for (bits, full) in [(8, 255.0), (16, 65535.0)] {
        let (file, samples) = tiff(1, bits, None);
        assert_lightness(&file, &gray(&samples, full, srgb), bits);
    }
}

#[test]
fn gray_of_gamma_2_2_is_read_through_its_profile() {
    let profile = ColorProfile::new_gray_with_gamma(2.2);
    for (bits, full) in [(8, 255.0), (16, 65535.0)] {
        let (file, samples) = tiff(1, bits, Some(&profile));
        let curve = |v: f64| v.powf(563.0 / 256.0); // ICC stores gamma with 8 bits of fraction
        assert_lightness(&file, &gray(&samples, full, curve), bits);
    }
}

#[test]
fn color_without_profile_is_srgb() {
    for (bits, full) in [(8, 255.0), (16, 65535.0)] {
        let (file, samples) = tiff(3, bits, None);
        assert_lightness(&file, &rgb(&samples, full, SRGB, srgb), bits);
    }
}

#[test]
fn adobe_rgb_is_read_through_its_profile() {
    let profile = ColorProfile::new_adobe_rgb();
    for (bits, full) in [(8, 255.0), (16, 65535.0)] {
        let (file, samples) = tiff(3, bits, Some(&profile));
        let expected = rgb(&samples, full, ADOBE, |v| v.powf(ADOBE_GAMMA));
        assert_lightness(&file, &expected, bits);
    }
}

#[test]
fn the_profile_of_a_jpeg_and_of_a_png_counts() {
    let profile = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let data = to_eight(&samples(SIZE.0, SIZE.1, 1));
    let size = (SIZE.0 as u32, SIZE.1 as u32);
    let bytes = png(size, png::ColorType::Grayscale, png::BitDepth::Eight, &data, |info| {
        info.icc_profile = Some(profile.clone().into());
    });
    let stored: Vec<u16> = data.iter().map(|&s| s.into()).collect();
    assert_lightness(&File::new(&bytes), &gray(&stored, 255.0, |v| v), 8);

    let bytes = jpeg((SIZE.0 as u16, SIZE.1 as u16), 1, |encoder| {
        encoder.add_icc_profile(&profile).unwrap();
    });
    let plain = jpeg((SIZE.0 as u16, SIZE.1 as u16), 1, |_| {});
    let (linear, plain) = (File::new(&bytes).lightness(), File::new(&plain).lightness());
    assert!(linear.iter().zip(&plain).all(|(linear, plain)| linear >= plain));
    assert!(difference(&linear, &plain) > 20.0);
}

#[test]
fn png_gamma_and_chromaticities_count() {
    let data: Vec<u8> = samples(SIZE.0, SIZE.1, 3).iter().flat_map(|s| s.to_be_bytes()).collect();
    let size = (SIZE.0 as u32, SIZE.1 as u32);
    let bytes = png(size, png::ColorType::Rgb, png::BitDepth::Sixteen, &data, |info| {
        info.source_gamma = Some(png::ScaledFloat::new(1.0 / ADOBE_GAMMA as f32));
        info.source_chromaticities = Some(png::SourceChromaticities::new(
            (0.3127, 0.329),
            (0.64, 0.33),
            (0.21, 0.71),
            (0.15, 0.06),
        ));
    });
    let expected = rgb(&samples(SIZE.0, SIZE.1, 3), 65535.0, ADOBE, |v| v.powf(ADOBE_GAMMA));
    assert_lightness(&File::new(&bytes), &expected, 16);
}

#[test]
fn a_profile_that_is_broken_or_of_another_color_space_is_ignored() {
    let gray_profile = ColorProfile::new_gray_with_gamma(1.8).encode().unwrap();
    for (channels, profile) in [(1, b"no profile".to_vec()), (3, gray_profile)] {
        let samples = samples(SIZE.0, SIZE.1, channels);
        let mut tiff = Tiff::new(SIZE, channels, 16);
        tiff.tags.push((34675, 7, profile));
        let file = File::new(&tiff.bytes(&samples));
        let expected = match channels {
            1 => gray(&samples, 65535.0, srgb),
            _ => rgb(&samples, 65535.0, SRGB, srgb),
        };
        assert_lightness(&file, &expected, 16);
    }
}

#[test]
fn black_is_0_and_white_is_100_through_every_profile() {
    let profiles =
        [None, Some(ColorProfile::new_adobe_rgb()), Some(ColorProfile::new_pro_photo_rgb())];
    for profile in profiles {
        let (file, _) = tiff(3, 16, profile.as_ref());
        let lightness = file.lightness();
        assert!(lightness[0].abs() < 1e-3 && (lightness[1] - 100.0).abs() < 1e-3);
    }
}

#[test]
fn neutrals_of_adobe_rgb_follow_its_tone_curve() {
    let samples: Vec<u16> = (0..=255_u16).flat_map(|v| [v * 257; 3]).collect();
    let mut tiff = Tiff::new((256, 1), 3, 16);
    tiff.tags.push((34675, 7, ColorProfile::new_adobe_rgb().encode().unwrap()));
    let expected: Vec<f32> =
        (0..256).map(|v| l((f64::from(v) / 255.0).powf(ADOBE_GAMMA))).collect();
    let read = File::new(&tiff.bytes(&samples)).lightness();
    assert!(difference(&read, &expected) < 2e-3);
}
