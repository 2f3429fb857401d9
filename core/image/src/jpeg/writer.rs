//! Writing a JPEG: strips encoded by all cores, joined by restart markers.

use std::collections::VecDeque;
use std::io::Write;
use std::mem;

use jpeg_encoder::{PixelDensity, PixelDensityUnit};

use super::strips::{END, Head, Strips};
use super::{EXIF, EXTENDED_XMP, PHOTOSHOP, SEGMENT_BYTES, XMP, extended};
use crate::error::unsupported;
use crate::metadata::{Density, Metadata, Unit};
use crate::page_tags::PageTags;
use crate::{Error, Notice, Result, Rows};

/// Bands that are encoded while the next one is painted.
const BANDS_ENCODING: usize = 1;

/// Writes the rows with metadata that is true of the result.
pub(crate) fn write<W: Write>(
    mut out: W,
    rows: &mut dyn Rows,
    tags: &PageTags<'_>,
) -> Result<Vec<Notice>> {
    let (width, height) = rows.size();
    let (Ok(width), Ok(height)) = (u16::try_from(width), u16::try_from(height)) else {
        let reason = format!("JPEG of {width}x{height}: choose tiff or png, or a smaller side");
        return Err(unsupported(reason));
    };
    if rows.layout().alpha {
        return Err(unsupported("alpha in JPEG: choose tiff or png"));
    }
    let mut notices = Vec::new();
    let head = Head {
        density: tags.metadata.density().map(|density| to_jfif(&density)),
        segments: segments(tags.metadata, tags.xmp, &mut notices),
        icc: tags.icc,
        height,
    };
    let strips = Strips { width, quality: tags.quality.clamp(1, 100) };
    rayon::in_place_scope(|scope| {
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
                spare = oldest.finish(&mut put).map_err(Error::Write)?;
            }
        }
        put(&[0xFF, END]).map_err(Error::Write)
    })?;
    Ok(notices)
}

/// The APP segments other than JFIF's and the profile's, with their numbers.
fn segments(metadata: &Metadata, xmp: &str, notices: &mut Vec<Notice>) -> Vec<(u8, Vec<u8>)> {
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
    notices.append(&mut too_large);
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
