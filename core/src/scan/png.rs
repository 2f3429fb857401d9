//! PNG: all color types and depths; results of 8 and 16 bits.
//!
//! The `png` crate decodes row by row and checks each chunk's CRC. Chunks that are carried over
//! may stand behind the pixels, so that the list of chunks is walked before anything is decoded.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ::png::{ColorType, DecodeOptions, Decoder, DecodingError, Transformations};

use super::color::ColorRows;
use super::metadata::{Density, Metadata, Unit};
use super::profile::ColorSpace;
use super::rows::{Header, depth_of_bits};
use super::samples::{Layout, Samples};
use super::{Depth, Error, Limits, Result, damaged, tiff, write_failed};

/// Most bytes of chunks besides the pixels.
const CHUNK_BYTES: u64 = 64 << 20;

/// Keyword of the text chunk with an XMP packet (XMP specification part 3, 1.1.5).
const XMP: &str = "XML:com.adobe.xmp";

/// Keyword under which IPTC is found, by the custom of `ImageMagick` and `ExifTool`.
const IPTC: &str = "Raw profile type iptc";

/// Decodes a PNG file row by row; an interlaced one is held whole.
pub(super) struct Reader {
    path: PathBuf,
    file: File,
    layout: Layout,
    width: usize,
    height: usize,
    interlaced: bool,
    decoder: Option<::png::Reader<BufReader<File>>>,
    /// All samples, if interlaced and decoded.
    whole: Option<Samples>,
    y: usize,
    row: Vec<u8>,
}

impl Reader {
    pub(super) fn open(mut file: File, path: &Path, limits: &Limits) -> Result<(Header, Self)> {
        let chunks = chunks(&mut file, path)?;
        let decoder = decoder(&file, path)?;
        let info = decoder.info();
        let (width, height) = info.size();
        Header::check_size(path, width, height, limits)?;
        let (color, depth) = decoder.output_color_type();
        let layout = Layout {
            color: matches!(color, ColorType::Rgb | ColorType::Rgba),
            alpha: matches!(color, ColorType::GrayscaleAlpha | ColorType::Rgba),
            depth: depth_of_bits(depth as u32),
        };
        let interlaced = info.interlaced;
        // A whole picture of 16 bits is held twice while its bytes are put in order.
        let rows = if interlaced { u64::from(height) * layout.sample_bytes() as u64 } else { 2 };
        let bytes = layout.bytes(width, rows);
        let what = if interlaced { "an interlaced PNG" } else { "two rows" };
        limits.check_memory(path, what, bytes)?;
        if info.animation_control.is_some() {
            return Err(super::unsupported(path, "animated PNG"));
        }
        let space = color_space(info);
        let header = Header {
            width,
            height,
            layout,
            depth: layout.depth,
            space,
            metadata: metadata(path, &chunks),
            compression: tiff::Compression::Deflate,
        };
        let reader = Self {
            path: path.into(),
            file,
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

    /// Whether all samples are held after a first pass.
    pub(super) fn holds_all(&self) -> bool {
        self.interlaced
    }

    /// Goes to the first row.
    pub(super) fn start(&mut self) -> Result<()> {
        self.y = 0;
        if self.whole.is_some() {
            return Ok(());
        }
        let mut decoder = decoder(&self.file, &self.path)?;
        if self.interlaced {
            let row = self.layout.bytes(self.width as u32, 1) as usize;
            let mut bytes = vec![0; row * self.height];
            decoder.next_frame(&mut bytes).map_err(|error| from_png(&self.path, error))?;
            decoder.finish().map_err(|error| from_png(&self.path, error))?;
            let mut samples = Samples::new(self.layout.depth);
            samples.set_bytes(bytes);
            self.whole = Some(samples);
        } else {
            self.row.resize(self.layout.bytes(self.width as u32, 1) as usize, 0);
            self.decoder = Some(decoder);
        }
        Ok(())
    }

    /// Appends the next `rows` rows.
    pub(super) fn read_rows(&mut self, rows: usize, into: &mut Samples) -> Result<()> {
        let stride = self.width * self.layout.channels();
        if let Some(whole) = &self.whole {
            into.extend(whole.slice(self.y * stride..(self.y + rows) * stride));
        } else if let Some(decoder) = &mut self.decoder {
            for _ in 0..rows {
                decoder.read_row(&mut self.row).map_err(|error| from_png(&self.path, error))?;
                into.extend_bytes(&self.row, true);
            }
        }
        self.y += rows;
        Ok(())
    }

    /// Reads what follows the pixels, so that its checksums are checked.
    pub(super) fn finish(&mut self) -> Result<()> {
        let Some(mut decoder) = self.decoder.take() else { return Ok(()) };
        // One more row makes the decoder check the checksum of the pixels.
        decoder.read_row(&mut self.row).map_err(|error| from_png(&self.path, error))?;
        decoder.finish().map_err(|error| from_png(&self.path, error))
    }
}

/// Writes the rows with metadata that is true of the result.
pub(super) fn write<W: Write>(
    out: W,
    rows: &mut ColorRows<'_>,
    metadata: &Metadata,
    icc: &[u8],
    xmp: &str,
) -> Result<()> {
    let path = rows.path().to_path_buf();
    let failed = |error| match error {
        ::png::EncodingError::IoError(error) => write_failed(&path, error),
        error => write_failed(&path, std::io::Error::other(error)),
    };
    let (width, height) = rows.size();
    let layout = rows.layout();
    let mut info = ::png::Info::with_size(width, height);
    info.color_type = if layout.alpha { ColorType::Rgba } else { ColorType::Rgb };
    info.bit_depth = match layout.depth {
        Depth::Eight => ::png::BitDepth::Eight,
        Depth::Sixteen | Depth::Float => ::png::BitDepth::Sixteen,
    };
    info.icc_profile = Some(icc.into());
    info.exif_metadata = metadata.exif_block().map(Into::into);
    info.pixel_dims = metadata.density().map(|density| {
        let (x, y) = density.per_meter();
        let unit = match density.unit {
            Unit::None => ::png::Unit::Unspecified,
            Unit::Inch | Unit::Centimeter => ::png::Unit::Meter,
        };
        ::png::PixelDimensions { xppu: x.round() as u32, yppu: y.round() as u32, unit }
    });
    let mut encoder = ::png::Encoder::with_info(out, info).map_err(failed)?;
    encoder.add_itxt_chunk(XMP.into(), xmp.into()).map_err(failed)?;
    if let Some(block) = metadata.iptc.as_ref().and(metadata.resource_block()) {
        encoder.add_ztxt_chunk(IPTC.into(), raw_profile("iptc", &block)).map_err(failed)?;
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    let mut stream = writer.stream_writer_with_size(1 << 16).map_err(failed)?;
    let mut bytes = Vec::new();
    while let Some(band) = rows.next()? {
        bytes.clear();
        band.to_bytes(true, &mut bytes);
        stream.write_all(&bytes).map_err(|error| write_failed(&path, error))?;
    }
    stream.finish().map_err(failed)?;
    writer.finish().map_err(failed)
}

fn decoder(file: &File, path: &Path) -> Result<::png::Reader<BufReader<File>>> {
    let mut file = file.try_clone().map_err(Error::io(path, "read"))?;
    file.rewind().map_err(Error::io(path, "read"))?;
    let mut options = DecodeOptions::default();
    options.set_ignore_adler32(false);
    options.set_skip_ancillary_crc_failures(false);
    options.set_ignore_text_chunk(true);
    let mut decoder = Decoder::new_with_options(BufReader::with_capacity(1 << 16, file), options);
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_limits(::png::Limits { bytes: CHUNK_BYTES as usize }); // bounds profiles and rows
    decoder.read_info().map_err(|error| from_png(path, error))
}

fn color_space(info: &::png::Info<'_>) -> ColorSpace {
    if let Some(icc) = &info.icc_profile {
        return ColorSpace::Icc(icc.to_vec());
    }
    if info.srgb.is_some() {
        return ColorSpace::Srgb;
    }
    let Some(gamma) = info.gama_chunk.map(|gamma| f64::from(gamma.into_value())) else {
        return ColorSpace::Srgb;
    };
    let chromaticities = info.chrm_chunk.map(|c| {
        let point = |(x, y): (::png::ScaledFloat, ::png::ScaledFloat)| {
            (f64::from(x.into_value()), f64::from(y.into_value()))
        };
        [point(c.white), point(c.red), point(c.green), point(c.blue)]
    });
    let srgb = [(0.3127, 0.329), (0.64, 0.33), (0.3, 0.6), (0.15, 0.06)];
    let near = |a: f64, b: f64| (a - b).abs() < 1e-3;
    let srgb_points = chromaticities.is_none_or(|points| {
        points.iter().zip(srgb).all(|(p, s)| near(p.0, s.0) && near(p.1, s.1))
    });
    // Writers of sRGB add this gamma as the nearest power (PNG, third edition, 11.3.2.5).
    if (near(gamma, 0.45455) && srgb_points) || !gamma.is_normal() || gamma <= 0.0 {
        return ColorSpace::Srgb;
    }
    ColorSpace::Gamma { exponent: gamma, chromaticities }
}

/// A chunk that holds metadata.
struct Chunk {
    kind: [u8; 4],
    data: Vec<u8>,
}

/// Walks the chunks to the end of the picture.
fn chunks(file: &mut File, path: &Path) -> Result<Vec<Chunk>> {
    let length = file.metadata().map_err(Error::io(path, "read"))?.len();
    let mut reader = BufReader::new(file);
    let truncated = || damaged(path, "truncated: the last chunk is missing");
    reader.seek(SeekFrom::Start(8)).map_err(Error::io(path, "read"))?;
    let mut at = 8;
    let mut left = CHUNK_BYTES;
    let mut found = Vec::new();
    loop {
        let mut head = [0; 8];
        reader.read_exact(&mut head).map_err(|_| truncated())?;
        let [a, b, c, d, kind @ ..] = head;
        let size = u32::from_be_bytes([a, b, c, d]);
        at += 12 + u64::from(size);
        if at > length {
            return Err(truncated());
        }
        if &kind == b"IEND" {
            return Ok(found);
        }
        if matches!(&kind, b"eXIf" | b"iTXt" | b"zTXt" | b"tEXt" | b"pHYs") {
            let Some(rest) = left.checked_sub(12 + u64::from(size)) else {
                let reason = format!("more than {CHUNK_BYTES} bytes of metadata");
                return Err(Error::Limit { path: path.into(), reason });
            };
            left = rest;
            let mut data = vec![0; size as usize];
            reader.read_exact(&mut data).map_err(|_| truncated())?;
            found.push(Chunk { kind, data });
        } else {
            // Relative, which keeps the buffer: there may be millions of chunks.
            reader.seek_relative(size.into()).map_err(Error::io(path, "read"))?;
        }
        reader.seek_relative(4).map_err(Error::io(path, "read"))?; // the checksum
    }
}

fn metadata(path: &Path, chunks: &[Chunk]) -> Metadata {
    let mut metadata = Metadata::default();
    for Chunk { kind, data } in chunks {
        match kind {
            b"eXIf" => metadata.add_exif(data),
            b"pHYs" => metadata.density = density(data),
            b"iTXt" | b"zTXt" | b"tEXt" => match text(*kind, data) {
                Some((keyword, text)) if keyword == XMP.as_bytes() => metadata.xmp = Some(text),
                Some((keyword, text)) if keyword == IPTC.as_bytes() => {
                    if let Some(profile) = from_raw_profile(&text) {
                        if profile.first() == Some(&0x1C) {
                            metadata.iptc = Some(profile);
                        } else {
                            metadata.add_resources(&profile);
                        }
                    }
                }
                Some(_) => {}
                None => log::warn!("{}: a broken text chunk is left out", path.display()),
            },
            _ => {}
        }
    }
    // Programs that add EXIF to a PNG leave a resolution in it that nobody measured.
    if let Some(density) = metadata.density {
        metadata.set_density(density);
    }
    metadata
}

fn density(data: &[u8]) -> Option<Density> {
    let &[a, b, c, d, e, f, g, h, unit] = data else { return None };
    let (x, y) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    if x == 0 || y == 0 {
        return None;
    }
    Some(match unit {
        1 => {
            // Whole pixels an inch where that is what was meant.
            let inch = |v: u32| f64::from(v) * 0.0254;
            let whole = |v: u32| (inch(v) - inch(v).round()).abs() < 0.02;
            if whole(x) && whole(y) {
                let value = |v| (inch(v).round() as u32, 1);
                Density { x: value(x), y: value(y), unit: Unit::Inch }
            } else {
                Density { x: (x, 100), y: (y, 100), unit: Unit::Centimeter }
            }
        }
        _ => Density { x: (x, 1), y: (y, 1), unit: Unit::None },
    })
}

/// Keyword and text of a text chunk.
fn text(kind: [u8; 4], data: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let (keyword, rest) = split(data)?;
    let text = match &kind {
        b"tEXt" => rest.to_vec(),
        b"zTXt" => inflate(rest.get(1..)?)?,
        _ => {
            let (compressed, rest) = (*rest.first()? == 1, rest.get(2..)?);
            let (_language, rest) = split(rest)?;
            let (_translated, rest) = split(rest)?;
            if compressed { inflate(rest)? } else { rest.to_vec() }
        }
    };
    Some((keyword, text))
}

fn split(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = data.iter().position(|&b| b == 0)?;
    Some((&data[..end], &data[end + 1..]))
}

fn inflate(data: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let mut stream = flate2::read::ZlibDecoder::new(data).take(CHUNK_BYTES);
    stream.read_to_end(&mut text).ok()?;
    ((text.len() as u64) < CHUNK_BYTES).then_some(text)
}

/// A block as hexadecimal text under a name, as `ImageMagick` does.
fn raw_profile(name: &str, bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = format!("\n{name}\n{:8}", bytes.len());
    for (i, byte) in bytes.iter().enumerate() {
        if i % 36 == 0 {
            text.push('\n');
        }
        let _ = write!(text, "{byte:02x}"); // a string takes all that is written
    }
    text.push('\n');
    text
}

fn from_raw_profile(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?.trim_start();
    let (_name, rest) = text.split_once('\n')?;
    let (length, digits) = rest.trim_start().split_once('\n')?;
    let length: usize = length.trim().parse().ok()?;
    let digits: Vec<u8> = digits
        .bytes()
        .filter(|b| !b.is_ascii_whitespace())
        .map(|b| char::from(b).to_digit(16).map(|d| d as u8))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    (bytes.len() == length).then_some(bytes)
}

fn from_png(path: &Path, error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            damaged(path, "truncated")
        }
        DecodingError::IoError(error) => Error::io(path, "read")(error),
        DecodingError::LimitsExceeded => {
            Error::Limit { path: path.into(), reason: "a chunk is too large".into() }
        }
        error => damaged(path, error),
    }
}
