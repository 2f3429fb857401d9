//! The segments of a JPEG file (ISO 10918-1, annex B).

use memchr::memchr;

/// Most segments: an ICC profile or XMP of a gigabyte has fewer. Empty ones would take many times
/// their file's size.
const MOST_SEGMENTS: usize = 1 << 16;

/// Second bytes of the markers around a picture.
const START: u8 = 0xD8;
const END: u8 = 0xD9;

/// Second byte of the marker of a frame that predicts samples and loses nothing.
pub(crate) const LOSSLESS: u8 = 0xC3;

/// Number of a comment among APP segments: its marker is so far behind that of APP0.
pub(crate) const COMMENT: u8 = 0xFE - 0xE0;

/// Fewest bytes of JFIF's segment behind its length.
const JFIF_BYTES: usize = 14;

const TRUNCATED: &str = "truncated: the end marker is missing";

/// Where everything lies in a file.
pub(crate) struct Segments<'a> {
    /// Number and data of the APP segments; a comment's number is [`COMMENT`].
    pub(crate) applications: Vec<(u8, &'a [u8])>,
    /// How many of them stand before the frame header and before the first scan.
    before_frame: usize,
    before_scans: usize,
    pub(crate) frame: Frame,
    /// Tables and scans in order.
    pub(crate) scans: Vec<Scan<'a>>,
    /// Bytes between the segments that belong to none.
    pub(crate) stray: usize,
    /// Whether the end marker is there.
    pub(crate) ended: bool,
    /// Where the walk ended: behind the end marker if it is there.
    pub(crate) end: usize,
}

/// The frame header.
pub(crate) struct Frame {
    /// Second byte of the marker: 0xC0 baseline, 0xC2 progressive, ...
    pub(crate) marker: u8,
    pub(crate) precision: u8,
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// Whether the height is told behind the first scan, too.
    pub(crate) height_told_late: bool,
    pub(crate) components: Vec<Component>,
}

/// A component of the frame.
#[derive(Clone, Copy)]
pub(crate) struct Component {
    pub(crate) id: u8,
    /// Sampling factors, 1 to 4.
    pub(crate) horizontal: u8,
    pub(crate) vertical: u8,
    /// Number of its quantization table.
    pub(crate) quantization: u8,
}

/// A scan with what was defined before it.
pub(crate) struct Scan<'a> {
    /// Contents of the Huffman tables' segments since the scan before.
    pub(crate) tables: Vec<&'a [u8]>,
    /// Contents of the quantization tables' segments since the scan before.
    pub(crate) quantization: Vec<&'a [u8]>,
    /// MCUs between restart markers, 0: none.
    pub(crate) restart_interval: u16,
    pub(crate) header: &'a [u8],
    /// Entropy-coded bytes with stuffing and restart markers.
    pub(crate) data: &'a [u8],
    /// Whether no marker follows it, so that a trailer may be its end.
    pub(crate) open: bool,
}

impl<'a> Segments<'a> {
    /// Walks a file to its end marker, or to its end where that is missing behind a scan.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let mut walk = Walk { bytes, at: 2, stray: 0 };
        let mut applications = Vec::new();
        let (mut frames, mut told_height) = (Vec::new(), None);
        let (mut scans, mut before_scans) = (Vec::new(), None);
        let (mut tables, mut quantization) = (Vec::new(), Vec::new());
        let mut restart_interval = 0;
        let mut left = MOST_SEGMENTS;
        let ended = loop {
            let Some(marker) = walk.marker() else {
                if scans.is_empty() {
                    return Err(TRUNCATED.into());
                }
                break false;
            };
            match marker {
                END => break true,
                START if !scans.is_empty() => break false, // another picture
                0x01 | 0xD0..=START => continue,           // without contents
                _ => {}
            }
            let data = walk.contents()?;
            left =
                left.checked_sub(1).ok_or_else(|| format!("more than {MOST_SEGMENTS} segments"))?;
            match marker {
                0xE0..=0xEF | 0xFE => applications.push((marker - 0xE0, data)),
                0xC4 => tables.push(data),
                0xDB => quantization.push(data),
                0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                    frames.push((Frame::read(marker, data)?, applications.len()));
                }
                0xDC => told_height = Some(number(data, "a broken number of lines")?),
                0xDD => restart_interval = number(data, "a broken restart interval")?,
                0xDA => {
                    before_scans = before_scans.or(Some(applications.len()));
                    let scan = walk.entropy_coded();
                    scans.push(Scan {
                        tables: std::mem::take(&mut tables),
                        quantization: std::mem::take(&mut quantization),
                        restart_interval,
                        header: data,
                        data: scan,
                        open: walk.at == bytes.len(),
                    });
                }
                _ => {}
            }
        };
        if frames.len() > 1 {
            return Err("two frame headers".into());
        }
        let (mut frame, before_frame) = frames.pop().ok_or("no frame header")?;
        let before_scans = before_scans.ok_or("no scan")?;
        if let Some(height) = told_height {
            // What stands behind the first scan counts (ISO 10918-1, B.2.5).
            frame.height_told_late = true;
            frame.height = height;
        }
        let (stray, end) = (walk.stray, walk.at);
        Ok(Self { applications, before_frame, before_scans, frame, scans, stray, ended, end })
    }

    /// The color transform that Adobe's marker tells: 0 none, 1 `YCbCr`, 2 YCCK (Adobe technical note
    /// 5116, 18). One behind the first scan comes too late.
    pub(crate) fn adobe(&self) -> Option<u8> {
        let before = &self.applications[..self.before_scans];
        before.iter().rev().find_map(|segment| adobe(segment)?.get(6).copied())
    }

    /// Whether Adobe's markers are whole, known, and in front of the frame header, as they are written.
    pub(crate) fn has_usual_adobe(&self) -> bool {
        let known = |rest: &[u8]| matches!(rest.get(6), Some(0..=2));
        let (before, behind) = self.applications.split_at(self.before_frame);
        before.iter().filter_map(adobe).all(known)
            && !behind.iter().any(|segment| adobe(segment).is_some())
    }

    /// Whether the file says that it is JFIF (ITU-T T.871, 10.1).
    pub(crate) fn is_jfif(&self) -> bool {
        let whole = |data: &[u8]| data.starts_with(b"JFIF\0") && data.len() >= JFIF_BYTES;
        let before = &self.applications[..self.before_scans];
        before.iter().any(|&(app, data)| app == 0 && whole(data))
    }
}

/// What Adobe's marker says behind its name, if a segment is one.
fn adobe<'a>(&(app, data): &(u8, &'a [u8])) -> Option<&'a [u8]> {
    data.strip_prefix(b"Adobe").filter(|_| app == 14)
}

impl Frame {
    fn read(marker: u8, data: &[u8]) -> Result<Self, String> {
        let &[precision, a, b, c, d, count, ref rest @ ..] = data else {
            return Err("a broken frame header".into());
        };
        let component = |c: &[u8]| Component {
            id: c[0],
            horizontal: c[1] >> 4,
            vertical: c[1] & 15,
            quantization: c[2],
        };
        let components: Vec<_> = rest.chunks_exact(3).map(component).collect();
        let factors =
            |c: &Component| (1..=4).contains(&c.horizontal) && (1..=4).contains(&c.vertical);
        if components.len() != usize::from(count) || !components.iter().all(factors) {
            return Err("a broken frame header".into());
        }
        let (height, width) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        Ok(Self { marker, precision, width, height, height_told_late: false, components })
    }
}

/// A segment that is a number of 16 bits.
fn number(data: &[u8], broken: &str) -> Result<u16, String> {
    <[u8; 2]>::try_from(data).map(u16::from_be_bytes).map_err(|_| broken.to_owned())
}

/// A place in a file.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bytes before markers that belong to no segment.
    stray: usize,
}

impl<'a> Walk<'a> {
    /// The next marker, with 0xFF before it as often as it likes; `None` at the file's end.
    fn marker(&mut self) -> Option<u8> {
        loop {
            let before = memchr(0xFF, self.bytes.get(self.at..)?)?;
            self.stray += before;
            self.at += before;
            while *self.bytes.get(self.at)? == 0xFF {
                self.at += 1;
            }
            let marker = self.bytes[self.at];
            self.at += 1;
            if marker != 0 {
                return Some(marker);
            }
            self.stray += 2;
        }
    }

    /// The contents of a segment, whose length stands first.
    fn contents(&mut self) -> Result<&'a [u8], String> {
        let length = self.bytes.get(self.at..self.at + 2).ok_or(TRUNCATED)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        if length < 2 {
            return Err(format!("a segment of {length} bytes at byte {}", self.at));
        }
        let data = self.bytes.get(self.at + 2..self.at + length).ok_or(TRUNCATED)?;
        self.at += length;
        Ok(data)
    }

    /// Bytes up to the first marker that is no restart, or to the file's end.
    fn entropy_coded(&mut self) -> &'a [u8] {
        let start = self.at;
        loop {
            let Some(next) = memchr(0xFF, &self.bytes[self.at..]) else {
                self.at = self.bytes.len();
                break;
            };
            self.at += next;
            match self.bytes.get(self.at + 1) {
                Some(0x00 | 0xD0..=0xD7) => self.at += 2,
                Some(0xFF) | None => self.at += 1,
                Some(_) => break,
            }
        }
        &self.bytes[start..self.at]
    }
}
