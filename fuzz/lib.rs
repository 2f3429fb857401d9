//! What all targets do with bytes: open them, read them, write them in color.

use std::io::Cursor;

use polychromify_image::color::lab::RgbSpace;
use polychromify_image::color::output_profiles;
use polychromify_image::color::profile::{Lightness, samples_to_linear};
use polychromify_image::provenance::{Label, SourceType, Vocabulary, packet};
use polychromify_image::{
    Depth, Format, Header, Layout, Limits, PageTags, Reader, Result, Rows, Samples,
    SamplesRef, Source, Writer,
};

/// Small enough that an input which asks for much is over the limit and not slow.
const LIMITS: Limits = Limits::new(1 << 20, 64 << 20);

/// Most pages of an input that are read.
const PAGES: usize = 3;

/// Rows a band.
const BAND: usize = 16;

/// The whole way of a file of these bytes. Errors are fine; panics are findings.
pub fn run(bytes: &[u8]) {
    let _ = color(bytes);
}

fn color(bytes: &[u8]) -> Result<()> {
    let source = Source::new(Cursor::new(bytes.to_vec())).expect("memory can be sought");
    let (_, mut header, mut reader) = Reader::open(source, &LIMITS)?;
    for page in 0..reader.pages().min(PAGES) {
        if page > 0 {
            header = reader.select(page)?;
        }
        let lightness = read(&header, &mut reader)?;
        write(&header, &lightness)?;
    }
    Ok(())
}

/// CIE L* of all pixels.
fn read(header: &Header, reader: &mut Reader) -> Result<Vec<f32>> {
    let conversion = Lightness::new(&header.space, header.layout, &mut Vec::new());
    let (mut all, mut band) = (Vec::new(), Vec::new());
    reader.start()?;
    let mut left = header.height as usize;
    while left > 0 {
        let rows = BAND.min(left);
        left -= rows;
        let mut samples = Samples::new(header.layout.depth);
        reader.read_rows(rows, &mut samples)?;
        conversion.convert(header.layout, samples.all(), &mut band);
        assert!(band.iter().all(|l| (0.0..=100.0).contains(l)));
        all.extend_from_slice(&band);
    }
    reader.finish()?;
    if header.layout.color {
        samples_to_linear(&header.space, &mut [0.2, 0.5, 0.8]);
    }
    Ok(all)
}

/// Writes all formats but WebP, which is slow.
fn write(header: &Header, lightness: &[f32]) -> Result<()> {
    let size = (header.width, header.height);
    let metadata = header.metadata.for_result(size, size, RgbSpace::Srgb);
    let (xmp, _) = packet(metadata.xmp(), &label(), Vocabulary::Full, &LIMITS)?;
    for format in [Format::Jpeg, Format::Png, Format::Tiff] {
        let pixels = lightness.iter().flat_map(|&l| [l as u8; 3]).collect();
        let mut rows = Pixels { size, pixels, given: 0 };
        let tags = PageTags {
            compression: header.compression,
            quality: 90,
            metadata: &metadata,
            icc: output_profiles::profile(RgbSpace::Srgb),
            xmp: &xmp,
            pages: 1,
            alpha_is_opacity: true,
        };
        let mut writer = Writer::new(Cursor::new(Vec::new()), format, 1, &LIMITS)?;
        let _ = writer.add(&mut rows, &tags); // a format may not be able to hold it
        writer.finish()?;
    }
    Ok(())
}

struct Pixels {
    size: (u32, u32),
    pixels: Vec<u8>,
    given: usize,
}

impl Rows for Pixels {
    fn size(&self) -> (u32, u32) {
        self.size
    }

    fn layout(&self) -> Layout {
        Layout { color: true, alpha: false, depth: Depth::Eight }
    }

    fn next(&mut self) -> Result<Option<SamplesRef<'_>>> {
        let band = 3 * self.size.0 as usize * BAND;
        let end = (self.given + band).min(self.pixels.len());
        let rows = &self.pixels[self.given..end];
        self.given = end;
        Ok((!rows.is_empty()).then_some(SamplesRef::Eight(rows)))
    }
}

fn label() -> Label {
    Label {
        software: "fuzz".to_owned(),
        weights: String::new(),
        weights_sha256: String::new(),
        source: String::new(),
        source_sha256: String::new(),
        settings: String::new(),
        source_type: SourceType::default(),
        when: None,
        rendition: String::new(),
    }
}

/// An uncompressed TIFF of 4 x 4 pixels with a color profile: 0 gray, 1 RGB, 2 CMYK.
pub fn picture(kind: u8, profile: &[u8]) -> Vec<u8> {
    let (photometric, samples) = [(1, 1), (2, 3), (5, 4)][usize::from(kind)];
    let pixels: Vec<u8> = (0..16 * samples).map(|i| (i * 37) as u8).collect();
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    let tags = [
        (256_u16, 4_u16, 1_u32, 4_u32),
        (257, 4, 1, 4),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, photometric),
        (273, 4, 1, 8 + 2 + 12 * 10 + 4),
        (277, 3, 1, samples),
        (278, 4, 1, 4),
        (279, 4, 1, pixels.len() as u32),
        (34675, 7, profile.len() as u32, 8 + 2 + 12 * 10 + 4 + pixels.len() as u32),
    ];
    file.extend((tags.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in tags {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    file.extend(pixels);
    file.extend(profile);
    file
}
