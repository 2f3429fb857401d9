//! Files that ask for much.

use std::io::Write as _;

use image_webp::{ColorType, WebPEncoder};
use jpeg_encoder::{ColorType as JpegColor, Encoder};

/// An EXIF block whose first directory has so many tags, all of the same bytes.
pub(crate) fn shared_exif(tags: u16, bytes: u32) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0".to_vec();
    let at = 8 + 2 + 12 * u32::from(tags) + 4;
    block.extend(tags.to_le_bytes());
    for tag in 0..tags {
        block.extend((0xC000 + tag).to_le_bytes());
        block.extend(7_u16.to_le_bytes());
        block.extend(bytes.to_le_bytes());
        block.extend(at.to_le_bytes());
    }
    block.extend([0; 4]);
    block.resize((at + bytes) as usize, 7);
    block
}

fn encoded(side: u16, more: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let pixels: Vec<u8> = (0..usize::from(side).pow(2)).map(|i| (i >> 6) as u8).collect();
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 80);
    more(&mut encoder);
    encoder.encode(&pixels, side, side, JpegColor::Luma).unwrap();
    bytes
}

pub(crate) fn jpeg(side: u16) -> Vec<u8> {
    encoded(side, |_| {})
}

pub(crate) fn progressive(side: u16) -> Vec<u8> {
    encoded(side, |encoder| encoder.set_progressive(true))
}

/// Such a picture up to the end of its first scan.
pub(crate) fn first_scan(progressive: &[u8]) -> Vec<u8> {
    let scan = |from: usize| {
        let rest = progressive[from..].windows(2);
        from + rest.clone().position(|marker| marker == [0xFF, 0xDA]).unwrap()
    };
    let second = scan(scan(0) + 2);
    // The tables before the second scan go, too.
    let tables = progressive[..second].windows(2).rposition(|m| m == [0xFF, 0xC4]);
    let end = tables.filter(|&at| at > scan(0)).unwrap_or(second);
    [&progressive[..end], &[0xFF, 0xD9]].concat()
}

/// A gray picture whose only component has the factors of one of several, which the library for common
/// pictures gets wrong.
pub(crate) fn odd_jpeg() -> Vec<u8> {
    let mut bytes = jpeg(600);
    let frame = bytes.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    bytes[frame + 11] = 0x22;
    bytes
}

/// A small JPEG with segments.
pub(crate) fn jpeg_with(segments: &[(u8, &[u8])]) -> Vec<u8> {
    let picture = jpeg(16);
    let mut bytes = picture[..2].to_vec();
    for (marker, data) in segments {
        bytes.extend([0xFF, *marker]);
        bytes.extend((data.len() as u16 + 2).to_be_bytes());
        bytes.extend(*data);
    }
    bytes.extend(&picture[2..]);
    bytes
}

fn png(side: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![9; (side * side) as usize]).unwrap();
    writer.finish().unwrap();
    bytes
}

pub(crate) fn gray_png(side: u32) -> Vec<u8> {
    png(side)
}

/// Tells that a PNG is interlaced, which its samples are not.
pub(crate) fn set_interlaced(png: &mut [u8]) {
    png[28] = 1;
    let mut crc = flate2::Crc::new();
    crc.update(&png[12..29]);
    png[29..33].copy_from_slice(&crc.sum().to_be_bytes());
}

/// A small PNG with chunks before its samples.
pub(crate) fn png_with(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let picture = png(16);
    let header = 8 + 12 + 13;
    let mut bytes = picture[..header].to_vec();
    for (kind, data) in chunks {
        let mut crc = flate2::Crc::new();
        crc.update(*kind);
        crc.update(data);
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend(*kind);
        bytes.extend(*data);
        bytes.extend(crc.sum().to_be_bytes());
    }
    bytes.extend(&picture[header..]);
    bytes
}

pub(crate) fn webp(side: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let pixels = vec![9; (3 * side * side) as usize];
    WebPEncoder::new(&mut bytes).encode(&pixels, side, side, ColorType::Rgb8).unwrap();
    bytes
}

pub(crate) fn webp_with_exif(exif: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = WebPEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif.to_vec());
    encoder.encode(&[9; 3 * 16 * 16], 16, 16, ColorType::Rgb8).unwrap();
    bytes
}

/// A picture of 16 x 16 pixels whose only frame says that it has 16,383 x 16,383.
pub(crate) fn webp_of_two_sizes() -> Vec<u8> {
    let mut chunks = b"WEBPVP8X\x0A\0\0\0\0\0\0\0\x0F\0\0\x0F\0\0VP8 \x28\0\0\0".to_vec();
    // A key frame that is shown, with a first part of 16 bytes.
    chunks.extend([0x10, 0x02, 0, 0x9D, 0x01, 0x2A, 0xFF, 0x3F, 0xFF, 0x3F]);
    chunks.resize(chunks.len() + 30, 0);
    [b"RIFF", &(chunks.len() as u32).to_le_bytes()[..], &chunks].concat()
}

/// A directory of a TIFF: tag, type, count and value of each entry.
fn directory(entries: &[(u16, u16, u32, u32)], next: u32) -> Vec<u8> {
    let mut bytes = (entries.len() as u16).to_le_bytes().to_vec();
    for (tag, kind, count, value) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend(next.to_le_bytes());
    bytes
}

/// The entries of a gray picture of 8 bits in one strip at `data`.
fn gray(width: u32, height: u32, data: (u32, u32), compression: u32) -> Vec<(u16, u16, u32, u32)> {
    vec![
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, compression),
        (262, 3, 1, 1),
        (273, 4, 1, data.0),
        (277, 3, 1, 1),
        (278, 4, 1, height),
        (279, 4, 1, data.1),
    ]
}

/// A TIFF whose EXIF directory has so many tags, all of the same bytes.
pub(crate) fn tiff_of_shared_exif(tags: u16, bytes: u32) -> Vec<u8> {
    let mut file = shared_exif(tags, bytes);
    let at = file.len() as u32;
    file[4..8].copy_from_slice(&at.to_le_bytes());
    let mut entries = gray(4, 4, (8, 16), 1);
    entries.push((34665, 4, 1, 8));
    file.extend(directory(&entries, 0));
    file
}

/// A gray picture of one row.
pub(crate) fn tiff_of_row(width: u32) -> Vec<u8> {
    let at = 8 + width;
    let mut bytes = [&b"II*\0"[..], &at.to_le_bytes(), &vec![9; width as usize]].concat();
    bytes.extend(directory(&gray(width, 1, (8, width), 1), 0));
    bytes
}

/// A small RGB picture with one tag more, of bytes.
pub(crate) fn tiff_with(tag: u16, value: &[u8]) -> Vec<u8> {
    let at = 8 + 48 + value.len() as u32;
    let mut bytes = [&b"II*\0"[..], &at.to_le_bytes(), &[9; 48], value].concat();
    let mut entries = gray(4, 4, (8, 48), 1);
    entries[4] = (262, 3, 1, 2);
    entries[6] = (277, 3, 1, 3);
    entries.push((tag, 7, value.len() as u32, 56));
    bytes.extend(directory(&entries, 0));
    bytes
}

/// An RGB profile whose only table has `grid` points a side, of 8 bits (ICC.1:2022, 7.2 and 10.11).
pub(crate) fn profile_with_table(grid: u8) -> Vec<u8> {
    let mut table = b"mft1\0\0\0\0\x03\x03".to_vec();
    table.extend([grid, 0]);
    for number in [1, 0, 0, 0, 1, 0, 0, 0, 1_u32] {
        table.extend((number << 16).to_be_bytes());
    }
    let curve: Vec<u8> = (0..=255).collect();
    table.extend(curve.repeat(3));
    table.extend((0..3 * usize::from(grid).pow(3)).map(|i| i as u8));
    table.extend(curve.repeat(3));
    let start = 128 + 4 + 12;
    let mut profile = ((start + table.len()) as u32).to_be_bytes().to_vec();
    profile.extend(b"none\x04\x40\0\0scnrRGB Lab ");
    profile.resize(36, 0);
    profile.extend(b"acsp");
    profile.resize(68, 0);
    profile.extend([0xF6D6_u32, 0x1_0000, 0xD32D].iter().flat_map(|v| v.to_be_bytes()));
    profile.resize(128, 0);
    profile.extend(1_u32.to_be_bytes());
    profile.extend(b"A2B0");
    profile.extend((start as u32).to_be_bytes());
    profile.extend((table.len() as u32).to_be_bytes());
    profile.extend(table);
    profile
}

/// So many strips of one row, all the same.
pub(crate) fn strip_list(strips: u32) -> Vec<u8> {
    let list = |value: u32| value.to_le_bytes().repeat(strips as usize);
    let (offsets, counts) = (8, 8 + 4 * strips);
    let at = counts + 4 * strips;
    let mut bytes = [&b"II*\0"[..], &at.to_le_bytes()].concat();
    bytes.extend(list(8));
    bytes.extend(list(1));
    let mut entries = gray(1, strips, (0, 0), 1);
    entries[5] = (273, 4, strips, offsets);
    entries[7] = (278, 4, 1, 1);
    entries[8] = (279, 4, strips, counts);
    bytes.extend(directory(&entries, 0));
    bytes
}

/// A picture that is one strip of Zstandard with a window of 2^`window` bytes.
pub(crate) fn zstd_tiff(window: u32) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(window).unwrap();
    let side = 1 << 10;
    for _ in 0..side {
        encoder.write_all(&vec![9; side]).unwrap();
    }
    let data = encoder.finish().unwrap();
    let at = 8 + data.len() as u32;
    let mut bytes = [&b"II*\0"[..], &at.to_le_bytes(), &data].concat();
    bytes.extend(directory(&gray(1 << 10, 1 << 10, (8, data.len() as u32), 50000), 0));
    bytes
}

/// A picture in tiles as large as itself, of which nothing is there.
pub(crate) fn tiles(side: u32) -> Vec<u8> {
    let mut entries = gray(side, side, (8, 64), 8);
    entries.retain(|entry| !matches!(entry.0, 273 | 278 | 279));
    entries.extend([(322, 4, 1, side), (323, 4, 1, side), (324, 4, 1, 8), (325, 4, 1, 64)]);
    let mut bytes = [&b"II*\0"[..], &72_u32.to_le_bytes(), &[0; 64]].concat();
    bytes.extend(directory(&entries, 0));
    bytes
}

/// A list of pages with nothing in them.
pub(crate) fn empty_pages(pages: u32) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    for page in 1..=pages {
        bytes.extend([0, 0]);
        bytes.extend(if page == pages { 0 } else { 8 + 6 * page }.to_le_bytes());
    }
    bytes
}
