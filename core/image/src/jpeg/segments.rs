//! The segments of a JPEG file (ISO 10918-1, annex B).

use memchr::memchr;

/// Most segments: an ICC profile or XMP of a gigabyte has fewer. Empty ones would take many times
/// their file's size.
const MOST_SEGMENTS: usize = 1 << 16;

/// Where everything lies in a file.
pub(crate) struct Segments<'a> {
    /// Number and data of the APP segments.
    pub(crate) applications: Vec<(u8, &'a [u8])>,
    pub(crate) frame: Frame,
    /// Tables and scans in order.
    pub(crate) scans: Vec<Scan<'a>>,
}

/// The frame header.
pub(crate) struct Frame {
    /// Second byte of the marker: 0xC0 baseline, 0xC2 progressive, ...
    pub(crate) marker: u8,
    pub(crate) precision: u8,
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) components: Vec<Component>,
}

/// A component of the frame.
#[derive(Clone, Copy)]
pub(crate) struct Component {
    pub(crate) id: u8,
    /// Sampling factors, 1 to 4.
    pub(crate) horizontal: u8,
    pub(crate) vertical: u8,
}

/// A scan with what was defined before it.
pub(crate) struct Scan<'a> {
    /// Contents of the Huffman tables' segments since the scan before.
    pub(crate) tables: Vec<&'a [u8]>,
    /// MCUs between restart markers, 0: none.
    pub(crate) restart_interval: u16,
    pub(crate) header: &'a [u8],
    /// Entropy-coded bytes with stuffing and restart markers.
    pub(crate) data: &'a [u8],
}

impl<'a> Segments<'a> {
    /// Walks a file to its end marker.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let truncated = || "truncated: the end marker is missing".to_string();
        let mut applications = Vec::new();
        let (mut frame, mut frames) = (None, 0);
        let mut scans = Vec::new();
        let mut tables = Vec::new();
        let mut restart_interval = 0;
        let mut at = 2;
        let mut left = MOST_SEGMENTS;
        loop {
            if *bytes.get(at).ok_or_else(truncated)? != 0xFF {
                return Err(format!("no marker at byte {at}"));
            }
            while *bytes.get(at).ok_or_else(truncated)? == 0xFF {
                at += 1; // markers may be filled up with 0xFF
            }
            let marker = bytes[at];
            at += 1;
            match marker {
                0xD9 => break,
                0x01 | 0xD0..=0xD8 => continue, // without contents
                0x00 => return Err(format!("no marker at byte {at}")),
                _ => {}
            }
            let length = bytes.get(at..at + 2).ok_or_else(truncated)?;
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            if length < 2 {
                return Err(format!("a segment of {length} bytes at byte {at}"));
            }
            let data = bytes.get(at + 2..at + length).ok_or_else(truncated)?;
            at += length;
            left =
                left.checked_sub(1).ok_or_else(|| format!("more than {MOST_SEGMENTS} segments"))?;
            match marker {
                0xE0..=0xEF => applications.push((marker - 0xE0, data)),
                0xC4 => tables.push(data),
                0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                    frames += 1;
                    frame = Some(Frame::read(marker, data)?);
                }
                0xDD => match data {
                    [a, b] => restart_interval = u16::from_be_bytes([*a, *b]),
                    _ => return Err("a broken restart interval".into()),
                },
                0xDA => {
                    let end = at + entropy_length(&bytes[at..]).ok_or_else(truncated)?;
                    let tables = std::mem::take(&mut tables);
                    let data_of_scan = &bytes[at..end];
                    scans.push(Scan { tables, restart_interval, header: data, data: data_of_scan });
                    at = end;
                }
                _ => {}
            }
        }
        let frame = frame.ok_or("no frame header")?;
        if frames > 1 {
            return Err("two frame headers".into());
        }
        if scans.is_empty() {
            return Err("no scan".into());
        }
        Ok(Self { applications, frame, scans })
    }

    /// The color transform that Adobe's marker tells: 0 none, 1 `YCbCr`, 2 YCCK (Adobe technical note
    /// 5116, 18).
    pub(crate) fn adobe(&self) -> Option<u8> {
        let data =
            self.applications.iter().rev().find_map(|&(app, data)| {
                (app == 14).then(|| data.strip_prefix(b"Adobe")).flatten()
            })?;
        data.get(6).copied()
    }
}

impl Frame {
    fn read(marker: u8, data: &[u8]) -> Result<Self, String> {
        let &[precision, a, b, c, d, count, ref rest @ ..] = data else {
            return Err("a broken frame header".into());
        };
        let component =
            |c: &[u8]| Component { id: c[0], horizontal: c[1] >> 4, vertical: c[1] & 15 };
        let components: Vec<_> = rest.chunks_exact(3).map(component).collect();
        let factors =
            |c: &Component| (1..=4).contains(&c.horizontal) && (1..=4).contains(&c.vertical);
        if components.len() != usize::from(count) || !components.iter().all(factors) {
            return Err("a broken frame header".into());
        }
        let (height, width) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        Ok(Self { marker, precision, width, height, components })
    }
}

/// Bytes up to the first marker that is no restart.
fn entropy_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr(0xFF, &bytes[at..])?;
        match bytes.get(at + 1)? {
            0x00 | 0xD0..=0xD7 => at += 2,
            0xFF => at += 1,
            _ => return Some(at),
        }
    }
}
