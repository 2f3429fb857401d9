//! What the components of a stream are, and how they become gray, RGB or CMYK.

use rayon::prelude::*;
use zune_core::colorspace::ColorSpace as ZuneColorSpace;

use super::segments::{LOSSLESS, Segments};
use crate::samples::Samples;

/// Who tells whether luma and chroma are stored in place of colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transform {
    /// The stream's markers and the names of its components.
    Told,
    /// The file around it: three components are luma and chroma, whatever the stream says.
    Ycc,
    /// The file around it: components are samples as they are.
    None,
}

/// Whether luma and chroma are stored in place of red, green and blue, or of three inks.
///
/// A stream is taken as libjpeg takes it (`default_decompress_parms` in `jdapimin.c`): of three
/// components JFIF counts, else Adobe's marker, else their names; of four Adobe's marker alone.
/// Lossless ones that say nothing are colors.
pub(crate) fn is_ycc(segments: &Segments<'_>, transform: Transform) -> bool {
    let count = segments.frame.components.len();
    match (transform, count) {
        (Transform::Ycc, 3) => true,
        (Transform::Told, 3) if segments.is_jfif() => true,
        (Transform::Told, 3) => match segments.adobe() {
            Some(transform) => transform != 0,
            None => segments.frame.marker != LOSSLESS && !is_named_rgb(segments),
        },
        (Transform::Told, 4) => segments.adobe().is_some_and(|transform| transform != 0),
        _ => false,
    }
}

/// What the library takes the components for: it does not know that JFIF counts more than the names
/// and Adobe's marker. Asked for the same, it gives them as they are.
pub(crate) fn taken_by_library(segments: &Segments<'_>) -> ZuneColorSpace {
    match (segments.frame.components.len(), segments.adobe()) {
        (1, _) => ZuneColorSpace::Luma,
        (4, Some(2)) => ZuneColorSpace::YCCK,
        (4, _) => ZuneColorSpace::CMYK,
        (_, Some(0)) => ZuneColorSpace::RGB,
        _ if is_named_rgb(segments) => ZuneColorSpace::RGB,
        _ => ZuneColorSpace::YCbCr,
    }
}

fn is_named_rgb(segments: &Segments<'_>) -> bool {
    segments.frame.components.iter().map(|component| component.id).eq(*b"RGB")
}

/// Of samples of 8 bits, of `count` components that are luma and chroma: those of the picture.
pub(crate) fn convert_ycc(samples: &mut [u8], count: usize) {
    let convert: fn(&mut [u8]) = if count == 4 { ycck_to_cmyk } else { ycc_to_rgb8 };
    samples.par_chunks_exact_mut(count).for_each(convert);
}

/// Of samples of the frame's precision in the file's color space: those of the picture, scaled to 8
/// or 16 bits.
pub(crate) fn to_colors(
    mut samples: Vec<u16>,
    segments: &Segments<'_>,
    transform: Transform,
) -> Samples {
    let frame = &segments.frame;
    let full = (1_u32 << frame.precision) - 1;
    let (count, is_ycc) = (frame.components.len(), is_ycc(segments, transform));
    if is_ycc && count == 3 {
        let middle = f32::from(1_u16 << (frame.precision - 1));
        samples.par_chunks_mut(3).for_each(|pixel| {
            let [y, cb, cr] = [0, 1, 2].map(|i| f32::from(pixel[i]));
            for (sample, light) in pixel.iter_mut().zip(ycc_to_rgb(y, cb - middle, cr - middle)) {
                *sample = light.round().clamp(0.0, full as f32) as u16;
            }
        });
    }
    let scaled = |v: u16, most: u32| (u32::from(v).min(full) * most + full / 2) / full;
    if frame.precision > 8 {
        return Samples::Sixteen(
            samples.into_par_iter().map(|v| scaled(v, 65535) as u16).collect(),
        );
    }
    let mut samples: Vec<u8> = samples.into_par_iter().map(|v| scaled(v, 255) as u8).collect();
    if is_ycc && count == 4 {
        convert_ycc(&mut samples, count);
    }
    Samples::Eight(samples)
}

/// JFIF's matrix (ITU-T T.871, 7); chroma is around 0.
fn ycc_to_rgb(y: f32, cb: f32, cr: f32) -> [f32; 3] {
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb]
}

fn ycc_to_rgb8(pixel: &mut [u8]) {
    let [y, cb, cr] = [0, 1, 2].map(|i| f32::from(pixel[i]));
    for (sample, light) in pixel.iter_mut().zip(ycc_to_rgb(y, cb - 128.0, cr - 128.0)) {
        *sample = light.round() as u8;
    }
}

/// Of YCCK: the color is that of the inks' complement.
fn ycck_to_cmyk(pixel: &mut [u8]) {
    ycc_to_rgb8(pixel);
    pixel[..3].iter_mut().for_each(|sample| *sample = 255 - *sample);
}
