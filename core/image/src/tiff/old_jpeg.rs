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
pub(crate) struct Header {
    /// Segments with the tables.
    tables: Vec<u8>,
    /// Sampling factors of each component, across in the upper four bits.
    sampling: Vec<u8>,
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
        Ok(Self { tables, sampling })
    }

    /// A whole stream of a strip's codes.
    pub(crate) fn stream(&self, (width, height): (usize, usize), codes: &[u8]) -> Vec<u8> {
        let count = self.sampling.len() as u8;
        let mut stream = b"\xFF\xD8".to_vec();
        stream.extend(&self.tables);
        // A sequential frame that may have four tables of each kind (ISO 10918-1, B.2.2).
        stream.extend([0xFF, 0xC1, 0, 8 + 3 * count, 8]);
        stream.extend((height as u16).to_be_bytes());
        stream.extend((width as u16).to_be_bytes());
        stream.push(count);
        for (number, &sampling) in (0..).zip(&self.sampling) {
            stream.extend([number, sampling, number]);
        }
        stream.extend([0xFF, 0xDA, 0, 6 + 2 * count, count]);
        for number in 0..count {
            stream.extend([number, number << 4 | number]);
        }
        stream.extend([0, 63, 0]);
        stream.extend(codes.strip_suffix(b"\xFF\xD9").unwrap_or(codes));
        stream.extend(b"\xFF\xD9");
        stream
    }
}

fn segment(stream: &mut Vec<u8>, marker: u8, number: u8, table: &[u8]) {
    stream.extend([0xFF, marker]);
    stream.extend((3 + table.len() as u16).to_be_bytes());
    stream.push(number);
    stream.extend(table);
}
