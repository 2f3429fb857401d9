//! Damaged files are errors that name the file; they neither panic nor pass as whole.

use polychromify_core::{Error, Format, Notice, Result};

use crate::files::{File, Tiff, colored, encoding, gray_png, jpeg, lightness, samples};

/// Both passes over a file's bytes.
fn convert(bytes: &[u8]) -> Result<()> {
    let file = File::new(bytes);
    let mut scan = file.open()?;
    scan.read_lightness(5, &mut |_, _| Ok(()))?;
    colored(&mut scan, &encoding(Format::Png)).map(|_| ())
}

fn whole_files() -> Vec<(&'static str, Vec<u8>)> {
    let tiff = |channels, bits, compression, tile| {
        let size = (40, 30);
        let tiff = Tiff { compression, tile, rows: 8, ..Tiff::new(size, channels, bits) };
        tiff.bytes(&samples(40, 30, channels))
    };
    vec![
        ("baseline JPEG", jpeg((80, 60), 3, |_| {})),
        ("gray JPEG", jpeg((80, 60), 1, |_| {})),
        ("progressive JPEG", jpeg((80, 60), 3, |e| e.set_progressive(true))),
        ("JPEG with restarts", jpeg((80, 60), 3, |e| e.set_restart_interval(4))),
        ("PNG", gray_png(40, 30)),
        ("plain TIFF", tiff(1, 16, 1, None)),
        ("tiled TIFF", tiff(3, 8, 1, Some((16, 16)))),
        ("LZW TIFF", tiff(3, 8, 5, None)),
        ("Deflate TIFF", tiff(1, 16, 8, Some((16, 16)))),
        ("PackBits TIFF", tiff(1, 8, 32773, None)),
        ("Zstandard TIFF", tiff(3, 16, 50000, None)),
    ]
}

#[test]
fn a_file_cut_off_anywhere_is_an_error() {
    for (name, bytes) in whole_files() {
        convert(&bytes).unwrap();
        // Without its end marker a JPEG has all its codes.
        let end = if name.contains("JPEG") { bytes.len() - 2 } else { bytes.len() };
        let lengths = (0..40).chain((40..end).step_by(bytes.len() / 60 + 1));
        for length in lengths.chain(end - 12..end) {
            let result = convert(&bytes[..length]);
            let error = result.err().unwrap_or_else(|| panic!("{name} of {length} bytes passes"));
            assert!(error.to_string().contains("scan: "), "{error}");
        }
    }
}

#[test]
fn strips_and_tiles_that_are_missing_are_an_error() {
    let longs = |numbers: &[u32]| numbers.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    for compression in [1, 32773] {
        for tile in [None, Some((16, 16))] {
            let size = (32, 32);
            let tiff = Tiff { compression, tile, rows: 8, ..Tiff::new(size, 1, 8) };
            let whole = tiff.bytes(&samples(size.0, size.1, 1));
            // All four are listed in places of their own, so that they can be overwritten.
            let (places, counts) = if tile.is_some() { (324, 325) } else { (273, 279) };
            let listed = |tag: u16| {
                let entry = [&tag.to_le_bytes()[..], &[4, 0, 4, 0, 0, 0]].concat();
                let at = whole.windows(8).position(|window| window == entry).unwrap() + 8;
                let list = u32::from_le_bytes(whole[at..at + 4].try_into().unwrap()) as usize;
                let numbers = whole[list..list + 16].as_chunks().0.iter();
                numbers.map(|&number| u32::from_le_bytes(number)).collect::<Vec<_>>()
            };
            let (mut offsets, mut lengths) = (listed(places), listed(counts));
            let altered = |offsets: &[u32], lengths: &[u32]| {
                let tags = vec![(places, 4, longs(offsets)), (counts, 4, longs(lengths))];
                let file = Tiff { tags, ..tiff.clone() };
                File::new(&file.bytes(&samples(size.0, size.1, 1)))
            };
            let missing = |file: File| {
                let error = file.open().err().unwrap();
                assert!(matches!(error, polychromify_core::Error::Damaged { .. }), "{error}");
                assert!(error.to_string().contains("strip or tile 2 is missing"), "{error}");
            };
            // What leaves out all lengths is read.
            let plain = altered(&offsets, &[0; 4]).lightness();
            assert_eq!(plain, File::new(&whole).lightness());
            lengths[2] = 0;
            missing(altered(&offsets, &lengths));
            offsets[2] = 0;
            missing(altered(&offsets, &lengths));
            missing(altered(&offsets, &[0; 4]));
        }
    }
}

#[test]
fn a_jpeg_without_its_end_marker_is_whole_and_says_so() {
    for (name, bytes) in whole_files().into_iter().filter(|(name, _)| name.contains("JPEG")) {
        let trailer = [&bytes[..bytes.len() - 2], b"SEFT", &[7; 400]].concat();
        for cut in [&bytes[..bytes.len() - 2], &bytes[..bytes.len() - 1], &trailer] {
            let file = File::new(cut);
            let mut scan = file.open().unwrap();
            assert_eq!(lightness(&mut scan), File::new(&bytes).lightness(), "{name}");
            let notices: Vec<_> = scan.notices().iter().map(|notice| &notice.notice).collect();
            assert_eq!(notices, [&Notice::EndMarkerMissing], "{name}");
        }
    }
}

#[test]
fn altered_bytes_never_panic() {
    let mut state = 7_u32;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    for (_, bytes) in whole_files() {
        for _ in 0..150 {
            let mut altered = bytes.clone();
            for _ in 0..=random(4) {
                let at = random(altered.len());
                altered[at] ^= 1 << random(8);
            }
            let _ = convert(&altered);
        }
    }
}

/// Start and length of the entropy-coded data of each scan.
fn entropy(bytes: &[u8]) -> Vec<(usize, usize)> {
    let markers = bytes.windows(2).enumerate().filter(|(_, w)| w == &[0xFF, 0xDA]);
    let scan = |(marker, _): (usize, &[u8])| {
        let header = usize::from(u16::from_be_bytes([bytes[marker + 2], bytes[marker + 3]]));
        let start = marker + 2 + header;
        let is_end = |w: &[u8]| w[0] == 0xFF && !matches!(w[1], 0 | 0xD0..=0xD7);
        (start, bytes[start..].windows(2).position(is_end).unwrap())
    };
    markers.map(scan).collect()
}

#[test]
fn a_jpeg_that_misses_a_little_before_its_end_marker_is_damaged() {
    for (name, bytes) in whole_files().into_iter().filter(|(name, _)| name.contains("JPEG")) {
        let &(start, length) = entropy(&bytes).last().unwrap();
        for percent in [1, 3, 10, 50] {
            let mut end = start + length - (length * percent / 100).max(2);
            while bytes[end - 1] == 0xFF {
                end -= 1;
            }
            let cut = [&bytes[..end], &[0xFF, 0xD9]].concat();
            let error = convert(&cut).err().unwrap_or_else(|| panic!("{name} less {percent} %"));
            assert!(matches!(error, Error::Damaged { .. }), "{name} less {percent} %: {error}");
        }
    }
}

#[test]
fn a_jpeg_with_zeros_over_its_middle_is_damaged() {
    for (name, bytes) in whole_files().into_iter().filter(|(name, _)| name.contains("JPEG")) {
        let (start, length) = entropy(&bytes)[0];
        let mut altered = bytes.clone();
        altered[start + length / 3..start + length * 2 / 3].fill(0);
        let error = convert(&altered).err().unwrap_or_else(|| panic!("{name} passes"));
        assert!(matches!(error, Error::Damaged { .. }), "{name}: {error}");
    }
}

#[test]
fn a_png_with_a_wrong_checksum_is_damaged() {
    let bytes = gray_png(40, 30);
    let marker = bytes.windows(4).position(|w| w == b"IDAT").unwrap();
    for at in [marker + 40, bytes.len() - 1] {
        let mut altered = bytes.clone();
        altered[at] ^= 0x10;
        let error = convert(&altered).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
    }
}

#[test]
fn a_deflate_strip_with_a_wrong_checksum_is_damaged() {
    let tiff = Tiff { compression: 8, rows: 30, ..Tiff::new((40, 30), 1, 8) };
    let whole = tiff.bytes(&samples(40, 30, 1));
    let decoder = tiff::decoder::Decoder::new(std::io::Cursor::new(&whole));
    let counts = decoder.unwrap().get_tag_u32_vec(tiff::tags::Tag::StripByteCounts).unwrap();
    let mut altered = whole.clone();
    altered[8 + counts[0] as usize - 1] ^= 0x10; // the only strip is behind the header
    let error = convert(&altered).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
}

#[test]
fn what_is_no_image_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &std::path::Path| {
        let error = polychromify_core::Scan::open(path, &crate::files::LIMITS).err().unwrap();
        let text = error.to_string();
        assert!(text.starts_with(&path.display().to_string()), "{text}");
        assert!(!text.contains('\n'), "{text}");
        error
    };
    let empty = File::new(b"");
    assert!(matches!(open(&empty.path), Error::NotAnImage { .. }));
    let text = File::new(b"<html>not found</html>");
    assert!(matches!(open(&text.path), Error::NotAnImage { .. }));
    let named = folder.path().join("x.jpg");
    std::fs::create_dir(&named).unwrap();
    assert!(matches!(open(&named), Error::Io { .. }));
    assert!(matches!(open(&folder.path().join("missing.tif")), Error::Io { .. }));
}

#[test]
fn the_source_is_not_changed() {
    for (_, bytes) in whole_files() {
        let file = File::new(&bytes);
        file.colored(Format::Tiff);
        assert!(file.bytes() == bytes);
        assert_eq!(std::fs::read_dir(file.folder()).unwrap().count(), 1);
    }
}
