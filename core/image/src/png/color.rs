//! What a PNG says its samples mean: code points before a profile, before sRGB, before gamma and
//! chromaticities (PNG, third edition, 4.3). What of it is broken is passed over and told.

use std::io::Read;

use ::png::{CodingIndependentCodePoints, ColorType, Info, ScaledFloat};
use flate2::read::DeflateDecoder;

use super::chunks::Chunk;
use crate::color::lab::RgbSpace;
use crate::color::output_profiles;
use crate::color::profile::ColorSpace;
use crate::error::unsupported;
use crate::{Error, Notice, Result};

/// Bytes of a profile's header (ICC.1:2022, 7.2).
const ICC_HEADER: usize = 128;

/// The meaning of samples, by what the decoder read and by the chunks that there are; `raw_icc` is a
/// profile that is told as text. Profiles of more than `most` bytes are refused.
pub(super) fn space(
    info: &Info<'_>,
    chunks: &[Chunk],
    raw_icc: Option<Vec<u8>>,
    most: usize,
    notices: &mut Vec<Notice>,
) -> Result<ColorSpace> {
    let chunk = |kind: &[u8; 4]| chunks.iter().find(|chunk| &chunk.kind == kind);
    let mut broken = |name: &str| {
        notices.push(Notice::ProfileIgnored { reason: format!("the chunk {name} is broken") });
    };
    let embedded = match chunk(b"iCCP") {
        Some(chunk) => profile(&chunk.data, most)?,
        None => None,
    };
    let icc = embedded.or(raw_icc);
    let is_alone = icc.is_none() && info.srgb.is_none() && info.gama_chunk.is_none();
    match info.coding_independent_code_points {
        Some(points) => {
            if let Some(space) = of_code_points(points, is_gray(info), is_alone)? {
                return Ok(space);
            }
        }
        None if chunk(b"cICP").is_some() => broken("cICP"),
        None => {}
    }
    if let Some(icc) = icc {
        return Ok(ColorSpace::Icc(icc));
    }
    if chunk(b"iCCP").is_some() {
        broken("iCCP");
    }
    if info.srgb.is_some() {
        return Ok(ColorSpace::Srgb);
    }
    if info.gama_chunk.is_none() && chunk(b"gAMA").is_some() {
        broken("gAMA");
    }
    if info.chrm_chunk.is_none() && chunk(b"cHRM").is_some() && !is_gray(info) {
        broken("cHRM");
    }
    Ok(of_gamma(info))
}

/// Of gray samples the primaries do not matter.
fn is_gray(info: &Info<'_>) -> bool {
    matches!(info.color_type, ColorType::Grayscale | ColorType::GrayscaleAlpha)
}

/// What the code points for primaries and curve mean (ITU-T H.273, tables 2 and 3). `None`: what else
/// the file says has to do, as for programs that do not know this chunk.
fn of_code_points(
    points: CodingIndependentCodePoints,
    is_gray: bool,
    is_alone: bool,
) -> Result<Option<ColorSpace>> {
    let (primaries, curve) = (points.color_primaries, points.transfer_function);
    let is_srgbs = is_gray || primaries == 1;
    let power = |gamma: f64| ColorSpace::Gamma { exponent: 1.0 / gamma, chromaticities: None };
    Ok(match curve {
        _ if !points.is_video_full_range_image => {
            return Err(unsupported("PNG of narrow range (cICP)"));
        }
        13 if is_srgbs => Some(ColorSpace::Srgb),
        13 if primaries == 12 => {
            Some(ColorSpace::Icc(output_profiles::profile(RgbSpace::DisplayP3).to_vec()))
        }
        8 if is_srgbs => Some(power(1.0)),
        4 if is_srgbs => Some(power(2.2)),
        5 if is_srgbs => Some(power(2.8)),
        2 => None, // unspecified
        // Of high dynamic range (PQ and HLG) nothing else in the file is true.
        16 | 18 => return Err(unsupported(named(primaries, curve))),
        _ if is_alone => return Err(unsupported(named(primaries, curve))),
        _ => None,
    })
}

fn named(primaries: u8, curve: u8) -> String {
    format!("PNG with primaries {primaries} and curve {curve} (cICP)")
}

/// The profile of an iCCP chunk; `None` if it is broken. It is whole if it is as long as it says: as
/// libpng does, the checksum behind it is passed over.
fn profile(data: &[u8], most: usize) -> Result<Option<Vec<u8>>> {
    let Some(deflated) = deflated(data) else { return Ok(None) };
    let mut icc = Vec::new();
    let read = DeflateDecoder::new(deflated).take(most as u64 + 1).read_to_end(&mut icc);
    if let Err(error) = read
        && error.kind() == std::io::ErrorKind::OutOfMemory
    {
        return Err(Error::Read(error));
    }
    if icc.len() > most {
        return Err(Error::Limit(format!("a color profile of more than {most} bytes")));
    }
    let told = icc.first_chunk().map_or(0, |size| u32::from_be_bytes(*size) as usize);
    Ok((ICC_HEADER..=icc.len()).contains(&told).then_some(icc))
}

/// What stands behind the name of a profile, the number of its compression and the header of zlib
/// (RFC 1950, 2.2).
fn deflated(data: &[u8]) -> Option<&[u8]> {
    let end = data.iter().take(80).position(|&byte| byte == 0).filter(|&end| end > 0)?;
    let [0, method, flags, deflated @ ..] = data.get(end + 1..)? else { return None };
    let is_zlib = u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
        && method & 15 == 8
        && flags & 32 == 0;
    is_zlib.then_some(deflated)
}

fn of_gamma(info: &Info<'_>) -> ColorSpace {
    let Some(gamma) = info.gama_chunk.map(|gamma| f64::from(gamma.into_value())) else {
        return ColorSpace::Srgb;
    };
    let chromaticities = info.chrm_chunk.map(|c| {
        let point = |(x, y): (ScaledFloat, ScaledFloat)| {
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
