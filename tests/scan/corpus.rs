//! The TIFF files of `../shared/tiff`, real and hostile: each is read, or refused with a reason.

use std::path::{Path, PathBuf};
use std::process::Command;

use polychromify_core::{Error, Limits, Result, Scan};

use crate::files::{File, Tiff, lightness};

/// What `index.tsv` says of a file.
struct Entry {
    name: String,
    /// Whether Pillow reads it.
    readable: bool,
}

#[expect(clippy::print_stdout, reason = "says what is skipped, and what is read")]
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/tiff");
    if !folder.join("index.tsv").is_file() {
        println!("skips: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

fn entries(folder: &Path) -> Vec<Entry> {
    let index = std::fs::read_to_string(folder.join("index.tsv")).unwrap();
    let entry = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let readable = fields.last().is_some_and(|field| *field == "yes");
        Entry { name: fields[0].to_owned(), readable }
    };
    let entries = index.lines().skip(1).map(entry);
    entries.filter(|entry| folder.join(&entry.name).is_file()).collect()
}

fn read(path: &Path) -> Result<(u32, u32, Vec<f32>)> {
    let mut scan = Scan::open(path, &Limits::new(1 << 30, 512 << 20))?;
    let mut all = Vec::new();
    scan.read_lightness(64, &mut |_, rows| {
        all.extend_from_slice(rows);
        Ok(())
    })?;
    Ok((scan.info().width, scan.info().height, all))
}

#[test]
#[expect(clippy::print_stdout, reason = "says what is skipped, and what is read")]
fn nine_of_ten_readable_files_are_read_and_the_others_say_why_not() {
    let Some(folder) = folder() else { return };
    let (mut readable, mut done) = (0, 0);
    for entry in entries(&folder) {
        readable += usize::from(entry.readable);
        match read(&folder.join(&entry.name)) {
            Ok((width, height, lightness)) => {
                assert_eq!(lightness.len(), width as usize * height as usize, "{}", entry.name);
                assert!(lightness.iter().all(|l| (0.0..=100.0).contains(l)), "{}", entry.name);
                done += usize::from(entry.readable);
            }
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains(&entry.name) && !text.contains('\n'), "{text}");
                let kind = matches!(
                    error,
                    Error::Damaged { .. } | Error::Unsupported { .. } | Error::Limit { .. }
                );
                assert!(kind, "{text}");
                println!("{}{text}", if entry.readable { "Pillow reads it: " } else { "" });
            }
        }
    }
    println!("{done} of {readable} files that Pillow reads are read");
    assert!(10 * done >= 9 * readable, "{done} of {readable}");
}

/// Files whose pixels `tiff2rgba` gives otherwise than they stand: it turns them upright, and
/// multiplies colors by the opacity in 8 bits.
const OTHERWISE: &[&str] = &["pillow_g4_orientation_6.tif", "RGBa.tiff"];

/// Largest mean difference of L* to 8-bit pixels of 16-bit samples, cut off and not rounded.
const NEAR: f32 = 0.5;

#[test]
#[expect(clippy::print_stdout, reason = "says what is skipped, and what is read")]
fn lightness_is_that_of_libtiff() {
    let Some(folder) = folder() else { return };
    if Command::new("tiff2rgba").arg("-h").output().is_err() {
        println!("skips: tiff2rgba is not installed (Debian: libtiff-tools)");
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let rgba = scratch.path().join("rgba.tif");
    let mut compared = 0;
    for entry in entries(&folder) {
        let path = folder.join(&entry.name);
        let converted = Command::new("tiff2rgba").arg(&path).arg(&rgba).output().unwrap();
        let (Ok((width, height, found)), true) = (read(&path), converted.status.success()) else {
            continue;
        };
        if OTHERWISE.iter().any(|name| entry.name.ends_with(name)) {
            continue;
        }
        let size = (width as usize, height as usize);
        let Some((expected, opaque)) = first_page(&rgba, &path, size) else {
            println!("skips {}: the tiff crate does not read what tiff2rgba made", entry.name);
            continue;
        };
        assert_eq!(expected.len(), found.len(), "{}", entry.name);
        let pairs = expected.iter().zip(&found).zip(&opaque).filter(|(_, opaque)| **opaque);
        let (sum, count) = pairs
            .fold((0.0, 0_u32), |(sum, n), ((a, b), _)| (sum + f64::from((a - b).abs()), n + 1));
        let mean = (sum / f64::from(count.max(1))) as f32;
        assert!(mean <= NEAR, "{}: {mean} on the mean", entry.name);
        compared += 1;
    }
    println!("{compared} files compared");
    assert!(compared >= 45, "{compared}");
}

/// L* of the pixels that `tiff2rgba` made, through the profile of the source, and which are opaque.
fn first_page(rgba: &Path, source: &Path, size: (usize, usize)) -> Option<(Vec<f32>, Vec<bool>)> {
    use tiff::decoder::{Decoder, DecodingResult};
    let mut decoder = Decoder::new(std::fs::File::open(rgba).unwrap()).ok()?;
    let Ok(DecodingResult::U8(pixels)) = decoder.read_image() else { return None };
    let opaque = pixels.chunks_exact(4).map(|p| p[3] == 255).collect();
    let samples: Vec<u16> =
        pixels.chunks_exact(4).flat_map(|p| [0, 1, 2].map(|c| u16::from(p[c]) << 8)).collect();
    let mut plain = Tiff { rows: size.1, ..Tiff::new(size, 3, 8) };
    let profile = std::fs::File::open(source).map(Decoder::new).unwrap();
    if let Ok(Ok(profile)) =
        profile.map(|mut decoder| decoder.get_tag_u8_vec(tiff::tags::Tag::IccProfile))
    {
        plain.tags.push((34675, 7, profile));
    }
    let file = File::new(&plain.bytes(&samples));
    Some((lightness(&mut file.open().unwrap()), opaque))
}
