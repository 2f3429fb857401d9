//! Reading a JPEG: header, metadata, samples.

use std::collections::BTreeSet;

use super::colors::Transform;
use super::decode::{Picture, decode};
use super::segments::Segments;
use super::{DUCKY, EXIF, EXTENDED_XMP, ICC, PHOTOSHOP, XMP, extended};
use crate::budget::{Budget, Drawn, copied, room_for};
use crate::color::lab::RgbSpace;
use crate::color::output_profiles::profile;
use crate::color::profile::ColorSpace;
use crate::color::profile::cmyk::CmykConversion;
use crate::compression::Compression;
use crate::decode::Decode;
use crate::error::damaged;
use crate::metadata::{Density, Metadata, Unit};
use crate::samples::{Depth, Layout, Samples, SamplesRef};
use crate::{Header, Notice, Result, Source, notice};

/// Fewer bytes behind the picture's end hold nothing.
const LEAST_TRAILER: usize = 16;
/// What files are padded with.
const PADDING: &[u8] = b"\0\xFF \r\n";

/// Decodes a JPEG file.
pub(crate) struct Reader {
    /// The file; empty once decoded.
    bytes: Vec<u8>,
    budget: Budget,
    /// For the file, for decoding and then for the samples, and for metadata.
    file: Option<Drawn>,
    decoding: Drawn,
    _carried: Drawn,
    /// Of CMYK: its conversion, and whether no ink is the largest number.
    inks: Option<(CmykConversion, bool)>,
    /// Samples a row.
    stride: usize,
    /// All samples, once decoded.
    samples: Option<Samples>,
    y: usize,
    /// What is odd about the samples' data.
    notices: Vec<Notice>,
}

impl Reader {
    pub(crate) fn open(source: &Source, budget: &Budget) -> Result<(Header, Self)> {
        let (bytes, file) = source.read_whole(budget)?;
        let segments = Segments::read(&bytes).map_err(damaged)?;
        let (width, height) = (segments.frame.width.into(), segments.frame.height.into());
        let picture = Picture::of(&segments)?;
        Header::check_size(width, height, budget.limits())?;
        let decoding = budget.draw("decoding it", picture.memory)?;
        let mut notices = Vec::new();
        let (metadata, icc) = metadata(&segments, budget, &mut notices)?;
        let carried = budget.draw_metadata(metadata.bytes(), icc.as_ref().map_or(0, Vec::len));
        let trailer = bytes.get(segments.end..).filter(|_| segments.ended).unwrap_or_default();
        if trailer.len() >= LEAST_TRAILER && !trailer.iter().all(|byte| PADDING.contains(byte)) {
            notices.push(Notice::TrailerLeftOut { bytes: trailer.len() });
        }
        let depth = if picture.bits > 8 { Depth::Sixteen } else { Depth::Eight };
        let mut layout = Layout { color: picture.channels > 1, alpha: false, depth };
        let mut space = ColorSpace::Srgb;
        let mut inks = None;
        if picture.channels == 4 {
            let conversion = CmykConversion::new(icc.as_deref(), &mut notices);
            inks = Some((conversion, segments.adobe().is_some()));
            (layout.depth, space) = (Depth::Float, ColorSpace::Linear);
        } else if let Some(icc) = icc {
            space = ColorSpace::Icc(icc);
        } else if metadata.is_adobe_rgb {
            space = ColorSpace::Icc(profile(RgbSpace::AdobeRgb).to_vec());
        }
        let compression = Compression::Deflate;
        let header = Header { width, height, layout, depth, space, metadata, compression, notices };
        let stride = picture.width * picture.channels;
        let reader = Self {
            bytes,
            budget: budget.clone(),
            file: Some(file),
            decoding,
            _carried: carried,
            inks,
            stride,
            samples: None,
            y: 0,
            notices: Vec::new(),
        };
        Ok((header, reader))
    }
}

impl Decode for Reader {
    fn start(&mut self) -> Result<()> {
        self.y = 0;
        if self.samples.is_none() {
            let samples = decode(&self.bytes, Transform::Told, &self.budget, &mut self.notices)?;
            self.bytes = Vec::new();
            self.file = None;
            let sample_bytes = if matches!(samples, Samples::Eight(_)) { 1 } else { 2 };
            self.decoding.shrink(sample_bytes * samples.len() as u64);
            self.samples = Some(samples);
        }
        Ok(())
    }

    fn read_rows(&mut self, rows: usize, into: &mut Samples) -> Result<()> {
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

    fn holds_all(&self) -> bool {
        true
    }

    fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }
}

/// Metadata and the ICC profile.
fn metadata(
    segments: &Segments<'_>,
    budget: &Budget,
    notices: &mut Vec<Notice>,
) -> Result<(Metadata, Option<Vec<u8>>)> {
    let mut metadata = Metadata::default();
    let mut profile: Vec<(u8, &[u8])> = Vec::new();
    let (mut resources, mut extended): (Vec<&[u8]>, Vec<&[u8]>) = (Vec::new(), Vec::new());
    let (mut xmp, mut beside) = (None, BTreeSet::new());
    let (mut left, mut too_large) = (budget.metadata_room(), false);
    for &(app, data) in &segments.applications {
        let starts = |name: &[u8]| data.starts_with(name);
        let Some(rest) = left.checked_sub(data.len()) else {
            too_large = true;
            continue;
        };
        left = rest;
        match app {
            0 if starts(b"JFIF\0") => {
                metadata.density = metadata.density.or_else(|| jfif_density(data));
            }
            1 if starts(EXIF) => {
                budget.check_time()?;
                metadata.add_exif(&data[EXIF.len()..], notices)?;
            }
            1 if starts(XMP) => match xmp {
                None => xmp = Some(&data[XMP.len()..]),
                Some(_) => notice::add(notices, Notice::repeated("XMP")),
            },
            1 if starts(EXTENDED_XMP) => extended.push(&data[EXTENDED_XMP.len()..]),
            2 if starts(ICC) => {
                if let [number, _count, part @ ..] = &data[ICC.len()..] {
                    profile.push((*number, part));
                }
            }
            12 if starts(DUCKY) => metadata.segments.extend(ducky(data).map(|data| (app, data))),
            13 if starts(PHOTOSHOP) => resources.push(&data[PHOTOSHOP.len()..]),
            // A thumbnail, and what tells how the samples are stored.
            0 if starts(b"JFXX\0") => {}
            8 if starts(b"SPIFF\0") => {}
            14 if starts(b"Adobe") => {}
            _ => match not_of_result(app, data) {
                Some(what) => _ = beside.insert(what),
                None => metadata.segments.push((app, copied(data)?)),
            },
        }
    }
    if too_large {
        notices.push(Notice::BlockTooLarge { block: "a part of the APP segments".into() });
    }
    notices.extend(beside.into_iter().map(|what| Notice::NotOfResult { what: what.into() }));
    metadata.add_resources(&joined(&resources)?, notices);
    metadata.xmp = xmp.map(copied).transpose()?.or(metadata.xmp);
    if !extended.is_empty() {
        let main = metadata.xmp.as_ref();
        match main.and_then(|main| extended::join(main, &extended, budget.limits())) {
            Some(joined) => metadata.xmp = Some(joined),
            None => notices.push(Notice::ExtendedXmpIncomplete),
        }
    }
    Ok((metadata, whole_profile(profile)?))
}

/// The color profile of its numbered parts.
fn whole_profile(mut parts: Vec<(u8, &[u8])>) -> Result<Option<Vec<u8>>> {
    parts.sort_by_key(|&(number, _)| number);
    let parts: Vec<&[u8]> = parts.into_iter().map(|(_, part)| part).collect();
    let icc = joined(&parts)?;
    Ok((!icc.is_empty()).then_some(icc))
}

/// Parts one after the other.
fn joined(parts: &[&[u8]]) -> Result<Vec<u8>> {
    let mut whole = room_for(parts.iter().map(|part| part.len()).sum())?;
    for part in parts {
        whole.extend_from_slice(part);
    }
    Ok(whole)
}

/// What a segment tells of that a result does not have.
fn not_of_result(app: u8, data: &[u8]) -> Option<&'static str> {
    let known: [(u8, &[u8], &str); 4] = [
        (2, b"MPF\0", "list of further pictures (MPF)"),
        (2, b"urn:iso:std:iso:ts:21496:-1\0", "gain map"),
        (11, b"HDR_RI", "gain map"),
        (11, b"JP", "content credentials or other boxes (JUMBF)"),
    ];
    let found =
        known.into_iter().find(|(number, name, _)| *number == app && data.starts_with(name));
    found.map(|(_, _, what)| what)
}

/// Photoshop's segment of comment and copyright without the JPEG's quality, which is another for a
/// result; `None` if nothing is left.
fn ducky(data: &[u8]) -> Option<Vec<u8>> {
    const QUALITY: [u8; 2] = [0, 1];
    let mut kept = DUCKY.to_vec();
    let mut rest = &data[DUCKY.len()..];
    while let [a, b, c, d, values @ ..] = rest {
        let value = values.get(..usize::from(u16::from_be_bytes([*c, *d])));
        let Some(value) = value.filter(|_| [*a, *b] != [0, 0]) else { break };
        if [*a, *b] != QUALITY {
            kept.extend(&rest[..4 + value.len()]);
        }
        rest = &values[value.len()..];
    }
    let anything = kept.len() > DUCKY.len();
    kept.extend(rest);
    anything.then_some(kept)
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
