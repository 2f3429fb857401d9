//! Files of full size whose content is not there yet: a share that sets size and times first.

use std::time::Duration;

use polychromify_core::{Deadline, Limits};

use crate::files::originals::{OpenOriginal, OriginalPath};

/// First bytes of TIFF and BigTIFF, in both orders.
const TIFF: [[u8; 4]; 4] = [*b"II*\0", *b"MM\0*", *b"II+\0", *b"MM\0+"];

/// Bytes that are looked at first: the ends of most files are not zeros.
const END: u64 = 256;

/// Most bytes that are looked at, most pages, and the longest time: this is done between two looks at
/// the folder.
const MOST: u64 = 16 << 20;
const MOST_PAGES: usize = 100;
const MOST_TIME: Duration = Duration::from_secs(2);
const MOST_PIXELS: u64 = 4_000_000_000;

/// Whether a file is an uncompressed TIFF whose last rows are zeros to the end of the file. Its content
/// may come later, or these rows are black. What cannot be read is found out by the job.
pub(super) fn is_unfilled(original: &OriginalPath) -> bool {
    ends_in_zero_rows(original).unwrap_or(false)
}

fn ends_in_zero_rows(original: &OriginalPath) -> Option<bool> {
    let file = original.open().ok()?;
    let length = file.length().ok()?;
    let mut start = [0; 4];
    file.read_exact_at(&mut start, 0).ok()?;
    if !TIFF.contains(&start) || !ends_in_zeros(&file, length, END)? {
        return Some(false);
    }
    let limits = Limits { deadline: Deadline::after(MOST_TIME), ..Limits::new(MOST_PIXELS, MOST) };
    let mut scan = file.scan(&limits).ok()?;
    if scan.pages() > MOST_PAGES {
        return Some(false);
    }
    let (mut rows, mut samples) = (0, 0);
    for page in 0..scan.pages() {
        scan.select(page).ok()?;
        rows += u64::from(scan.info().height);
        samples += scan.uncompressed_bytes()?;
    }
    let row = length / rows;
    // Of pages in black and white, zeros may be the white of paper.
    let is_gray_or_color = row >= u64::from(scan.info().width);
    // More than all that is no samples, and a whole row wherever it begins.
    let zeros = length.saturating_sub(samples) + 2 * row;
    Some(is_gray_or_color && zeros <= MOST && ends_in_zeros(&file, length, zeros)?)
}

fn ends_in_zeros(file: &OpenOriginal, length: u64, bytes: u64) -> Option<bool> {
    let count = bytes.min(length);
    let mut end = vec![0; count as usize];
    file.read_exact_at(&mut end, length - count).ok()?;
    Some(end.iter().all(|&byte| byte == 0))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use image::{DynamicImage, GrayImage, Luma};

    use super::*;

    /// A folder and a file in it, of a picture whose last rows are zeros.
    fn file(compressed: bool, zeros: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("a.tif");
        let pixel = |x, y| Luma([if y < 100 - zeros { (x + y) as u8 | 1 } else { 0 }]);
        let gray: DynamicImage = GrayImage::from_fn(300, 100, pixel).into();
        let mut bytes = tiff_start(300, 100, if compressed { 32773 } else { 1 });
        if compressed {
            // PackBits: literals of 100 bytes.
            bytes.extend(gray.as_bytes().chunks(100).flat_map(|c| [&[99], c].concat()));
        } else {
            bytes.extend(gray.as_bytes());
        }
        fs::write(&path, bytes).unwrap();
        (at, path)
    }

    fn is_unfilled(path: &Path) -> bool {
        super::is_unfilled(&OriginalPath::named(path.into(), path.into()))
    }

    /// A TIFF as far as its first strip, which begins at byte 200.
    fn tiff_start(width: u16, height: u16, compression: u16) -> Vec<u8> {
        let tags: [(u16, u16, u32); 8] = [
            (256, 3, width.into()),
            (257, 3, height.into()),
            (258, 3, 8),
            (259, 3, compression.into()),
            (262, 3, 1),
            (273, 4, 200),
            (278, 3, height.into()),
            (279, 4, u32::from(width) * u32::from(height)),
        ];
        let mut bytes = [&b"II*\0"[..], &8_u32.to_le_bytes(), &8_u16.to_le_bytes()].concat();
        for (tag, kind, value) in tags {
            bytes.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            bytes.extend([1_u32.to_le_bytes(), value.to_le_bytes()].concat());
        }
        bytes.resize(200, 0);
        bytes
    }

    #[test]
    fn rows_of_zeros_at_the_end_of_an_uncompressed_file_may_come_later() {
        for zeros in [4, 50, 100] {
            assert!(is_unfilled(&file(false, zeros).1), "{zeros} rows");
        }
        for zeros in [0, 1, 2] {
            assert!(!is_unfilled(&file(false, zeros).1), "{zeros} rows");
        }
        assert!(!is_unfilled(&file(true, 50).1), "compressed");
        let (_folder, padded) = file(false, 0);
        let mut bytes = fs::read(&padded).unwrap();
        bytes.resize(bytes.len() + 5000, 0);
        fs::write(&padded, bytes).unwrap();
        assert!(!is_unfilled(&padded), "zeros behind the samples");
    }

    #[test]
    fn other_files_are_as_whole_as_they_are() {
        let at = tempfile::tempdir().unwrap();
        for (name, content) in [("a.tif", &[0; 5000][..]), ("b.tif", b"II*\0"), ("c.tif", b"")] {
            let path = at.path().join(name);
            fs::write(&path, content).unwrap();
            assert!(!is_unfilled(&path), "{name}");
        }
        assert!(!is_unfilled(&at.path().join("gone.tif")));
    }
}
