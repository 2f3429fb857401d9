use std::io::{self, Cursor};

use super::*;
use crate::metadata::ifd;
use crate::samples::{Layout, SamplesRef};

/// A gray ramp of 20x30 pixels, 7 rows at a time.
struct Ramp {
    pixels: Vec<u8>,
    given: usize,
}

impl Rows for Ramp {
    fn size(&self) -> (u32, u32) {
        (20, 30)
    }

    fn layout(&self) -> Layout {
        Layout { color: true, alpha: false, depth: Depth::Eight }
    }

    fn next(&mut self) -> Result<Option<SamplesRef<'_>>> {
        let end = (self.given + 7 * 60).min(self.pixels.len());
        let band = &self.pixels[self.given..end];
        self.given = end;
        Ok((!band.is_empty()).then_some(SamplesRef::Eight(band)))
    }
}

/// A small picture twice in one file, with offsets of 64 bits from `most` on.
fn two_pages(most: u64) -> Vec<u8> {
    let mut metadata = Metadata::default();
    metadata.exif.insert(0x8827, Value::short(100));
    metadata.image.insert(
        tag::IMAGE_DESCRIPTION,
        Value { kind: ifd::kind::ASCII, bytes: b"quays\0".to_vec() },
    );
    let mut out = Cursor::new(Vec::new());
    let mut writer = Writer::new(&mut out).unwrap();
    writer.most = most;
    for _ in 0..2 {
        let gray = (0..30_u8).flat_map(|y| (0..20_u8).map(move |x| 8 * x + y));
        let mut ramp = Ramp { pixels: gray.flat_map(|value| [value; 3]).collect(), given: 0 };
        let tags = PageTags {
            compression: Compression::Lzw,
            quality: 90,
            metadata: &metadata,
            icc: &[7; 300],
            xmp: "x",
            pages: 2,
            alpha_is_opacity: true,
        };
        writer.add(&mut ramp, &tags).unwrap();
    }
    writer.finish().unwrap();
    out.into_inner()
}

/// What another reader finds in each page.
fn read(file: &[u8]) -> Vec<(Vec<u8>, u32, String, u16)> {
    use ::tiff::decoder::{Decoder, DecodingResult};
    use ::tiff::tags::{IfdPointer, Tag};
    let mut decoder = Decoder::new(Cursor::new(file)).unwrap();
    let mut pages = Vec::new();
    loop {
        let DecodingResult::U8(pixels) = decoder.read_image().unwrap() else { panic!("16 bits") };
        let icc = decoder.get_tag_u8_vec(Tag::IccProfile).unwrap();
        let description = decoder.get_tag_ascii_string(Tag::ImageDescription).unwrap();
        let at = decoder.get_tag_u64(Tag::ExifDirectory).unwrap();
        let exif = decoder.read_directory(IfdPointer(at)).unwrap();
        let speed = decoder.read_directory_tags(&exif).get_tag_u32(Tag::Unknown(0x8827)).unwrap();
        pages.push((pixels, icc.len() as u32, description, speed as u16));
        if !decoder.more_images() {
            return pages;
        }
        decoder.next_image().unwrap();
    }
}

#[test]
fn a_bigtiff_holds_the_same_as_a_classic_file() {
    let (classic, big) = (two_pages(u32::MAX.into()), two_pages(100));
    assert_eq!((classic[2], big[2]), (42, 43));
    let pages = read(&classic);
    assert_eq!(pages.len(), 2);
    assert_eq!(&pages[0].2, "quays");
    assert_eq!((pages[0].1, pages[0].3), (300, 100));
    assert_eq!(pages, read(&big));
}

#[test]
fn libtiff_reads_a_bigtiff_as_the_same_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let [classic, big] = ["classic.tif", "big.tif"].map(|name| folder.path().join(name));
    std::fs::write(&classic, two_pages(u32::MAX.into())).unwrap();
    std::fs::write(&big, two_pages(100)).unwrap();
    for (program, files) in [("tiffinfo", &[&big][..]), ("tiffcmp", &[&classic, &big])] {
        let output = match std::process::Command::new(program).args(files).output() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let demanded = std::env::var_os("POLYCHROMIFY_READERS").is_some();
                assert!(!demanded, "{program} must be installed");
                let _ = writeln!(io::stderr(), "skips: {program} is missing");
                return;
            }
            output => output.unwrap(),
        };
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && complaints.is_empty(), "{program}: {complaints}");
        let told = String::from_utf8_lossy(&output.stdout);
        let differs = |line: &str| !line.is_empty() && !line.starts_with("Directory ");
        assert!(program == "tiffinfo" || !told.lines().any(differs), "{told}");
    }
}
