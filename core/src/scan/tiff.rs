//! TIFF 6.0 and `BigTIFF`: gray and RGB of 8 and 16 bits, in strips and tiles, chunky and planar.
//!
//! The `tiff` crate reads and writes the directories. It decodes whole strips only, and drops an
//! extra sample of unspecified meaning; so the strips are decompressed here as streams of rows,
//! and even a scan that is one strip takes no more memory than a band.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::tiff::decoder::Decoder;
use ::tiff::tags::{ByteOrder, IfdPointer, Tag, ValueBuffer};
use ::tiff::{Directory as TiffDirectory, TiffError};

use super::ifd::{Directory, Value, item_bytes};
use super::metadata::{Metadata, block_bytes};
use super::profile::ColorSpace;
use super::rows::Header;
use super::samples::Samples;
use super::{Error, Limits, Result, damaged, unsupported};

mod plan;
mod streams;
mod write;

use plan::Plan;
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
    file: Arc<File>,
    plan: Plan,
    /// Next row.
    y: usize,
    /// Streams of the strip that row `y` is in, one a plane.
    strips: Vec<Box<dyn Read + Send>>,
    /// Rows of the row of tiles that `y` is in, chunky.
    tiles: Samples,
    bytes: Vec<u8>,
}

impl Reader {
    /// Reads the first directory and what it points to.
    pub(super) fn open(file: File, path: &Path, limits: &Limits) -> Result<(Header, Self)> {
        let length = file.metadata().map_err(Error::io(path, "read"))?.len();
        let file = Arc::new(file);
        let failed = |error| from_tiff(path, error);
        let mut decoder = Decoder::new(BufReader::new(Shared(Arc::clone(&file))))
            .map_err(failed)?
            .with_limits(tag_limits());
        let (width, height) = decoder.dimensions().map_err(failed)?;
        Header::check_size(path, width, height, limits)?;
        check_pages(path, &mut decoder)?;
        let plan = Plan::read(path, &mut decoder)?;
        plan.check(path, length, limits)?;
        plan.check_lzw(path, &file)?;
        let directory = first_directory(path, &mut decoder)?;
        let (metadata, icc) = read_metadata(&mut decoder, &directory);
        let header = Header {
            width,
            height,
            layout: plan.layout,
            depth: plan.layout.depth,
            space: icc.map_or(ColorSpace::Srgb, ColorSpace::Icc),
            metadata,
            compression: plan.compression,
        };
        let reader = Self {
            path: path.into(),
            file,
            y: 0,
            strips: Vec::new(),
            tiles: Samples::new(plan.layout.depth),
            plan,
            bytes: Vec::new(),
        };
        Ok((header, reader))
    }

    /// Pages that hold scans.
    #[expect(clippy::unused_self, reason = "files of several pages are refused")]
    pub(super) fn pages(&self) -> usize {
        1
    }

    /// Goes to a page.
    #[expect(clippy::needless_pass_by_ref_mut, reason = "files of several pages are refused")]
    pub(super) fn select(&mut self, page: usize, _limits: &Limits) -> Result<Header> {
        Err(unsupported(&self.path, format!("page {page}")))
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
            if self.plan.tiled {
                self.read_tiled_row(into)?;
            } else {
                self.read_strip_row(into)?;
            }
            self.y += 1;
        }
        Ok(())
    }

    fn read_strip_row(&mut self, into: &mut Samples) -> Result<()> {
        let plan = &self.plan;
        let rows = plan.chunk.1;
        let planes = plan.planes();
        if self.y.is_multiple_of(rows) {
            let strip = self.y / rows;
            let strips = plan.height.div_ceil(rows);
            let open = |plane| self.stream(plane * strips + strip);
            self.strips = (0..planes).map(open).collect::<Result<_>>()?;
        }
        self.bytes.resize(plan.width * plan.stride() * plan.layout.sample_bytes(), 0);
        let last = self.y % rows == rows - 1 || self.y == plan.height - 1;
        let mut row = Vec::with_capacity(planes);
        for (plane, stream) in self.strips.iter_mut().enumerate() {
            read(&self.path, stream, &mut self.bytes, self.y)?;
            row.push(plan.samples(&self.bytes, plan.width, plane));
            if last {
                check_end(&self.path, plan.compression, stream, self.y)?;
            }
        }
        append_planes(&row, into);
        Ok(())
    }

    fn read_tiled_row(&mut self, into: &mut Samples) -> Result<()> {
        let within = self.y % self.plan.chunk.1;
        if within == 0 {
            self.read_tiles()?;
        }
        let stride = self.plan.width * self.plan.layout.channels();
        into.extend(self.tiles.slice(within * stride..(within + 1) * stride));
        Ok(())
    }

    /// Decodes the row of tiles that starts at row `y`.
    fn read_tiles(&mut self) -> Result<()> {
        let plan = &self.plan;
        let (tile_width, tile_height) = plan.chunk;
        let across = plan.width.div_ceil(tile_width);
        let down = plan.height.div_ceil(tile_height);
        let rows = tile_height.min(plan.height - self.y);
        let channels = plan.layout.channels();
        let mut tiles = std::mem::replace(&mut self.tiles, Samples::new(plan.layout.depth));
        tiles.resize(rows * plan.width * channels);
        let mut bytes = vec![0; tile_width * plan.stride() * plan.layout.sample_bytes()];
        for plane in 0..plan.planes() {
            for x in 0..across {
                let index = plane * across * down + self.y / tile_height * across + x;
                let mut stream = self.stream(index)?;
                for row in 0..rows {
                    read(&self.path, &mut stream, &mut bytes, self.y + row)?;
                    let width = tile_width.min(plan.width - x * tile_width);
                    let samples = plan.samples(&bytes, tile_width, plane);
                    let first = (row * plan.width + x * tile_width) * channels + plane;
                    let step = if plan.planar { channels } else { 1 };
                    tiles.put(first, step, &samples, width * plan.stride());
                }
                if rows == tile_height {
                    check_end(&self.path, plan.compression, &mut stream, self.y)?;
                }
            }
        }
        self.tiles = tiles;
        Ok(())
    }

    fn stream(&self, chunk: usize) -> Result<Box<dyn Read + Send>> {
        let (offset, length) = self.plan.places[chunk];
        let slice = streams::Slice::new(Arc::clone(&self.file), offset, length);
        streams::decompressed(self.plan.compression, slice).map_err(Error::io(&self.path, "read"))
    }
}

/// Appends a row given as one chunky plane or as planes of one sample.
fn append_planes(planes: &[Samples], into: &mut Samples) {
    if let [chunky] = planes {
        into.extend(chunky.all());
        return;
    }
    let first = into.len();
    let width = planes[0].len();
    into.resize(first + width * planes.len());
    for (plane, samples) in planes.iter().enumerate() {
        into.put(first + plane, planes.len(), samples, width);
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
fn check_end(path: &Path, compression: Compression, stream: &mut dyn Read, y: usize) -> Result<()> {
    if matches!(compression, Compression::Deflate | Compression::Zstd) {
        let mut more = [0];
        stream.read(&mut more).map_err(|error| damaged(path, format!("row {y}: {error}")))?;
    }
    Ok(())
}

/// Refuses files with more than one picture; smaller versions of the first do not count.
fn check_pages<R: Read + Seek>(path: &Path, decoder: &mut Decoder<R>) -> Result<()> {
    let reduced = |decoder: &mut Decoder<R>, directory: &TiffDirectory| {
        let mut tags = decoder.read_directory_tags(directory);
        let kind = tags.find_tag_unsigned::<u32>(Tag::NewSubfileType).ok().flatten();
        let old = tags.find_tag_unsigned::<u16>(Tag::SubfileType).ok().flatten();
        kind.is_some_and(|kind| kind & 1 != 0) || old == Some(2)
    };
    let first = first_directory(path, decoder)?;
    if reduced(decoder, &first) {
        return Err(unsupported(path, "the first picture is a smaller version of another"));
    }
    let mut seen = HashSet::new();
    let mut next = first.next();
    let mut pages = 1;
    while let Some(IfdPointer(at)) = next {
        if !seen.insert(at) {
            return Err(damaged(path, "the list of pages is a loop"));
        }
        let directory =
            decoder.read_directory(IfdPointer(at)).map_err(|error| from_tiff(path, error))?;
        pages += usize::from(!reduced(decoder, &directory));
        next = directory.next();
    }
    if pages > 1 {
        return Err(unsupported(path, format!("TIFF of {pages} pages")));
    }
    Ok(())
}

fn first_directory<R: Read + Seek>(path: &Path, decoder: &mut Decoder<R>) -> Result<TiffDirectory> {
    let at = decoder.ifd_pointer().ok_or_else(|| damaged(path, "no directory"))?;
    decoder.read_directory(at).map_err(|error| from_tiff(path, error))
}

/// Metadata and the ICC profile. Tags that cannot be read are left out.
fn read_metadata<R: Read + Seek>(
    decoder: &mut Decoder<R>,
    directory: &TiffDirectory,
) -> (Metadata, Option<Vec<u8>>) {
    let image = tags(decoder, directory);
    let mut metadata = Metadata::default();
    let sub = |decoder: &mut Decoder<R>, tag| {
        let at = image.get(&tag)?.integer()?;
        let directory = decoder.read_directory(IfdPointer(at)).ok()?;
        Some(tags(decoder, &directory))
    };
    metadata.exif = sub(decoder, 34665).unwrap_or_default();
    metadata.gps = sub(decoder, 34853).unwrap_or_default();
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

fn tags<R: Read + Seek>(decoder: &mut Decoder<R>, directory: &TiffDirectory) -> Directory {
    let mut read = decoder.read_directory_tags(directory);
    let mut found = Directory::new();
    let mut left = TAG_BYTES; // entries may share their bytes, so that a small file asks for much
    for (tag, entry) in directory.iter() {
        let bytes = entry
            .count()
            .saturating_mul(item_bytes(entry.field_type().to_u16()).unwrap_or(1) as u64);
        let chunks =
            [Tag::StripOffsets, Tag::StripByteCounts, Tag::TileOffsets, Tag::TileByteCounts];
        if bytes > left || chunks.contains(&tag) {
            continue;
        }
        left -= bytes;
        let mut buffer = ValueBuffer::empty(entry.field_type());
        if let Ok(Some(_)) = read.find_tag_buf(tag, &mut buffer) {
            buffer.set_byte_order(ByteOrder::LittleEndian);
            let (kind, bytes) = (buffer.data_type().to_u16(), buffer.as_bytes().to_vec());
            found.insert(tag.to_u16(), Value { kind, bytes });
        }
    }
    found
}

/// Most bytes of tags that are carried: room for large ICC profiles and XMP packets.
const TAG_BYTES: u64 = 64 << 20;

fn tag_limits() -> ::tiff::decoder::Limits {
    let mut limits = ::tiff::decoder::Limits::default();
    limits.ifd_value_size = TAG_BYTES as usize;
    limits
}

fn from_tiff(path: &Path, error: TiffError) -> Error {
    match error {
        TiffError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            damaged(path, "truncated: a directory ends beyond the file")
        }
        TiffError::IoError(error) => Error::io(path, "read")(error),
        TiffError::UnsupportedError(error) => unsupported(path, error),
        TiffError::LimitsExceeded => {
            Error::Limit { path: path.into(), reason: "a tag is too large".into() }
        }
        error => damaged(path, error),
    }
}

/// Seeks and reads a file that streams read too.
struct Shared(Arc<File>);

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        (&*self.0).read(buffer)
    }
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        (&*self.0).seek(to)
    }
}
