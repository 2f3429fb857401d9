//! What the components of a JPEG are, by its markers and names, and in a TIFF by its tags: as libjpeg
//! and libtiff take them.

use polychromify_core::Error;
use polychromify_test_support::second_opinion::{self, ours, theirs};

use crate::files::{File, difference, jpeg, samples, strip, to_eight};
use crate::readers::has;

const SIZE: (u16, u16) = (40, 24);
const FRAME: u8 = 0xC0;
const SCAN: u8 = 0xDA;

/// Where the first segment of a marker begins.
fn place(jpeg: &[u8], marker: u8) -> usize {
    let mut at = 2;
    while jpeg[at + 1] != marker {
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    }
    at
}

/// With Adobe's marker and a color transform in front of the first segment of a marker.
fn adobe(jpeg: &[u8], before: u8, transform: u8) -> Vec<u8> {
    let (start, rest) = jpeg.split_at(place(jpeg, before));
    [start, b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0", &[transform], rest].concat()
}

fn without_jfif(jpeg: &[u8]) -> Vec<u8> {
    let at = place(jpeg, 0xE0);
    let length = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    [&jpeg[..at], &jpeg[at + 2 + length..]].concat()
}

/// With components of other names.
fn named(mut jpeg: Vec<u8>, names: &[u8]) -> Vec<u8> {
    let (frame, scan) = (place(&jpeg, FRAME), place(&jpeg, SCAN));
    for (i, &name) in names.iter().enumerate() {
        jpeg[frame + 10 + 3 * i] = name;
        jpeg[scan + 5 + 2 * i] = name;
    }
    jpeg
}

/// A JPEG in color, JFIF, of luma and chroma.
fn color() -> Vec<u8> {
    jpeg(SIZE, 3, |_| {})
}

/// Black ink alone, as Adobe's programs store YCCK.
fn ycck() -> Vec<u8> {
    let blacks = to_eight(&samples(SIZE.0.into(), SIZE.1.into(), 1));
    let pixels: Vec<u8> = blacks.iter().flat_map(|&black| [0, 0, 0, black]).collect();
    let mut bytes = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
    encoder.encode(&pixels, SIZE.0, SIZE.1, jpeg_encoder::ColorType::CmykAsYcck).unwrap();
    bytes
}

fn with_transform(jpeg: &[u8], transform: u8) -> Vec<u8> {
    let at = jpeg.windows(5).position(|window| window == b"Adobe").unwrap();
    let mut altered = jpeg.to_vec();
    altered[at + 11] = transform;
    altered
}

fn lightness(jpeg: &[u8]) -> Vec<f32> {
    File::new(jpeg).lightness()
}

#[test]
fn jfif_counts_more_than_adobes_marker_and_names() {
    let plain = lightness(&color());
    for (what, file) in [
        ("Adobe's transform 0", adobe(&color(), 0xDB, 0)),
        ("Adobe's transform 0 in front of JFIF", adobe(&color(), 0xE0, 0)),
        ("Adobe's transform 0 behind the frame", adobe(&color(), SCAN, 0)),
        ("names", named(color(), b"RGB")),
        ("names and Adobe's transform 0", named(adobe(&color(), 0xDB, 0), b"RGB")),
    ] {
        let apart = difference(&lightness(&file), &plain);
        assert!(apart < 0.6, "{what}: {apart}");
    }
}

#[test]
fn adobes_marker_counts_more_than_names() {
    let plain = lightness(&color());
    let file = adobe(&named(without_jfif(&color()), b"RGB"), 0xDB, 1);
    assert!(difference(&lightness(&file), &plain) < 0.6);
    let colors = lightness(&named(without_jfif(&color()), b"RGB"));
    assert!(difference(&colors, &plain) > 10.0);
    let untransformed = lightness(&adobe(&without_jfif(&color()), 0xDB, 0));
    assert!(difference(&untransformed, &colors) < 0.6);
}

#[test]
fn adobes_marker_behind_the_first_scan_comes_too_late() {
    let file = without_jfif(&jpeg(SIZE, 3, |encoder| encoder.set_progressive(true)));
    let scans: Vec<usize> =
        (0..file.len() - 1).filter(|&at| file[at..at + 2] == [0xFF, SCAN]).collect();
    let (start, rest) = file.split_at(scans[1]);
    let late = [start, b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0\0", rest].concat();
    assert!(difference(&lightness(&late), &lightness(&file)) < 0.6);
}

#[test]
fn four_components_with_any_transform_are_luma_chroma_and_black() {
    let plain = lightness(&ycck());
    for transform in [1, 3] {
        let apart = difference(&lightness(&with_transform(&ycck(), transform)), &plain);
        assert!(apart < 0.6, "{transform}: {apart}");
    }
}

#[test]
fn gray_may_have_adobes_marker_anywhere() {
    let gray = jpeg(SIZE, 1, |_| {});
    for before in [0xDB, FRAME, SCAN] {
        let apart = difference(&lightness(&adobe(&gray, before, 0)), &lightness(&gray));
        assert!(apart < 0.6, "{before}: {apart}");
    }
}

#[test]
fn lossless_samples_of_several_pixels_together_are_refused() {
    let frame = b"\xFF\xD8\xFF\xC3\0\x11\x08\0\x04\0\x04\x03\x01\x22\0\x02\x22\0\x03\x22\0";
    let scan = b"\xFF\xDA\0\x0C\x03\x01\0\x02\0\x03\0\x01\0\0\0\0\xFF\xD9";
    let error = File::new(&[&frame[..], scan].concat()).open().err().unwrap();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("several pixels together"), "{error}");
}

/// A TIFF with a JPEG stream as its strip.
fn tiff(stream: &[u8], compression: u16, photometric: u16) -> Vec<u8> {
    let samples = u16::from(stream[place(stream, FRAME) + 9]);
    let bits = vec![8; samples.into()];
    let tags: [(u16, &[u16]); 5] = [
        (258, &bits),
        (259, &[compression]),
        (262, &[photometric]),
        (277, &[samples]),
        (530, &[1, 1]),
    ];
    strip((SIZE.0.into(), SIZE.1.into()), &tags, &[], stream)
}

#[test]
fn tags_of_a_tiff_count_more_than_markers_and_names() {
    let plain = lightness(&color());
    let colors = lightness(&adobe(&without_jfif(&color()), 0xDB, 0));
    for stream in [
        color(),
        without_jfif(&color()),
        adobe(&without_jfif(&color()), 0xDB, 0),
        adobe(&color(), 0xDB, 1),
        named(color(), b"RGB"),
    ] {
        assert!(difference(&lightness(&tiff(&stream, 7, 6)), &plain) < 0.6);
        assert!(difference(&lightness(&tiff(&stream, 7, 2)), &colors) < 0.6);
    }
    let inks = lightness(&tiff(&with_transform(&ycck(), 0), 7, 5));
    assert_eq!(lightness(&tiff(&ycck(), 7, 5)), inks);
}

#[test]
fn red_green_and_blue_of_before_1995_are_luma_and_chroma() {
    let stream = color();
    let plain = lightness(&tiff(&stream, 6, 6));
    assert_eq!(lightness(&tiff(&stream, 6, 2)), plain);
    assert!(difference(&lightness(&stream), &plain) < 0.6);
}

#[test]
fn luma_and_chroma_of_a_tiff_in_planes_are_refused() {
    let gray = jpeg(SIZE, 1, |_| {});
    let tags: [(u16, &[u16]); 6] =
        [(258, &[8; 3]), (259, &[7]), (262, &[6]), (277, &[3]), (284, &[2]), (530, &[1, 1])];
    let places = [8, 8, 8_u32].map(u32::to_le_bytes).concat();
    let counts = [gray.len() as u32; 3].map(u32::to_le_bytes).concat();
    let more = [(273, 4, places), (279, 4, counts)];
    let file = strip((SIZE.0.into(), SIZE.1.into()), &tags, &more, &gray);
    let error = File::new(&file).open().err().unwrap();
    assert!(error.to_string().contains("separate planes"), "{error}");
}

#[test]
fn components_are_what_imagemagick_takes_them_for() {
    if !has(&["convert", "tiffinfo", "tiff2rgba"]) {
        return;
    }
    let bare = || without_jfif(&color());
    let files = [
        ("JFIF, transform 0", adobe(&color(), 0xDB, 0)),
        ("JFIF, names", named(color(), b"RGB")),
        ("bare", bare()),
        ("names", named(bare(), b"RGB")),
        ("transform 0", adobe(&bare(), 0xDB, 0)),
        ("transform 1, names", adobe(&named(bare(), b"RGB"), 0xDB, 1)),
        ("transform 0 behind the frame", adobe(&bare(), SCAN, 0)),
        ("gray, transform 0 behind the frame", adobe(&jpeg(SIZE, 1, |_| {}), SCAN, 0)),
        ("four, transform 0", with_transform(&ycck(), 0)),
        ("four, transform 1", with_transform(&ycck(), 1)),
        ("four, transform 2", ycck()),
        ("TIFF, transform 0", tiff(&adobe(&bare(), 0xDB, 0), 7, 6)),
        ("TIFF of colors, JFIF", tiff(&color(), 7, 2)),
        ("TIFF of inks, transform 2", tiff(&ycck(), 7, 5)),
        ("TIFF of before 1995", tiff(&color(), 6, 2)),
    ];
    for (what, bytes) in files {
        let file = File::new(&bytes);
        let (ours, theirs) = (ours(&file.path, 0).unwrap(), theirs(&file.path, 0).unwrap());
        let apart = second_opinion::difference(&ours, &theirs).unwrap();
        assert!(apart.mean < 0.3 && apart.most < 2.0, "{what}: {apart:?}");
    }
}
