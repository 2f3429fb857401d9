//! Strips of a JPEG, encoded at the same time and joined into one stream.
//!
//! At a restart marker a decoder forgets all that it has seen (ISO 10918-1, E.1.4), so that what
//! lies between two of them can be encoded by itself. Markers are numbered modulo eight: a strip of
//! eight intervals ends where the numbers begin anew.

use std::io;
use std::result::Result;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use jpeg_encoder::{ColorType, Encoder, EncodingError, PixelDensity, SamplingFactor};
use rayon::{Scope, Yield};

/// Rows of a strip: eight intervals of one row of blocks.
const ROWS: usize = 64;

/// Second byte of the marker between two strips, the last of the eight.
const RESTART: u8 = 0xD7;
/// Second byte of the marker at the end.
pub(crate) const END: u8 = 0xD9;
const FRAME: u8 = 0xC0;
const SCAN: u8 = 0xDA;

/// What stands in front of the first strip.
pub(crate) struct Head<'a> {
    pub(crate) density: Option<PixelDensity>,
    /// APP segments with their numbers.
    pub(crate) segments: Vec<(u8, Vec<u8>)>,
    pub(crate) icc: &'a [u8],
    /// Rows of the whole picture.
    pub(crate) height: u16,
}

/// How strips are encoded: YCbCr without subsampling.
pub(crate) struct Strips {
    pub(crate) width: u16,
    /// 1..=100.
    pub(crate) quality: u8,
}

impl Strips {
    /// Bytes of a strip of interleaved RGB.
    pub(crate) fn bytes(&self) -> usize {
        3 * usize::from(self.width) * ROWS
    }

    /// Begins to encode whole strips, of which the picture's last may be lower, as tasks of `scope`.
    /// The first one begins with the head, if there is one, all others with a restart marker.
    pub(crate) fn begin<'scope>(
        &'scope self,
        scope: &Scope<'scope>,
        rgb: Vec<u8>,
        head: Option<&'scope Head<'scope>>,
    ) -> Encoding {
        let rgb = Arc::new(rgb);
        let strips = (0..rgb.len()).step_by(self.bytes()).map(|start| {
            let (sender, strip) = sync_channel(1);
            let rgb = Arc::clone(&rgb);
            scope.spawn(move |_| {
                let end = rgb.len().min(start + self.bytes());
                let encoded = self.strip(&rgb[start..end], head.filter(|_| start == 0));
                drop(rgb);
                // Nobody waits for it where another one failed.
                let _ = sender.send(encoded);
            });
            strip
        });
        Encoding { strips: strips.collect(), rgb }
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

/// Strips that are being encoded.
pub(crate) struct Encoding {
    strips: Vec<Receiver<Result<Vec<u8>, EncodingError>>>,
    rgb: Arc<Vec<u8>>,
}

impl Encoding {
    /// Hands the encoded strips to `put` in order, and gives the buffer of their samples back.
    pub(crate) fn finish(
        self,
        put: &mut impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<Vec<u8>> {
        for strip in self.strips {
            let strip = helping(&strip).ok_or_else(|| io::Error::other("encoding panicked"))?;
            put(&strip.map_err(io::Error::other)?)?;
        }
        Ok(Arc::try_unwrap(self.rgb).unwrap_or_default())
    }
}

/// What is received; other tasks of this thread's pool are done until it is there. `None`: its
/// sender is gone.
fn helping<T>(receiver: &Receiver<T>) -> Option<T> {
    loop {
        match receiver.try_recv() {
            Ok(received) => return Some(received),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => {}
        }
        if rayon::yield_now() != Some(Yield::Executed) {
            return receiver.recv().ok();
        }
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
            let mut joined = Vec::new();
            rayon::in_place_scope(|scope| {
                let mut put = |strip: &[u8]| {
                    joined.extend_from_slice(strip);
                    Ok(())
                };
                strips.begin(scope, rgb.clone(), Some(&head)).finish(&mut put).unwrap();
            });
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
