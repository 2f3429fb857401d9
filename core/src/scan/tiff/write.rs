//! Writes TIFF: pages of RGB in strips, the descriptive tags of the source beside them.
//!
//! Strips and long values are written as they come; the directories follow at the end, when it is
//! known whether all offsets fit into 32 bits. Until then the file has no header, so that a part of
//! it is never taken for a picture.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;

use rayon::prelude::*;

use super::Compression;
use crate::scan::color::ColorRows;
use crate::scan::ifd::{self, Directory, Value};
use crate::scan::metadata::{MAKER_NOTE, Metadata, density_tags};
use crate::scan::samples::Samples;
use crate::scan::{Depth, Result, write_failed};

mod directory;
mod strips;

use directory::{Entries, Entry, INLINE, Kind};

/// Bytes of the longer of the two headers.
const HEADER_BYTES: u64 = 16;

/// A TIFF that is being written.
pub(in crate::scan) struct Writer<W> {
    /// The source, for messages.
    path: PathBuf,
    out: W,
    /// Where the next byte goes.
    at: u64,
    directories: Vec<Entries>,
    /// Those of `directories` that are pages.
    pages: Vec<usize>,
    /// Offsets from here on make it a `BigTIFF`.
    most: u64,
}

/// What a page says besides its pixels.
pub(in crate::scan) struct PageTags<'a> {
    pub(in crate::scan) compression: Compression,
    pub(in crate::scan) metadata: &'a Metadata,
    pub(in crate::scan) icc: &'a [u8],
    pub(in crate::scan) xmp: &'a [u8],
    /// Pages of the file.
    pub(in crate::scan) pages: usize,
}

impl<W: Write + Seek> Writer<W> {
    /// Starts a file in an empty `out`.
    pub(in crate::scan) fn new(path: PathBuf, out: W) -> Result<Self> {
        let (directories, pages) = (Vec::new(), Vec::new());
        let mut writer = Self { path, out, at: 0, directories, pages, most: u32::MAX.into() };
        writer.append(&[0; HEADER_BYTES as usize], 1)?;
        Ok(writer)
    }

    /// Adds a page.
    pub(in crate::scan) fn add(
        &mut self,
        rows: &mut ColorRows<'_>,
        tags: &PageTags<'_>,
    ) -> Result<()> {
        let note = self.place_maker_note(tags.metadata)?;
        let (offsets, counts) = self.add_strips(rows, tags.compression)?;
        let mut subs = Vec::new();
        for (tag, sub) in [(34665, &tags.metadata.exif), (34853, &tags.metadata.gps)] {
            if !sub.is_empty() {
                let entries = self.entries(sub.clone(), note)?;
                self.directories.push(entries);
                subs.push(Entry::directory(tag, self.directories.len() - 1));
            }
        }
        let mut entries = self.entries(page_tags(rows, tags), None)?;
        entries.extend(subs);
        entries.push(Entry::offsets(273, offsets));
        entries.push(Entry::offsets(279, counts));
        entries.sort_by_key(|entry| entry.tag);
        self.pages.push(self.directories.len());
        self.directories.push(entries);
        Ok(())
    }

    /// Writes the directories, and then the header that leads to them.
    pub(in crate::scan) fn finish(mut self) -> Result<()> {
        self.append(&[], 8)?;
        let serialize = |kind| directory::serialize(kind, &self.directories, &self.pages, self.at);
        let (mut kind, mut last) = (Kind::Classic, serialize(Kind::Classic));
        if self.at + last.1.len() as u64 > self.most {
            (kind, last) = (Kind::Big, serialize(Kind::Big));
        }
        let (first, bytes) = last;
        self.append(&bytes, 1)?;
        let mut header = Vec::with_capacity(HEADER_BYTES as usize);
        match kind {
            Kind::Classic => {
                header.extend(b"II*\0");
                header.extend((first as u32).to_le_bytes());
            }
            Kind::Big => {
                header.extend(b"II+\0\x08\0\0\0");
                header.extend(first.to_le_bytes());
            }
        }
        let path = &self.path;
        let failed = |error| write_failed(path, error);
        self.out.seek(SeekFrom::Start(0)).map_err(failed)?;
        self.out.write_all(&header).map_err(failed)?;
        self.out.flush().map_err(failed)
    }

    /// Writes the strips; gives their offsets and lengths.
    fn add_strips(
        &mut self,
        rows: &mut ColorRows<'_>,
        compression: Compression,
    ) -> Result<(Vec<u64>, Vec<u64>)> {
        let layout = rows.layout();
        let width = rows.size().0;
        let row = layout.channels() * width as usize;
        let strip = row * strips::rows_per_strip(layout, width);
        let (mut offsets, mut counts) = (Vec::new(), Vec::new());
        let mut write = |raw: &[Samples]| {
            let packed: Vec<io::Result<Vec<u8>>> = raw
                .par_iter()
                .map(|strip| strips::compress(compression, layout, strip, row))
                .collect();
            for bytes in packed {
                let bytes = bytes.map_err(|error| write_failed(&self.path, error))?;
                counts.push(bytes.len() as u64);
                offsets.push(self.append(&bytes, 2)?);
            }
            Ok::<(), crate::Error>(())
        };
        let together = rayon::current_num_threads();
        let mut full = Vec::new();
        let mut current = Samples::new(layout.depth);
        while let Some(mut band) = rows.next()? {
            while !band.is_empty() {
                let (now, later) = band.split_at(band.len().min(strip - current.len()));
                current.extend(now);
                band = later;
                if current.len() == strip {
                    full.push(std::mem::replace(&mut current, Samples::new(layout.depth)));
                    if full.len() >= together {
                        write(&full)?;
                        full.clear();
                    }
                }
            }
        }
        if current.len() > 0 {
            full.push(current);
        }
        write(&full)?;
        Ok((offsets, counts))
    }

    /// Writes the maker's note where it lay in its source, if nothing lies there yet.
    fn place_maker_note(&mut self, metadata: &Metadata) -> Result<Option<(u16, u64)>> {
        let Some((at, note)) = metadata.maker_note(self.at as usize) else { return Ok(None) };
        let padding = vec![0; at as usize - self.at as usize];
        self.append(&padding, 1)?;
        let at = self.append(note, 1)?;
        Ok(Some((MAKER_NOTE, at)))
    }

    /// The entries of a directory; long values go to the file, but for one that is there.
    fn entries(&mut self, tags: Directory, placed: Option<(u16, u64)>) -> Result<Entries> {
        let mut entries = Vec::with_capacity(tags.len());
        for (tag, value) in tags {
            if directory::is_whole(&value) {
                let at = match placed {
                    Some((placed, at)) if placed == tag => Some(at),
                    _ if value.bytes.len() > INLINE => Some(self.append(&value.bytes, 2)?),
                    _ => None,
                };
                entries.push(Entry::new(tag, value, at));
            }
        }
        Ok(entries)
    }

    /// Writes bytes at the next multiple of `align`, and says where that is.
    fn append(&mut self, bytes: &[u8], align: u64) -> Result<u64> {
        let at = self.at.next_multiple_of(align);
        let failed = |error| write_failed(&self.path, error);
        self.out.write_all(&[0; 8][..(at - self.at) as usize]).map_err(failed)?;
        self.out.write_all(bytes).map_err(failed)?;
        self.at = at + bytes.len() as u64;
        Ok(at)
    }
}

/// The tags of a page, but for those that tell places.
fn page_tags(rows: &ColorRows<'_>, tags: &PageTags<'_>) -> Directory {
    let mut values = tags.metadata.image.clone();
    if let Some(density) = &tags.metadata.density() {
        values.extend(density_tags(density));
    }
    let layout = rows.layout();
    let (width, height) = rows.size();
    let channels = layout.channels();
    let rows_per_strip = strips::rows_per_strip(layout, width).min(height as usize);
    // 2: a page of several (TIFF 6.0, NewSubfileType).
    let subfile = if tags.pages > 1 { 2 } else { 0 };
    values.extend([
        (254, Value::long(subfile)),
        (256, Value::long(width)),
        (257, Value::long(height)),
        (258, Value::shorts(&vec![8 * layout.sample_bytes() as u16; channels])),
        (259, Value::short(tags.compression.tag())),
        (262, Value::short(2)),
        (277, Value::short(channels as u16)),
        (278, Value::long(rows_per_strip as u32)),
        (284, Value::short(1)),
        (34675, Value::undefined(tags.icc.to_vec())),
        (700, Value { kind: ifd::kind::BYTE, bytes: tags.xmp.to_vec() }),
    ]);
    if let Some(predictor) = strips::predictor(tags.compression, layout) {
        values.insert(317, Value::short(predictor));
    }
    if layout.depth == Depth::Float {
        values.insert(339, Value::shorts(&vec![3; channels]));
    }
    if layout.alpha {
        values.insert(338, Value::short(2));
    }
    if let Some(iptc) = &tags.metadata.iptc {
        values.insert(33723, Value::undefined(iptc.clone()));
    }
    if let Some(resources) = tags.metadata.resource_block() {
        values.insert(34377, Value { kind: ifd::kind::BYTE, bytes: resources });
    }
    values
}

#[cfg(test)]
mod tests;
