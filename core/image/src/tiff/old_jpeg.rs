//! JPEG as TIFF had it before 1995: the tables lie apart, the strips are bare codes (TIFF 6.0,
//! section 22). Put together they are streams like any other.

use super::directory::{Directories, Entries};
use crate::Result;
use crate::error::damaged;
use crate::metadata::tag;

/// Most components.
const COMPONENTS: usize = 4;

/// What strips of bare codes lack.
#[derive(Clone, Debug)]
pub(crate) enum Header {
    /// A stream up to its codes.
    Stream(Vec<u8>),
    /// What a stream is made of.
    Parts {
        /// Segments with the tables.
        tables: Vec<u8>,
        /// Sampling factors of each component, across in the upper four bits.
        sampling: Vec<u8>,
    },
}

/// Where the bytes that a file has at tag 513 end.
pub(crate) enum Extent {
    /// Behind a picture, with all its codes.
    Whole,
    /// Before the codes, which the strips hold: so many bytes.
    Head(usize),
}

/// How far a stream goes that begins with these bytes; `None` if they are no stream of a picture.
pub(crate) fn extent(bytes: &[u8]) -> Option<Extent> {
    let mut at = 2;
    if !bytes.starts_with(b"\xFF\xD8") {
        return None;
    }
    let mut frame = false;
    loop {
        match *bytes.get(at..)? {
            [0xFF, 0xFF, ..] => at += 1,
            [
                0xFF,
                marker @ (0xC0..=0xC3 | 0xDB | 0xC4 | 0xDD | 0xDA | 0xE0..=0xEF | 0xFE),
                a,
                b,
                ..,
            ] => {
                at += 2 + usize::from(u16::from_be_bytes([a, b]));
                frame |= (0xC0..=0xC3).contains(&marker);
                if marker == 0xDA && frame {
                    let codes = bytes.get(at..)?;
                    return Some(if codes.len() < 2 { Extent::Head(at) } else { Extent::Whole });
                }
            }
            // The strips begin with the scan's header.
            [] | [_] if frame => return Some(Extent::Head(at)),
            _ => return None,
        }
    }
}

impl Header {
    /// Reads the tables of a page of `samples` components; `shared` as in tag 530.
    pub(crate) fn read(
        file: &Directories,
        entries: &Entries,
        samples: usize,
        shared: (u8, u8),
    ) -> Result<Self> {
        let places = |tag| {
            let places = file.integers(entries, tag, COMPONENTS as u64)?.unwrap_or_default();
            if places.is_empty() || samples > COMPONENTS {
                return Err(damaged(format!("JPEG without the tables of tag {tag}")));
            }
            // One table may serve all components.
            Ok((0..samples).map(move |i| places.get(i).copied().unwrap_or(places[0])))
        };
        let mut tables = Vec::new();
        for (number, at) in places(tag::JPEG_Q_TABLES)?.enumerate() {
            segment(&mut tables, 0xDB, number as u8, &file.bytes(at, 64)?);
        }
        for (tag, class) in [(tag::JPEG_DC_TABLES, 0), (tag::JPEG_AC_TABLES, 0x10)] {
            for (number, at) in places(tag)?.enumerate() {
                let mut table = file.bytes(at, 16)?;
                let codes = table.iter().map(|&count| u64::from(count)).sum();
                table.extend(file.bytes(at + 16, codes)?);
                segment(&mut tables, 0xC4, class | number as u8, &table);
            }
        }
        let interval = file.integer(entries, tag::JPEG_RESTART_INTERVAL)?;
        if let Some(interval) = interval.filter(|&interval| interval > 0) {
            tables.extend([0xFF, 0xDD, 0, 4]);
            tables.extend((interval as u16).to_be_bytes());
        }
        let mut sampling = vec![0x11; samples];
        if samples == 3 {
            sampling[0] = shared.0 << 4 | shared.1;
        }
        Ok(Self::Parts { tables, sampling })
    }

    /// A whole stream of a strip's codes.
    pub(crate) fn stream(&self, (width, height): (usize, usize), codes: &[u8]) -> Vec<u8> {
        if codes.starts_with(b"\xFF\xD8") {
            return codes.to_vec(); // it is one already
        }
        let size = [height as u16, width as u16].map(u16::to_be_bytes).concat();
        let mut stream = match self {
            Self::Stream(head) => {
                let mut stream = head.clone();
                set_size(&mut stream, &size);
                stream
            }
            Self::Parts { tables, sampling } => assembled(tables, sampling, &size),
        };
        stream.extend(codes.strip_suffix(b"\xFF\xD9").unwrap_or(codes));
        stream.extend(b"\xFF\xD9");
        stream
    }
}

/// A stream up to its codes.
fn assembled(tables: &[u8], sampling: &[u8], size: &[u8]) -> Vec<u8> {
    let count = sampling.len() as u8;
    let mut stream = b"\xFF\xD8".to_vec();
    stream.extend(tables);
    // A sequential frame that may have four tables of each kind (ISO 10918-1, B.2.2).
    stream.extend([0xFF, 0xC1, 0, 8 + 3 * count, 8]);
    stream.extend(size);
    stream.push(count);
    for (number, &sampling) in (0..).zip(sampling) {
        stream.extend([number, sampling, number]);
    }
    stream.extend([0xFF, 0xDA, 0, 6 + 2 * count, count]);
    for number in 0..count {
        stream.extend([number, number << 4 | number]);
    }
    stream.extend([0, 63, 0]);
    stream
}

/// Makes the frame of a stream that of a strip.
fn set_size(stream: &mut [u8], size: &[u8]) {
    let mut at = 2;
    while let Some(&[0xFF, marker, a, b, ..]) = stream.get(at..) {
        if let (0xC0..=0xC3, Some(told)) = (marker, stream.get_mut(at + 5..at + 9)) {
            told.copy_from_slice(size);
            return;
        }
        at += if marker == 0xFF { 1 } else { 2 + usize::from(u16::from_be_bytes([a, b])) };
    }
}

fn segment(stream: &mut Vec<u8>, marker: u8, number: u8, table: &[u8]) {
    stream.extend([0xFF, marker]);
    stream.extend((3 + table.len() as u16).to_be_bytes());
    stream.push(number);
    stream.extend(table);
}
