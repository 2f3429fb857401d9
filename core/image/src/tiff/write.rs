//! Writes TIFF: pages of RGB in strips, the descriptive tags of the source beside them.
//!
//! Strips and long values are written as they come; the directories follow at the end, when it is
//! known whether all offsets fit into 32 bits. Until then the file has no header, so that a part of
//! it is never taken for a picture.

use std::io::{Seek, SeekFrom, Write};

use rayon::prelude::*;

use crate::compression::Compression;
use crate::metadata::ifd::{self, Directory, Value};
use crate::metadata::{Metadata, density_tags, tag};
use crate::page_tags::PageTags;
use crate::samples::{Depth, Samples};
use crate::{Error, Format, Notice, Result, Rows};

mod directory;
mod strips;

use directory::{Entries, Entry, INLINE, Kind};

/// Bytes of the longer of the two headers.
const HEADER_BYTES: u64 = 16;

/// A TIFF that is being written.
pub(crate) struct Writer<W> {
    out: W,
    /// Where the next byte goes.
    at: u64,
    directories: Vec<Entries>,
    /// Those of `directories` that are pages.
    pages: Vec<usize>,
    /// Offsets from here on make it a `BigTIFF`.
    most: u64,
}

impl<W: Write + Seek> Writer<W> {
    /// Starts a file in an empty `out`.
    pub(crate) fn new(out: W) -> Result<Self> {
        let (directories, pages) = (Vec::new(), Vec::new());
        let mut writer = Self { out, at: 0, directories, pages, most: u32::MAX.into() };
        writer.append(&[0; HEADER_BYTES as usize], 1)?;
        Ok(writer)
    }

    /// Adds a page.
    pub(crate) fn add(&mut self, rows: &mut dyn Rows, tags: &PageTags<'_>) -> Result<Vec<Notice>> {
        let note = self.place_maker_note(tags.metadata)?;
        let (offsets, counts) = self.add_strips(rows, tags.compression)?;
        let mut subs = Vec::new();
        for (tag, sub) in [(tag::EXIF, &tags.metadata.exif), (tag::GPS, &tags.metadata.gps)] {
            if !sub.is_empty() {
                let entries = self.entries(sub.clone(), note)?;
                self.directories.push(entries);
                subs.push(Entry::directory(tag, self.directories.len() - 1));
            }
        }
        let mut entries = self.entries(page_tags(rows, tags), None)?;
        entries.extend(subs);
        entries.push(Entry::offsets(tag::STRIP_OFFSETS, offsets));
        entries.push(Entry::offsets(tag::STRIP_BYTE_COUNTS, counts));
        entries.sort_by_key(|entry| entry.tag);
        self.pages.push(self.directories.len());
        self.directories.push(entries);
        Ok(tags.metadata.no_place(Format::Tiff).into_iter().collect())
    }

    /// Writes the directories, and then the header that leads to them.
    pub(crate) fn finish(mut self) -> Result<()> {
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
        self.out.seek(SeekFrom::Start(0)).map_err(Error::Write)?;
        self.out.write_all(&header).map_err(Error::Write)?;
        self.out.flush().map_err(Error::Write)
    }

    /// Writes the strips; gives their offsets and lengths.
    fn add_strips(
        &mut self,
        rows: &mut dyn Rows,
        compression: Compression,
    ) -> Result<(Vec<u64>, Vec<u64>)> {
        let layout = rows.layout();
        let width = rows.size().0;
        let row = layout.channels() * width as usize;
        let strip = row * strips::rows_per_strip(layout, width);
        let (mut offsets, mut counts) = (Vec::new(), Vec::new());
        let mut write = |raw: &[Samples]| {
            let packed: Vec<Result<Vec<u8>>> = raw
                .par_iter()
                .map(|strip| strips::compress(compression, layout, strip, row))
                .collect();
            for bytes in packed {
                let bytes = bytes?;
                counts.push(bytes.len() as u64);
                offsets.push(self.append(&bytes, 2)?);
            }
            Ok::<(), Error>(())
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
        if !current.is_empty() {
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
        Ok(Some((tag::MAKER_NOTE, at)))
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
        self.out.write_all(&[0; 8][..(at - self.at) as usize]).map_err(Error::Write)?;
        self.out.write_all(bytes).map_err(Error::Write)?;
        self.at = at + bytes.len() as u64;
        Ok(at)
    }
}

/// The tags of a page, but for those that tell places.
fn page_tags(rows: &dyn Rows, tags: &PageTags<'_>) -> Directory {
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
        (tag::NEW_SUBFILE_TYPE, Value::long(subfile)),
        (tag::IMAGE_WIDTH, Value::long(width)),
        (tag::IMAGE_LENGTH, Value::long(height)),
        (tag::BITS_PER_SAMPLE, Value::shorts(&vec![8 * layout.sample_bytes() as u16; channels])),
        (tag::COMPRESSION, Value::short(tags.compression.tag())),
        (tag::PHOTOMETRIC_INTERPRETATION, Value::short(2)),
        (tag::SAMPLES_PER_PIXEL, Value::short(channels as u16)),
        (tag::ROWS_PER_STRIP, Value::long(rows_per_strip as u32)),
        (tag::PLANAR_CONFIGURATION, Value::short(1)),
        (tag::ICC_PROFILE, Value::undefined(tags.icc.to_vec())),
        (tag::XMP, Value { kind: ifd::kind::BYTE, bytes: tags.xmp.as_bytes().to_vec() }),
    ]);
    if let Some(predictor) = strips::predictor(tags.compression, layout) {
        values.insert(tag::PREDICTOR, Value::short(predictor));
    }
    if layout.depth == Depth::Float {
        values.insert(tag::SAMPLE_FORMAT, Value::shorts(&vec![3; channels]));
    }
    if layout.alpha {
        values.insert(tag::EXTRA_SAMPLES, Value::short(if tags.alpha_is_opacity { 2 } else { 0 }));
    }
    if let Some(iptc) = &tags.metadata.iptc {
        values.insert(tag::IPTC, Value::undefined(iptc.clone()));
    }
    if let Some(resources) = tags.metadata.resource_block() {
        values.insert(tag::PHOTOSHOP, Value { kind: ifd::kind::BYTE, bytes: resources });
    }
    values
}

#[cfg(test)]
mod tests;
