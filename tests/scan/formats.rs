//! Formats, depths and layouts: what is read is what was stored, what is written is whole.

use polychromify_core::{Depth, Error, Format, Orientation, Scan};

use crate::files::{
    File, LIMITS, Tiff, colored, difference, encoding, gray_png, jpeg, lightness, png, samples,
    to_eight,
};

const ALL: [Format; 4] = [Format::Jpeg, Format::Png, Format::Tiff, Format::Webp];

/// One scan of each kind that is handled.
fn scans() -> Vec<(String, File, Vec<f32>)> {
    let mut scans = Vec::new();
    for (channels, bits) in [(1, 8), (1, 16), (2, 8), (3, 8), (3, 16), (4, 16)] {
        let samples = samples(37, 21, channels);
        let plain = Tiff::new((37, 21), channels, bits);
        let expected = File::new(&plain.bytes(&samples)).lightness();
        for compression in [1, 5, 8, 32773, 50000] {
            for tile in [None, Some((16, 16))] {
                for planar in [false, true] {
                    for big_endian in [false, true] {
                        let predictor = big_endian && !matches!(compression, 1 | 32773);
                        let tiff = Tiff {
                            big_endian,
                            compression,
                            predictor,
                            planar,
                            tile,
                            ..plain.clone()
                        };
                        let name = format!(
                            "{channels}x{bits} bits, compression {compression}, tile {tile:?}, \
                             planar {planar}, big-endian {big_endian}"
                        );
                        let file = File::new(&tiff.bytes(&samples));
                        scans.push((name, file, expected.clone()));
                    }
                }
            }
        }
    }
    scans
}

#[test]
fn all_layouts_of_a_tiff_give_the_same_lightness() {
    for (name, file, expected) in scans() {
        assert_eq!(file.lightness(), expected, "{name}");
    }
}

#[test]
fn white_is_zero_is_inverted_and_its_alpha_is_not() {
    for (channels, bits) in [(1, 8), (1, 16), (2, 16)] {
        for planar in [false, true] {
            let samples = samples(11, 9, channels);
            let inverted: Vec<u16> = samples
                .chunks_exact(channels)
                .flat_map(|p| p.iter().enumerate().map(|(i, &s)| if i == 0 { !s } else { s }))
                .collect();
            let plain = Tiff { planar, ..Tiff::new((11, 9), channels, bits) };
            let white = Tiff { photometric: 0, ..plain.clone() };
            let plain = File::new(&plain.bytes(&samples));
            let white = File::new(&white.bytes(&inverted));
            assert_eq!(plain.lightness(), white.lightness());
            assert_eq!(
                plain.colored(Format::Tiff).bytes(),
                white.colored(Format::Tiff).bytes(),
                "{channels} samples of {bits} bits"
            );
        }
    }
}

#[test]
fn results_have_the_size_depth_and_alpha_of_their_source() {
    for (name, file, _) in scans() {
        let info = file.open().unwrap().info().clone();
        for format in ALL {
            if format == Format::Jpeg && info.alpha {
                let error = colored(&mut file.open().unwrap(), &encoding(format)).unwrap_err();
                assert!(matches!(&error, Error::Unsupported { .. }), "{error}");
                assert!(error.to_string().contains("tiff or png"), "{error}");
                continue;
            }
            let result = file.colored(format).open().unwrap().info().clone();
            assert_eq!((result.width, result.height), (info.width, info.height), "{name}");
            assert_eq!((result.format, result.alpha), (format, info.alpha), "{name}");
            let eight = matches!(format, Format::Jpeg | Format::Webp);
            let depth = if eight { Depth::Eight } else { info.depth };
            assert_eq!(result.depth, depth, "{name}");
        }
    }
}

#[test]
fn the_compression_of_a_tiff_stays() {
    for compression in [1, 5, 8, 32773, 50000] {
        let tiff = Tiff { compression, ..Tiff::new((20, 20), 1, 8) };
        let result = File::new(&tiff.bytes(&samples(20, 20, 1))).colored(Format::Tiff);
        let file = std::fs::File::open(&result.path).unwrap();
        let mut decoder = tiff::decoder::Decoder::new(file).unwrap();
        let written = decoder.get_tag_u32(tiff::tags::Tag::Compression).unwrap();
        assert_eq!(written, u32::from(compression));
    }
}

#[test]
fn alpha_is_kept_exactly() {
    let stored = samples(13, 11, 4);
    let alpha: Vec<u16> = stored.chunks_exact(4).map(|p| p[3]).collect();
    let file = File::new(&Tiff::new((13, 11), 4, 16).bytes(&stored));
    for format in [Format::Png, Format::Tiff] {
        let result = file.colored(format);
        let picture = image::ImageReader::open(&result.path).unwrap();
        let picture = picture.with_guessed_format().unwrap().decode().unwrap();
        let image::DynamicImage::ImageRgba16(picture) = picture else { panic!("no alpha") };
        let kept: Vec<u16> = picture.pixels().map(|p| p.0[3]).collect();
        assert_eq!(kept, alpha);
    }
}

#[test]
fn png_of_few_bits_palettes_and_transparent_colors_are_read() {
    // Two pixels a row, three rows: black, white.
    let black_and_white = [0.0, 100.0, 0.0, 100.0, 0.0, 100.0];
    for (depth, row) in [
        (png::BitDepth::One, 0b0100_0000),
        (png::BitDepth::Two, 0b0011_0000),
        (png::BitDepth::Four, 0b0000_1111),
    ] {
        let bytes = png((2, 3), png::ColorType::Grayscale, depth, &[row; 3], |_| {});
        let file = File::new(&bytes);
        assert!(difference(&file.lightness(), &black_and_white) < 1e-3);
        assert_eq!(file.open().unwrap().info().depth, Depth::Eight);
    }
    let bytes = png((2, 3), png::ColorType::Indexed, png::BitDepth::One, &[0x40; 3], |info| {
        info.palette = Some(vec![0, 0, 0, 255, 255, 255].into());
        info.trns = Some(vec![7, 255].into());
    });
    let file = File::new(&bytes);
    assert!(difference(&file.lightness(), &black_and_white) < 1e-3);
    assert!(file.open().unwrap().info().alpha);
}

#[test]
fn odd_sizes_are_written_whole() {
    for (width, height) in [(1, 1), (1, 9), (9, 1), (7, 3), (17, 33)] {
        let file = File::new(&gray_png(width, height));
        let expected = file.lightness();
        for format in ALL {
            let result = file.colored(format);
            let kept = result.lightness();
            assert_eq!(kept.len(), width * height, "{format:?} {width}x{height}");
            let most = match format {
                Format::Jpeg => continue,
                Format::Webp => 0.5,
                Format::Png | Format::Tiff => 0.02,
            };
            assert!(difference(&kept, &expected) <= most, "{format:?} {width}x{height}");
        }
    }
}

#[test]
fn bands_of_any_height_give_identical_bytes() {
    let files = [
        File::new(&gray_png(40, 70)),
        File::new(&jpeg((40, 70), 3, |_| {})),
        File::new(&Tiff::new((40, 70), 3, 8).bytes(&samples(40, 70, 3))),
        File::new(
            &Tiff { tile: Some((16, 32)), ..Tiff::new((40, 70), 1, 16) }.bytes(&samples(40, 70, 1)),
        ),
    ];
    for file in &files {
        for format in ALL {
            for max_side in [None, Some(33)] {
                let write = |band_rows| {
                    let mut scan = file.open().unwrap();
                    let bands =
                        polychromify_core::Encoding { max_side, band_rows, ..encoding(format) };
                    colored(&mut scan, &bands).unwrap()
                };
                let all = write(70);
                for rows in [1, 7, 64, 1000] {
                    assert!(write(rows) == all, "{format:?}, {max_side:?}, bands of {rows}");
                }
            }
        }
    }
}

#[test]
fn a_scan_that_is_not_kept_is_decoded_twice_to_the_same_result() {
    let file = File::new(&Tiff::new((64, 64), 3, 16).bytes(&samples(64, 64, 3)));
    let mut kept = file.open().unwrap();
    let little = polychromify_core::Limits { memory: 4096, ..LIMITS };
    let mut twice = Scan::open(&file.path, &little).unwrap();
    assert_eq!(lightness(&mut kept), lightness(&mut twice));
    let results = [&mut kept, &mut twice].map(|s| colored(s, &encoding(Format::Tiff)).unwrap());
    assert!(results[0] == results[1]);
}

#[test]
fn the_longest_side_is_bounded_and_nothing_is_enlarged() {
    let file = File::new(&gray_png(60, 30));
    let mut scan = file.open().unwrap();
    for (max_side, size) in [(20, (20, 10)), (100, (60, 30)), (1, (1, 1))] {
        let encoding =
            polychromify_core::Encoding { max_side: Some(max_side), ..encoding(Format::Png) };
        assert_eq!(scan.output_size(&encoding), size);
        let result = File::new(&colored(&mut scan, &encoding).unwrap());
        let info = result.open().unwrap().info().clone();
        assert_eq!((info.width, info.height), size);
    }
}

#[test]
fn pixels_keep_their_order_and_the_orientation_its_tag() {
    for value in 1..=8_u16 {
        let mut tiff = Tiff::new((5, 4), 1, 8);
        tiff.tags.push((274, 3, value.to_le_bytes().to_vec()));
        let file = File::new(&tiff.bytes(&samples(5, 4, 1)));
        for format in ALL {
            let result = file.colored(format);
            let info = result.open().unwrap().info().clone();
            assert_eq!(info.orientation, Orientation::from_exif(value.into()), "{format:?}");
            assert_eq!((info.width, info.height), (5, 4));
        }
    }
}

#[test]
fn progressive_and_restarted_jpegs_are_read_like_plain_ones() {
    let plain = File::new(&jpeg((67, 45), 3, |_| {})).lightness();
    let progressive = File::new(&jpeg((67, 45), 3, |e| e.set_progressive(true))).lightness();
    let restarted = File::new(&jpeg((67, 45), 3, |e| e.set_restart_interval(3))).lightness();
    let optimized =
        File::new(&jpeg((67, 45), 3, |e| e.set_optimized_huffman_tables(true))).lightness();
    for other in [progressive, restarted, optimized] {
        assert!(difference(&plain, &other) < 1.5);
    }
}

#[test]
fn what_is_not_handled_is_refused_by_name() {
    let size = (8, 8);
    let data = samples(8, 8, 4);
    let tagged = |tag, value: u16| Tiff {
        tags: vec![(tag, 3, value.to_le_bytes().to_vec())],
        ..Tiff::new(size, 1, 16)
    };
    let cases = [
        (tagged(339, 5), "complex numbers"),
        (tagged(259, 34712), "JPEG 2000"),
        (tagged(259, 32809), "ThunderScan"),
        (tagged(262, 32803), "camera raw"),
        (tagged(262, 32845), "LogLuv"),
        (tagged(258, 48), "48-bit"),
    ];
    for (tiff, reason) in cases {
        let error = File::new(&tiff.bytes(&data)).open().err().unwrap();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn what_takes_more_than_the_limits_is_refused_before_it_is_decoded() {
    let file = File::new(&jpeg((200, 200), 3, |_| {}));
    let limits = polychromify_core::Limits { pixels: 39_999, ..LIMITS };
    let error = Scan::open(&file.path, &limits).err().unwrap();
    assert!(matches!(error, Error::Limit { .. }), "{error}");
    let limits = polychromify_core::Limits { memory: 100_000, ..LIMITS };
    let error = Scan::open(&file.path, &limits).err().unwrap();
    assert!(matches!(error, Error::Limit { .. }), "{error}");
    assert!(to_eight(&[65535]) == [255]);
}
