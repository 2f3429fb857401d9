//! What cannot be read in bands is refused above the limit, and a scan of 100 megapixels takes no
//! more than 400 MB.
//!
//! The latter is run by hand: `cargo test --release -p polychromify-core --test scan -- --ignored --nocapture`.

use std::io::{BufWriter, Write};

use polychromify_core::{Error, Format, Limits, SamplesMut, Scan};

use crate::files::{File, LIMITS, Tiff, encoding, gray_png, jpeg, label};

const SIZE: usize = 10_000;

/// Whether a file is refused where so many bytes may be held.
fn is_refused(bytes: &[u8], memory: u64) -> bool {
    let file = File::new(bytes);
    match Scan::open(&file.path, &Limits { memory, ..LIMITS }) {
        Ok(_) => false,
        Err(Error::Limit { .. }) => true,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_progressive_jpeg_needs_more_memory_than_a_plain_one() {
    let plain = jpeg((200, 200), 3, |_| {});
    let progressive = jpeg((200, 200), 3, |e| e.set_progressive(true));
    let enough = 200 * 200 * 3 + 100_000;
    assert!(!is_refused(&plain, enough) && is_refused(&progressive, enough));
    assert!(!is_refused(&progressive, 3 * enough));
}

#[test]
fn an_interlaced_png_is_held_and_a_plain_one_is_not() {
    let plain = gray_png(400, 400);
    let mut interlaced = plain.clone();
    interlaced[28] = 1; // IHDR: Adam7
    let mut crc = flate2::Crc::new();
    crc.update(&interlaced[12..29]);
    interlaced[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    let little = 400 * 400;
    assert!(!is_refused(&plain, little) && is_refused(&interlaced, little));
    assert!(!is_refused(&interlaced, 4 * little));
}

#[test]
#[ignore = "writes 800 MB and measures this process' memory"]
fn a_scan_of_100_megapixels_takes_less_than_400_mb() {
    let folder = tempfile::tempdir().unwrap();
    let layouts = [
        ("one strip", SIZE, None, 1),
        ("strips", 16, None, 1),
        ("tiles", 16, Some((256, 256)), 1),
        ("one compressed strip", SIZE, None, 8),
    ];
    for (name, rows, tile, compression) in layouts {
        let path = folder.path().join("scan.tif");
        {
            let tiff = Tiff { compression, tile, rows, ..Tiff::new((SIZE, SIZE), 1, 16) };
            let samples: Vec<u16> = (0..SIZE * SIZE).map(|i| (i % 65_537) as u16).collect();
            std::fs::write(&path, tiff.bytes(&samples)).unwrap();
        }
        // Making the file took more than coloring it: a process of its own does that.
        let test = std::env::current_exe().unwrap();
        let child = std::process::Command::new(test)
            .args(["--ignored", "--exact", "memory::child", "--nocapture"])
            .env("SCAN", &path)
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&child.stdout).into_owned();
        let peak = output.split("peak ").nth(1).and_then(|text| text.split(' ').next());
        let peak: u64 = peak.unwrap_or_else(|| panic!("{output}")).parse().unwrap();
        assert!(peak < 400_000, "{name}: {peak} kB");
    }
}

#[test]
#[ignore = "a part of the test above"]
fn child() {
    let Some(path) = std::env::var_os("SCAN") else { return };
    let limits = Limits::new(1 << 30, 256 << 20);
    let mut scan = Scan::open(path.as_ref(), &limits).unwrap();
    scan.read_lightness(64, &mut |_, _| Ok(())).unwrap();
    let out = std::path::Path::new(&path).with_extension("out");
    let file = BufWriter::new(std::fs::File::create(&out).unwrap());
    let bands = polychromify_core::Encoding { band_rows: 64, ..encoding(Format::Tiff) };
    scan.write_color(file, &bands, &label(), &|_, lightness, rgb| {
        if let SamplesMut::Sixteen(rgb) = rgb {
            for (pixel, l) in rgb.chunks_exact_mut(3).zip(lightness) {
                pixel.fill((l * 655.0) as u16);
            }
        }
    })
    .unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    writeln!(std::io::stdout(), "peak {kilobytes} kB").unwrap();
}
