//! WebP: lossy and lossless with alpha; results are lossless, of 8 bits.
//!
//! Its decoder and its encoder hold the whole picture.

use std::io::{Cursor, Write};

use image_webp::{ColorType, DecodingError, EncodingError, WebPDecoder, WebPEncoder};

use crate::budget::{Budget, Drawn, check_room, filled, room_for};
use crate::color::profile::ColorSpace;
use crate::compression::Compression;
use crate::decode::Decode;
use crate::error::{damaged, unsupported};
use crate::metadata::Metadata;
use crate::page_tags::PageTags;
use crate::samples::{Depth, Layout, Samples, SamplesRef};
use crate::{Error, Format, Header, Limits, Notice, Result, Rows, Source};

/// Largest side of a picture in pixels, of 14 bits (RFC 9649, 3.4).
const LARGEST_SIDE: u32 = 1 << 14;

/// Decodes a WebP file.
pub(crate) struct Reader {
    /// The file; empty once decoded.
    bytes: Vec<u8>,
    budget: Budget,
    /// For the file, for decoding and then for the samples, and for metadata.
    file: Option<Drawn>,
    decoding: Drawn,
    _carried: Drawn,
    /// Samples a row.
    stride: usize,
    /// All samples, once decoded.
    samples: Option<Vec<u8>>,
    y: usize,
}

impl Reader {
    pub(crate) fn open(source: &Source, budget: &Budget) -> Result<(Header, Self)> {
        let (bytes, file) = source.read_whole(budget)?;
        check_length(&bytes)?;
        let mut decoder = decoder(&bytes)?;
        let (width, height) = decoder.dimensions();
        Header::check_size(width, height, budget.limits())?;
        if decoder.is_animated() {
            return Err(unsupported("animated WebP"));
        }
        check_frame_sizes(&bytes, (width, height))?;
        let depth = Depth::Eight;
        let layout = Layout { color: true, alpha: decoder.has_alpha(), depth };
        // Besides the samples: those of all channels again, and the planes of a lossy picture.
        let held = 3 * u64::from(width) * u64::from(height) * 4;
        let decoding = budget.draw("decoding it", held)?;
        let most = budget.metadata_room();
        decoder.set_memory_limit(most);
        let from_webp = |error| from_webp(error, most);
        let icc = decoder.icc_profile().map_err(from_webp)?;
        let (mut metadata, mut notices) = (Metadata::default(), Vec::new());
        if let Some(exif) = decoder.exif_metadata().map_err(from_webp)? {
            metadata.add_exif(exif.strip_prefix(b"Exif\0\0").unwrap_or(&exif), &mut notices)?;
        }
        metadata.xmp = decoder.xmp_metadata().map_err(from_webp)?.or(metadata.xmp);
        let profile = icc.as_ref().map_or(0, Vec::len);
        let carried = budget.draw_metadata(metadata.bytes(), profile);
        let space = icc.map_or(ColorSpace::Srgb, ColorSpace::Icc);
        let compression = Compression::Deflate;
        let header = Header { width, height, layout, depth, space, metadata, compression, notices };
        let stride = width as usize * layout.channels();
        drop(decoder);
        let (file, budget) = (Some(file), budget.clone());
        let reader =
            Self { bytes, budget, file, decoding, _carried: carried, stride, samples: None, y: 0 };
        Ok((header, reader))
    }
}

impl Decode for Reader {
    fn start(&mut self) -> Result<()> {
        self.y = 0;
        if self.samples.is_some() {
            return Ok(());
        }
        let mut decoder = decoder(&self.bytes)?;
        let size = decoder.output_buffer_size().unwrap_or(0);
        check_room(self.decoding.bytes())?;
        let mut samples = filled(0, size)?;
        let failed = |error| self.budget.time_or(|| from_webp(error, 0));
        decoder.read_image(&mut samples).map_err(failed)?;
        drop(decoder);
        self.bytes = Vec::new();
        self.file = None;
        self.decoding.shrink(samples.len() as u64);
        self.samples = Some(samples);
        Ok(())
    }

    fn read_rows(&mut self, rows: usize, into: &mut Samples) -> Result<()> {
        let range = self.y * self.stride..(self.y + rows) * self.stride;
        self.y += rows;
        if let Some(samples) = &self.samples {
            into.extend(SamplesRef::Eight(&samples[range]));
        }
        Ok(())
    }

    fn holds_all(&self) -> bool {
        true
    }
}

/// Writes the rows without loss, with metadata that is true of the result.
pub(crate) fn write<W: Write>(
    out: W,
    rows: &mut dyn Rows,
    tags: &PageTags<'_>,
    limits: &Limits,
) -> Result<Vec<Notice>> {
    let (width, height) = rows.size();
    if width > LARGEST_SIDE || height > LARGEST_SIDE {
        let reason = format!("WebP of {width}x{height}: choose tiff or png, or a smaller side");
        return Err(unsupported(reason));
    }
    let layout = rows.layout();
    let samples = layout.bytes(width, height.into());
    // The encoder keeps a copy, and its result.
    limits.check_memory("a WebP result", 3 * samples)?;
    check_room(3 * samples)?;
    let mut pixels = room_for(samples as usize)?;
    while let Some(band) = rows.next()? {
        band.to_bytes(true, &mut pixels);
    }
    let mut encoder = WebPEncoder::new(out);
    encoder.set_icc_profile(tags.icc.to_vec());
    encoder.set_xmp_metadata(tags.xmp.as_bytes().to_vec());
    encoder.set_exif_metadata(tags.metadata.exif_block().unwrap_or_default());
    let color = if layout.alpha { ColorType::Rgba8 } else { ColorType::Rgb8 };
    encoder.encode(&pixels, width, height, color).map_err(|error| match error {
        EncodingError::IoError(error) => Error::Write(error),
        _ => Error::Write(std::io::Error::other("WebP cannot hold it")),
    })?;
    Ok(tags.metadata.no_place(Format::Webp).into_iter().collect())
}

fn decoder(bytes: &[u8]) -> Result<WebPDecoder<Cursor<&[u8]>>> {
    WebPDecoder::new(Cursor::new(bytes)).map_err(|error| from_webp(error, 0))
}

/// Decoders go on with zeros where data end early; the header tells the length (RFC 9649, 2.4).
fn check_length(bytes: &[u8]) -> Result<()> {
    let told = bytes.get(4..8).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    if told.is_none_or(|told| u64::from(told) + 8 > bytes.len() as u64) {
        return Err(damaged("truncated"));
    }
    Ok(())
}

/// A frame tells its size again, which its decoder takes memory for before the two are compared (RFC 9649,
/// 2.5 and 3.4; RFC 6386, 9.1).
fn check_frame_sizes(bytes: &[u8], size: (u32, u32)) -> Result<()> {
    let mut rest = bytes.get(12..).unwrap_or_default();
    while let [a, b, c, d, e, f, g, h, data @ ..] = rest {
        let told = match (&[*a, *b, *c, *d], data) {
            (b"VP8 ", [_, _, _, _, _, _, w, x, y, z, ..]) => {
                let side =
                    |low: &u8, high: &u8| u32::from(u16::from_le_bytes([*low, *high]) & 0x3FFF);
                Some((side(w, x), side(y, z)))
            }
            (b"VP8L", [_, w, x, y, z, ..]) => {
                let bits = u32::from_le_bytes([*w, *x, *y, *z]);
                Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
            }
            _ => None,
        };
        if told.is_some_and(|told| told != size) {
            return Err(damaged("its parts tell different sizes"));
        }
        let length = u64::from(u32::from_le_bytes([*e, *f, *g, *h])).next_multiple_of(2);
        rest =
            usize::try_from(length).ok().and_then(|length| data.get(length..)).unwrap_or_default();
    }
    Ok(())
}

/// `most` bytes are read of a profile, of EXIF or of XMP.
fn from_webp(error: DecodingError, most: usize) -> Error {
    match error {
        DecodingError::IoError(_) => damaged("truncated"),
        DecodingError::UnsupportedFeature(_) => {
            unsupported("WebP whose picture is a part of a video")
        }
        DecodingError::MemoryLimitExceeded => {
            Error::Limit(format!("more than {most} bytes of profile or metadata"))
        }
        DecodingError::ChunkMissing
        | DecodingError::ChunkHeaderInvalid(_)
        | DecodingError::InvalidChunkSize => damaged("its parts are broken or missing"),
        DecodingError::ImageTooLarge
        | DecodingError::AlphaChunkSizeMismatch
        | DecodingError::FrameOutsideImage
        | DecodingError::InconsistentImageSizes => damaged("its parts tell different sizes"),
        _ => damaged("the compressed samples are broken"),
    }
}
