//! No file takes more memory than it is given, and none holds up who wants to stop.
//!
//! The allocator of this program refuses what is beyond a limit: where that is not expected, the test
//! is aborted.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod files; // makes the files
mod stopping;
mod xmp;

use std::alloc::System;
use std::io::Cursor;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cap::Cap;
use polychromify_image::color::lab::RgbSpace;
use polychromify_image::color::output_profiles;
use polychromify_image::color::profile::Lightness;
use polychromify_image::provenance::{Label, SourceType, Vocabulary, packet};
use polychromify_image::{
    Depth, Error, Format, Header, Layout, Limits, Notice, PageTags, Reader, Result, Rows, Samples,
    SamplesRef, Source, Writer,
};

use files::{
    jpeg, jpeg_with, png_with, progressive, shared_exif, strip_list, tiff_of_shared_exif,
    webp_with_exif, zstd_tiff,
};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// What decoders, encoders and the threads of both take beside what a file asks for.
const OTHERS: u64 = 24 << 20;

/// What one test allocates counts for all, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

pub(crate) fn alone() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn limits(memory: u64) -> Limits {
    Limits::new(1 << 30, memory)
}

/// Nothing more than this is allocated while it lives.
struct Limited;

impl Limited {
    fn to(bytes: u64) -> Self {
        ALLOCATOR.set_limit(ALLOCATOR.allocated() + bytes as usize).unwrap();
        Self
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        ALLOCATOR.set_limit(usize::MAX).unwrap();
    }
}

/// A source on the disk, whose bytes do not count.
pub(crate) fn on_disk(bytes: &[u8]) -> Source {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    Source::new(file).unwrap()
}

/// The whole way of a file in all formats but WebP, whose encoder holds the picture.
fn way(source: Source, limits: &Limits) -> Result<Vec<Notice>> {
    let (_, header, mut reader) = Reader::open(source, limits)?;
    read(&header, &mut reader)?;
    let mut notices = header.notices.clone();
    let size = (header.width, header.height);
    for format in [Format::Jpeg, Format::Png, Format::Tiff] {
        let metadata = header.metadata.for_result(size, size, RgbSpace::Srgb);
        let (xmp, told) = packet(metadata.xmp(), &label(), Vocabulary::Full, limits)?;
        notices.extend(told);
        let mut rows = Black { size, left: size.1 as usize, row: vec![0; 3 * size.0 as usize] };
        let tags = PageTags {
            compression: header.compression,
            quality: 90,
            metadata: &metadata,
            icc: output_profiles::profile(RgbSpace::Srgb),
            xmp: &xmp,
            pages: 1,
            alpha_is_opacity: true,
        };
        let out = tempfile::tempfile().unwrap();
        let mut writer = Writer::new(out, format, 1, limits)?;
        notices.extend(writer.add(&mut rows, &tags)?);
        writer.finish()?;
    }
    Ok(notices)
}

fn read(header: &Header, reader: &mut Reader) -> Result<()> {
    let conversion = Lightness::new(&header.space, header.layout, &mut Vec::new());
    let mut lightness = Vec::new();
    reader.start()?;
    let mut left = header.height as usize;
    while left > 0 {
        let rows = left.min(16);
        left -= rows;
        let mut band = Samples::new(header.layout.depth);
        reader.read_rows(rows, &mut band)?;
        conversion.convert(header.layout, band.all(), &mut lightness);
    }
    reader.finish()
}

struct Black {
    size: (u32, u32),
    left: usize,
    row: Vec<u8>,
}

impl Rows for Black {
    fn size(&self) -> (u32, u32) {
        self.size
    }

    fn layout(&self) -> Layout {
        Layout { color: true, alpha: false, depth: Depth::Eight }
    }

    fn next(&mut self) -> Result<Option<SamplesRef<'_>>> {
        let row = self.left.checked_sub(1);
        self.left = row.unwrap_or(0);
        Ok(row.map(|_| SamplesRef::Eight(&self.row)))
    }
}

fn label() -> Label {
    Label {
        software: "Polychromify 0.1.0".to_owned(),
        weights: "polychromify".to_owned(),
        weights_sha256: "ab".repeat(32),
        source: String::new(),
        source_sha256: String::new(),
        settings: String::new(),
        source_type: SourceType::default(),
        when: None,
        rendition: String::new(),
    }
}

/// The notices of a file that is read and written within so much memory.
fn within(bytes: &[u8], memory: u64) -> Vec<Notice> {
    let source = on_disk(bytes);
    let _limited = Limited::to(memory + OTHERS);
    way(source, &limits(memory)).unwrap()
}

/// The reason why a file is refused that asks for more memory than it is given.
fn refused(bytes: &[u8], memory: u64) -> String {
    let source = on_disk(bytes);
    let _limited = Limited::to(memory + OTHERS);
    match way(source, &limits(memory)) {
        Err(error @ Error::Limit(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn leaves_tags_out(notices: &[Notice]) -> bool {
    notices.iter().any(|notice| matches!(notice, Notice::TagsOverLimit { .. }))
}

#[test]
fn exif_tags_that_share_their_bytes_are_read_once() {
    let _alone = alone();
    // As many as a directory may have.
    let exif = shared_exif(4000, 12_000);
    let small = [b"Exif\0\0", &exif[..]].concat();
    assert!(leaves_tags_out(&within(&jpeg_with(&[(0xE1, &small)]), 16 << 20)));
    let large = shared_exif(4000, 1 << 20);
    assert!(leaves_tags_out(&within(&png_with(&[(b"eXIf", &large)]), 16 << 20)));
    assert!(leaves_tags_out(&within(&webp_with_exif(&large), 16 << 20)));
    assert!(leaves_tags_out(&within(&tiff_of_shared_exif(4000, 1 << 20), 16 << 20)));
}

#[test]
fn a_block_that_tells_all_once_is_carried_whole() {
    let _alone = alone();
    let exif = shared_exif(1, 5000);
    let notices = within(&png_with(&[(b"eXIf", &exif)]), 16 << 20);
    assert!(!leaves_tags_out(&notices), "{notices:?}");
}

#[test]
fn texts_that_unpack_to_much_stay_within_the_memory() {
    let _alone = alone();
    let text = |length: usize| {
        let mut packed =
            flate2::write::ZlibEncoder::new(b"Comment\0\0".to_vec(), flate2::Compression::best());
        std::io::Write::write_all(&mut packed, &vec![b' '; length]).unwrap();
        packed.finish().unwrap()
    };
    let text = text(16 << 20);
    let chunks: Vec<(&[u8; 4], &[u8])> = vec![(b"zTXt", &text); 40];
    let notices = within(&png_with(&chunks), 16 << 20);
    let broken: Vec<_> =
        notices.iter().filter(|n| matches!(n, Notice::TextBroken { .. })).collect();
    assert_eq!(broken, [&Notice::TextBroken { count: 40 }]);
}

#[test]
fn segments_of_metadata_stay_within_the_memory() {
    let _alone = alone();
    let starts: [(u8, &[u8]); 4] = [
        (0xED, b"Photoshop 3.0\0"),
        (0xE2, b"ICC_PROFILE\0\x01\x01"),
        (0xE1, b"http://ns.adobe.com/xmp/extension/\0"),
        (0xE9, b"of nobody"),
    ];
    for (app, start) in starts {
        let data = [start, &vec![7; 60_000]].concat();
        let file = jpeg_with(&vec![(app, &data[..]); 400]);
        let notices = within(&file, 40 << 20);
        let told = notices.iter().any(|n| matches!(n, Notice::BlockTooLarge { .. }));
        assert!(told, "{app:X}: {notices:?}");
    }
}

#[test]
fn xmp_and_profiles_stay_within_the_memory() {
    let _alone = alone();
    let title = "A".repeat(10 << 20);
    let xmp = format!(
        r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"#
    );
    let text = [b"XML:com.adobe.xmp\0\0\0\0\0", xmp.as_bytes()].concat();
    drop((title, xmp));
    let png = png_with(&[(b"iTXt", &text)]);
    drop(text);
    within(&png, 64 << 20);
    within(&files::tiff_with(34675, &files::profile_with_table(160)), 64 << 20);
}

#[test]
fn a_webp_whose_frame_is_larger_than_its_canvas_is_damaged() {
    let _alone = alone();
    let source = on_disk(&files::webp_of_two_sizes());
    let _limited = Limited::to(40 << 20);
    let error = way(source, &limits(16 << 20)).unwrap_err();
    assert_eq!(error.to_string(), "damaged: its parts tell different sizes");
}

#[test]
fn very_many_resources_of_photoshop_are_left_out() {
    let _alone = alone();
    let resources = b"8BIM\x04\x80\0\0\0\0\0\0".repeat(700_000);
    let notices = within(&files::tiff_with(34377, &resources), 64 << 20);
    let told = notices.iter().any(|n| matches!(n, Notice::MetadataOverLimit { .. }));
    assert!(told, "{notices:?}");
}

#[test]
fn rows_are_as_wide_as_there_is_memory() {
    let _alone = alone();
    let row = files::tiff_of_row(1 << 20);
    assert_eq!(
        refused(&row, 16 << 20),
        "over the limit: rows of 1048576 pixels, the limit is 262144"
    );
    // No JPEG is so wide.
    let (_, header, mut reader) = Reader::open(on_disk(&row), &limits(64 << 20)).unwrap();
    read(&header, &mut reader).unwrap();
}

#[test]
fn coefficients_of_progressive_jpegs_are_counted() {
    let _alone = alone();
    let side = 3000;
    let samples = u64::from(side) * u64::from(side);
    let (plain, scans) = (jpeg(side), progressive(side));
    within(&plain, samples + plain.len() as u64);
    // One scan is enough for all coefficients to be held.
    let first = files::first_scan(&scans);
    for file in [scans, first] {
        let reason = refused(&file, 2 * samples + file.len() as u64);
        assert!(reason.contains("decoding it takes"), "{reason}");
        within(&file, 4 * samples);
    }
}

#[test]
fn lists_of_strips_are_counted() {
    let _alone = alone();
    let reason = refused(&strip_list(1 << 20), 16 << 20);
    assert!(reason.contains("a list of 1048576 strips or tiles takes"), "{reason}");
}

#[test]
fn the_window_of_zstandard_is_bounded_by_the_memory() {
    let _alone = alone();
    let file = zstd_tiff(27);
    let source = on_disk(&file);
    let error = way(source, &limits(16 << 20)).unwrap_err();
    assert_eq!(error.to_string(), "over the limit: row 0: unpacking it takes too much memory");
    way(on_disk(&file), &limits(512 << 20)).unwrap();
}

#[test]
fn memory_that_the_machine_does_not_have_is_an_error_and_no_abort() {
    let _alone = alone();
    let mut interlaced = files::gray_png(4000);
    files::set_interlaced(&mut interlaced);
    let exif = shared_exif(1, 40 << 20);
    let cases = [
        ("JPEG", jpeg(5000)),
        ("progressive JPEG", progressive(3000)),
        ("interlaced PNG", interlaced),
        ("WebP", files::webp(2500)),
        ("tiles", files::tiles(1 << 14)),
        ("metadata of a PNG", png_with(&[(b"eXIf", &exif)])),
        ("metadata of a WebP", webp_with_exif(&exif)),
    ];
    for (name, file) in cases {
        let source = on_disk(&file);
        let limited = Limited::to(12 << 20);
        let read = Reader::open(source, &limits(4 << 30))
            .and_then(|(_, header, mut reader)| read(&header, &mut reader));
        drop(limited);
        let error = read.expect_err(name).to_string();
        assert!(error.contains("the machine has no"), "{name}: {error}");
    }
}

/// A source in memory.
pub(crate) fn in_memory(bytes: Vec<u8>) -> Source {
    Source::new(Cursor::new(bytes)).unwrap()
}
