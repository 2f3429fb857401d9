//! Rows of a scan in order, from its file or from the samples kept of it.

use std::fs::File;
use std::io::{self, Seek};
use std::path::Path;

use super::metadata::Metadata;
use super::profile::ColorSpace;
use super::samples::{Layout, Samples, SamplesRef};
use super::{
    Deadline, Depth, Error, Format, Limits, Result, damaged, jpeg, png, refused, tiff, unsupported,
    webp,
};
use crate::Orientation;

/// Most pixels a row: some 60 bytes are held for each, whatever the limit on memory.
const WIDEST: u32 = 1 << 22;

/// What a reader found in a file's header.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) layout: Layout,
    /// Depth of a result, which the samples' may exceed.
    pub(super) depth: Depth,
    pub(super) space: ColorSpace,
    pub(super) metadata: Metadata,
    /// How a TIFF result is to be compressed.
    pub(super) compression: tiff::Compression,
}

impl Header {
    /// Refuses scans with more pixels than allowed.
    pub(super) fn check_size(path: &Path, width: u32, height: u32, limits: &Limits) -> Result<()> {
        if width == 0 || height == 0 {
            return Err(damaged(path, format!("size {width}x{height}")));
        }
        if width > WIDEST {
            let reason = format!("rows of {width} pixels, the limit is {WIDEST}");
            return Err(Error::Limit { path: path.into(), reason });
        }
        let pixels = u64::from(width) * u64::from(height);
        if pixels > limits.pixels {
            let reason =
                format!("{width}x{height} is {pixels} pixels, the limit is {}", limits.pixels);
            return Err(Error::Limit { path: path.into(), reason });
        }
        Ok(())
    }

    /// How the stored picture is to be turned to be upright.
    pub(super) fn orientation(&self) -> Orientation {
        self.metadata.orientation()
    }
}

/// A file being decoded from top to bottom.
pub(super) enum Reader {
    Jpeg(Box<jpeg::Reader>),
    Png(Box<png::Reader>),
    Tiff(Box<tiff::Reader>),
    Webp(webp::Reader),
}

impl Reader {
    /// Tells the format by the first bytes and reads the header.
    pub(super) fn open(path: &Path, limits: &Limits) -> Result<(Format, Header, Self)> {
        let mut file = File::open(path).map_err(Error::io(path, "open"))?;
        let kind = file.metadata().map_err(Error::io(path, "read"))?;
        if !kind.is_file() {
            let source = if kind.is_dir() {
                io::Error::from(io::ErrorKind::IsADirectory)
            } else {
                io::Error::other("not a regular file")
            };
            return Err(Error::Io { path: path.into(), doing: "read", source });
        }
        let mut start = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(&mut file, refused::START), &mut start)
            .map_err(Error::io(path, "read"))?;
        file.rewind().map_err(Error::io(path, "read"))?;
        if let Some(name) = refused::name(&start) {
            return Err(unsupported(path, name));
        }
        match &start[..] {
            [] => Err(not_an_image(path, "the file is empty")),
            [0xFF, 0xD8, 0xFF, ..] => {
                let (header, reader) = jpeg::Reader::open(file, path, limits)?;
                Ok((Format::Jpeg, header, Self::Jpeg(Box::new(reader))))
            }
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => {
                let (header, reader) = png::Reader::open(file, path, limits)?;
                Ok((Format::Png, header, Self::Png(Box::new(reader))))
            }
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => {
                let (header, reader) = tiff::Reader::open(file, path, limits)?;
                Ok((Format::Tiff, header, Self::Tiff(Box::new(reader))))
            }
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
                let (header, reader) = webp::Reader::open(file, path, limits)?;
                Ok((Format::Webp, header, Self::Webp(reader)))
            }
            _ => Err(not_an_image(path, "neither JPEG nor PNG nor TIFF nor WebP")),
        }
    }

    /// Pages that hold scans.
    pub(super) fn pages(&self) -> usize {
        match self {
            Self::Jpeg(_) | Self::Png(_) | Self::Webp(_) => 1,
            Self::Tiff(reader) => reader.pages(),
        }
    }

    /// Whether the file has pages that hold no scans.
    pub(super) fn leaves_pages_out(&self) -> bool {
        match self {
            Self::Jpeg(_) | Self::Png(_) | Self::Webp(_) => false,
            Self::Tiff(reader) => reader.leaves_pages_out(),
        }
    }

    /// Goes to a page.
    pub(super) fn select(&mut self, page: usize, limits: &Limits) -> Result<Header> {
        match self {
            Self::Tiff(reader) => reader.select(page, limits),
            Self::Jpeg(_) | Self::Png(_) | Self::Webp(_) => {
                unreachable!("{page}: these have one page")
            }
        }
    }

    /// Whether the reader holds all samples itself, so that a second pass costs nothing.
    pub(super) fn holds_all(&self) -> bool {
        match self {
            Self::Jpeg(_) | Self::Webp(_) => true,
            Self::Png(reader) => reader.holds_all(),
            Self::Tiff(_) => false,
        }
    }

    /// Goes to the first row.
    fn start(&mut self) -> Result<()> {
        match self {
            Self::Jpeg(reader) => reader.start(),
            Self::Png(reader) => reader.start(),
            Self::Tiff(reader) => reader.start(),
            Self::Webp(reader) => reader.start(),
        }
    }

    /// Appends the next `rows` rows.
    fn read_rows(&mut self, rows: usize, into: &mut Samples) -> Result<()> {
        match self {
            Self::Jpeg(reader) => reader.read_rows(rows, into),
            Self::Png(reader) => reader.read_rows(rows, into),
            Self::Tiff(reader) => reader.read_rows(rows, into),
            Self::Webp(reader) => reader.read_rows(rows, into),
        }
    }

    /// Checks what follows the last row.
    fn finish(&mut self) -> Result<()> {
        match self {
            Self::Png(reader) => reader.finish(),
            Self::Jpeg(_) | Self::Tiff(_) | Self::Webp(_) => Ok(()),
        }
    }
}

/// One pass over the rows of a scan.
pub(super) struct Rows<'a> {
    /// The scan, for messages.
    path: &'a Path,
    deadline: Deadline,
    source: Source<'a>,
    width: usize,
    height: usize,
    channels: usize,
    y: usize,
}

enum Source<'a> {
    File { reader: &'a mut Reader, band: Samples },
    Kept(&'a Samples),
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        (path, deadline): (&'a Path, Deadline),
        header: &Header,
        reader: &'a mut Reader,
        kept: Option<&'a Samples>,
    ) -> Result<Self> {
        let source = if let Some(kept) = kept {
            Source::Kept(kept)
        } else {
            reader.start()?;
            Source::File { reader, band: Samples::new(header.layout.depth) }
        };
        let (width, height) = (header.width as usize, header.height as usize);
        Ok(Self { path, deadline, source, width, height, channels: header.layout.channels(), y: 0 })
    }

    /// Pixels a row.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The next band of at most `rows` rows; `None` after the last.
    pub(super) fn next(&mut self, rows: usize) -> Result<Option<SamplesRef<'_>>> {
        let rows = rows.max(1).min(self.height - self.y);
        if rows == 0 {
            return Ok(None);
        }
        self.deadline.check(self.path)?;
        let first = self.y;
        self.y += rows;
        match &mut self.source {
            Source::Kept(samples) => {
                let stride = self.width * self.channels;
                Ok(Some(samples.slice(first * stride..self.y * stride)))
            }
            Source::File { reader, band } => {
                band.clear();
                reader.read_rows(rows, band)?;
                if self.y == self.height {
                    reader.finish()?;
                }
                Ok(Some(band.all()))
            }
        }
    }
}

/// Reads a file whose decoder needs it whole.
pub(super) fn read_whole(file: File, path: &Path, limits: &Limits) -> Result<Vec<u8>> {
    let length = file.metadata().map_err(Error::io(path, "read"))?.len();
    limits.check_memory(path, "the file", length)?;
    let mut bytes = Vec::with_capacity(length as usize);
    io::Read::read_to_end(&mut io::Read::take(file, limits.memory), &mut bytes)
        .map_err(Error::io(path, "read"))?;
    Ok(bytes)
}

/// Whether a depth has samples of its own kind in [`Samples`].
pub(super) fn depth_of_bits(bits: u32) -> Depth {
    if bits <= 8 { Depth::Eight } else { Depth::Sixteen }
}

fn not_an_image(path: &Path, reason: &str) -> Error {
    Error::NotAnImage { path: path.into(), reason: reason.into() }
}
