//! JPEG: gray, color and CMYK, baseline and progressive, of 8 bits; lossless of up to 16.
//!
//! The only format that is not read in bands: its decoder gives the whole picture, which is held
//! once, as bytes. Decoders fill in for what is missing in a file; so the file is checked first.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::mem;
use std::path::{Path, PathBuf};

use jpeg_encoder::{PixelDensity, PixelDensityUnit};

pub(super) use self::decode::{Picture, decode};
use self::segments::Segments;
use self::strips::{END, Head, Strips};
use super::color::ColorRows;
use super::inks::Inks;
use super::metadata::{Density, Metadata, Unit};
use super::profile::ColorSpace;
use super::rows::{Header, read_whole};
use super::samples::{Layout, Samples, SamplesRef};
use super::{Depth, Limits, Result, damaged, tiff, unsupported, write_failed};

mod decode;
mod entropy;
mod extended;
mod huffman;
mod segments;
mod strips;

const EXIF: &[u8] = b"Exif\0\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const EXTENDED_XMP: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";
const ICC: &[u8] = b"ICC_PROFILE\0";

/// Bands that are encoded while the next one is painted.
const BANDS_ENCODING: usize = 1;

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

/// Writes the rows with metadata that is true of the result: strips encoded by all cores, joined by
/// restart markers.
pub(super) fn write<W: Write>(
    mut out: W,
    rows: &mut ColorRows<'_>,
    quality: u8,
    metadata: &Metadata,
    icc: &[u8],
    xmp: &str,
) -> Result<()> {
    let path = rows.path().to_path_buf();
    let (width, height) = rows.size();
    let (Ok(width), Ok(height)) = (u16::try_from(width), u16::try_from(height)) else {
        let reason = format!("JPEG of {width}x{height}: choose tiff or png, or a smaller side");
        return Err(unsupported(&path, reason));
    };
    if rows.layout().alpha {
        return Err(unsupported(&path, "alpha in JPEG: choose tiff or png"));
    }
    let head = Head {
        density: metadata.density().map(|density| to_jfif(&density)),
        segments: segments(&path, metadata, xmp),
        icc,
        height,
    };
    let strips = Strips { width, quality: quality.clamp(1, 100) };
    rayon::in_place_scope(|scope| {
        let failed = |error| write_failed(&path, error);
        let mut put = |bytes: &[u8]| out.write_all(bytes);
        let mut head = Some(&head);
        // The bands before are encoded while one is painted.
        let (mut encoding, mut painted, mut spare) = (VecDeque::new(), Vec::new(), Vec::new());
        let mut more = true;
        while more || !encoding.is_empty() {
            if more {
                match rows.next()? {
                    Some(next) => next.to_bytes(true, &mut painted),
                    None => more = false,
                }
                let rest = if more { painted.len() % strips.bytes() } else { 0 };
                let whole = painted.len() - rest;
                if whole > 0 {
                    spare.clear();
                    spare.extend_from_slice(&painted[whole..]);
                    mem::swap(&mut painted, &mut spare);
                    let mut band = mem::take(&mut spare);
                    band.truncate(whole);
                    encoding.push_back(strips.begin(scope, band, head.take()));
                }
            }
            if encoding.len() > BANDS_ENCODING || !more {
                let Some(oldest) = encoding.pop_front() else { continue };
                spare = oldest.finish(&mut put).map_err(failed)?;
            }
        }
        put(&[0xFF, END]).map_err(failed)
    })
}

/// The APP segments other than JFIF's and the profile's, with their numbers.
fn segments(path: &Path, metadata: &Metadata, xmp: &str) -> Vec<(u8, Vec<u8>)> {
    let mut segments = Vec::new();
    let mut segment = |app, name: &[u8], data: &[u8]| {
        if name.len() + data.len() <= SEGMENT_BYTES {
            segments.push((app, [name, data].concat()));
            return;
        }
        let name = String::from_utf8_lossy(name);
        let name = name.trim_end_matches('\0');
        log::warn!("{}: {name} is too large for JPEG, left out", path.display());
    };
    let (exif, left_out) = metadata.exif_block_within(SEGMENT_BYTES - EXIF.len());
    if !left_out.is_empty() {
        log::warn!("{}: tags too large for JPEG are left out: {left_out:?}", path.display());
    }
    if let Some(exif) = exif {
        segment(1, EXIF, &exif);
    }
    let room = SEGMENT_BYTES - XMP.len();
    let split = if xmp.len() > room { extended::split(xmp, room) } else { None };
    let (standard, parts) = split.unwrap_or_else(|| (xmp.to_owned(), Vec::new()));
    segment(1, XMP, standard.as_bytes());
    for part in parts {
        segment(1, EXTENDED_XMP, &part);
    }
    if let Some(resources) = metadata.resource_block() {
        segment(13, PHOTOSHOP, &resources);
    }
    segments
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
