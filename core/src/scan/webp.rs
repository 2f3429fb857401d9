//! WebP: lossy and lossless with alpha; results are lossless, of 8 bits.
//!
//! Its decoder and its encoder hold the whole picture.

use std::fs::File;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use image_webp::{ColorType, DecodingError, EncodingError, WebPDecoder, WebPEncoder};

use super::color::ColorRows;
use super::metadata::Metadata;
use super::profile::ColorSpace;
use super::rows::{Header, read_whole};
use super::samples::{Layout, Samples, SamplesRef};
use super::{Depth, Error, Limits, Result, damaged, tiff, unsupported, write_failed};

/// Largest side of a picture in pixels, of 14 bits (RFC 9649, 3.4).
const LARGEST_SIDE: u32 = 1 << 14;

/// Most bytes of a profile, of EXIF and of XMP.
const CHUNK_BYTES: usize = 64 << 20;

/// Decodes a WebP file.
pub(super) struct Reader {
    path: PathBuf,
    /// The file; empty once decoded.
    bytes: Vec<u8>,
    /// Samples a row.
    stride: usize,
    /// All samples, once decoded.
    samples: Option<Vec<u8>>,
    y: usize,
}

impl Reader {
    pub(super) fn open(file: File, path: &Path, limits: &Limits) -> Result<(Header, Self)> {
        let bytes = read_whole(file, path, limits)?;
        check_length(path, &bytes)?;
        let mut decoder = decoder(path, &bytes)?;
        let (width, height) = decoder.dimensions();
        Header::check_size(path, width, height, limits)?;
        if decoder.is_animated() {
            return Err(unsupported(path, "animated WebP"));
        }
        let depth = Depth::Eight;
        let layout = Layout { color: true, alpha: decoder.has_alpha(), depth };
        // Besides the samples: those of all channels again, and the planes of a lossy picture.
        let held = bytes.len() as u64 + 3 * u64::from(width) * u64::from(height) * 4;
        limits.check_memory(path, "decoding it", held)?;
        decoder.set_memory_limit(CHUNK_BYTES);
        let failed = |error| from_webp(path, error);
        let icc = decoder.icc_profile().map_err(failed)?;
        let mut metadata = Metadata::default();
        if let Some(exif) = decoder.exif_metadata().map_err(failed)? {
            metadata.add_exif(exif.strip_prefix(b"Exif\0\0").unwrap_or(&exif));
        }
        metadata.xmp = decoder.xmp_metadata().map_err(failed)?;
        let space = icc.map_or(ColorSpace::Srgb, ColorSpace::Icc);
        let compression = tiff::Compression::Deflate;
        let header = Header { width, height, layout, depth, space, metadata, compression };
        let stride = width as usize * layout.channels();
        drop(decoder);
        Ok((header, Self { path: path.into(), bytes, stride, samples: None, y: 0 }))
    }

    /// Goes to the first row; decodes the file the first time.
    pub(super) fn start(&mut self) -> Result<()> {
        self.y = 0;
        if self.samples.is_some() {
            return Ok(());
        }
        let mut decoder = decoder(&self.path, &self.bytes)?;
        let size = decoder.output_buffer_size().unwrap_or(0);
        let mut samples = vec![0; size];
        decoder.read_image(&mut samples).map_err(|error| from_webp(&self.path, error))?;
        drop(decoder);
        self.samples = Some(samples);
        self.bytes = Vec::new();
        Ok(())
    }

    /// Appends the next `rows` rows.
    #[expect(clippy::unnecessary_wraps, reason = "all readers have this face")]
    pub(super) fn read_rows(&mut self, rows: usize, into: &mut Samples) -> Result<()> {
        let range = self.y * self.stride..(self.y + rows) * self.stride;
        self.y += rows;
        if let Some(samples) = &self.samples {
            into.extend(SamplesRef::Eight(&samples[range]));
        }
        Ok(())
    }
}

/// Writes the rows without loss, with metadata that is true of the result.
pub(super) fn write<W: Write>(
    out: W,
    rows: &mut ColorRows<'_>,
    metadata: &Metadata,
    icc: &[u8],
    xmp: &[u8],
    limits: &Limits,
) -> Result<()> {
    let path = rows.path().to_path_buf();
    let (width, height) = rows.size();
    if width > LARGEST_SIDE || height > LARGEST_SIDE {
        let reason = format!("WebP of {width}x{height}: choose tiff or png, or a smaller side");
        return Err(unsupported(&path, reason));
    }
    let layout = rows.layout();
    let samples = layout.bytes(width, height.into());
    // The encoder keeps a copy, and its result.
    limits.check_memory(&path, "a WebP result", 3 * samples)?;
    let mut pixels = Vec::with_capacity(samples as usize);
    while let Some(band) = rows.next()? {
        band.to_bytes(true, &mut pixels);
    }
    let mut encoder = WebPEncoder::new(out);
    encoder.set_icc_profile(icc.to_vec());
    encoder.set_xmp_metadata(xmp.to_vec());
    encoder.set_exif_metadata(metadata.exif_block().unwrap_or_default());
    let color = if layout.alpha { ColorType::Rgba8 } else { ColorType::Rgb8 };
    encoder.encode(&pixels, width, height, color).map_err(|error| match error {
        EncodingError::IoError(error) => write_failed(&path, error),
        error => write_failed(&path, std::io::Error::other(error)),
    })
}

fn decoder<'a>(path: &Path, bytes: &'a [u8]) -> Result<WebPDecoder<Cursor<&'a [u8]>>> {
    WebPDecoder::new(Cursor::new(bytes)).map_err(|error| from_webp(path, error))
}

/// Decoders go on with zeros where data end early; the header tells the length (RFC 9649, 2.4).
fn check_length(path: &Path, bytes: &[u8]) -> Result<()> {
    let told = bytes.get(4..8).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    if told.is_none_or(|told| u64::from(told) + 8 > bytes.len() as u64) {
        return Err(damaged(path, "truncated"));
    }
    Ok(())
}

fn from_webp(path: &Path, error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(_) => damaged(path, "truncated"),
        DecodingError::UnsupportedFeature(feature) => unsupported(path, feature),
        error => damaged(path, error),
    }
}
