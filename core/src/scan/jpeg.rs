//! JPEG: gray, color and CMYK, baseline and progressive, of 8 bits; lossless of up to 16.
//!
//! The only format that is not read in bands: its decoder gives the whole picture, which is held
//! once, as bytes. Decoders fill in for what is missing in a file; so the file is checked first.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jpeg_encoder::{
    Encoder, EncodingError, ImageBuffer, JpegColorType, PixelDensity, PixelDensityUnit,
    SamplingFactor, rgb_to_ycbcr,
};

pub(super) use self::decode::{Picture, decode};
use self::segments::Segments;
use super::color::ColorRows;
use super::inks::Inks;
use super::metadata::{Density, Metadata, Unit};
use super::profile::ColorSpace;
use super::rows::{Header, read_whole};
use super::samples::{Layout, Samples, SamplesRef};
use super::{Depth, Error, Limits, Result, damaged, tiff, unsupported, write_failed};

mod decode;
mod entropy;
mod extended;
mod huffman;
mod segments;

const EXIF: &[u8] = b"Exif\0\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const EXTENDED_XMP: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";
const ICC: &[u8] = b"ICC_PROFILE\0";

/// Most bytes of an APP segment behind its length.
const SEGMENT_BYTES: usize = 65533;

/// Decodes a JPEG file.
pub(super) struct Reader {
    path: PathBuf,
    /// The file; empty once decoded.
    bytes: Vec<u8>,
    /// Of CMYK: its conversion, and whether no ink is the largest number.
    inks: Option<(Inks, bool)>,
    /// Samples a row.
    stride: usize,
    /// All samples, once decoded.
    samples: Option<Samples>,
    y: usize,
}

impl Reader {
    pub(super) fn open(file: File, path: &Path, limits: &Limits) -> Result<(Header, Self)> {
        let bytes = read_whole(file, path, limits)?;
        let segments = Segments::read(&bytes).map_err(|reason| damaged(path, reason))?;
        let (width, height) = (segments.frame.width.into(), segments.frame.height.into());
        let picture = Picture::of(path, &segments)?;
        Header::check_size(path, width, height, limits)?;
        let held = picture.memory.saturating_add(bytes.len() as u64);
        limits.check_memory(path, "decoding it", held)?;
        let (metadata, icc) = metadata(path, &segments);
        let depth = if picture.bits > 8 { Depth::Sixteen } else { Depth::Eight };
        let mut layout = Layout { color: picture.channels > 1, alpha: false, depth };
        let mut space = ColorSpace::Srgb;
        let mut inks = None;
        if picture.channels == 4 {
            inks = Some((Inks::new(path, icc.as_deref()), segments.adobe().is_some()));
            (layout.depth, space) = (Depth::Float, ColorSpace::Linear);
        } else if let Some(icc) = icc {
            space = ColorSpace::Icc(icc);
        }
        let compression = tiff::Compression::Deflate;
        let header = Header { width, height, layout, depth, space, metadata, compression };
        let stride = picture.width * picture.channels;
        let reader = Self { path: path.into(), bytes, inks, stride, samples: None, y: 0 };
        Ok((header, reader))
    }

    /// Goes to the first row; checks and decodes the file the first time.
    pub(super) fn start(&mut self) -> Result<()> {
        self.y = 0;
        if self.samples.is_none() {
            self.samples = Some(decode(&self.path, &self.bytes)?);
            self.bytes = Vec::new();
        }
        Ok(())
    }

    /// Appends the next `rows` rows.
    #[expect(clippy::unnecessary_wraps, reason = "all readers have this face")]
    pub(super) fn read_rows(&mut self, rows: usize, into: &mut Samples) -> Result<()> {
        let range = self.y * self.stride..(self.y + rows) * self.stride;
        self.y += rows;
        let Some(samples) = &self.samples else { return Ok(()) };
        match (&self.inks, samples.slice(range), into) {
            (Some((inks, inverted)), SamplesRef::Eight(samples), Samples::Float(into)) => {
                let ink = |&s: &u8| f32::from(if *inverted { !s } else { s }) / 255.0;
                let cmyk: Vec<f32> = samples.iter().map(ink).collect();
                into.extend(inks.to_linear(&cmyk));
            }
            (_, samples, into) => into.extend(samples),
        }
        Ok(())
    }
}

/// Metadata and the ICC profile.
fn metadata(path: &Path, segments: &Segments<'_>) -> (Metadata, Option<Vec<u8>>) {
    let mut metadata = Metadata::default();
    let mut profile: Vec<(u8, &[u8])> = Vec::new();
    let mut resources = Vec::new();
    let mut extended: Vec<&[u8]> = Vec::new();
    for &(app, data) in &segments.applications {
        match app {
            0 => metadata.density = metadata.density.or_else(|| jfif_density(data)),
            1 => {
                if let Some(exif) = data.strip_prefix(EXIF) {
                    metadata.add_exif(exif);
                } else if let Some(xmp) = data.strip_prefix(XMP) {
                    metadata.xmp = Some(xmp.to_vec());
                } else if let Some(part) = data.strip_prefix(EXTENDED_XMP) {
                    extended.push(part);
                }
            }
            2 => {
                if let Some([number, _count, part @ ..]) = data.strip_prefix(ICC) {
                    profile.push((*number, part));
                }
            }
            13 => resources.extend_from_slice(data.strip_prefix(PHOTOSHOP).unwrap_or_default()),
            _ => {}
        }
    }
    metadata.add_resources(&resources);
    if let (Some(main), false) = (&metadata.xmp, extended.is_empty()) {
        match extended::join(main, &extended) {
            Some(joined) => metadata.xmp = Some(joined),
            None => log::warn!("{}: extended XMP is not whole, left out", path.display()),
        }
    }
    profile.sort_by_key(|&(number, _)| number);
    let icc: Vec<u8> = profile.into_iter().flat_map(|(_, part)| part).copied().collect();
    (metadata, (!icc.is_empty()).then_some(icc))
}

fn jfif_density(data: &[u8]) -> Option<Density> {
    let &[_, _, unit, a, b, c, d, ..] = data.strip_prefix(b"JFIF\0")? else { return None };
    let (x, y) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let unit = match unit {
        1 => Unit::Inch,
        2 => Unit::Centimeter,
        _ => Unit::None,
    };
    // Square pixels of no known size are what a file without density has.
    let told = x > 0 && y > 0 && (unit != Unit::None || x != y);
    told.then_some(Density { x: (x.into(), 1), y: (y.into(), 1), unit })
}

/// Writes the rows with metadata that is true of the result.
pub(super) fn write<W: Write>(
    out: W,
    rows: &mut ColorRows<'_>,
    quality: u8,
    metadata: &Metadata,
    icc: &[u8],
    xmp: &str,
) -> Result<()> {
    let path = rows.path().to_path_buf();
    let failed = |error| match error {
        EncodingError::IoError(error) => write_failed(&path, error),
        error => write_failed(&path, io::Error::other(error)),
    };
    let (width, height) = rows.size();
    let (Ok(width), Ok(height)) = (u16::try_from(width), u16::try_from(height)) else {
        let reason = format!("JPEG of {width}x{height}: choose tiff or png, or a smaller side");
        return Err(unsupported(&path, reason));
    };
    if rows.layout().alpha {
        return Err(unsupported(&path, "alpha in JPEG: choose tiff or png"));
    }
    let stopped = Cell::new(false);
    let mut encoder = Encoder::new(Stoppable { out, stopped: &stopped }, quality.clamp(1, 100));
    encoder.set_sampling_factor(SamplingFactor::R_4_4_4);
    if let Some(density) = metadata.density() {
        encoder.set_density(to_jfif(&density));
    }
    let mut segment = |app, name: &[u8], data: &[u8]| {
        if name.len() + data.len() > SEGMENT_BYTES {
            let name = String::from_utf8_lossy(name);
            log::warn!(
                "{}: {} is too large for JPEG, left out",
                path.display(),
                name.trim_end_matches('\0')
            );
            return Ok(());
        }
        encoder.add_app_segment(app, [name, data].concat()).map_err(failed)
    };
    let (exif, left_out) = metadata.exif_block_within(SEGMENT_BYTES - EXIF.len());
    if !left_out.is_empty() {
        log::warn!("{}: tags too large for JPEG are left out: {left_out:?}", path.display());
    }
    if let Some(exif) = exif {
        segment(1, EXIF, &exif)?;
    }
    let room = SEGMENT_BYTES - XMP.len();
    let split = if xmp.len() > room { extended::split(xmp, room) } else { None };
    let (standard, parts) = split.unwrap_or_else(|| (xmp.to_owned(), Vec::new()));
    segment(1, XMP, standard.as_bytes())?;
    for part in parts {
        segment(1, EXTENDED_XMP, &part)?;
    }
    if let Some(resources) = metadata.resource_block() {
        segment(13, PHOTOSHOP, &resources)?;
    }
    encoder.add_icc_profile(icc).map_err(failed)?;
    let error = RefCell::new(None);
    let image = Image {
        width,
        height,
        stopped: &stopped,
        error: &error,
        state: RefCell::new(Band { rows, first: 0, bytes: Vec::new() }),
    };
    let written = encoder.encode_image(image);
    match error.take() {
        Some(error) => Err(error),
        None => written.map_err(failed),
    }
}

fn to_jfif(density: &Density) -> PixelDensity {
    let (x, y) = density.per_meter();
    let (unit, scale) = match density.unit {
        Unit::None => (PixelDensityUnit::PixelAspectRatio, 1.0),
        Unit::Inch => (PixelDensityUnit::Inches, 0.0254),
        Unit::Centimeter => (PixelDensityUnit::Centimeters, 0.01),
    };
    let round = |v: f64| (v * scale).round().clamp(1.0, f64::from(u16::MAX)) as u16;
    PixelDensity { density: (round(x), round(y)), unit }
}

/// A writer that fails once the rows did, so that the encoder does not go on to the end.
struct Stoppable<'a, W> {
    out: W,
    stopped: &'a Cell<bool>,
}

impl<W: Write> Write for Stoppable<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stopped.get() {
            return Err(io::Error::other("the source cannot be read"));
        }
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Rows that the encoder asks for from the top.
struct Image<'a, 'b> {
    width: u16,
    height: u16,
    stopped: &'a Cell<bool>,
    error: &'a RefCell<Option<Error>>,
    state: RefCell<Band<'a, 'b>>,
}

struct Band<'a, 'b> {
    rows: &'a mut ColorRows<'b>,
    /// First row of `bytes`.
    first: usize,
    bytes: Vec<u8>,
}

impl ImageBuffer for Image<'_, '_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let stride = 3 * usize::from(self.width);
        let mut band = self.state.borrow_mut();
        while !self.stopped.get() && usize::from(y) >= band.first + band.bytes.len() / stride {
            band.first += band.bytes.len() / stride;
            let Band { rows, bytes, .. } = &mut *band;
            bytes.clear();
            match rows.next() {
                Ok(Some(next)) => next.to_bytes(true, bytes),
                Ok(None) => self.stopped.set(true),
                Err(error) => {
                    self.error.replace(Some(error));
                    self.stopped.set(true);
                }
            }
        }
        let at = (usize::from(y) - band.first) * stride;
        let row = band.bytes.get(at..at + stride);
        let mut push = |pixel: [u8; 3]| {
            let (luma, blue, red) = rgb_to_ycbcr(pixel[0], pixel[1], pixel[2]);
            buffers[0].push(luma);
            buffers[1].push(blue);
            buffers[2].push(red);
        };
        match row {
            Some(row) => row.chunks_exact(3).for_each(|p| push([p[0], p[1], p[2]])),
            None => (0..self.width).for_each(|_| push([0; 3])),
        }
    }
}
