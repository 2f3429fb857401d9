//! Small scans made in memory, and what the tests do with all of them.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use polychromify_core::{Encoding, Format, Label, Limits, Result, SamplesMut, Scan, SourceType};
use polychromify_image::color::lab::{Lab, RgbSpace, fit_chroma, linear_to_srgb};
use tempfile::TempDir;

pub(crate) const LIMITS: Limits = Limits::new(1 << 30, 256 << 20);

/// A folder with one file.
pub(crate) struct File {
    folder: TempDir,
    pub(crate) path: PathBuf,
}

impl File {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scan");
        std::fs::write(&path, bytes).unwrap();
        Self { folder, path }
    }

    pub(crate) fn open(&self) -> Result<Scan> {
        Scan::open(&self.path, &LIMITS)
    }

    /// L* of all pixels.
    pub(crate) fn lightness(&self) -> Vec<f32> {
        lightness(&mut self.open().unwrap())
    }

    /// The result in a format, in color.
    pub(crate) fn colored(&self, format: Format) -> Self {
        let bytes = colored(&mut self.open().unwrap(), &encoding(format)).unwrap();
        Self::new(&bytes)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).unwrap()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

pub(crate) fn lightness(scan: &mut Scan) -> Vec<f32> {
    let mut all = Vec::new();
    let sink = &mut |_, rows: &[f32]| {
        all.extend_from_slice(rows);
        Ok(())
    };
    scan.read_lightness(3, sink).unwrap();
    all
}

pub(crate) fn encoding(format: Format) -> Encoding {
    Encoding {
        format: Some(format),
        quality: 95,
        max_side: None,
        space: RgbSpace::Srgb,
        band_rows: 7,
    }
}

pub(crate) fn label() -> Label {
    Label {
        software: "Polychromify 0.1.0".into(),
        weights: "polychromify".into(),
        weights_sha256: "ab".repeat(32),
        source: "scan <1> & co.tif".into(),
        source_sha256: "cd".repeat(32),
        settings: "saturation 1.5".to_owned(),
        source_type: SourceType::default(),
        when: Some(UNIX_EPOCH + Duration::from_secs(1_700_000_000)),
        rendition: String::new(),
    }
}

/// Writes a scan in real colors that depend on place and lightness.
pub(crate) fn colored(scan: &mut Scan, encoding: &Encoding) -> Result<Vec<u8>> {
    let width = scan.output_size(encoding).0 as usize;
    let mut out = Cursor::new(Vec::new());
    scan.write_color(&mut out, encoding, &label(), &|y, lightness, rgb| {
        paint(width, y, lightness, rgb);
    })?;
    Ok(out.into_inner())
}

/// Real colors that depend on place and lightness.
pub(crate) fn paint(width: usize, y: u32, lightness: &[f32], rgb: SamplesMut<'_>) {
    let pixel = |i: usize, l: f32| {
        let angle = (i % width) as f32 * 0.3 + (y as usize + i / width) as f32 * 0.7;
        let lab = Lab { l, a: 40.0 * angle.cos(), b: 40.0 * angle.sin() };
        fit_chroma(lab).1.map(linear_to_srgb)
    };
    let colors = lightness.iter().enumerate().map(|(i, &l)| pixel(i, l));
    match rgb {
        SamplesMut::Eight(rgb) => {
            for (to, color) in rgb.chunks_exact_mut(3).zip(colors) {
                to.copy_from_slice(&color.map(|v| (v * 255.0).round() as u8));
            }
        }
        SamplesMut::Sixteen(rgb) => {
            for (to, color) in rgb.chunks_exact_mut(3).zip(colors) {
                to.copy_from_slice(&color.map(|v| (v * 65535.0).round() as u16));
            }
        }
        SamplesMut::Float(rgb) => {
            for (to, color) in rgb.chunks_exact_mut(3).zip(colors) {
                to.copy_from_slice(&color);
            }
        }
    }
}

/// Largest difference of two rows of numbers.
pub(crate) fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Smooth gradients with a little noise, full range: samples of 16 bits, interleaved.
pub(crate) fn samples(width: usize, height: usize, channels: usize) -> Vec<u16> {
    let mut state = 1_u32;
    (0..width * height * channels)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (pixel, channel) = (i / channels, i % channels);
            let (x, y) = (pixel % width, pixel / width);
            let smooth = (x * 65535 / width.max(2) + y * 40000 / height.max(2)) % 65536;
            let value = smooth + channel * 9000 + (state >> 22) as usize;
            match pixel {
                0 => 0,
                1 => 65535,
                _ => value.min(65535) as u16,
            }
        })
        .collect()
}

pub(crate) fn to_eight(samples: &[u16]) -> Vec<u8> {
    samples.iter().map(|s| (s >> 8) as u8).collect()
}

/// A PNG; `data` as the format stores it.
pub(crate) fn png(
    (width, height): (u32, u32),
    color: png::ColorType,
    depth: png::BitDepth,
    data: &[u8],
    more: impl FnOnce(&mut png::Info<'static>),
) -> Vec<u8> {
    let mut info = png::Info::with_size(width, height);
    (info.color_type, info.bit_depth) = (color, depth);
    more(&mut info);
    let mut bytes = Vec::new();
    let encoder = png::Encoder::with_info(&mut bytes, info).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    bytes
}

/// A gray PNG of 16 bits.
pub(crate) fn gray_png(width: usize, height: usize) -> Vec<u8> {
    let data: Vec<u8> = samples(width, height, 1).iter().flat_map(|s| s.to_be_bytes()).collect();
    let size = (width as u32, height as u32);
    png(size, png::ColorType::Grayscale, png::BitDepth::Sixteen, &data, |_| {})
}

/// A JPEG of gray (1 channel) or color, smooth enough to be kept well.
pub(crate) fn jpeg(
    (width, height): (u16, u16),
    channels: usize,
    more: impl FnOnce(&mut jpeg_encoder::Encoder<&mut Vec<u8>>),
) -> Vec<u8> {
    let data = to_eight(&samples(width.into(), height.into(), channels));
    let color =
        if channels == 1 { jpeg_encoder::ColorType::Luma } else { jpeg_encoder::ColorType::Rgb };
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
    more(&mut encoder);
    encoder.encode(&data, width, height, color).unwrap();
    bytes
}

/// How a TIFF is laid out.
#[derive(Clone)]
pub(crate) struct Tiff {
    pub(crate) size: (usize, usize),
    /// Samples a pixel, extra ones included.
    pub(crate) channels: usize,
    pub(crate) bits: u16,
    pub(crate) photometric: u16,
    pub(crate) big_endian: bool,
    pub(crate) compression: u16,
    pub(crate) predictor: bool,
    pub(crate) planar: bool,
    /// Width and height of a tile; else `rows` a strip.
    pub(crate) tile: Option<(usize, usize)>,
    pub(crate) rows: usize,
    /// Meaning of the last sample, if it is extra.
    pub(crate) extra: Option<u16>,
    /// More tags: number, type, little-endian bytes.
    pub(crate) tags: Vec<(u16, u16, Vec<u8>)>,
}

impl Tiff {
    pub(crate) fn new(size: (usize, usize), channels: usize, bits: u16) -> Self {
        Self {
            size,
            channels,
            bits,
            photometric: if channels < 3 { 1 } else { 2 },
            big_endian: false,
            compression: 1,
            predictor: false,
            planar: false,
            tile: None,
            rows: 4,
            extra: (channels == 2 || channels == 4).then_some(2),
            tags: Vec::new(),
        }
    }

    /// The file, of samples of 16 bits (the upper 8 of which are stored if `bits` is 8).
    pub(crate) fn bytes(&self, samples: &[u16]) -> Vec<u8> {
        Self::pages(&[(self, samples)])
    }

    /// A file of several pages.
    pub(crate) fn pages(pages: &[(&Self, &[u16])]) -> Vec<u8> {
        let first = pages[0].0;
        let mut file = if first.big_endian { b"MM\0*\0\0\0\0" } else { b"II*\0\0\0\0\0" }.to_vec();
        let mut pointer = 4;
        for (page, samples) in pages {
            let at = page.append(&mut file, samples);
            let at = if first.big_endian { at.to_be_bytes() } else { at.to_le_bytes() };
            file[pointer..pointer + 4].copy_from_slice(&at);
            pointer = file.len() - 4;
        }
        file
    }

    /// Appends a page, and the place of no next one; returns where its directory is.
    fn append(&self, file: &mut Vec<u8>, samples: &[u16]) -> u32 {
        let (width, height) = self.size;
        let chunk = self.tile.unwrap_or((width, self.rows));
        let planes = if self.planar { self.channels } else { 1 };
        let (mut offsets, mut counts) = (Vec::new(), Vec::new());
        for plane in 0..planes {
            for y in (0..height).step_by(chunk.1) {
                for x in (0..width).step_by(chunk.0) {
                    let rows = if self.tile.is_some() { chunk.1 } else { chunk.1.min(height - y) };
                    let data = self.chunk(samples, (x, y), (chunk.0, rows), plane);
                    offsets.push(file.len() as u32);
                    counts.push(data.len() as u32);
                    file.extend(data);
                    file.resize(file.len().next_multiple_of(2), 0);
                }
            }
        }
        let short = |v: u16| (3, v.to_le_bytes().to_vec());
        let longs = |v: &[u32]| (4, v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
        let bits: Vec<u8> = (0..self.channels).flat_map(|_| self.bits.to_le_bytes()).collect();
        let mut tags = std::collections::BTreeMap::from([
            (256, longs(&[width as u32])),
            (257, longs(&[height as u32])),
            (258, (3, bits)),
            (259, short(self.compression)),
            (262, short(self.photometric)),
            (277, short(self.channels as u16)),
            (284, short(1 + u16::from(self.planar))),
        ]);
        if self.predictor {
            tags.insert(317, short(2));
        }
        if let Some(extra) = self.extra {
            tags.insert(338, short(extra));
        }
        if self.tile.is_some() {
            tags.insert(322, longs(&[chunk.0 as u32]));
            tags.insert(323, longs(&[chunk.1 as u32]));
            tags.insert(324, longs(&offsets));
            tags.insert(325, longs(&counts));
        } else {
            tags.insert(278, longs(&[chunk.1 as u32]));
            tags.insert(273, longs(&offsets));
            tags.insert(279, longs(&counts));
        }
        tags.extend(self.tags.iter().map(|(tag, kind, bytes)| (*tag, (*kind, bytes.clone()))));
        self.directory(file, tags)
    }

    fn directory(
        &self,
        file: &mut Vec<u8>,
        tags: std::collections::BTreeMap<u16, (u16, Vec<u8>)>,
    ) -> u32 {
        let short = |v: u16| if self.big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
        let long = |v: u32| if self.big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
        let mut entries = Vec::new();
        for (tag, (kind, mut bytes)) in tags {
            let (item, word) = match kind {
                3 => (2, 2),
                4 | 11 => (4, 4),
                5 => (8, 4),
                _ => (1, 1),
            };
            let count = bytes.len() / item;
            if self.big_endian {
                bytes.chunks_exact_mut(word).for_each(<[u8]>::reverse);
            }
            if bytes.len() > 4 {
                let at = file.len() as u32;
                file.extend(&bytes);
                file.resize(file.len().next_multiple_of(2), 0);
                bytes = long(at).to_vec();
            }
            bytes.resize(4, 0);
            entries.extend([short(tag), short(kind)].concat());
            entries.extend(long(count as u32));
            entries.extend(bytes);
        }
        let at = file.len() as u32;
        file.extend(short((entries.len() / 12) as u16));
        file.extend(entries);
        file.extend([0; 4]);
        at
    }

    fn chunk(
        &self,
        samples: &[u16],
        (left, top): (usize, usize),
        (width, height): (usize, usize),
        plane: usize,
    ) -> Vec<u8> {
        let step = if self.planar { 1 } else { self.channels };
        let mut raw = Vec::new();
        for y in top..top + height {
            let mut row = vec![0_u16; width * step];
            for x in 0..width.min(self.size.0 - left) {
                for s in 0..step {
                    let channel = if self.planar { plane } else { s };
                    let pixel = y.min(self.size.1 - 1) * self.size.0 + left + x;
                    let sample = samples[pixel * self.channels + channel];
                    row[x * step + s] = if self.bits == 8 { sample >> 8 } else { sample };
                }
            }
            if self.predictor {
                for i in (step..row.len()).rev() {
                    row[i] = row[i].wrapping_sub(row[i - step]);
                }
            }
            let mut bytes: Vec<u8> = Vec::new();
            for sample in row {
                match (self.bits, self.big_endian) {
                    (8, _) => bytes.push(sample as u8),
                    (_, true) => bytes.extend(sample.to_be_bytes()),
                    (_, false) => bytes.extend(sample.to_le_bytes()),
                }
            }
            raw.extend(bytes);
        }
        compress(self.compression, &raw)
    }
}

/// A little-endian TIFF of one strip of these bytes; `shorts` are tags, besides those of the size.
pub(crate) fn strip(
    (width, height): (u32, u32),
    shorts: &[(u16, &[u16])],
    more: &[(u16, u16, Vec<u8>)],
    data: &[u8],
) -> Vec<u8> {
    let tiff = Tiff::new((1, 1), 1, 8);
    let mut file = b"II*\0\0\0\0\0".to_vec();
    file.extend(data);
    file.resize(file.len().next_multiple_of(2), 0);
    let long = |v: u32| (4, v.to_le_bytes().to_vec());
    let mut tags = std::collections::BTreeMap::from([
        (256, long(width)),
        (257, long(height)),
        (273, long(8)),
        (279, long(data.len() as u32)),
    ]);
    let bytes = |values: &[u16]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
    tags.extend(shorts.iter().map(|&(tag, values)| (tag, (3, bytes(values)))));
    tags.extend(more.iter().map(|(tag, kind, bytes)| (*tag, (*kind, bytes.clone()))));
    let at = tiff.directory(&mut file, tags);
    file[4..8].copy_from_slice(&at.to_le_bytes());
    file
}

pub(crate) fn compress(method: u16, raw: &[u8]) -> Vec<u8> {
    use tiff::encoder::compression::{CompressionAlgorithm, Lzw, Packbits};
    let mut packed = Vec::new();
    match method {
        1 => packed.extend(raw),
        5 => _ = Lzw.write_to(&mut packed, raw).unwrap(),
        32773 => _ = Packbits.write_to(&mut packed, raw).unwrap(),
        8 => {
            let mut encoder =
                flate2::write::ZlibEncoder::new(&mut packed, flate2::Compression::default());
            encoder.write_all(raw).unwrap();
            encoder.finish().unwrap();
        }
        _ => packed = zstd::bulk::compress(raw, 0).unwrap(),
    }
    packed
}
