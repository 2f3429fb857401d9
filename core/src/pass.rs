//! A photograph in two passes: lightness in, then color out, metadata carried over.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use polychromify_image::color::lab::RgbSpace;
use polychromify_image::color::profile::Lightness;
use polychromify_image::compression::Compression;
use polychromify_image::provenance::{FoundLabel, is_ours};
use polychromify_image::{
    Depth, Format, Header, Limits, Notice, Orientation, Reader, Samples, SamplesMut, Source,
};
use serde::Serialize;

use crate::colorize::tone::Cells;
use crate::{Error, Result};

mod colors;
mod first;
pub(crate) mod mark;
pub(crate) mod read_back;
pub(crate) mod result;
mod rows;
mod second;
mod srgb;

/// What is known of a scan once its header is read.
#[derive(Clone, Debug)]
pub struct Info {
    /// Stored width in pixels.
    pub width: u32,
    /// Stored height in pixels.
    pub height: u32,
    /// Format of the file, by its content, not its name.
    pub format: Format,
    /// Depth that a result of the same format has.
    pub depth: Depth,
    /// Whether there is an alpha channel that is opacity.
    pub alpha: bool,
    /// How the stored picture is to be turned to be upright.
    pub orientation: Orientation,
}

/// How a result is written.
#[derive(Clone, Debug)]
pub struct Encoding {
    /// Format; `None`: the source's.
    pub format: Option<Format>,
    /// JPEG quality, 1..=100.
    pub quality: u8,
    /// Longest side of the result in pixels; `None`: the source's size.
    pub max_side: Option<u32>,
    /// Color space that the rows are painted in, and whose profile is embedded.
    pub space: RgbSpace,
    /// Rows a band, at least 1. Results do not depend on it.
    pub band_rows: usize,
}

/// Called with `(y, lightness, rgb)`: first row, CIE L* of whole rows, interleaved RGB of the same
/// rows to be filled.
pub type Paint<'a> = dyn Fn(u32, &[f32], SamplesMut<'_>) + Sync + 'a;

/// A scan opened for reading, at one of its pages.
pub struct Scan {
    path: PathBuf,
    info: Info,
    header: Header,
    reader: Reader,
    conversion: Lightness,
    page: usize,
    /// Samples of the whole scan, once read, if they fit the limit.
    kept: Option<Samples>,
    /// Mean colors of the whole scan, once read, if it is in color.
    cells: Option<Cells>,
    /// Whether lightness is inverted.
    inverted: bool,
    limits: Limits,
    /// What was left out or assumed so far, each once.
    notices: Vec<PageNotice>,
    told: HashSet<PageNotice>,
}

/// Something that was left out or assumed, and on which page.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct PageNotice {
    /// Number of the page among those that hold scans, from 1; `None`: of the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<usize>,
    /// What it is.
    #[serde(flatten)]
    pub notice: Notice,
}

impl fmt::Display for PageNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.page {
            Some(page) => write!(f, "page {page}: {}", self.notice),
            None => self.notice.fmt(f),
        }
    }
}

impl Scan {
    /// Opens a file read-only and reads its header.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is no image of a known format, is truncated or damaged as far
    /// as its header tells, of a kind that is not handled, or larger than the limits.
    pub fn open(path: &Path, limits: &Limits) -> Result<Self> {
        Self::of_source(open_source(path)?, path, limits)
    }

    /// Reads the header of a file that is open already; `path` names it in errors.
    ///
    /// # Errors
    ///
    /// As [`Scan::open`].
    pub fn read(
        file: impl Read + Seek + Send + 'static,
        path: &Path,
        limits: &Limits,
    ) -> Result<Self> {
        let source = Source::new(file).map_err(Error::io(path, "read"))?;
        Self::of_source(source, path, limits)
    }

    fn of_source(source: Source, path: &Path, limits: &Limits) -> Result<Self> {
        let opened = Reader::open(source, limits);
        let (format, header, reader) = opened.map_err(Error::in_image(path))?;
        let mut scan = Self {
            path: path.to_path_buf(),
            info: info(&header, &reader, format),
            conversion: Lightness::new(&header.space, header.layout, &mut Vec::new()),
            header,
            reader,
            page: 0,
            kept: None,
            cells: None,
            inverted: false,
            limits: limits.clone(),
            notices: Vec::new(),
            told: HashSet::new(),
        };
        scan.prepare();
        Ok(scan)
    }

    /// What the header says.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Whether the selected page is in color and labelled as a result of this program.
    pub fn is_result(&self) -> bool {
        self.header.layout.color && self.header.metadata.xmp().is_some_and(is_ours)
    }

    /// Bytes of the selected page's samples, if they stand in the file as they are.
    pub fn uncompressed_bytes(&self) -> Option<u64> {
        let plain =
            self.info.format == Format::Tiff && self.header.compression == Compression::None;
        plain.then(|| self.header.layout.bytes(self.info.width, self.info.height.into()))
    }

    /// What the selected page's label says, if it has one.
    ///
    /// # Errors
    ///
    /// When the time of the limits is over, or reading is to be given up.
    pub fn label(&self) -> Result<Option<FoundLabel>> {
        let Some(xmp) = self.header.metadata.xmp() else { return Ok(None) };
        FoundLabel::read(xmp, &self.limits).map_err(Error::in_image(&self.path))
    }

    /// From here on the scan is a negative, or is not: its lightness is 100 less the CIE L* of the
    /// file, in both passes and on all pages. That is close to what editors give, who invert the
    /// samples; no film's density curve is assumed, so a flat negative gives a flat positive.
    pub fn set_inverted(&mut self, inverted: bool) {
        self.inverted = inverted;
    }

    /// Pages of the file that hold scans, at least 1; its previews and masks do not count.
    pub fn pages(&self) -> usize {
        self.reader.pages()
    }

    /// Goes to a page, from 0 to [`Scan::pages`] less 1; an opened scan is at page 0.
    ///
    /// # Errors
    ///
    /// When there is no such page, or as [`Scan::open`].
    pub fn select(&mut self, page: usize) -> Result<()> {
        if page == self.page {
            return Ok(());
        }
        let failed = Error::in_image(&self.path);
        self.header = self.reader.select(page).map_err(failed)?;
        self.info = info(&self.header, &self.reader, self.info.format);
        self.kept = None;
        self.cells = None;
        self.page = page;
        self.prepare();
        Ok(())
    }

    /// What of the pages selected so far was left out or assumed, and what results written so far
    /// do not have.
    pub fn notices(&self) -> &[PageNotice] {
        &self.notices
    }

    /// Prepares the conversion of the selected page, and keeps what its header tells.
    fn prepare(&mut self) {
        let mut notices = std::mem::take(&mut self.header.notices);
        self.conversion = Lightness::new(&self.header.space, self.header.layout, &mut notices);
        self.keep(notices);
    }

    /// Keeps notices of the selected page, each once.
    fn keep(&mut self, notices: impl IntoIterator<Item = Notice>) {
        let page = (self.pages() > 1).then_some(self.page + 1);
        for notice in notices {
            let notice = PageNotice { page, notice };
            if self.told.insert(notice.clone()) {
                self.notices.push(notice);
            }
        }
    }
}

/// A regular file, opened read-only.
fn open_source(path: &Path) -> Result<Source> {
    let file = File::open(path).map_err(Error::io(path, "open"))?;
    let kind = file.metadata().map_err(Error::io(path, "read"))?;
    if !kind.is_file() {
        let source = if kind.is_dir() {
            io::Error::from(io::ErrorKind::IsADirectory)
        } else {
            io::Error::other("not a regular file")
        };
        return Err(Error::Io { path: path.into(), doing: "read", source });
    }
    Source::new(file).map_err(Error::io(path, "read"))
}

fn info(header: &Header, reader: &Reader, format: Format) -> Info {
    Info {
        width: header.width,
        height: header.height,
        format,
        depth: header.depth,
        alpha: header.layout.alpha && reader.alpha_is_opacity(),
        orientation: header.orientation(),
    }
}
