//! What all targets do with a file: open it, read it, color it.

use std::io::{Cursor, Write};

use polychromify_core::lab::RgbSpace;
use polychromify_core::scan::{Encoding, Format, Label, Limits, SourceType};
use polychromify_core::{Result, SamplesMut, Scan};

/// Small enough that an input which asks for much is over the limit and not slow.
const LIMITS: Limits = Limits::new(1 << 20, 64 << 20);

/// Most pages of an input that are read.
const PAGES: usize = 3;

/// The whole way of a file of these bytes. Errors are fine; panics are findings.
pub fn run(bytes: &[u8]) {
    // Memory, where the system has it as files: a disk would be what is measured.
    let folder = std::path::Path::new("/dev/shm");
    let file = if folder.is_dir() {
        tempfile::NamedTempFile::new_in(folder)
    } else {
        tempfile::NamedTempFile::new()
    };
    let mut file = file.expect("a temporary file");
    file.write_all(bytes).expect("a temporary file takes bytes");
    let _ = color(file.path());
}

fn color(path: &std::path::Path) -> Result<()> {
    let mut scan = Scan::open(path, &LIMITS)?;
    for page in 0..scan.pages().min(PAGES) {
        scan.select(page)?;
        scan.read_lightness(16, &mut |_, lightness| {
            assert!(lightness.iter().all(|l| (0.0..=100.0).contains(l)));
            Ok(())
        })?;
        let format = Some(if scan.info().alpha { Format::Png } else { Format::Tiff });
        let space = RgbSpace::Srgb;
        let encoding = Encoding { format, quality: 90, max_side: Some(64), space, band_rows: 16 };
        scan.write_color(Cursor::new(Vec::new()), &encoding, &label(), &paint)?;
    }
    Ok(())
}

fn paint(_: u32, lightness: &[f32], rgb: SamplesMut<'_>) {
    match rgb {
        SamplesMut::Eight(rgb) => fill(lightness, rgb, |l| l as u8),
        SamplesMut::Sixteen(rgb) => fill(lightness, rgb, |l| l as u16),
        SamplesMut::Float(rgb) => fill(lightness, rgb, |l| l / 100.0),
    }
}

fn fill<T: Copy>(lightness: &[f32], rgb: &mut [T], sample: impl Fn(f32) -> T) {
    rgb.chunks_exact_mut(3).zip(lightness).for_each(|(pixel, &l)| pixel.fill(sample(l)));
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
