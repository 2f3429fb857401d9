//! Results as other programs read them: libtiff's tools, `ImageMagick` and `ExifTool`.
//!
//! Where one is missing a test prints that it skips, unless `POLYCHROMIFY_READERS` is set, as it is
//! in CI.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use polychromify_core::{Encoding, Format, ResultFile, Scan};

use crate::carried::{PACKET, tagged};
use crate::files::{
    File, LIMITS, Tiff, colored, compress, difference, encoding, gray_png, jpeg, label, paint,
    samples, strip,
};
use crate::lightness::{SRGB, gray, rgb, srgb};

const SIZE: (usize, usize) = (53, 37);

/// TIFF's numbers of the compressions that are written, and `tiffinfo`'s names.
const COMPRESSIONS: [(u16, &str); 5] =
    [(1, "None"), (5, "LZW"), (8, "AdobeDeflate"), (32773, "PackBits"), (50000, "ZSTD")];

/// Whether these programs are there.
pub(crate) fn has(programs: &[&str]) -> bool {
    let found = |program: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    };
    let missing: Vec<_> = programs.iter().filter(|program| !found(program)).collect();
    let demanded = std::env::var_os("POLYCHROMIFY_READERS").is_some();
    assert!(missing.is_empty() || !demanded, "{missing:?} must be installed");
    if !missing.is_empty() {
        // The handle, and not a macro, so that it shows where tests pass.
        let _ = writeln!(std::io::stderr(), "skips: {missing:?} missing");
    }
    missing.is_empty()
}

fn run(program: &str, arguments: &[&str], files: &[&Path]) -> Output {
    Command::new(program).args(arguments).args(files).output().unwrap()
}

/// What a program prints; it must not complain.
#[track_caller]
fn text(program: &str, arguments: &[&str], files: &[&Path]) -> String {
    let output = run(program, arguments, files);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{program}: {complaints}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// RGB of 16 bits as `ImageMagick` reads a file.
#[track_caller]
fn pixels(path: &Path) -> Vec<u16> {
    let output = Command::new("convert")
        .arg(path)
        .args(["-alpha", "off", "-depth", "16", "-endian", "MSB", "rgb:-"])
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{complaints}");
    output.stdout.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

/// What `ExifTool` finds, which must be without a warning.
#[track_caller]
fn properties(path: &Path) -> serde_json::Value {
    let json = text("exiftool", &["-json", "-n", "-a", "-struct", "-G1"], &[path]);
    let mut all: serde_json::Value = serde_json::from_str(&json).unwrap();
    let found = all[0].take();
    for complaint in ["ExifTool:Warning", "ExifTool:Error"] {
        assert!(found.get(complaint).is_none(), "{found:#}");
    }
    found
}

#[test]
fn libtiff_reads_every_compression_and_depth_as_the_same_pixels() {
    if !has(&["tiffinfo", "tiffcp", "tiffcmp"]) {
        return;
    }
    for (channels, bits) in [(1, 8), (1, 16), (2, 8), (4, 16)] {
        let data = samples(SIZE.0, SIZE.1, channels);
        // tiffcp adds tags; so both go through it.
        let plain = File::new(&Tiff::new(SIZE, channels, bits).bytes(&data)).colored(Format::Tiff);
        let expected = plain.folder().join("plain.tif");
        text("tiffcp", &["-c", "none"], &[&plain.path, &expected]);
        for (compression, name) in COMPRESSIONS {
            let source = Tiff { compression, ..Tiff::new(SIZE, channels, bits) };
            let result = File::new(&source.bytes(&data)).colored(Format::Tiff);
            let told = text("tiffinfo", &["-D"], &[&result.path]);
            assert!(told.contains(&format!("Compression Scheme: {name}")), "{told}");
            assert!(told.contains(&format!("Bits/Sample: {bits}")), "{told}");
            let unpacked = result.folder().join("unpacked.tif");
            text("tiffcp", &["-c", "none"], &[&result.path, &unpacked]);
            assert_eq!(text("tiffcmp", &[], &[&expected, &unpacked]), "", "{name}, {bits} bits");
        }
    }
}

#[test]
fn libtiff_reads_floats_of_every_compression_as_the_same_pixels() {
    if !has(&["tiffinfo", "tiffcp", "tiffcmp", "convert"]) {
        return;
    }
    let data = samples(SIZE.0, SIZE.1, 1);
    let bytes: Vec<u8> =
        data.iter().flat_map(|&s| (f32::from(s) / 65535.0).to_le_bytes()).collect();
    let size = (SIZE.0 as u32, SIZE.1 as u32);
    let source = |compression: u16| {
        let shorts: [(u16, &[u16]); 4] =
            [(258, &[32]), (259, &[compression]), (262, &[1]), (339, &[3])];
        File::new(&strip(size, &shorts, &[], &compress(compression, &bytes)))
    };
    let plain = source(1).colored(Format::Tiff);
    let expected = plain.folder().join("plain.tif");
    text("tiffcp", &["-c", "none"], &[&plain.path, &expected]);
    let off =
        difference(&rgb(&pixels(&plain.path), 65535.0, SRGB, srgb), &gray(&data, 65535.0, srgb));
    assert!(off <= 0.02, "{off}");
    for (compression, name) in COMPRESSIONS {
        let result = source(compression).colored(Format::Tiff);
        let told = text("tiffinfo", &["-D"], &[&result.path]);
        assert!(told.contains(&format!("Compression Scheme: {name}")), "{told}");
        assert!(told.contains("Sample Format: IEEE floating point"), "{told}");
        let unpacked = result.folder().join("unpacked.tif");
        text("tiffcp", &["-c", "none"], &[&result.path, &unpacked]);
        assert_eq!(text("tiffcmp", &[], &[&expected, &unpacked]), "", "{name}");
    }
}

#[test]
fn lightness_is_kept_in_the_pixels_that_imagemagick_reads() {
    if !has(&["convert"]) {
        return;
    }
    let data = samples(SIZE.0, SIZE.1, 1);
    for (bits, most) in [(8, 0.5), (16, 0.02)] {
        let stored: Vec<u16> =
            data.iter().map(|s| if bits == 8 { (s >> 8) * 257 } else { *s }).collect();
        let expected = gray(&stored, 65535.0, srgb);
        for (compression, name) in COMPRESSIONS {
            let source = Tiff { compression, ..Tiff::new(SIZE, 1, bits) };
            let file = File::new(&source.bytes(&data));
            for format in [Format::Tiff, Format::Png] {
                let found = rgb(&pixels(&file.colored(format).path), 65535.0, SRGB, srgb);
                let off = difference(&found, &expected);
                assert!(off <= most, "{name}, {bits} bits, {format:?}: {off}");
            }
        }
    }
}

#[test]
fn jpeg_is_read_back_as_near_as_its_quality_allows() {
    if !has(&["convert"]) {
        return;
    }
    // Smooth: what JPEG does to edges and grain is no matter of its writer.
    let data: Vec<u16> = (0..64 * 64_u16).map(|i| 250 * (i % 64 + i / 64 * 2)).collect();
    let file = File::new(&Tiff::new((64, 64), 1, 16).bytes(&data));
    let bytes =
        colored(&mut file.open().unwrap(), &Encoding { quality: 100, ..encoding(Format::Jpeg) });
    let result = File::new(&bytes.unwrap());
    let found = rgb(&pixels(&result.path), 65535.0, SRGB, srgb);
    let off = difference(&found, &gray(&data, 65535.0, srgb));
    assert!(off < 2.0, "{off}");
}

#[test]
fn exiftool_finds_what_the_source_says_and_the_label() {
    if !has(&["exiftool"]) {
        return;
    }
    assert!(PACKET.contains("Quay"));
    let file = tagged();
    for format in [Format::Tiff, Format::Jpeg, Format::Png] {
        let result = file.colored(format);
        let found = properties(&result.path);
        let is = |key: &str, value: serde_json::Value| {
            assert_eq!(found.get(key), Some(&value), "{format:?}: {key} in {found:#}");
        };
        is("IFD0:ImageDescription", "A quay".into());
        is("IFD0:Make", "Epson".into());
        is("IFD0:Orientation", 6.into());
        is("IFD0:XResolution", 1200.into());
        is("IFD0:ResolutionUnit", 2.into());
        is("IFD0:ModifyDate", "2019:05:04 03:02:01".into());
        is("IFD0:Copyright", "Archive".into());
        is("IPTC:Caption-Abstract", "Hello".into());
        is("XMP-dc:Title", "Quay <1904> & b\u{e4}ckerei".into());
        is("XMP-xmp:Rating", 4.into());
        is(
            "XMP-iptcExt:DigitalSourceType",
            "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
                .into(),
        );
        is("ICC_Profile:ProfileDescription", "sRGB".into());
        is("ICC-header:ColorSpaceData", "RGB ".into());
    }
}

#[test]
fn what_exiftool_wrote_it_finds_again_in_every_format() {
    if !has(&["exiftool"]) {
        return;
    }
    let file = File::new(&jpeg((64, 48), 1, |_| {}));
    let caption = file.folder().join("caption");
    std::fs::write(&caption, "A quay, seen from the north. ".repeat(5000)).unwrap();
    let caption = format!("-XMP-dc:Description<={}", caption.display());
    let tags = [
        ("ExifIFD:ISO", "100"),
        ("ExifIFD:DateTimeOriginal", "2019:05:04 03:02:01"),
        ("GPS:GPSLatitude", "48.5"),
        ("GPS:GPSLatitudeRef", "N"),
        ("IFD0:Artist", "J. Doe"),
        ("IPTC:Headline", "Quay"),
        ("XMP-dc:Rights", "None"),
        ("XMP-photoshop:City", "Bergen"),
    ];
    let mut arguments: Vec<String> =
        tags.iter().map(|(name, value)| format!("-{name}={value}")).collect();
    arguments.extend(["-n", "-q", "-overwrite_original", &caption].map(String::from));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    text("exiftool", &arguments, &[&file.path]);
    for format in [Format::Tiff, Format::Jpeg, Format::Png] {
        let result = file.colored(format);
        let found = properties(&result.path);
        for (name, value) in tags {
            let found = found.get(name).map(|value| value.to_string().replace('"', ""));
            assert_eq!(found.as_deref(), Some(value), "{format:?}: {name}");
        }
        let caption = found["XMP-dc:Description"].as_str().unwrap();
        assert_eq!(caption.matches("seen from the north").count(), 5000, "{format:?}");
        assert!(found.get("XMP-iptcExt:DigitalSourceType").is_some());
    }
}

#[test]
fn resolution_of_every_format_reaches_imagemagick() {
    if !has(&["identify"]) {
        return;
    }
    let sources = [
        tagged(),
        File::new(&jpeg((16, 16), 1, |e| e.set_density(jpeg_encoder::PixelDensity::dpi(1200)))),
    ];
    for file in sources {
        for format in [Format::Tiff, Format::Jpeg, Format::Png] {
            let result = file.colored(format);
            let found =
                text("identify", &["-units", "PixelsPerInch", "-format", "%x"], &[&result.path]);
            let found: f64 = found.split_whitespace().next().unwrap().parse().unwrap();
            assert!((found - 1200.0).abs() < 0.1, "{format:?}: {found}");
        }
    }
}

#[test]
fn a_result_without_metadata_is_whole_for_every_reader() {
    if !has(&["exiftool", "tiffinfo", "identify"]) {
        return;
    }
    let file = File::new(&gray_png(9, 7));
    for format in [Format::Tiff, Format::Jpeg, Format::Png] {
        let result = file.colored(format);
        properties(&result.path);
        assert_eq!(text("identify", &["-format", "%w %h"], &[&result.path]), "9 7");
    }
    text("tiffinfo", &["-D"], &[&file.colored(Format::Tiff).path]);
}

/// A result of several pages of which each is the whole scan.
fn pages(file: &File, count: usize) -> File {
    let mut out = std::io::Cursor::new(Vec::new());
    let mut scan: Scan = Scan::open(&file.path, &LIMITS).unwrap();
    let encoding = encoding(Format::Tiff);
    let mut result = ResultFile::new(&mut out, &scan, Some(Format::Tiff)).unwrap();
    let width = scan.info().width as usize;
    for _ in 0..count {
        result.add(&mut scan, &encoding, &label(), &|y, l, rgb| paint(width, y, l, rgb)).unwrap();
    }
    result.finish().unwrap();
    File::new(&out.into_inner())
}

#[test]
fn every_page_is_read_with_its_tags() {
    if !has(&["tiffinfo", "tiffcmp", "convert", "exiftool"]) {
        return;
    }
    let file = tagged();
    let (one, three) = (pages(&file, 1), pages(&file, 3));
    let told = text("tiffinfo", &["-D"], &[&three.path]);
    assert_eq!(told.matches("ImageDescription: A quay").count(), 3, "{told}");
    assert_eq!(pixels(&three.path), pixels(&one.path).repeat(3));
    let found = properties(&three.path);
    assert_eq!(found["IFD2:ImageDescription"], "A quay", "{found:#}");
}
