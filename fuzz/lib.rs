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
