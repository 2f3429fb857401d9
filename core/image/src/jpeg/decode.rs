//! Decodes a whole JPEG stream, of a file of its own or of a strip or tile of a TIFF file.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use zune_core::colorspace::ColorSpace as ZuneColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::colors::{Transform, convert_ycc, is_ycc, taken_by_library, to_colors};
use super::scans::Grid;
use super::segments::{Component, LOSSLESS, Scan, Segments};
use super::watched::Watched;
use super::{check, coefficients, lossless};
use crate::budget::{Budget, check_room, filled};
use crate::error::{damaged, unsupported};
use crate::samples::Samples;
use crate::{Notice, Result};

/// Second byte of the marker of a frame whose scans refine each other.
const PROGRESSIVE: u8 = 0xC2;

/// Bytes of a picture that is decoded while its data is checked.
const LITTLE: u64 = 256 << 20;

/// What is known of a stream before it is decoded.
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// 1 (gray), 3 (RGB) or 4 (CMYK).
    pub(crate) channels: usize,
    /// Bits a sample: 8, or 16 where the stream has more than 8.
    pub(crate) bits: u16,
    /// Bytes held while it is decoded, about, besides the stream.
    pub(crate) memory: u64,
}

impl Picture {
    /// Refuses kinds that are not decoded.
    pub(crate) fn of(segments: &Segments<'_>) -> Result<Self> {
        let frame = &segments.frame;
        match frame.marker {
            0xC0..=LOSSLESS => {}
            0xC9..=0xCB => return Err(unsupported("arithmetic coding in JPEG")),
            _ => return Err(unsupported("hierarchical JPEG")),
        }
        let lossless = frame.marker == LOSSLESS;
        let bits = frame.precision;
        if !matches!((bits, lossless), (8 | 12, _) | (2..=16, true)) {
            return Err(unsupported(format!("{bits}-bit JPEG")));
        }
        if frame.height == 0 {
            return Err(damaged("its height is told nowhere"));
        }
        let channels = frame.components.len();
        if !matches!((channels, bits), (1 | 3, _) | (4, 8)) {
            return Err(unsupported(format!("{bits}-bit JPEG of {channels} components")));
        }
        let factors = |c: &Component| (c.horizontal, c.vertical);
        if lossless && frame.components.iter().any(|c| factors(c) != factors(&frame.components[0]))
        {
            return Err(unsupported("lossless JPEG with fewer samples of color"));
        }
        if lossless && channels > 1 && factors(&frame.components[0]) != (1, 1) {
            return Err(unsupported("lossless JPEG with the samples of several pixels together"));
        }
        let (width, height) = (usize::from(frame.width), usize::from(frame.height));
        let samples = (width * height * channels) as u64;
        // Of components with fewer samples and of pictures that fill up their last blocks, as they are.
        let blocks: u64 =
            frame.components.iter().map(|&c| Grid::new(frame, c).blocks() as u64).sum();
        let memory = match (is_common(segments), frame.marker) {
            (_, LOSSLESS) => 2 * samples + if bits > 8 { 2 * samples } else { samples },
            // Coefficients, a plane and samples, of 16 bits.
            (false, _) => 4 * 64 * blocks + 2 * samples,
            // All coefficients, of 16 bits, and which of them are known, by block.
            (true, PROGRESSIVE) => (2 * 64 + 8) * blocks + samples,
            (true, _) => samples,
        };
        let bits = if bits > 8 { 16 } else { 8 };
        Ok(Self { width, height, channels, bits, memory })
    }

    /// Reads the headers of a stream.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        let segments = Segments::read(bytes).map_err(damaged)?;
        Self::of(&segments)
    }
}

/// Whether a picture is of the kinds that the library decodes, and does so right: of the others it
/// makes stripes and refuses some.
fn is_common(segments: &Segments<'_>) -> bool {
    let Segments { frame, scans, .. } = segments;
    let whole = |scan: &Scan<'_>| scan.header.first() == Some(&(frame.components.len() as u8));
    let in_one_piece = match frame.marker {
        0xC0 | 0xC1 => matches!(&scans[..], [scan] if whole(scan)),
        PROGRESSIVE => true,
        _ => false,
    };
    let factors = |c: &Component| (c.horizontal, c.vertical);
    let sampled = match &frame.components[..] {
        [first, others @ ..] if others.iter().all(|c| factors(c) == (1, 1)) => {
            let common: &[_] = if others.is_empty() {
                &[(1, 1)]
            } else {
                &[(1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (1, 4), (4, 2)]
            };
            common.contains(&factors(first))
        }
        // Black of four components is as fine as the first one.
        [first, second, third, last] => {
            let fine = factors(first);
            [second, third].iter().all(|c| factors(c) == (1, 1))
                && factors(last) == fine
                && [(2, 1), (2, 2)].contains(&fine)
        }
        _ => false,
    };
    frame.precision == 8
        && in_one_piece
        && sampled
        && !frame.height_told_late
        && segments.has_usual_adobe()
}

/// Decodes a stream that is whole: interleaved gray, RGB or CMYK as the file has it, where Adobe's
/// programs store no ink as the largest number. What is odd about it is told.
pub(crate) fn decode(
    bytes: &[u8],
    transform: Transform,
    budget: &Budget,
    notices: &mut Vec<Notice>,
) -> Result<Samples> {
    let segments = Segments::read(bytes).map_err(damaged)?;
    let picture = Picture::of(&segments)?;
    check_room(picture.memory)?;
    // What was given up for the time reads as damage to whoever gave up.
    let failed = |reason: String| budget.time_or(|| damaged(reason));
    let pixels = || pixels(bytes, (&segments, transform), &picture, budget);
    let (samples, passed_over) = if segments.frame.marker == LOSSLESS {
        let (samples, passed_over) = lossless::decode(&segments, budget).map_err(failed)?;
        (to_colors(samples, &segments, transform), passed_over)
    } else if !is_common(&segments) {
        let (samples, passed_over) = coefficients::decode(&segments, budget).map_err(failed)?;
        (to_colors(samples, &segments, transform), passed_over)
    } else if picture.memory <= LITTLE && segments.scans.len() <= check::MOST_SCANS {
        // Broken data is decoded for nothing, so this is for pictures that take little time.
        let (checked, pixels) = rayon::join(
            || check::check(&segments, budget),
            || catch_unwind(AssertUnwindSafe(pixels)),
        );
        let passed_over = checked.map_err(failed)?;
        (pixels.unwrap_or_else(|panic| resume_unwind(panic))?, passed_over)
    } else {
        let passed_over = check::check(&segments, budget).map_err(failed)?;
        (pixels()?, passed_over)
    };
    budget.check_time()?; // its bytes may have ended with it
    let stray = segments.stray + passed_over;
    if stray > 0 {
        notices.push(Notice::StrayBytes { bytes: stray });
    }
    if !segments.ended {
        notices.push(Notice::EndMarkerMissing);
    }
    Ok(samples)
}

/// Decodes what was checked, or is being checked.
fn pixels(
    bytes: &[u8],
    (segments, transform): (&Segments<'_>, Transform),
    picture: &Picture,
    budget: &Budget,
) -> Result<Samples> {
    let (is_ycc, taken) = (is_ycc(segments, transform), taken_by_library(segments));
    let converts = is_ycc && taken == ZuneColorSpace::YCbCr;
    let space = if converts { ZuneColorSpace::RGB } else { taken };
    let options = DecoderOptions::default()
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_max_scans(usize::from(u16::MAX)) // the check has its own limit
        .jpeg_set_out_colorspace(space);
    let mut decoder = JpegDecoder::new_with_options(Watched::new(bytes, budget), options);
    decoder.decode_headers().map_err(damaged)?;
    let wanted = picture.width * picture.height * picture.channels;
    let found = decoder.output_buffer_size().unwrap_or_default();
    if found != wanted {
        return Err(damaged(format!("{found} samples, expected {wanted}")));
    }
    let mut samples = filled(0, wanted)?;
    decoder.decode_into(&mut samples).map_err(damaged)?;
    if is_ycc && !converts {
        convert_ycc(&mut samples, picture.channels);
    }
    Ok(Samples::Eight(samples))
}
