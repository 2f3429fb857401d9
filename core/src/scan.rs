//! A photograph as bands of rows: lightness in, color out, metadata carried over.

use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub use self::deadline::Deadline;
pub use self::file::ColorFile;
pub use self::label::{FoundLabel, Vocabulary, packet as label_packet};
use self::profile::Lightness;
use self::rows::{Header, Reader, Rows};
use self::samples::{Samples, SamplesRef};
use crate::lab::RgbSpace;
use crate::thumbnail::WorkImage;
use crate::tone::{Cells, Toning};
use crate::{Error, Orientation, Result, SamplesMut};

mod color;
mod deadline;
mod embedded;
mod file;
mod ifd;
mod inks;
mod jpeg;
mod label;
mod metadata;
mod png;
mod profile;
mod refused;
mod rows;
mod samples;
mod tables;
mod tiff;
mod webp;

/// File formats that are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG (ISO 10918-1), 8 bit.
    Jpeg,
    /// PNG, 8 and 16 bit.
    Png,
    /// TIFF 6.0 and `BigTIFF`.
    Tiff,
    /// WebP (RFC 9649), 8 bit; results are lossless.
    Webp,
}

/// Samples of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// 8 bits a channel.
    Eight,
    /// 16 bits a channel.
    Sixteen,
    /// 32-bit float a channel.
    Float,
}

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
    /// Whether there is an alpha channel.
    pub alpha: bool,
    /// How the stored picture is to be turned to be upright.
    pub orientation: Orientation,
}

/// Bounds on what one file may ask for.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most pixels (width times height).
    pub pixels: u64,
    /// Bytes of decoded samples that may be kept between the two passes, and that a format which
    /// cannot be read in bands may hold.
    pub memory: u64,
    /// When reading it fails. It is looked at with every band, strip and tile.
    pub deadline: Deadline,
}

impl Limits {
    /// Bounds on pixels and on bytes of memory, with all the time there is.
    pub const fn new(pixels: u64, memory: u64) -> Self {
        Self { pixels, memory, deadline: Deadline::NEVER }
    }

    /// Refuses `what` of a file if it takes more than the memory.
    fn check_memory(&self, path: &Path, what: &str, bytes: u64) -> Result<()> {
        if bytes > self.memory {
            let reason = format!("{what} takes {bytes} bytes, the limit is {}", self.memory);
            return Err(Error::Limit { path: path.into(), reason });
        }
        Ok(())
    }
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

/// What a result says of its making (contract C5).
#[derive(Clone, Debug)]
pub struct Label {
    /// Program and version, such as `Polychromify 0.1.0`.
    pub software: String,
    /// Name of the weights.
    pub weights: String,
    /// SHA-256 of the weights file, lower-case hexadecimal.
    pub weights_sha256: String,
    /// File name of the source, without folders; empty: unknown.
    pub source: String,
    /// SHA-256 of the source file, lower-case hexadecimal; empty: unknown.
    pub source_sha256: String,
    /// What else decided the colors, such as `saturation 1.5, 3 color hints`; empty: nothing.
    pub settings: String,
    /// What it is in IPTC's words.
    pub source_type: SourceType,
    /// When it was made; `None`: unknown. A result that is to be made again with the same bytes
    /// needs the same time again.
    pub when: Option<SystemTime>,
    /// What else tells this file from others of the same source, such as its format and size. It
    /// is in the label as part of its identifier alone.
    pub rendition: String,
}

/// What a result is by IPTC's vocabulary of digital source types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceType {
    /// An original that a trained model added to.
    #[default]
    CompositeWithTrainedAlgorithmicMedia,
    /// An original that an algorithm improved, without a generative model.
    AlgorithmicallyEnhanced,
}

impl SourceType {
    /// The last part of the term's address.
    pub fn term(self) -> &'static str {
        match self {
            Self::CompositeWithTrainedAlgorithmicMedia => "compositeWithTrainedAlgorithmicMedia",
            Self::AlgorithmicallyEnhanced => "algorithmicallyEnhanced",
        }
    }
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
}

impl Scan {
    /// Opens a file read-only and reads its header.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is no image of a known format, is truncated or damaged as far
    /// as its header tells, of a kind that is not handled, or larger than the limits.
    pub fn open(path: &Path, limits: &Limits) -> Result<Self> {
        let (format, header, reader) = Reader::open(path, limits)?;
        let info = info(&header, format);
        let conversion = Lightness::new(path, &header.space, header.layout);
        let (path, limits) = (path.to_path_buf(), limits.clone());
        Ok(Self {
            path,
            info,
            header,
            reader,
            conversion,
            page: 0,
            kept: None,
            cells: None,
            inverted: false,
            limits,
        })
    }

    /// What the header says.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Whether the selected page is in color and labelled as a result of this program.
    pub fn is_result(&self) -> bool {
        let xmp = self.header.metadata.xmp.as_deref();
        self.header.layout.color && xmp.is_some_and(label::is_ours)
    }

    /// What the selected page's label says, if it has one.
    pub fn label(&self) -> Option<FoundLabel> {
        FoundLabel::read(self.header.metadata.xmp.as_deref()?)
    }

    /// First pass: hands CIE L* (D65, 0..=100; of the positive, if the scan is a negative) of whole
    /// rows to `sink(y, lightness)`, from the top.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is damaged, or `sink` fails.
    pub fn read_lightness(
        &mut self,
        band_rows: usize,
        sink: &mut dyn FnMut(u32, &[f32]) -> Result<()>,
    ) -> Result<()> {
        let layout = self.header.layout;
        let (width, height) = (self.info.width, self.info.height);
        let bytes = layout.bytes(width, height.into());
        let mut keep = None;
        if self.kept.is_none() && !self.reader.holds_all() && bytes <= self.limits.memory {
            let mut samples = Samples::new(layout.depth);
            samples.reserve_exact(width as usize * height as usize * layout.channels());
            keep = Some(samples);
        }
        let mut cells = layout.color.then(|| Cells::new(width, height));
        let pace = (self.path.as_path(), self.limits.deadline);
        let mut rows = Rows::new(pace, &self.header, &mut self.reader, self.kept.as_ref())?;
        let mut lightness = Vec::new();
        let mut y = 0;
        while let Some(band) = rows.next(band_rows)? {
            self.conversion.convert(layout, band, &mut lightness);
            if self.inverted {
                for l in &mut lightness {
                    *l = 100.0 - *l;
                }
            }
            if let Some(samples) = &mut keep {
                samples.extend(band);
            }
            if let Some(cells) = &mut cells {
                let channels = layout.channels();
                match band {
                    SamplesRef::Eight(samples) => cells.add(y, samples, channels, 255.0),
                    SamplesRef::Sixteen(samples) => cells.add(y, samples, channels, 65535.0),
                    SamplesRef::Float(samples) => cells.add(y, samples, channels, 1.0),
                }
            }
            sink(y, &lightness)?;
            y += (lightness.len() / width as usize) as u32;
        }
        if keep.is_some() {
            self.kept = keep;
        }
        self.cells = cells;
        Ok(())
    }

    /// From here on the scan is a negative, or is not: its lightness is 100 less the CIE L* of the
    /// file, in both passes and on all pages. That is close to what editors give, who invert the
    /// samples; no film's density curve is assumed, so a flat negative gives a flat positive.
    pub fn set_inverted(&mut self, inverted: bool) {
        self.inverted = inverted;
    }

    /// Whether the scan shows colors, once [`Scan::read_lightness`] has read it: within the borders
    /// of its thumbnail. `None`: it was not read.
    pub fn toning(&self, image: &WorkImage) -> Option<Toning> {
        if !self.header.layout.color {
            return Some(Toning::GRAY);
        }
        let to_linear = |rgb: &mut [f32]| profile::samples_to_linear(&self.header.space, rgb);
        self.cells.as_ref().map(|cells| cells.judge(image, to_linear))
    }

    /// Reads the selected page to its end, as far as `is_stopped` does not say otherwise, and hands
    /// it to nobody: what is damaged shows.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is damaged, or [`Error::Cancelled`].
    pub fn read_through(&mut self, band_rows: usize, is_stopped: &dyn Fn() -> bool) -> Result<()> {
        let pace = (self.path.as_path(), self.limits.deadline);
        let mut rows = Rows::new(pace, &self.header, &mut self.reader, self.kept.as_ref())?;
        while rows.next(band_rows)?.is_some() {
            if is_stopped() {
                return Err(Error::Cancelled);
            }
        }
        Ok(())
    }

    /// Size in pixels that [`Scan::write_color`] gives a result.
    ///
    /// A scan is never enlarged; a shrunk one keeps its shape and has at least one pixel a side.
    pub fn output_size(&self, encoding: &Encoding) -> (u32, u32) {
        let (width, height) = (self.info.width, self.info.height);
        let longest = width.max(height);
        match encoding.max_side {
            Some(side) if side < longest => {
                let scale = f64::from(side) / f64::from(longest);
                let scaled = |v: u32| ((f64::from(v) * scale).round() as u32).max(1);
                (scaled(width), scaled(height))
            }
            _ => (width, height),
        }
    }

    /// Second pass: writes the scan again in color, band by band; of several pages the one that is
    /// selected, alone ([`ColorFile`] takes all).
    ///
    /// Pixels keep their stored order. The result has the encoding's color space with its profile, of the depth
    /// of the source (8 bits as JPEG, at most 16 as PNG), with its alpha and metadata, and carries
    /// the label.
    ///
    /// # Errors
    ///
    /// When the source cannot be read or is damaged, the result cannot be written, or its format
    /// cannot hold it.
    pub fn write_color<W: Write + Seek>(
        &mut self,
        out: W,
        encoding: &Encoding,
        label: &Label,
        paint: &Paint<'_>,
    ) -> Result<()> {
        let mut file = ColorFile::of_pages(out, self, encoding.format, 1)?;
        file.add(self, encoding, label, paint)?;
        file.finish()
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
        let header = self.reader.select(page, &self.limits)?;
        self.info = info(&header, self.info.format);
        self.conversion = Lightness::new(&self.path, &header.space, header.layout);
        self.header = header;
        self.kept = None;
        self.cells = None;
        self.page = page;
        Ok(())
    }
}

fn info(header: &Header, format: Format) -> Info {
    Info {
        width: header.width,
        height: header.height,
        format,
        depth: header.depth,
        alpha: header.layout.alpha,
        orientation: header.orientation(),
    }
}

fn damaged(path: &Path, reason: impl ToString) -> Error {
    Error::Damaged { path: path.into(), reason: reason.to_string() }
}

fn unsupported(path: &Path, reason: impl ToString) -> Error {
    Error::Unsupported { path: path.into(), reason: reason.to_string() }
}

/// A result has no path here; its source's tells which it is.
fn write_failed(path: &Path, source: io::Error) -> Error {
    Error::Io { path: path.into(), doing: "write the result", source }
}
