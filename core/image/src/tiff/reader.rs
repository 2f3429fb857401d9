//! Reading a TIFF row by row.

use std::cell::RefCell;
use std::io::{Cursor, ErrorKind, Read};

use super::coding::Coding;
use super::directory::{Directories, Entries};
use super::pages::Pages;
use super::pixels::Meaning;
use super::plan::Plan;
use super::{fax, jpeg, metadata, raw, streams};
use crate::budget::{Budget, Drawn, filled};
use crate::color::profile::ColorSpace;
use crate::compression::Compression;
use crate::decode::Decode;
use crate::error::{damaged, unsupported};
use crate::metadata::tag;
use crate::samples::Samples;
use crate::{Error, Header, Notice, Result, Source};

/// Decodes a TIFF file row by row.
pub(crate) struct Reader {
    file: Directories,
    pages: Pages,
    /// Number of the page that is read.
    page: usize,
    plan: Plan,
    /// For the list of strips or tiles, for rows, and for metadata.
    _drawn: [Drawn; 3],
    /// Next row.
    y: usize,
    /// Streams of the strip that row `y` is in, one a plane.
    strips: Vec<Box<dyn Read + Send>>,
    /// Stored samples of the row of tiles that `y` is in, chunky.
    tiles: Samples,
    /// Stored samples of a row, chunky.
    row: Samples,
    bytes: Vec<u8>,
    /// What is odd about the samples' data.
    notices: RefCell<Vec<Notice>>,
}

impl Reader {
    /// Reads the directories of all pages that hold scans, and goes to the first.
    pub(crate) fn open(source: Source, budget: &Budget) -> Result<(Header, Self)> {
        let file = Directories::open(source, budget)?;
        raw::refuse(&file)?;
        let pages = Pages::find(&file)?;
        let mut stored: u64 = 0;
        for (page, &at) in pages.places.iter().enumerate() {
            let checked = page_entries(&file, at)
                .and_then(|(entries, _)| Plan::read(&file, &entries))
                .map_err(|error| pages.numbered(page, error))?;
            stored = stored.saturating_add(checked.stored_bytes());
            // Within the loop, so that long lists of strips are not read for each of many pages.
            if pages.places.len() > 1 && stored > file.length {
                return Err(damaged("pages share their pixels"));
            }
        }
        Self::at_page(file, pages, 0)
    }

    fn at_page(file: Directories, pages: Pages, page: usize) -> Result<(Header, Self)> {
        let (entries, (width, height)) = page_entries(&file, pages.places[page])?;
        let mut plan = Plan::read(&file, &entries)?;
        let lists = file.budget.draw("a list of strips or tiles", plan.places_bytes())?;
        let rows = file.budget.draw(plan.unit(), plan.held())?;
        let mut notices = pages.notices(page);
        let (metadata, icc) = metadata::read(&file, &entries, &mut notices)?;
        let profile = icc.as_ref().map_or(0, Vec::len);
        let carried = file.budget.draw_metadata(metadata.bytes(), profile);
        plan.use_profile(icc.as_deref(), &mut notices);
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
        let header = Header { width, height, layout, depth, space, metadata, compression, notices };
        let stored = plan.packing.depth();
        let reader = Self {
            file,
            pages,
            page,
            y: 0,
            strips: Vec::new(),
            tiles: Samples::new(stored),
            row: Samples::new(stored),
            plan,
            _drawn: [lists, rows, carried],
            bytes: Vec::new(),
            notices: RefCell::default(),
        };
        if reader.plan.coding.is_jpeg() {
            jpeg::check(&reader.plan, 0, reader.slice(0), &reader.file.budget)?;
        }
        Ok((header, reader))
    }

    fn read_row(&mut self, into: &mut Samples) -> Result<()> {
        if !self.plan.tiled {
            self.read_strip_row()?;
            return self.plan.pixels.append(self.row.all(), into);
        }
        let within = self.y % self.plan.chunk.1;
        if within == 0 {
            self.read_tiles()?;
        }
        let stride = self.plan.width * self.plan.pixels.samples;
        let row = self.tiles.slice(within * stride..(within + 1) * stride);
        self.plan.pixels.append(row, into)
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
        let last = self.y % rows == rows - 1 || self.y == plan.height - 1;
        self.row.clear();
        let mut apart = Samples::new(plan.packing.depth());
        for (plane, stream) in self.strips.iter_mut().enumerate() {
            read(stream, &mut self.bytes, self.y)?;
            let into = if planes == 1 { &mut self.row } else { &mut apart };
            let count = plan.width * plan.stride();
            plan.packing
                .append(&mut self.bytes, plan.stride(), count, into)
                .map_err(unsupported)?;
            if planes > 1 {
                self.row.resize(planes * plan.width);
                self.row.put(plane, planes, &apart, plan.width);
                apart.clear();
            }
            if last {
                check_end(&plan.coding, stream, self.y)?;
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
        let count = rows * plan.width * samples;
        tiles.reserve_exact(count.saturating_sub(tiles.len()))?;
        tiles.resize(count);
        let mut bytes = filled(0, plan.row_bytes())?;
        let mut stored = Samples::new(plan.packing.depth());
        for plane in 0..plan.planes() {
            for x in 0..across {
                let index = plane * across * down + self.y / tile_height * across + x;
                let mut stream = self.stream(index)?;
                for row in 0..rows {
                    read(&mut stream, &mut bytes, self.y + row)?;
                    let width = tile_width.min(plan.width - x * tile_width);
                    let count = width * plan.stride();
                    stored.clear();
                    plan.packing
                        .append(&mut bytes, plan.stride(), count, &mut stored)
                        .map_err(unsupported)?;
                    let first = (row * plan.width + x * tile_width) * samples + plane;
                    let step = if plan.planar { samples } else { 1 };
                    tiles.put(first, step, &stored, count);
                }
                if rows == tile_height {
                    check_end(&plan.coding, &mut stream, self.y)?;
                }
            }
        }
        self.tiles = tiles;
        Ok(())
    }

    /// The bytes of a strip or tile as rows of stored samples.
    fn stream(&self, index: usize) -> Result<Box<dyn Read + Send>> {
        // Any of them may be long and give little: bytes that mean nothing, or the same ones again.
        self.file.budget.check_time()?;
        let plan = &self.plan;
        let slice = self.slice(index);
        Ok(match &plan.coding {
            Coding::Bytes(compression) => {
                let window = self.file.budget.limits().memory / 2 / plan.planes() as u64;
                let stream = streams::decompressed(*compression, slice, window);
                let stream = stream.map_err(Error::reading)?;
                if plan.shared == (1, 1) {
                    stream
                } else {
                    Box::new(streams::DataUnits::new(stream, plan.chunk.0, plan.shared))
                }
            }
            Coding::Fax(code) => {
                Box::new(fax::Rows::new(slice, *code, (plan.chunk.0, plan.rows(index))))
            }
            Coding::Jpeg(_) | Coding::OldJpeg(_) => Box::new(Cursor::new(jpeg::decode(
                plan,
                index,
                slice,
                &self.file.budget,
                &mut self.notices.borrow_mut(),
            )?)),
        })
    }

    fn slice(&self, index: usize) -> streams::Slice {
        let (offset, length) = self.plan.places[index];
        streams::Slice::new(&self.file.source, offset, length, self.plan.reversed)
    }
}

impl Decode for Reader {
    fn alpha_is_opacity(&self) -> bool {
        self.plan.pixels.alpha.is_none_or(|alpha| alpha.is_opacity)
    }

    fn take_notices(&mut self) -> Vec<Notice> {
        // Strips are alike: what many of them have is told once.
        let mut told: Vec<Notice> = Vec::new();
        for notice in self.notices.take() {
            if !told
                .iter()
                .any(|known| std::mem::discriminant(known) == std::mem::discriminant(&notice))
            {
                told.push(notice);
            }
        }
        told
    }

    fn pages(&self) -> usize {
        self.pages.places.len()
    }

    fn leaves_pages_out(&self) -> bool {
        self.pages.others
    }

    fn select(&mut self, page: usize) -> Result<Header> {
        let (file, pages) = (self.file.clone(), self.pages.clone());
        let count = self.pages();
        if page >= count {
            return Err(damaged(format!("page {} of {count}", page + 1)));
        }
        let (header, reader) =
            Self::at_page(file, pages, page).map_err(|error| self.pages.numbered(page, error))?;
        *self = reader;
        Ok(header)
    }

    fn start(&mut self) -> Result<()> {
        self.y = 0;
        self.strips.clear();
        self.tiles.clear();
        self.row.clear();
        self.row.reserve_exact(self.plan.width * self.plan.pixels.samples)?;
        self.bytes = filled(0, self.plan.row_bytes())?;
        Ok(())
    }

    fn read_rows(&mut self, rows: usize, into: &mut Samples) -> Result<()> {
        for _ in 0..rows {
            self.read_row(into).map_err(|error| self.pages.numbered(self.page, error))?;
            self.y += 1;
        }
        Ok(())
    }

    fn skip_rows(&mut self, rows: usize, unused: &mut Samples) -> Result<()> {
        let (end, chunk) = (self.y + rows, self.plan.chunk.1);
        while self.y < end {
            // A whole row of strips or tiles is not even opened.
            let after = (self.y + chunk).min(self.plan.height);
            if self.y.is_multiple_of(chunk) && after <= end {
                self.y = after;
            } else {
                unused.clear();
                self.read_rows(1, unused)?;
            }
        }
        Ok(())
    }

    fn holds_all(&self) -> bool {
        false
    }
}

fn read(stream: &mut dyn Read, bytes: &mut [u8], y: usize) -> Result<()> {
    stream.read_exact(bytes).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => damaged(format!("compressed data ends early, in row {y}")),
        _ => failed(error, y),
    })
}

/// Why rows from `y` on could not be read.
fn failed(error: std::io::Error, y: usize) -> Error {
    let kind = error.kind();
    match Error::reading(error) {
        // Decoders report broken data as errors of these kinds.
        Error::Read(error)
            if matches!(
                kind,
                ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::Other
            ) =>
        {
            // Zstandard's words for a window beyond what it may hold.
            if error.to_string().contains("too much memory") {
                return Error::Limit(format!("row {y}: unpacking it takes too much memory"));
            }
            damaged(format!("row {y}: {error}"))
        }
        error => error,
    }
}

/// Reads on to the end of a compressed stream that has a checksum there.
fn check_end(coding: &Coding, stream: &mut dyn Read, y: usize) -> Result<()> {
    if matches!(coding, Coding::Bytes(Compression::Deflate | Compression::Zstd)) {
        let mut more = [0];
        stream.read(&mut more).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => damaged(format!("row {y}: {error}")),
            _ => failed(error, y),
        })?;
    }
    Ok(())
}

/// The entries of a page's directory, and its size.
fn page_entries(file: &Directories, at: u64) -> Result<(Entries, (u32, u32))> {
    let entries = file.entries(at)?;
    let side = |tag| -> Result<u32> {
        let side = file.integer(&entries, tag)?.unwrap_or(0);
        u32::try_from(side).map_err(|_| damaged(format!("a side of {side} pixels")))
    };
    let (width, height) = (side(tag::IMAGE_WIDTH)?, side(tag::IMAGE_LENGTH)?);
    Header::check_size(width, height, file.budget.limits())?;
    Ok((entries, (width, height)))
}
