//! Files of the field that are right for other programs and went wrong here once: never done and
//! wrong. Those that another program reads are compared with it in `second_opinion`, too.

use std::path::{Path, PathBuf};

use polychromify_core::{Error, Format, Notice, Scan};

use crate::files::{
    File, LIMITS, Tiff, colored, difference, encoding, jpeg, lightness, samples, strip,
};
use crate::lightness::{SRGB, gray, rgb, srgb};

fn asset(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/assets/field").join(name)
}

/// Lightness of a committed file, and what is told of it.
fn read(name: &str) -> (Vec<f32>, Vec<Notice>) {
    read_at(&asset(name))
}

fn read_at(path: &Path) -> (Vec<f32>, Vec<Notice>) {
    let mut scan = Scan::open(path, &LIMITS).unwrap();
    let lightness = lightness(&mut scan);
    (lightness, scan.notices().iter().map(|notice| notice.notice.clone()).collect())
}

/// A JPEG whose bytes are changed.
fn altered(change: impl FnOnce(&mut Vec<u8>)) -> File {
    let mut bytes = jpeg((80, 60), 1, |_| {});
    change(&mut bytes);
    File::new(&bytes)
}

fn height(bytes: &mut [u8], height: u16) {
    let frame = bytes.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
}

#[test]
fn a_height_told_behind_the_scan_counts() {
    let plain = File::new(&jpeg((80, 60), 1, |_| {})).lightness();
    for told in [0, 60, 61, 65535] {
        let file = altered(|bytes| {
            height(bytes, told);
            let end = bytes.len() - 2;
            bytes.splice(end..end, [0xFF, 0xDC, 0, 4, 0, 60]);
        });
        let (found, notices) = read_at(&file.path);
        assert!(difference(&found, &plain) < 0.6 && notices.is_empty(), "{told}: {notices:?}");
    }
    let file = altered(|bytes| height(bytes, 0));
    assert!(matches!(file.open(), Err(Error::Damaged { .. })));
}

#[test]
fn bytes_that_belong_to_nothing_are_told_and_cost_nothing() {
    let plain = File::new(&jpeg((80, 60), 1, |_| {})).lightness();
    let segment = |bytes: &[u8]| bytes.windows(2).position(|m| m == [0xFF, 0xDB]).unwrap();
    let between = altered(|bytes| {
        let at = segment(bytes);
        bytes.splice(at..at, [0, 7, 9]);
    });
    let behind = altered(|bytes| {
        let end = bytes.len() - 2;
        bytes.splice(end..end, [0; 500]);
    });
    for (file, count) in [(between, 3), (behind, 500)] {
        let (found, notices) = read_at(&file.path);
        assert!(difference(&found, &plain) < 0.01);
        assert_eq!(notices, [Notice::StrayBytes { bytes: count }]);
    }
    // A few are padding, and many that are not alike are lost codes.
    let padding = altered(|bytes| {
        let end = bytes.len() - 2;
        bytes.splice(end..end, [0; 3]);
    });
    assert_eq!(read_at(&padding.path).1, []);
    let codes = altered(|bytes| {
        let end = bytes.len() - 2;
        bytes.splice(end..end, [1, 2, 3, 4, 5]);
    });
    let mut scan = codes.open().unwrap();
    let read = scan.read_lightness(9, &mut |_, _| Ok(()));
    assert!(matches!(read, Err(Error::Damaged { .. })));
}

#[test]
fn bytes_before_restart_markers_are_told() {
    let bytes = jpeg((80, 60), 1, |encoder| encoder.set_restart_interval(10));
    let plain = File::new(&bytes).lightness();
    let mut padded = Vec::new();
    let mut markers = 0;
    let scan = bytes.windows(2).position(|marker| marker == [0xFF, 0xDA]).unwrap();
    for (at, &byte) in bytes.iter().enumerate() {
        let restart = |next: &u8| (0xD0..=0xD7).contains(next);
        if at > scan && byte == 0xFF && bytes.get(at + 1).is_some_and(restart) {
            padded.extend([0; 20]);
            markers += 1;
        }
        padded.push(byte);
    }
    let (found, notices) = read_at(&File::new(&padded).path);
    assert!(markers > 3 && difference(&found, &plain) < 0.6);
    assert_eq!(notices, [Notice::StrayBytes { bytes: 20 * markers }]);
}

/// A lossless JPEG of gray samples, of `bits` bits with a point transform, by one of the seven
/// predictors, with restarts after so many rows: its codes are numbers of 4 bits.
fn lossless(
    (width, height): (usize, usize),
    values: &[u16],
    (bits, transform): (u8, u8),
    predictor: u8,
    rows: usize,
) -> Vec<u8> {
    let mut file = b"\xFF\xD8\xFF\xC3\0\x0B".to_vec();
    file.push(bits);
    file.extend((height as u16).to_be_bytes());
    file.extend((width as u16).to_be_bytes());
    file.extend([1, 1, 0x11, 0]);
    file.extend(b"\xFF\xC4\0\x24\0");
    // Fifteen codes of four bits for 0..=14, and two of five for 15 and 16.
    let mut counts = [0; 16];
    (counts[3], counts[4]) = (15, 2);
    file.extend(counts);
    file.extend(0..17);
    if rows > 0 {
        file.extend(b"\xFF\xDD\0\x04");
        file.extend(((rows * width) as u16).to_be_bytes());
    }
    file.extend([0xFF, 0xDA, 0, 8, 1, 1, 0, predictor, 0, transform]);
    let (mut word, mut count) = (0_u64, 0);
    let flush = |file: &mut Vec<u8>, word: &mut u64, count: &mut u32, all: bool| {
        if all && !(*count).is_multiple_of(8) {
            let fill = 8 - *count % 8;
            (*word, *count) = (*word << fill | ((1 << fill) - 1), *count + fill);
        }
        while *count >= 8 {
            let byte = (*word >> (*count - 8)) as u8;
            file.push(byte);
            file.extend((byte == 0xFF).then_some(0));
            *count -= 8;
            *word &= (1 << *count) - 1;
        }
    };
    let value = |x: usize, y: usize| i32::from(values[y * width + x] >> transform);
    for y in 0..height {
        let first = if rows == 0 { y == 0 } else { y % rows == 0 };
        if first && y > 0 {
            flush(&mut file, &mut word, &mut count, true);
            file.extend([0xFF, 0xD0 + ((y / rows - 1) % 8) as u8]);
        }
        for x in 0..width {
            let predicted = match (x, first) {
                (0, true) => 1 << (bits - transform - 1),
                (_, true) => value(x - 1, y),
                (0, false) => value(x, y - 1),
                _ => {
                    let (a, b, c) = (value(x - 1, y), value(x, y - 1), value(x - 1, y - 1));
                    [a, b, c, a + b - c, a + ((b - c) >> 1), b + ((a - c) >> 1), (a + b) >> 1]
                        [usize::from(predictor) - 1]
                }
            };
            let difference = i32::from((value(x, y) - predicted) as i16);
            let size = 32 - difference.unsigned_abs().leading_zeros();
            let (code, length) =
                if size < 15 { (u64::from(size), 4) } else { (u64::from(size) + 15, 5) };
            let bits_of = if size == 16 { 0 } else { size };
            let low = if difference < 0 { difference - 1 } else { difference };
            word = word << length | code;
            word = word << bits_of | (low as u64 & ((1 << bits_of) - 1));
            count += length + bits_of;
            flush(&mut file, &mut word, &mut count, false);
        }
    }
    flush(&mut file, &mut word, &mut count, true);
    file.extend([0xFF, 0xD9]);
    file
}

#[test]
fn lossless_jpeg_is_lossless_by_all_predictors_point_transforms_and_restarts() {
    let size = (23, 17);
    for bits in [2, 8, 12, 16] {
        let full = (1_u32 << bits) - 1;
        let values: Vec<u16> = samples(size.0, size.1, 1)
            .iter()
            .map(|&v| (u32::from(v) * full / 65535) as u16)
            .collect();
        for predictor in 1..=7 {
            for transform in [0, 1] {
                for rows in [0, 1, 3] {
                    let file = lossless(size, &values, (bits, transform), predictor, rows);
                    let found = File::new(&file).lightness();
                    let kept: Vec<u16> =
                        values.iter().map(|v| v >> transform << transform).collect();
                    let apart = difference(&found, &gray(&kept, full.into(), srgb));
                    let rounding = if bits < 8 { 0.2 } else { 0.02 };
                    let what = format!("{bits} bits, {predictor}, {transform}, {rows}: {apart}");
                    assert!(apart < rounding, "{what}");
                }
            }
        }
    }
}

#[test]
fn a_profile_that_cannot_be_true_is_left_out_and_told() {
    let untrue = [
        "zero_colorants",
        "colorants_half",
        "one_colorant_missing",
        "no_colorants",
        "one_curve_missing",
        "curve_of_zeros",
    ];
    for name in untrue {
        let path = asset(&format!("profile/{name}.png"));
        let picture = image::open(&path).unwrap().into_rgb8().into_raw();
        let samples: Vec<u16> = picture.into_iter().map(u16::from).collect();
        let (found, notices) = read_at(&path);
        assert!(difference(&found, &rgb(&samples, 255.0, SRGB, srgb)) < 0.01, "{name}");
        assert!(matches!(notices[..], [Notice::ProfileIgnored { .. }]), "{name}: {notices:?}");
    }
    assert_eq!(read("profile/good.png").1, []);
}

#[test]
fn a_gray_profile_that_connects_to_lab_gives_lightness() {
    let path = asset("profile/gray_lab.png");
    let picture = image::open(&path).unwrap().into_luma8().into_raw();
    let expected: Vec<f32> = picture.iter().map(|&v| f32::from(v) / 2.55).collect();
    let (found, notices) = read_at(&path);
    assert!(difference(&found, &expected) < 0.01 && notices.is_empty(), "{notices:?}");
}

#[test]
fn gray_is_read_through_a_profile_for_rgb() {
    let mut profile = moxcms::ColorProfile::new_srgb();
    let curve = moxcms::ToneReprCurve::Parametric(vec![1.8]);
    profile.red_trc = Some(curve.clone());
    profile.green_trc = Some(curve.clone());
    profile.blue_trc = Some(curve);
    profile.cicp = None;
    let samples = samples(20, 10, 1);
    let icc = profile.encode().unwrap();
    let tags = vec![(34675, 7, icc)];
    let tiff = Tiff { tags, ..Tiff::new((20, 10), 1, 16) };
    let (found, notices) = read_at(&File::new(&tiff.bytes(&samples)).path);
    let expected = gray(&samples, 65535.0, |v| v.powf(1.8));
    assert!(difference(&found, &expected) < 0.05 && notices.is_empty(), "{notices:?}");
}

#[test]
fn fax_without_photometric_is_white_at_zero_and_told() {
    let (found, notices) = read("tiff/g4_without_photometric.tif");
    let white = found.iter().filter(|&&l| l > 99.0).count();
    assert!(white * 4 > found.len() * 3, "{white} of {} are white", found.len());
    assert_eq!(notices, [Notice::MeaningAssumed { meaning: "0 is white".into() }]);
}

#[test]
fn jpeg_of_before_1995_is_read_whole_or_in_parts() {
    let (whole, _) = read("tiff/ycc_no_length.tif");
    let (apart, notices) = read("tiff/ycc_head_apart.tif");
    assert!(difference(&whole, &apart) < 0.01 && notices.is_empty(), "{notices:?}");
    let (gray, notices) = read("tiff/gray_head_apart.tif");
    assert!(difference(&gray, &whole) < 6.0 && notices.is_empty(), "{notices:?}");
    // A strip that is a stream of its own, and no word of it.
    let stream = jpeg((40, 30), 1, |_| {});
    let shorts: [(u16, &[u16]); 3] = [(258, &[8]), (259, &[6]), (262, &[1])];
    let file = File::new(&strip((40, 30), &shorts, &[], &stream));
    assert!(difference(&file.lightness(), &File::new(&stream).lightness()) < 0.6);
}

#[test]
fn old_jpeg_heeds_reference_black_and_white() {
    let bytes = std::fs::read(asset("tiff/ycc_no_length.tif")).unwrap();
    // The last entry, tag 530, becomes 532: studio range.
    let at = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    let count = usize::from(bytes[at]);
    let entry = at + 2 + 12 * (count - 1);
    let mut altered = bytes.clone();
    altered[entry..entry + 2].copy_from_slice(&532_u16.to_le_bytes());
    altered[entry + 2..entry + 4].copy_from_slice(&5_u16.to_le_bytes());
    altered[entry + 4..entry + 8].copy_from_slice(&6_u32.to_le_bytes());
    let place = altered.len() as u32;
    altered[entry + 8..entry + 12].copy_from_slice(&place.to_le_bytes());
    for value in [16_u32, 235, 128, 240, 128, 240] {
        altered.extend(value.to_le_bytes());
        altered.extend(1_u32.to_le_bytes());
    }
    let (full, _) = read("tiff/ycc_no_length.tif");
    let (studio, notices) = read_at(&File::new(&altered).path);
    assert!(notices.is_empty(), "{notices:?}");
    for (full, studio) in full.iter().zip(&studio) {
        // A gray picture: L* of the value, and of the value stretched.
        let value = |l: f32| {
            let f = (l + 16.0) / 116.0;
            let y = if l > 8.0 { f * f * f } else { l / 903.3 };
            255.0 * if y > 0.003_130_8 { 1.055 * y.powf(1.0 / 2.4) - 0.055 } else { 12.92 * y }
        };
        let expected = ((value(*full) - 16.0) * 255.0 / 219.0).clamp(0.0, 255.0);
        assert!((value(*studio) - expected).abs() < 3.0, "{full} became {studio}");
    }
}

#[test]
fn infrared_is_no_opacity() {
    let size = (20, 10);
    for (channels, colors) in [(2, 1), (4, 3)] {
        let all = samples(size.0, size.1, channels);
        let tiff = Tiff { extra: Some(0), ..Tiff::new(size, channels, 16) };
        let file = File::new(&tiff.bytes(&all));
        assert!(!file.open().unwrap().info().alpha);
        let plain: Vec<u16> =
            all.chunks_exact(channels).flat_map(|p| p[..colors].to_vec()).collect();
        let plain = File::new(&Tiff::new(size, colors, 16).bytes(&plain)).lightness();
        assert_eq!(file.lightness(), plain);
        // TIFF keeps it, as what it is; PNG and JPEG have no place for it.
        let kept = file.colored(Format::Tiff);
        let decoder = tiff::decoder::Decoder::new(std::io::Cursor::new(kept.bytes()));
        let mut decoder = decoder.unwrap();
        assert_eq!(decoder.get_tag_u32(tiff::tags::Tag::ExtraSamples).unwrap(), 0);
        let at = decoder.get_tag_u32(tiff::tags::Tag::StripOffsets).unwrap() as usize;
        let stored = kept.bytes()[at..][..8 * size.0 * size.1].to_vec();
        let stored: Vec<u16> =
            stored.as_chunks().0.iter().map(|&v| u16::from_le_bytes(v)).collect();
        let infrared = |pixels: &[u16], step: usize| -> Vec<u16> {
            pixels.chunks_exact(step).map(|p| p[step - 1]).collect()
        };
        assert_eq!(infrared(&stored, 4), infrared(&all, channels));
        for format in [Format::Png, Format::Jpeg] {
            let mut scan = file.open().unwrap();
            colored(&mut scan, &encoding(format)).unwrap();
            let notices: Vec<&Notice> = scan.notices().iter().map(|n| &n.notice).collect();
            assert_eq!(notices, [&Notice::ExtraSamples { count: 1 }]);
        }
    }
    let opacity = Tiff { extra: Some(2), ..Tiff::new(size, 2, 8) };
    let file = File::new(&opacity.bytes(&samples(size.0, size.1, 2)));
    assert!(file.open().unwrap().info().alpha);
}

#[test]
fn a_page_of_infrared_is_left_out() {
    let size = (20, 10);
    let (color, gray) = (Tiff::new(size, 3, 16), Tiff::new(size, 1, 16));
    let (colors, grays) = (samples(20, 10, 3), samples(20, 10, 1));
    let file = File::new(&Tiff::pages(&[(&color, &colors), (&gray, &grays)]));
    let scan = file.open().unwrap();
    let notices: Vec<&Notice> = scan.notices().iter().map(|n| &n.notice).collect();
    assert_eq!((scan.pages(), notices), (1, vec![&Notice::InfraredLeftOut { number: 2 }]));
    // Two pages in gray are front and back of a photograph.
    let file = File::new(&Tiff::pages(&[(&gray, &grays), (&gray, &grays)]));
    assert_eq!(file.open().unwrap().pages(), 2);
}

#[test]
fn twelve_bits_are_read() {
    // The same coefficients mean a sixteenth of the range, around its middle.
    let bytes = jpeg((80, 60), 1, |_| {});
    let mut twelve = bytes.clone();
    let frame = twelve.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    (twelve[frame + 1], twelve[frame + 4]) = (0xC1, 12);
    let decoded = image::load_from_memory(&bytes).unwrap().into_luma8().into_raw();
    let found = File::new(&twelve).lightness();
    for (found, &value) in found.iter().zip(&decoded).filter(|(_, v)| (1..255).contains(*v)) {
        let expected = gray(&[u16::from(value) + 2048 - 128], 4095.0, srgb)[0];
        assert!((found - expected).abs() < 0.06, "{value}: {found}, not {expected}");
    }
}
