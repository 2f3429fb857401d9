//! Some rows of a JPEG that this program wrote, without decoding the others: behind each row of
//! blocks stands a restart marker, where a decoder forgets all that it has seen (ISO 10918-1, E.1.4).

use std::ops::Range;

use memchr::memchr;

/// Rows of pixels of a row of blocks.
pub(super) const BLOCK: usize = 8;

/// Most rows of pixels of a JPEG.
pub(super) const HIGHEST: usize = u16::MAX as usize;

/// Second bytes of markers.
const BASELINE: u8 = 0xC0;
const FIRST_RESTART: u8 = 0xD0;
const LAST_RESTART: u8 = 0xD7;
const END: u8 = 0xD9;
const SCAN: u8 = 0xDA;
const RESTART_INTERVAL: u8 = 0xDD;

/// Where the rows of blocks of a JPEG lie.
pub(super) struct BlockRows<'a> {
    bytes: &'a [u8],
    /// Where the frame's height stands.
    height: usize,
    /// Bytes before the first row of blocks.
    head: usize,
    rows: Vec<Range<usize>>,
}

impl<'a> BlockRows<'a> {
    /// `None`: rows are missing, or it is no JPEG that this program wrote.
    pub(super) fn of_result(bytes: &'a [u8]) -> Option<Self> {
        let word = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        let (mut at, mut frame, mut interval) = (2, None, 0);
        loop {
            let marker = *bytes.get(at + 1)?;
            match marker {
                BASELINE => frame = Some(at + 5),
                RESTART_INTERVAL => interval = word(at + 4)?,
                _ => {}
            }
            at += 2 + usize::from(word(at + 2)?);
            if marker == SCAN {
                break;
            }
        }
        let height = frame?;
        let blocks = |side: u16| side.div_ceil(BLOCK as u16);
        let (down, across) = (blocks(word(height)?), blocks(word(height + 2)?));
        let rows = intervals(bytes, at)?;
        let whole = interval == across && rows.len() == usize::from(down);
        whole.then_some(Self { bytes, height, head: at, rows })
    }

    pub(super) fn count(&self) -> usize {
        self.rows.len()
    }

    /// A JPEG of these rows of blocks alone, of at most [`HIGHEST`] rows of pixels.
    pub(super) fn excerpt(&self, rows: &[usize]) -> Vec<u8> {
        let mut bytes = self.bytes[..self.head].to_vec();
        let height = (BLOCK * rows.len()).min(HIGHEST) as u16;
        bytes[self.height..self.height + 2].copy_from_slice(&height.to_be_bytes());
        for (number, &row) in rows.iter().enumerate() {
            if number > 0 {
                bytes.extend([0xFF, FIRST_RESTART + ((number - 1) % 8) as u8]);
            }
            bytes.extend_from_slice(&self.bytes[self.rows[row].clone()]);
        }
        bytes.extend([0xFF, END]);
        bytes
    }
}

/// What lies between restart markers, from `start` to the end's marker.
fn intervals(bytes: &[u8], start: usize) -> Option<Vec<Range<usize>>> {
    let (mut intervals, mut first, mut at) = (Vec::new(), start, start);
    loop {
        at += memchr(0xFF, bytes.get(at..)?)?;
        match *bytes.get(at + 1)? {
            0 => {}
            marker @ (FIRST_RESTART..=LAST_RESTART | END) => {
                intervals.push(first..at);
                if marker == END {
                    return Some(intervals);
                }
                first = at + 2;
            }
            _ => return None,
        }
        at += 2;
    }
}
