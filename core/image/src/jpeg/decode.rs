//! Decodes a whole JPEG stream, of a file of its own or of a strip or tile of a TIFF file.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace as ZuneColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::check;
use super::segments::{Frame, Segments};
use crate::Result;
use crate::error::{damaged, unsupported};
use crate::samples::Samples;

/// Marker of frames that predict samples and lose nothing.
const LOSSLESS: u8 = 0xC3;

/// Bytes of a picture that is decoded while its data is checked.
const LITTLE: u64 = 256 << 20;

/// What is known of a stream before it is decoded.
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// 1 (gray), 3 (RGB) or 4 (CMYK).
    pub(crate) channels: usize,
    /// Bits a sample: 8, or 16 where the stream is lossless and has more than 8.
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
        if frame.precision != 8 && !(lossless && (2..=16).contains(&frame.precision)) {
            return Err(unsupported(format!("{}-bit JPEG", frame.precision)));
        }
        if frame.height == 0 {
            return Err(unsupported("JPEG that tells its height at its end"));
        }
        let channels = frame.components.len();
        if !matches!(channels, 1 | 3 | 4) || (lossless && channels != 1 && frame.precision != 8) {
            let reason = format!("{}-bit JPEG of {channels} components", frame.precision);
            return Err(unsupported(reason));
        }
        let (width, height) = (usize::from(frame.width), usize::from(frame.height));
        let samples = (width * height * channels) as u64;
        let memory = match (lossless, segments.scans.len()) {
            (true, _) => 10 * samples, // differences and samples, of 32 and 16 bits
            (false, 1) => samples,
            // Where scans refine each other, all coefficients are held, of 16 bits.
            (false, _) => 3 * samples,
        };
        let bits = if frame.precision > 8 { 16 } else { 8 };
        Ok(Self { width, height, channels, bits, memory })
    }

    /// Reads the headers of a stream.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        let segments = Segments::read(bytes).map_err(damaged)?;
        Self::of(&segments)
    }
}

/// Decodes a stream that is whole: interleaved gray, RGB or CMYK as the file has it, where Adobe's
/// programs store no ink as the largest number.
pub(crate) fn decode(bytes: &[u8]) -> Result<Samples> {
    let failed = |reason: String| damaged(reason);
    let segments = Segments::read(bytes).map_err(failed)?;
    let picture = Picture::of(&segments)?;
    let frame = &segments.frame;
    if frame.marker == LOSSLESS {
        return lossless(bytes, frame);
    }
    // Broken data is decoded for nothing, so this is for pictures that take little time.
    let together = picture.memory <= LITTLE && segments.scans.len() <= check::MOST_SCANS;
    if !together {
        check::check(&segments).map_err(failed)?;
        return pixels(bytes, &segments, &picture);
    }
    let (checked, pixels) = rayon::join(
        || check::check(&segments),
        || catch_unwind(AssertUnwindSafe(|| pixels(bytes, &segments, &picture))),
    );
    checked.map_err(failed)?;
    pixels.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Decodes what was checked, or is being checked.
fn pixels(bytes: &[u8], segments: &Segments<'_>, picture: &Picture) -> Result<Samples> {
    let failed = |reason: String| damaged(reason);
    let ycck = segments.adobe() == Some(2);
    let space = match (picture.channels, ycck) {
        (1, _) => ZuneColorSpace::Luma,
        (4, true) => ZuneColorSpace::YCCK,
        (4, false) => ZuneColorSpace::CMYK,
        _ => ZuneColorSpace::RGB,
    };
    let options = DecoderOptions::default()
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_max_scans(usize::from(u16::MAX)) // the check has its own limit
        .jpeg_set_out_colorspace(space);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let mut samples = decoder.decode().map_err(|error| failed(error.to_string()))?;
    let wanted = picture.width * picture.height * picture.channels;
    if samples.len() != wanted {
        return Err(failed(format!("{} samples, expected {wanted}", samples.len())));
    }
    if space == ZuneColorSpace::YCCK {
        samples.chunks_exact_mut(4).for_each(to_cmyk);
    }
    Ok(Samples::Eight(samples))
}

/// Of YCCK: the color is that of the inks' complement (JFIF's matrix, ITU-T T.871, 7).
fn to_cmyk(pixel: &mut [u8]) {
    let [y, cb, cr] = [0, 1, 2].map(|i| f32::from(pixel[i]));
    let (cb, cr) = (cb - 128.0, cr - 128.0);
    let rgb = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
    for (ink, light) in pixel.iter_mut().zip(rgb) {
        *ink = 255 - light.round() as u8;
    }
}

fn lossless(bytes: &[u8], frame: &Frame) -> Result<Samples> {
    use jpeg_decoder::{Decoder, PixelFormat};
    let mut decoder = Decoder::new(bytes);
    let failed = |error: jpeg_decoder::Error| damaged(error);
    let data = decoder.decode().map_err(failed)?;
    let format = decoder.info().map(|info| info.pixel_format);
    let wanted = usize::from(frame.width) * usize::from(frame.height) * frame.components.len();
    let samples = match format {
        Some(PixelFormat::L16) => {
            // Numbers of fewer bits stand in the lower ones.
            let full = (1_u32 << frame.precision) - 1;
            let scale = |v: u16| ((u32::from(v).min(full) * 65535 + full / 2) / full) as u16;
            let number = |pair: &[u8]| scale(u16::from_ne_bytes([pair[0], pair[1]]));
            Samples::Sixteen(data.chunks_exact(2).map(number).collect())
        }
        _ => Samples::Eight(data),
    };
    if samples.len() != wanted {
        return Err(damaged(format!("{} samples, expected {wanted}", samples.len())));
    }
    Ok(samples)
}
