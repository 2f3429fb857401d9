//! Kinds of samples and colors: what they mean, by small files with known pixels.

use half::f16;
use polychromify_core::{Depth, Error, Format, Scan};

use crate::files::{File, Tiff, difference, samples, strip};

const WHITE: [f32; 4] = [0.0, 100.0, 100.0, 0.0];

fn lightness(bytes: &[u8]) -> Vec<f32> {
    File::new(bytes).lightness()
}

fn depth(bytes: &[u8]) -> Depth {
    File::new(bytes).open().unwrap().info().depth
}

#[test]
fn gray_of_any_bits_is_black_and_white_at_its_ends() {
    let float = |bits: u16| {
        [0.0, 1.0, 1.0, 0.0_f64]
            .iter()
            .flat_map(|&v| match bits {
                16 => f16::from_f64(v).to_le_bytes().to_vec(),
                32 => (v as f32).to_le_bytes().to_vec(),
                _ => v.to_le_bytes().to_vec(),
            })
            .collect::<Vec<u8>>()
    };
    let bytes = |bits: u16| {
        let full = vec![0xFF; usize::from(bits) / 8];
        let zero = vec![0; usize::from(bits) / 8];
        [&zero[..], &full, &full, &zero].concat()
    };
    let cases: Vec<(u16, u16, Vec<u8>, Depth)> = vec![
        (1, 1, vec![0b0110_0000], Depth::Eight),
        (2, 1, vec![0b0011_1100], Depth::Eight),
        (4, 1, vec![0x0F, 0xF0], Depth::Eight),
        (6, 1, vec![0x03, 0xFF, 0xC0], Depth::Eight),
        (8, 1, bytes(8), Depth::Eight),
        (12, 1, vec![0x00, 0x0F, 0xFF, 0xFF, 0xF0, 0x00], Depth::Sixteen),
        (14, 1, vec![0x00, 0x03, 0xFF, 0xFF, 0xFF, 0xC0, 0x00], Depth::Sixteen),
        (16, 1, bytes(16), Depth::Sixteen),
        (24, 1, bytes(24), Depth::Sixteen),
        (32, 1, bytes(32), Depth::Sixteen),
        (64, 1, bytes(64), Depth::Sixteen),
        (8, 2, vec![0x80, 0x7F, 0x7F, 0], Depth::Eight),
        (16, 2, vec![0, 0x80, 0xFF, 0x7F, 0xFF, 0x7F, 0, 0], Depth::Sixteen),
        (16, 3, float(16), Depth::Float),
        (32, 3, float(32), Depth::Float),
        (64, 3, float(64), Depth::Float),
    ];
    for (bits, kind, data, wanted) in cases {
        let file = strip((4, 1), &[(258, &[bits]), (262, &[1]), (339, &[kind])], &[], &data);
        assert!(difference(&lightness(&file), &WHITE) < 1e-3, "{bits} bits of kind {kind}");
        assert_eq!(depth(&file), wanted, "{bits} bits of kind {kind}");
        let inverted = strip((4, 1), &[(258, &[bits]), (262, &[0]), (339, &[kind])], &[], &data);
        let inverted: Vec<f32> = lightness(&inverted).iter().map(|l| 100.0 - l).collect();
        assert!(difference(&inverted, &WHITE) < 1e-3, "{bits} bits of kind {kind}, white first");
    }
}

#[test]
fn a_float_scan_stays_float_and_keeps_its_lightness() {
    let values: Vec<f32> = (0..600).map(|i| i as f32 / 599.0).collect();
    let data: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    for compression in [1, 8] {
        let packed = if compression == 8 { deflated(&data) } else { data.clone() };
        let tags: [(u16, &[u16]); 4] =
            [(258, &[32]), (259, &[compression]), (262, &[1]), (339, &[3])];
        let file = File::new(&strip((30, 20), &tags, &[], &packed));
        let before = file.lightness();
        let result = file.colored(Format::Tiff);
        assert_eq!(result.open().unwrap().info().depth, Depth::Float);
        assert!(difference(&before, &result.lightness()) < 0.005);
        let png = file.colored(Format::Png);
        assert_eq!(png.open().unwrap().info().depth, Depth::Sixteen);
        assert!(difference(&before, &png.lightness()) < 0.02);
    }
}

fn deflated(data: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn floats_are_scaled_where_tags_tell_black_and_white_and_refused_where_none_do() {
    let data: Vec<u8> = [0.0_f32, 500.0, 500.0, 0.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let tags: [(u16, &[u16]); 3] = [(258, &[32]), (262, &[1]), (339, &[3])];
    let range =
        [(340, 11, 0_f32.to_le_bytes().to_vec()), (341, 11, 500_f32.to_le_bytes().to_vec())];
    assert!(difference(&lightness(&strip((4, 1), &tags, &range, &data)), &WHITE) < 1e-3);
    let mut scan = File::new(&strip((4, 1), &tags, &[], &data)).open().unwrap();
    let error = scan.read_lightness(1, &mut |_, _| Ok(())).unwrap_err();
    assert!(error.to_string().contains("what is white"), "{error}");
}

#[test]
fn floats_that_are_light_already_are_not_stretched_by_what_occurs_among_them() {
    let values = [0.2_f32, 0.7, 0.7, 0.2];
    let data: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let tags: [(u16, &[u16]); 3] = [(258, &[32]), (262, &[1]), (339, &[3])];
    let plain = lightness(&strip((4, 1), &tags, &[], &data));
    for (black, white) in [(0.2_f32, 0.7_f32), (0.0, 2.0)] {
        let range =
            [(340, 11, black.to_le_bytes().to_vec()), (341, 11, white.to_le_bytes().to_vec())];
        assert_eq!(lightness(&strip((4, 1), &tags, &range, &data)), plain);
    }
}

#[test]
fn a_palette_is_looked_up_and_gives_8_bits() {
    let mut colors = [0_u16; 12];
    (colors[1], colors[5], colors[9]) = (65535, 65535, 65535); // color 1 is white
    let tags: [(u16, &[u16]); 3] = [(258, &[2]), (262, &[3]), (320, &colors)];
    let file = strip((4, 1), &tags, &[], &[0b0001_0100]);
    assert!(difference(&lightness(&file), &WHITE) < 1e-3);
    assert_eq!(depth(&file), Depth::Eight);
    let result = File::new(&file).colored(Format::Tiff);
    assert_eq!(result.open().unwrap().info().depth, Depth::Eight);
    assert!(difference(&result.lightness(), &WHITE) <= 0.5);
}

#[test]
fn inks_darken_paper() {
    let data = [0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 0];
    let file = strip((4, 1), &[(258, &[8; 4]), (262, &[5]), (277, &[4])], &[], &data);
    assert!(difference(&lightness(&file), &WHITE) < 1e-3);
    assert_eq!(depth(&file), Depth::Eight);
    let result = File::new(&file).colored(Format::Tiff);
    assert!(difference(&result.lightness(), &WHITE) <= 0.5);
}

#[test]
fn lab_has_the_lightness_that_it_says() {
    for (photometric, zero) in [(8, 0), (9, 128)] {
        let data: Vec<u8> = [0, 255, 255, 0].iter().flat_map(|&l| [l, zero, zero]).collect();
        let tags: [(u16, &[u16]); 3] = [(258, &[8; 3]), (262, &[photometric]), (277, &[3])];
        assert!(difference(&lightness(&strip((4, 1), &tags, &[], &data)), &WHITE) < 0.01);
    }
    for (photometric, white, zero) in [(8, 65535_u16, 0_u16), (9, 65280, 32768)] {
        let data: Vec<u8> = [0, white, white, 0]
            .iter()
            .flat_map(|&l| [l, zero, zero].map(u16::to_le_bytes).concat())
            .collect();
        let tags: [(u16, &[u16]); 3] = [(258, &[16; 3]), (262, &[photometric]), (277, &[3])];
        let file = strip((4, 1), &tags, &[], &data);
        assert!(difference(&lightness(&file), &WHITE) < 0.01, "{:?}", lightness(&file));
        assert_eq!(depth(&file), Depth::Sixteen);
    }
}

#[test]
fn color_differences_may_be_shared_by_pixels() {
    // Two units of 2 x 2 pixels: luminances row by row, then the differences.
    let data = [0, 255, 255, 0, 128, 128, 255, 0, 0, 255, 128, 128];
    let tags: [(u16, &[u16]); 4] = [(258, &[8; 3]), (262, &[6]), (277, &[3]), (530, &[2, 2])];
    let expected = [0.0, 100.0, 100.0, 0.0, 100.0, 0.0, 0.0, 100.0];
    assert!(difference(&lightness(&strip((4, 2), &tags, &[], &data)), &expected) < 1e-3);
}

#[test]
fn multiplied_colors_are_divided_by_their_opacity() {
    let data = [0, 0, 0, 255, 128, 128, 128, 128, 64, 64, 64, 64, 0, 0, 0, 7];
    let tags: [(u16, &[u16]); 4] = [(258, &[8; 4]), (262, &[2]), (277, &[4]), (338, &[1])];
    let file = File::new(&strip((4, 1), &tags, &[], &data));
    assert!(difference(&file.lightness(), &WHITE) < 1e-3);
    let result = file.colored(Format::Png);
    let picture = image::ImageReader::open(&result.path).unwrap().with_guessed_format().unwrap();
    let alpha: Vec<u8> =
        picture.decode().unwrap().to_rgba8().pixels().map(|pixel| pixel.0[3]).collect();
    assert_eq!(alpha, [255, 128, 64, 7]);
}

#[test]
fn colors_that_cannot_be_divided_by_their_opacity_are_refused() {
    /// A tag and its values.
    type Tag<'a> = (u16, &'a [u16]);

    let colors = [0_u16; 768];
    let kinds: [(u16, u16, &[Tag<'_>]); 4] =
        [(5, 5, &[]), (8, 4, &[]), (6, 4, &[(530, &[1, 1])]), (3, 2, &[(320, &colors)])];
    for (photometric, samples, more) in kinds {
        let bits = vec![8; samples.into()];
        let file = |opacity: u16| {
            let photometric = [photometric];
            let tags: [Tag<'_>; 4] =
                [(258, &bits), (262, &photometric), (277, &[samples]), (338, &[opacity])];
            let tags = [&tags, more].concat();
            File::new(&strip((4, 1), &tags, &[], &vec![0; 4 * usize::from(samples)]))
        };
        let error = file(1).open().err().unwrap();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains("multiplied by opacity"), "{error}");
        file(2).open().unwrap();
    }
}

#[test]
fn of_several_extra_samples_the_opacity_is_kept() {
    let data = [0, 9, 255, 255, 9, 255, 255, 9, 255, 0, 9, 255];
    let tags: [(u16, &[u16]); 4] = [(258, &[8; 3]), (262, &[1]), (277, &[3]), (338, &[0, 2])];
    let file = File::new(&strip((4, 1), &tags, &[], &data));
    assert!(file.open().unwrap().info().alpha);
    assert!(difference(&file.lightness(), &WHITE) < 1e-3);
}

#[test]
fn reversed_bits_and_lzw_of_before_tiff_6_are_read() {
    let reversed = strip((4, 1), &[(258, &[1]), (262, &[1]), (266, &[2])], &[], &[0b0000_0110]);
    assert!(difference(&lightness(&reversed), &WHITE) < 1e-3);
    let data = weezl::encode::Encoder::new(weezl::BitOrder::Lsb, 8).encode(&[0, 255, 255, 0]);
    let tags: [(u16, &[u16]); 3] = [(258, &[8]), (259, &[5]), (262, &[1])];
    assert!(difference(&lightness(&strip((4, 1), &tags, &[], &data.unwrap())), &WHITE) < 1e-3);
}

#[test]
fn a_strip_without_its_length_ends_with_the_file() {
    let pixels = samples(37, 21, 1);
    let tiff = Tiff { compression: 5, rows: 21, ..Tiff::new((37, 21), 1, 8) };
    let expected = lightness(&tiff.bytes(&pixels));
    let without = Tiff { tags: vec![(279, 4, vec![0; 4])], ..tiff };
    assert_eq!(lightness(&without.bytes(&pixels)), expected);
}

#[test]
fn cmyk_and_ycck_jpegs_are_read_as_adobes_programs_store_them() {
    // Black ink alone, by a third.
    let tags: [(u16, &[u16]); 3] = [(258, &[8; 4]), (262, &[5]), (277, &[4])];
    let expected = lightness(&strip((1, 1), &tags, &[], &[0, 0, 0, 85]))[0];
    for color in [jpeg_encoder::ColorType::Cmyk, jpeg_encoder::ColorType::CmykAsYcck] {
        let mut bytes = Vec::new();
        let pixels = [0, 0, 0, 85].repeat(16 * 16); // the encoder stores what is left of white
        jpeg_encoder::Encoder::new(&mut bytes, 100).encode(&pixels, 16, 16, color).unwrap();
        let file = File::new(&bytes);
        let info = file.open().unwrap().info().clone();
        assert_eq!((info.depth, info.format), (Depth::Eight, Format::Jpeg));
        let found = file.lightness()[100];
        assert!((found - expected).abs() < 1.0, "{color:?}: {found}, expected {expected}");
        let result = file.colored(Format::Jpeg);
        assert!((result.lightness()[100] - found).abs() < 1.0);
    }
}

/// Segments of a JPEG by marker, and its codes.
fn segments(jpeg: &[u8]) -> (Vec<(u8, Vec<u8>)>, Vec<u8>) {
    let (mut found, mut at) = (Vec::new(), 2);
    loop {
        let (marker, length) =
            (jpeg[at + 1], usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]])));
        found.push((marker, jpeg[at + 4..at + 2 + length].to_vec()));
        at += 2 + length;
        if marker == 0xDA {
            return (found, jpeg[at..jpeg.len() - 2].to_vec());
        }
    }
}

#[test]
fn jpeg_of_before_1995_is_read_whole_and_in_parts() {
    use jpeg_encoder::SamplingFactor;
    for (channels, photometric) in [(1, 1_u16), (3, 6)] {
        let jpeg = crate::files::jpeg((40, 24), channels, |encoder| {
            encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
        });
        let expected = lightness(&jpeg);
        let samples = channels as u16;
        let bits = vec![8; channels];
        let shorts: [(u16, &[u16]); 5] =
            [(258, &bits), (259, &[6]), (262, &[photometric]), (277, &[samples]), (530, &[2, 2])];
        let long =
            |values: &[u32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        let whole = [(513, 4, long(&[8])), (514, 4, long(&[jpeg.len() as u32]))];
        let file = strip((40, 24), &shorts, &whole, &jpeg);
        assert_eq!(lightness(&file), expected, "{channels} channels, whole");

        let (segments, codes) = segments(&jpeg);
        let mut data = codes.clone();
        let mut places = [vec![0_u32; 4], vec![0; 4], vec![0; 4]];
        for (marker, table) in segments.iter().filter(|(marker, _)| matches!(marker, 0xDB | 0xC4)) {
            let mut rest = &table[..];
            while let Some((&number, table)) = rest.split_first() {
                let (kind, length) = match (marker, number >> 4) {
                    (0xDB, _) => (0, 64),
                    (_, class) => {
                        let codes: usize = table[..16].iter().map(|&n| usize::from(n)).sum();
                        (1 + usize::from(class), 16 + codes)
                    }
                };
                // The second table is that of both color differences.
                let places = &mut places[kind];
                places[usize::from(number & 15)] = 8 + data.len() as u32;
                places[2] = places[1];
                data.extend(&table[..length]);
                rest = &table[length..];
            }
        }
        let mut parts: Vec<(u16, u16, Vec<u8>)> =
            (519..).zip(&places).map(|(tag, places)| (tag, 4, long(&places[..channels]))).collect();
        parts.push((279, 4, long(&[codes.len() as u32])));
        let file = strip((40, 24), &shorts, &parts, &data);
        assert_eq!(lightness(&file), expected, "{channels} channels, in parts");
    }
}

#[test]
fn files_of_other_programs_are_refused_by_name() {
    let cases: [(&[u8], &str); 12] = [
        (b"II*\0\x10\0\0\0CR\x02\0", "CR2"),
        (b"IIRO\x08\0\0\0", "ORF"),
        (b"IIU\0\x18\0\0\0", "RW2"),
        (b"FUJIFILMCCD-RAW 0201", "RAF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01", "CR3"),
        (b"\0\0\0\x0CjP  \r\n\x87\n", "JPEG 2000"),
        (b"\xFF\x0A\0\0\0\0\0\0", "JPEG XL"),
        (b"8BPS\0\x01\0\0\0\0\0\0", "PSD"),
        (b"GIF89a\0\0\0\0", "GIF"),
        (b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0", "BMP"),
        (b"%PDF-1.4\n", "PDF"),
    ];
    for (bytes, name) in cases {
        let file = File::new(bytes);
        let error = Scan::open(&file.path, &crate::files::LIMITS).err().unwrap();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_dng_is_refused_though_its_preview_is_a_picture() {
    let version = [(50706, 1, vec![1, 4, 0, 0])];
    let dng = strip((4, 1), &[(258, &[8]), (262, &[1])], &version, &[0, 255, 255, 0]);
    let error = File::new(&dng).open().err().unwrap();
    assert!(error.to_string().contains("DNG"), "{error}");
}
