//! Reading a PNG row by row; an interlaced one is held whole.

use std::io::BufReader;

use ::png::{ColorType, DecodeOptions, Decoder, DecodingError, Transformations};

use super::{CHUNK_BYTES, chunks, color};
use crate::budget::{Budget, Drawn, filled};
use crate::color::profile::ColorSpace;
use crate::compression::Compression;
use crate::decode::Decode;
use crate::error::{damaged, unsupported};
use crate::samples::{Depth, Layout, Samples};
use crate::source::Stream;
use crate::{Error, Header, Result, Source};

/// Bytes of rows that are decoded whatever the budget: they are drawn from it apart.
const LEAST_BYTES: usize = 16 << 20;

/// Decodes a PNG file row by row; an interlaced one is held whole.
pub(crate) struct Reader {
    source: Source,
    budget: Budget,
    /// For rows or the whole picture, and for metadata.
    _drawn: Vec<Drawn>,
    layout: Layout,
    width: usize,
    height: usize,
    interlaced: bool,
    decoder: Option<::png::Reader<BufReader<Stream>>>,
    /// All samples, if interlaced and decoded.
    whole: Option<Samples>,
    y: usize,
    row: Vec<u8>,
}

impl Reader {
    pub(crate) fn open(source: Source, budget: &Budget) -> Result<(Header, Self)> {
        let (of_color, chunks) = chunks::read(&source, budget)?;
        let decoder = decoder(&source, budget)?;
        let info = decoder.info();
        let (width, height) = info.size();
        Header::check_size(width, height, budget.limits())?;
        let (color, depth) = decoder.output_color_type();
        let layout = Layout {
            color: matches!(color, ColorType::Rgb | ColorType::Rgba),
            alpha: matches!(color, ColorType::GrayscaleAlpha | ColorType::Rgba),
            depth: Depth::of_bits(depth as u32),
        };
        let interlaced = info.interlaced;
        // A whole picture of 16 bits is held twice while its bytes are put in order.
        let rows = if interlaced { u64::from(height) * layout.sample_bytes() as u64 } else { 2 };
        let bytes = layout.bytes(width, rows);
        let what = if interlaced { "an interlaced PNG" } else { "two rows" };
        let mut drawn = vec![budget.draw(what, bytes)?];
        if info.animation_control.is_some() {
            return Err(unsupported("animated PNG"));
        }
        let mut notices = Vec::new();
        let (metadata, raw_icc) = chunks::metadata(chunks, budget, &mut notices)?;
        let most = budget.metadata_room();
        let space = color::space(info, &of_color, raw_icc, most, &mut notices)?;
        let profile = if let ColorSpace::Icc(icc) = &space { icc.len() } else { 0 };
        drawn.push(budget.draw_metadata(metadata.bytes(), profile));
        let header = Header {
            width,
            height,
            layout,
            depth: layout.depth,
            space,
            metadata,
            compression: Compression::Deflate,
            notices,
        };
        let reader = Self {
            source,
            budget: budget.clone(),
            _drawn: drawn,
            layout,
            width: width as usize,
            height: height as usize,
            interlaced,
            decoder: None,
            whole: None,
            y: 0,
            row: Vec::new(),
        };
        Ok((header, reader))
    }
}

impl Decode for Reader {
    fn holds_all(&self) -> bool {
        self.interlaced
    }

    fn start(&mut self) -> Result<()> {
        self.y = 0;
        if self.whole.is_some() {
            return Ok(());
        }
        let mut decoder = decoder(&self.source, &self.budget)?;
        if self.interlaced {
            let row = self.layout.bytes(self.width as u32, 1) as usize;
            let mut bytes = filled(0, row * self.height)?;
            decoder.next_frame(&mut bytes).map_err(from_png)?;
            decoder.finish().map_err(from_png)?;
            let mut samples = Samples::new(self.layout.depth);
            samples.set_bytes(bytes)?;
            self.whole = Some(samples);
        } else {
            self.row = filled(0, self.layout.bytes(self.width as u32, 1) as usize)?;
            self.decoder = Some(decoder);
        }
        Ok(())
    }

    fn read_rows(&mut self, rows: usize, into: &mut Samples) -> Result<()> {
        let stride = self.width * self.layout.channels();
        if let Some(whole) = &self.whole {
            into.extend(whole.slice(self.y * stride..(self.y + rows) * stride));
        } else if let Some(decoder) = &mut self.decoder {
            for _ in 0..rows {
                decoder.read_row(&mut self.row).map_err(from_png)?;
                into.extend_bytes(&self.row, true);
            }
        }
        self.y += rows;
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let Some(mut decoder) = self.decoder.take() else { return Ok(()) };
        // One more row makes the decoder check the checksum of the pixels.
        decoder.read_row(&mut self.row).map_err(from_png)?;
        decoder.finish().map_err(from_png)
    }
}

fn decoder(source: &Source, budget: &Budget) -> Result<::png::Reader<BufReader<Stream>>> {
    let mut options = DecodeOptions::default();
    options.set_ignore_adler32(false);
    options.set_skip_ancillary_crc_failures(false);
    options.set_ignore_text_chunk(true);
    options.set_ignore_iccp_chunk(true);
    let mut decoder =
        Decoder::new_with_options(BufReader::with_capacity(1 << 16, source.stream(0)), options);
    decoder.set_transformations(Transformations::EXPAND);
    // Bounds chunks and rows.
    let bytes = (budget.left() as usize).clamp(LEAST_BYTES, CHUNK_BYTES as usize);
    decoder.set_limits(::png::Limits { bytes });
    decoder.read_info().map_err(from_png)
}

fn from_png(error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            damaged("truncated")
        }
        // What the library finds, and not what the system does.
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            damaged(reason("Invalid"))
        }
        DecodingError::IoError(error) => Error::reading(error),
        DecodingError::LimitsExceeded => Error::Limit("a chunk is too large".into()),
        error => damaged(reason(&error.to_string())),
    }
}

/// What is wrong, by the beginning of the library's words, which are those of its code.
fn reason(told: &str) -> &'static str {
    let known = [
        ("CRC error", "a checksum does not match: bytes of the file were changed"),
        ("Corrupt deflate stream", "the compressed samples are broken"),
        ("IDAT or fDAT chunk does not have enough data", "rows are missing"),
        ("IDAT or fdAT chunk is missing", "it holds no samples"),
        ("Missing palette", "the palette is missing"),
        ("Not enough palette", "the palette is too short"),
        ("Unrecognized critical chunk", "it has a part of an unknown kind that must be understood"),
        ("Invalid", "its header is broken"),
        ("Unknown", "its header is broken"),
    ];
    let found = known.into_iter().find(|(start, _)| told.starts_with(start));
    found.map_or("its parts are broken or out of order", |(_, words)| words)
}
