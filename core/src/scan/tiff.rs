//! TIFF 6.0 and `BigTIFF`: every kind that scanners and archives make, in strips and tiles.
//!
//! Strips are decompressed as streams of rows, so that even a scan that is one strip takes no more
//! memory than a band; JPEG alone is decoded a strip or tile at a time.

use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use super::ifd::Value;
use super::metadata::{Metadata, block_bytes};
use super::profile::ColorSpace;
use super::rows::Header;
use super::samples::Samples;
use super::{Error, Limits, Result, damaged, unsupported};

mod directory;
mod fax;
mod jpeg;
mod old_jpeg;
mod pages;
mod pixels;
mod plan;
mod raw;
mod streams;
mod unpack;
mod write;

use directory::{Entries, File};
use pages::Pages;
use pixels::Meaning;
use plan::{Coding, Plan};
pub(super) use write::{PageTags, Writer};

/// Compressions that are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    PackBits,
    Lzw,
    Deflate,
    Zstd,
}

impl Compression {
    /// By the number in TIFF's tag 259; 32946 is Deflate before Adobe's number.
    fn from_tag(value: u16) -> Option<Self> {
        match value {
            1 => Some(Self::None),
            5 => Some(Self::Lzw),
            8 | 32946 => Some(Self::Deflate),
            32773 => Some(Self::PackBits),
            50000 => Some(Self::Zstd),
            _ => None,
        }
    }

    fn tag(self) -> u16 {
        match self {
            Self::None => 1,
            Self::Lzw => 5,
            Self::Deflate => 8,
            Self::PackBits => 32773,
            Self::Zstd => 50000,
        }
    }
}

/// Decodes a TIFF file row by row.
pub(super) struct Reader {
    path: PathBuf,
    file: File,
    pages: Pages,
    /// Number of the page that is read.
    page: usize,
    plan: Plan,
    limits: Limits,
    /// Next row.
    y: usize,
    /// Streams of the strip that row `y` is in, one a plane.
    strips: Vec<Box<dyn Read + Send>>,
    /// Stored samples of the row of tiles that `y` is in, chunky.
    tiles: Samples,
    /// Stored samples of a row, chunky.
    row: Samples,
    bytes: Vec<u8>,
}

impl Reader {
    /// Reads the directories of all pages that hold scans, and goes to the first.
    pub(super) fn open(file: fs::File, path: &Path, limits: &Limits) -> Result<(Header, Self)> {
        let file = File::open(file, path)?;
        raw::refuse(path, &file)?;
        let pages = Pages::find(path, &file)?;
        let mut stored: u64 = 0;
        for (page, &at) in pages.places.iter().enumerate() {
            let checked = page_entries(path, &file, at, limits)
                .and_then(|(entries, _)| Plan::read(path, &file, &entries, limits))
                .map_err(|error| pages.numbered(page, error))?;
            stored = stored.saturating_add(checked.stored_bytes());
            // Within the loop, so that long lists of strips are not read for each of many pages.
            if pages.places.len() > 1 && stored > file.length {
                return Err(damaged(path, "pages share their pixels"));
            }
        }
        Self::at_page(path, file, pages, 0, limits)
    }

    fn at_page(
        path: &Path,
        file: File,
        pages: Pages,
        page: usize,
        limits: &Limits,
    ) -> Result<(Header, Self)> {
        let (entries, (width, height)) = page_entries(path, &file, pages.places[page], limits)?;
        let (metadata, icc) = read_metadata(path, &file, &entries);
        let mut plan = Plan::read(path, &file, &entries, limits)?;
        plan.use_profile(path, icc.as_deref());
        let compression = match plan.coding {
            Coding::Bytes(compression) => compression,
            Coding::Fax(_) | Coding::Jpeg(_) | Coding::OldJpeg(_) => Compression::Deflate,
        };
        let space = match (&plan.pixels.meaning, icc) {
            (Meaning::Cmyk(_) | Meaning::Lab(_), _) => ColorSpace::Linear,
            (_, Some(icc)) => ColorSpace::Icc(icc),
            (_, None) => ColorSpace::Srgb,
        };
        let (layout, depth) = (plan.layout, plan.depth);
        let header = Header { width, height, layout, depth, space, metadata, compression };
        let stored = plan.packing.depth();
        let reader = Self {
            path: path.into(),
            file,
            pages,
            page,
            y: 0,
            strips: Vec::new(),
            tiles: Samples::new(stored),
            row: Samples::new(stored),
            plan,
            limits: limits.clone(),
            bytes: Vec::new(),
        };
        if reader.plan.coding.is_jpeg() {
            jpeg::check(path, &reader.plan, 0, reader.slice(0), limits)?;
        }
        Ok((header, reader))
    }

    /// Pages that hold scans.
    pub(super) fn pages(&self) -> usize {
        self.pages.places.len()
    }

    /// Whether there are pages that hold no scans.
    pub(super) fn leaves_pages_out(&self) -> bool {
        self.pages.others
    }

    /// Goes to a page.
    pub(super) fn select(&mut self, page: usize, limits: &Limits) -> Result<Header> {
        let (file, pages) = (self.file.clone(), self.pages.clone());
        let (path, count) = (self.path.clone(), self.pages());
        if page >= count {
            return Err(damaged(&path, format!("page {} of {count}", page + 1)));
        }
        let (header, reader) = Self::at_page(&path, file, pages, page, limits)
            .map_err(|error| self.pages.numbered(page, error))?;
        *self = reader;
        Ok(header)
    }

    /// Goes to the first row.
    #[expect(clippy::unnecessary_wraps, reason = "all readers have this face")]
    pub(super) fn start(&mut self) -> Result<()> {
        self.y = 0;
        self.strips.clear();
        self.tiles.clear();
        Ok(())
    }

    /// Appends the next `rows` rows.
    pub(super) fn read_rows(&mut self, rows: usize, into: &mut Samples) -> Result<()> {
        for _ in 0..rows {
            self.read_row(into).map_err(|error| self.pages.numbered(self.page, error))?;
            self.y += 1;
        }
        Ok(())
    }

    fn read_row(&mut self, into: &mut Samples) -> Result<()> {
        if !self.plan.tiled {
            self.read_strip_row()?;
            return self.plan.pixels.append(&self.path, self.row.all(), into);
        }
        let within = self.y % self.plan.chunk.1;
        if within == 0 {
            self.read_tiles()?;
        }
        let stride = self.plan.width * self.plan.pixels.samples;
        let row = self.tiles.slice(within * stride..(within + 1) * stride);
        self.plan.pixels.append(&self.path, row, into)
    }

    /// Reads the stored samples of row `y`.
    fn read_strip_row(&mut self) -> Result<()> {
        let plan = &self.plan;
        let rows = plan.chunk.1;
        let planes = plan.planes();
        if self.y.is_multiple_of(rows) {
            let strip = self.y / rows;
            let strips = plan.height.div_ceil(rows);
            self.strips.clear(); // before the next ones take their memory
            let open = |plane| self.stream(plane * strips + strip);
            self.strips = (0..planes).map(open).collect::<Result<_>>()?;
        }
        self.bytes.resize(plan.row_bytes(), 0);
        let last = self.y % rows == rows - 1 || self.y == plan.height - 1;
        self.row.clear();
        let mut apart = Samples::new(plan.packing.depth());
        for (plane, stream) in self.strips.iter_mut().enumerate() {
            read(&self.path, stream, &mut self.bytes, self.y)?;
            let into = if planes == 1 { &mut self.row } else { &mut apart };
            let count = plan.width * plan.stride();
            plan.packing
                .append(&mut self.bytes, plan.stride(), count, into)
                .map_err(|reason| unsupported(&self.path, reason))?;
            if planes > 1 {
                self.row.resize(planes * plan.width);
                self.row.put(plane, planes, &apart, plan.width);
                apart.clear();
            }
            if last {
                check_end(&self.path, &plan.coding, stream, self.y)?;
            }
        }
        Ok(())
    }

    /// Decodes the row of tiles that starts at row `y`.
    fn read_tiles(&mut self) -> Result<()> {
        let plan = &self.plan;
        let (tile_width, tile_height) = plan.chunk;
        let across = plan.width.div_ceil(tile_width);
        let down = plan.height.div_ceil(tile_height);
        let rows = tile_height.min(plan.height - self.y);
        let samples = plan.pixels.samples;
        let mut tiles = std::mem::replace(&mut self.tiles, Samples::new(plan.packing.depth()));
        tiles.resize(rows * plan.width * samples);
        let mut bytes = vec![0; plan.row_bytes()];
        let mut stored = Samples::new(plan.packing.depth());
        for plane in 0..plan.planes() {
            for x in 0..across {
                let index = plane * across * down + self.y / tile_height * across + x;
                let mut stream = self.stream(index)?;
                for row in 0..rows {
                    read(&self.path, &mut stream, &mut bytes, self.y + row)?;
                    let width = tile_width.min(plan.width - x * tile_width);
                    let count = width * plan.stride();
                    stored.clear();
                    plan.packing
                        .append(&mut bytes, plan.stride(), count, &mut stored)
                        .map_err(|reason| unsupported(&self.path, reason))?;
                    let first = (row * plan.width + x * tile_width) * samples + plane;
                    let step = if plan.planar { samples } else { 1 };
                    tiles.put(first, step, &stored, count);
                }
                if rows == tile_height {
                    check_end(&self.path, &plan.coding, &mut stream, self.y)?;
                }
            }
        }
        self.tiles = tiles;
        Ok(())
    }

    /// The bytes of a strip or tile as rows of stored samples.
    fn stream(&self, index: usize) -> Result<Box<dyn Read + Send>> {
        // Any of them may be long and give little: bytes that mean nothing, or the same ones again.
        self.limits.deadline.check(&self.path)?;
        let plan = &self.plan;
        let slice = self.slice(index);
        Ok(match &plan.coding {
            Coding::Bytes(compression) => {
                let stream = streams::decompressed(*compression, slice, plan.planes());
                let stream = stream.map_err(Error::io(&self.path, "read"))?;
                if plan.shared == (1, 1) {
                    stream
                } else {
                    Box::new(streams::DataUnits::new(stream, plan.chunk.0, plan.shared))
                }
            }
            Coding::Fax(code) => {
                Box::new(fax::Rows::new(slice, *code, (plan.chunk.0, plan.rows(index))))
            }
            Coding::Jpeg(_) | Coding::OldJpeg(_) => {
                Box::new(Cursor::new(jpeg::decode(&self.path, plan, index, slice, &self.limits)?))
            }
        })
    }

    fn slice(&self, index: usize) -> streams::Slice {
        let (offset, length) = self.plan.places[index];
        streams::Slice::new(self.file.inner.clone(), offset, length, self.plan.reversed)
    }
}

fn read(path: &Path, stream: &mut dyn Read, bytes: &mut [u8], y: usize) -> Result<()> {
    stream.read_exact(bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            damaged(path, format!("compressed data ends early, in row {y}"))
        }
        // Decoders report broken data as errors of these kinds.
        std::io::ErrorKind::InvalidData
        | std::io::ErrorKind::InvalidInput
        | std::io::ErrorKind::Other => damaged(path, format!("row {y}: {error}")),
        _ => Error::io(path, "read")(error),
    })
}

/// Reads on to the end of a compressed stream that has a checksum there.
fn check_end(path: &Path, coding: &Coding, stream: &mut dyn Read, y: usize) -> Result<()> {
    if matches!(coding, Coding::Bytes(Compression::Deflate | Compression::Zstd)) {
        let mut more = [0];
        stream.read(&mut more).map_err(|error| damaged(path, format!("row {y}: {error}")))?;
    }
    Ok(())
}

/// The entries of a page's directory, and its size.
fn page_entries(
    path: &Path,
    file: &File,
    at: u64,
    limits: &Limits,
) -> Result<(Entries, (u32, u32))> {
    let entries = file.entries(path, at)?;
    let side = |tag| -> Result<u32> {
        let side = file.integer(path, &entries, tag)?.unwrap_or(0);
        u32::try_from(side).map_err(|_| damaged(path, format!("a side of {side} pixels")))
    };
    let (width, height) = (side(256)?, side(257)?);
    Header::check_size(path, width, height, limits)?;
    Ok((entries, (width, height)))
}

/// Metadata and the ICC profile. Tags that cannot be read are left out.
fn read_metadata(path: &Path, file: &File, entries: &Entries) -> (Metadata, Option<Vec<u8>>) {
    let image = file.tags(path, entries);
    let mut metadata = Metadata::default();
    let sub = |tag| {
        let at = image.get(&tag)?.integer()?;
        Some(file.tags(path, &file.entries(path, at).ok()?))
    };
    metadata.exif = sub(34665).unwrap_or_default();
    metadata.gps = sub(34853).unwrap_or_default();
    metadata.xmp = image.get(&700).and_then(block_bytes);
    let block = |tag| image.get(&tag).and_then(block_bytes);
    if let Some(bytes) = block(34377) {
        metadata.add_resources(&bytes);
    }
    if let Some(bytes) = image.get(&33723).and_then(iptc_bytes) {
        metadata.iptc = Some(bytes);
    }
    let icc = block(34675);
    metadata.add_image(image);
    (metadata, icc)
}

/// IPTC is often stored as 32-bit numbers, then in either order.
fn iptc_bytes(value: &Value) -> Option<Vec<u8>> {
    let bytes = block_bytes(value)?;
    if bytes.first() != Some(&0x1C) && bytes.get(3) == Some(&0x1C) {
        let mut swapped = Value { kind: super::ifd::kind::LONG, bytes };
        swapped.swap();
        return Some(swapped.bytes);
    }
    Some(bytes)
}
