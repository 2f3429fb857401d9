//! Writing a JPEG: strips encoded by all cores, joined by restart markers.

use std::collections::VecDeque;
use std::io::Write;
use std::mem;

use jpeg_encoder::{PixelDensity, PixelDensityUnit};

use super::segments::COMMENT;
use super::strips::{END, Head, Strips};
use super::{EXIF, EXTENDED_XMP, PHOTOSHOP, SEGMENT_BYTES, XMP, extended};
use crate::error::unsupported;
use crate::metadata::{Density, Metadata, Unit};
use crate::page_tags::PageTags;
use crate::{Error, Format, Limits, Notice, Result, Rows};

/// Bands that are encoded while the next one is painted.
const BANDS_ENCODING: usize = 1;

/// Writes the rows with metadata that is true of the result.
pub(crate) fn write<W: Write>(
    mut out: W,
    rows: &mut dyn Rows,
    tags: &PageTags<'_>,
    limits: &Limits,
) -> Result<Vec<Notice>> {
    let (width, height) = rows.size();
    let (Ok(width), Ok(height)) = (u16::try_from(width), u16::try_from(height)) else {
        let reason = format!("JPEG of {width}x{height}: choose tiff or png, or a smaller side");
        return Err(unsupported(reason));
    };
    if rows.layout().alpha {
        return Err(unsupported("alpha in JPEG: choose tiff or png"));
    }
    let mut notices: Vec<Notice> = tags.metadata.no_place(Format::Jpeg).into_iter().collect();
    let mut comments = comments(tags.metadata);
    let head = Head {
        density: tags.metadata.density().map(|density| to_jfif(&density)),
        segments: segments(tags.metadata, tags.xmp, &mut notices, limits)?,
        icc: tags.icc,
        height,
    };
    let strips = Strips { width, quality: tags.quality.clamp(1, 100) };
    rayon::in_place_scope(|scope| {
        let mut put = |bytes: &[u8]| {
            let comments = mem::take(&mut comments);
            let at = if comments.is_empty() { 0 } else { end_of_applications(bytes) };
            out.write_all(&bytes[..at])?;
            out.write_all(&comments)?;
            out.write_all(&bytes[at..])
        };
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
                spare = oldest.finish(&mut put).map_err(Error::Write)?;
            }
        }
        put(&[0xFF, END]).map_err(Error::Write)
    })?;
    Ok(notices)
}

/// The APP segments other than JFIF's and the profile's, with their numbers.
fn segments(
    metadata: &Metadata,
    xmp: &str,
    notices: &mut Vec<Notice>,
    limits: &Limits,
) -> Result<Vec<(u8, Vec<u8>)>> {
    let (mut segments, mut too_large) = (Vec::new(), Vec::new());
    let mut segment = |app, name: &[u8], data: &[u8]| {
        if name.len() + data.len() <= SEGMENT_BYTES {
            segments.push((app, [name, data].concat()));
            return;
        }
        let name = String::from_utf8_lossy(name);
        let name = name.trim_end_matches('\0');
        too_large.push(Notice::BlockTooLarge { block: name.into() });
    };
    let (exif, tags) = metadata.exif_block_within(SEGMENT_BYTES - EXIF.len());
    if !tags.is_empty() {
        notices.push(Notice::TagsTooLarge { tags });
    }
    if let Some(exif) = exif {
        segment(1, EXIF, &exif);
    }
    let (standard, parts) = split_xmp(xmp, notices, limits)?;
    segment(1, XMP, standard.as_bytes());
    for part in parts {
        segment(1, EXTENDED_XMP, &part);
    }
    if let Some(resources) = metadata.resource_block() {
        segment(13, PHOTOSHOP, &resources);
    }
    notices.append(&mut too_large);
    segments.extend(metadata.segments.iter().filter(|(app, _)| (1..16).contains(app)).cloned());
    Ok(segments)
}

/// The comments as whole segments.
fn comments(metadata: &Metadata) -> Vec<u8> {
    let comments = metadata.segments.iter().filter(|(number, _)| *number == COMMENT);
    let segment = |(_, data): &(u8, Vec<u8>)| {
        let length = (data.len() as u16 + 2).to_be_bytes();
        [&[0xFF, 0xE0 + COMMENT], &length[..], data].concat()
    };
    comments.flat_map(segment).collect()
}

/// Where the APP segments of a JPEG's head end.
fn end_of_applications(bytes: &[u8]) -> usize {
    let mut at = 2;
    while (0xE0..=0xEF).contains(&bytes[at + 1]) {
        at += 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
    }
    at
}

/// The packet as one that fits into a segment, and parts of another. The label is never left out:
/// where the source's packet cannot be taken apart, that is.
fn split_xmp(
    packet: &str,
    notices: &mut Vec<Notice>,
    limits: &Limits,
) -> Result<(String, Vec<Vec<u8>>)> {
    let room = SEGMENT_BYTES - XMP.len();
    if packet.len() <= room {
        return Ok((packet.to_owned(), Vec::new()));
    }
    if let Some(parts) = extended::split(packet, room, limits) {
        return Ok(parts);
    }
    limits.check_time()?;
    let alone = extended::label_alone(packet).filter(|alone| alone.len() <= room);
    let reason = "it is too large for JPEG, and its parts are not told apart";
    notices.push(Notice::XmpLeftOut { reason: reason.into() });
    let too_large = || unsupported("a label of more than 64 KB in JPEG: choose tiff or png");
    Ok((alone.ok_or_else(too_large)?, Vec::new()))
}

fn to_jfif(density: &Density) -> PixelDensity {
    let (x, y) = density.per_meter();
    let (unit, scale) = match density.unit {
        Unit::None => {
            let (x, y) = density.ratio(u16::MAX.into());
            let density = (x as u16, y as u16);
            return PixelDensity { density, unit: PixelDensityUnit::PixelAspectRatio };
        }
        Unit::Inch => (PixelDensityUnit::Inches, 0.0254),
        Unit::Centimeter => (PixelDensityUnit::Centimeters, 0.01),
    };
    let round = |v: f64| (v * scale).round().clamp(1.0, f64::from(u16::MAX)) as u16;
    PixelDensity { density: (round(x), round(y)), unit }
}
