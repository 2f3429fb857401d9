//! What the head of a DPX file tells that ffmpeg does not: SMPTE ST 268-1, whose fields that nobody
//! filled in are all ones.

use std::io::{BufWriter, Write};
use std::path::Path;

use super::refusal::Refusal;
use crate::error::{Error, Result};
use crate::files::own;
use crate::plan::Sequence;

/// Bytes that are read of a file: the whole head, without what its user added.
pub(super) const HEAD: usize = 2048;

/// What ffmpeg calls itself as the creator of a file. It writes "linear" into each.
const FFMPEG: &[u8] = b"Lavc";

/// What the head of a DPX file tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Head {
    /// Frames a second, as a fraction.
    pub(super) rate: Option<(u64, u64)>,
    pub(super) timecode: Option<String>,
    /// Whether black is 0 and white the largest number, and not 16 and 235 of 8 bits.
    pub(super) full_range: Option<bool>,
    /// Whether its user added something.
    pub(super) has_more: bool,
}

/// Writes the heads of all frames to a new file, one after the other.
pub(super) fn write_heads(sequence: &Sequence, to: &Path) -> Result<()> {
    let mut file = BufWriter::new(own::create_new(to)?);
    for frame in &sequence.frames {
        let original = frame.job.original().open()?;
        let mut head = [0; HEAD];
        original.read_exact_at(&mut head, 0).map_err(Error::io(original.shown(), "read"))?;
        file.write_all(&head).map_err(Error::io(to, "write"))?;
    }
    file.flush().map_err(Error::io(to, "write"))
}

impl Head {
    /// Reads the first bytes of a file.
    pub(super) fn read(bytes: &[u8]) -> std::result::Result<Self, Refusal> {
        let is_big = match bytes.get(..4) {
            Some(b"SDPX") => true,
            Some(b"XPDS") => false,
            _ => return Err(Refusal::Unreadable("its head is not that of a DPX file".to_owned())),
        };
        let field = |at: usize| -> Option<u32> {
            let field: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
            let number = if is_big { u32::from_be_bytes(field) } else { u32::from_le_bytes(field) };
            (number != u32::MAX).then_some(number)
        };
        let is_of_ffmpeg = bytes.get(160..260).is_some_and(|name| name.starts_with(FFMPEG));
        match bytes.get(801) {
            Some(1) => return Err(Refusal::Logarithmic("printing density")),
            Some(3) => return Err(Refusal::Logarithmic("logarithmic")),
            Some(2) if !is_of_ffmpeg => return Err(Refusal::Linear),
            _ => {}
        }
        // Where pixels begin earlier, the parts on film and television are not there.
        let has = |end: u32| field(4).is_some_and(|begin| begin >= end);
        let rate = |at: usize| field(at).and_then(|bits| fraction(f32::from_bits(bits)));
        let of_film = if has(1920) { rate(1724) } else { None };
        let of_television = if has(2048) { rate(1940) } else { None };
        let timecode = if has(2048) { field(1920).and_then(timecode) } else { None };
        let full_range = match (field(784), field(792), bytes.get(803)) {
            (Some(0), Some(white), Some(depth @ 8..=16)) if white == (1 << depth) - 1 => Some(true),
            (Some(black), Some(white), Some(depth @ 8..=16))
                if [black, white] == [16, 235].map(|code| code << (depth - 8)) =>
            {
                Some(false)
            }
            _ => None,
        };
        let has_more = field(32).is_some_and(|bytes| bytes > 0);
        Ok(Self { rate: of_film.or(of_television), timecode, full_range, has_more })
    }
}

/// A frame rate as a fraction: whole, or a thousandth below it.
fn fraction(rate: f32) -> Option<(u64, u64)> {
    if !(1.0..=240.0).contains(&rate) {
        return None;
    }
    let whole = rate.round();
    if (rate - whole * 1000.0 / 1001.0).abs() < 0.005 {
        return Some((whole as u64 * 1000, 1001));
    }
    let thousandths = (f64::from(rate) * 1000.0).round() as u64;
    Some(if thousandths.is_multiple_of(1000) {
        (thousandths / 1000, 1)
    } else {
        (thousandths, 1000)
    })
}

/// Eight decimal digits, each in four bits; `None`: they are none.
fn timecode(bits: u32) -> Option<String> {
    let pair = |shift: u32| {
        let (tens, ones) = (bits >> (shift + 4) & 15, bits >> shift & 15);
        (tens < 10 && ones < 10).then_some(10 * tens + ones)
    };
    let (hours, minutes, seconds, frames) = (pair(24)?, pair(16)?, pair(8)?, pair(0)?);
    let is_time = hours < 24 && minutes < 60 && seconds < 60;
    is_time.then(|| format!("{hours:02}:{minutes:02}:{seconds:02}:{frames:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A head in one order of bytes, with these fields at their places.
    fn head(is_big: bool, transfer: u8, fields: &[(usize, u32)]) -> Vec<u8> {
        let mut head = vec![0xff; HEAD];
        head[..4].copy_from_slice(if is_big { b"SDPX" } else { b"XPDS" });
        head[801] = transfer;
        for (at, value) in fields {
            let bytes = if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
            head[*at..at + 4].copy_from_slice(&bytes);
        }
        head
    }

    #[test]
    fn rate_and_timecode_are_read_in_both_orders_of_bytes() {
        for is_big in [false, true] {
            let fields = [(4, 2048), (1724, 18.0_f32.to_bits()), (1920, 0x0102_0304)];
            let read = Head::read(&head(is_big, 6, &fields)).unwrap();
            let timecode = Some("01:02:03:04".to_owned());
            assert_eq!(
                read,
                Head { rate: Some((18, 1)), timecode, full_range: None, has_more: false }
            );
            let television =
                [(4, 8192), (32, 6144), (1940, 23.976_f32.to_bits()), (1920, 0x0160_0000)];
            let read = Head::read(&head(is_big, 255, &television)).unwrap();
            assert_eq!(
                read,
                Head {
                    rate: Some((24000, 1001)),
                    timecode: None,
                    full_range: None,
                    has_more: true
                }
            );
        }
    }

    #[test]
    fn what_is_not_filled_in_or_not_there_is_not_told() {
        let nothing = Head { rate: None, timecode: None, full_range: None, has_more: false };
        assert_eq!(Head::read(&head(true, 0, &[(4, 2048)])).unwrap(), nothing);
        let pixels = [(4, 1664), (1724, 24.0_f32.to_bits()), (1920, 0x0102_0304)];
        assert_eq!(Head::read(&head(true, 0, &pixels)).unwrap(), nothing);
    }

    #[test]
    fn the_range_is_told_by_the_numbers_of_black_and_white() {
        let range = |depth, black, white| {
            let mut head = head(true, 6, &[(4, 2048), (784, black), (792, white)]);
            head[803] = depth;
            Head::read(&head).unwrap().full_range
        };
        assert_eq!([range(8, 0, 255), range(10, 0, 1023)], [Some(true); 2]);
        assert_eq!([range(8, 16, 235), range(10, 64, 940)], [Some(false); 2]);
        assert_eq!([range(10, 95, 685), range(8, u32::MAX, 255), range(255, 0, 0)], [None; 3]);
    }

    #[test]
    fn densities_and_linear_light_are_refused_but_of_ffmpeg_which_calls_all_linear() {
        let read = |transfer| Head::read(&head(false, transfer, &[(4, 2048)]));
        assert_eq!(read(1), Err(Refusal::Logarithmic("printing density")));
        assert_eq!(read(3), Err(Refusal::Logarithmic("logarithmic")));
        assert_eq!(read(2), Err(Refusal::Linear));
        let mut of_ffmpeg = head(false, 2, &[(4, 1664)]);
        of_ffmpeg[160..164].copy_from_slice(FFMPEG);
        assert!(Head::read(&of_ffmpeg).is_ok());
        assert!(Head::read(b"PNG").is_err());
    }
}
