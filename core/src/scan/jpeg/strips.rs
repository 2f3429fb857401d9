//! Strips of a JPEG, encoded at the same time and joined into one stream.
//!
//! At a restart marker a decoder forgets all that it has seen (ISO 10918-1, E.1.4), so that what
//! lies between two of them can be encoded by itself. Markers are numbered modulo eight: a strip of
//! eight intervals ends where the numbers begin anew.

use std::result::Result;

use jpeg_encoder::{ColorType, Encoder, EncodingError, PixelDensity, SamplingFactor};
use rayon::prelude::*;

/// Rows of a strip: eight intervals of one row of blocks.
const ROWS: usize = 64;

/// Second byte of the marker between two strips, the last of the eight.
const RESTART: u8 = 0xD7;
/// Second byte of the marker at the end.
pub(super) const END: u8 = 0xD9;
const FRAME: u8 = 0xC0;
const SCAN: u8 = 0xDA;

/// What stands in front of the first strip.
pub(super) struct Head<'a> {
    pub(super) density: Option<PixelDensity>,
    /// APP segments with their numbers.
    pub(super) segments: Vec<(u8, Vec<u8>)>,
    pub(super) icc: &'a [u8],
    /// Rows of the whole picture.
    pub(super) height: u16,
}

/// How strips are encoded: YCbCr without subsampling.
pub(super) struct Strips {
    pub(super) width: u16,
    /// 1..=100.
    pub(super) quality: u8,
}

impl Strips {
    /// Bytes of a strip of interleaved RGB.
    pub(super) fn bytes(&self) -> usize {
        3 * usize::from(self.width) * ROWS
    }

    /// Encodes whole strips, of which the picture's last may be lower; the first one begins with
    /// the head, if there is one, all others with a restart marker.
    pub(super) fn encode(
        &self,
        rgb: &[u8],
        head: Option<&Head<'_>>,
    ) -> Result<Vec<Vec<u8>>, EncodingError> {
        let strips = rgb.par_chunks(self.bytes()).enumerate();
        strips.map(|(i, rgb)| self.strip(rgb, head.filter(|_| i == 0))).collect()
    }

    fn strip(&self, rgb: &[u8], head: Option<&Head<'_>>) -> Result<Vec<u8>, EncodingError> {
        let mut bytes = Vec::with_capacity(rgb.len() / 4);
        let mut encoder = Encoder::new(&mut bytes, self.quality);
        encoder.set_sampling_factor(SamplingFactor::R_4_4_4);
        encoder.set_restart_interval(self.width.div_ceil(8));
        if let Some(head) = head {
            if let Some(density) = head.density {
                encoder.set_density(density);
            }
            for (app, data) in &head.segments {
                encoder.add_app_segment(*app, data.clone())?;
            }
            encoder.add_icc_profile(head.icc)?;
        }
        let rows = rgb.len() / 3 / usize::from(self.width);
        encoder.encode(rgb, self.width, rows as u16, ColorType::Rgb)?;
        bytes.truncate(bytes.len() - 2); // the end's marker
        let (height, data) = places(&bytes);
        match head {
            Some(head) => bytes[height..height + 2].copy_from_slice(&head.height.to_be_bytes()),
            None => drop(bytes.splice(..data, [0xFF, RESTART])),
        }
        Ok(bytes)
    }
}

/// Where the frame's height and the scan's data are, in what the encoder wrote.
fn places(bytes: &[u8]) -> (usize, usize) {
    let (mut at, mut height) = (2, 0);
    loop {
        let marker = bytes[at + 1];
        if marker == FRAME {
            height = at + 5;
        }
        at += 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        if marker == SCAN {
            return (height, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_joined_are_the_picture_encoded_at_once() {
        for (width, height) in [(40_u16, 300_u16), (33, 64), (7, 5), (24, 129)] {
            let pixels = usize::from(width) * usize::from(height);
            let rgb: Vec<u8> = (0..3 * pixels).map(|i| (i * i / 37 % 251) as u8).collect();
            let head = Head { density: None, segments: Vec::new(), icc: b"profile", height };
            let strips = Strips { width, quality: 90 };
            let mut joined = strips.encode(&rgb, Some(&head)).unwrap().concat();
            joined.extend([0xFF, END]);

            let mut whole = Vec::new();
            let mut encoder = Encoder::new(&mut whole, 90);
            encoder.set_sampling_factor(SamplingFactor::R_4_4_4);
            encoder.set_restart_interval(width.div_ceil(8));
            encoder.add_icc_profile(head.icc).unwrap();
            encoder.encode(&rgb, width, height, ColorType::Rgb).unwrap();
            assert!(joined == whole, "{width} x {height}");
        }
    }
}
