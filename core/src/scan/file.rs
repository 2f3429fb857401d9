//! A file of results, page by page.

use std::io::{Seek, Write};
use std::path::PathBuf;

use super::color::ColorRows;
use super::rows::Rows;
use super::tiff::{self, PageTags};
use super::{
    Depth, Encoding, Format, Label, Paint, Result, Scan, Vocabulary, embedded, jpeg, label_packet,
    png, unsupported, webp,
};
use crate::SamplesMut;
use crate::lab::RgbSpace;

/// A result that is being written: one page for each of its source's, in order.
///
/// ```no_run
/// # use polychromify_core::scan::{ColorFile, Encoding, Label, Paint};
/// # use polychromify_core::{Result, Scan};
/// # fn color(mut scan: Scan, encoding: &Encoding, label: &Label, paint: &Paint<'_>) -> Result<()> {
/// let mut file = ColorFile::new(std::io::Cursor::new(Vec::new()), &scan, encoding.format)?;
/// for page in 0..scan.pages() {
///     scan.select(page)?;
///     file.add(&mut scan, encoding, label, paint)?;
/// }
/// file.finish()
/// # }
/// ```
pub struct ColorFile<W> {
    /// The source, for messages.
    path: PathBuf,
    format: Format,
    pages: usize,
    /// Pages that were added.
    added: usize,
    out: Out<W>,
}

enum Out<W> {
    /// All but TIFF are written at once.
    Single(Option<W>),
    Tiff(tiff::Writer<W>),
}

impl<W: Write + Seek> ColorFile<W> {
    /// Starts the result of all pages of a scan in an empty `out`; `format` is that of the source
    /// unless another is asked for.
    ///
    /// # Errors
    ///
    /// When `out` cannot be written, or the format cannot hold the pages.
    pub fn new(out: W, scan: &Scan, format: Option<Format>) -> Result<Self> {
        Self::of_pages(out, scan, format, scan.pages())
    }

    pub(super) fn of_pages(
        out: W,
        scan: &Scan,
        format: Option<Format>,
        pages: usize,
    ) -> Result<Self> {
        let format = format.unwrap_or(scan.info.format);
        let path = scan.path.clone();
        if pages > 1 && format != Format::Tiff {
            let reason = format!("{pages} pages in one {}: choose tiff", format.name());
            return Err(unsupported(&path, reason));
        }
        let out = match format {
            Format::Tiff => Out::Tiff(tiff::Writer::new(path.clone(), out)?),
            Format::Jpeg | Format::Png | Format::Webp => Out::Single(Some(out)),
        };
        Ok(Self { path, format, pages, added: 0, out })
    }

    /// Adds the selected page of a scan in color, band by band, as [`Scan::write_color`] does.
    ///
    /// # Errors
    ///
    /// When the source cannot be read or is damaged, the result cannot be written, or its format
    /// cannot hold it.
    ///
    /// # Panics
    ///
    /// When a format of one page is given a second.
    pub fn add(
        &mut self,
        scan: &mut Scan,
        encoding: &Encoding,
        label: &Label,
        paint: &Paint<'_>,
    ) -> Result<()> {
        let format = self.format;
        let depth = scan.result_depth(encoding)?;
        let from = (scan.info.width, scan.info.height);
        let to = scan.output_size(encoding);
        let mut metadata = scan.header.metadata.for_result(from, to, encoding.space);
        if scan.reader.leaves_pages_out() {
            metadata.set_page(self.added, self.pages);
        }
        self.added += 1;
        let existing = metadata.xmp.as_deref();
        let xmp = label_packet(&self.path, existing, label, Vocabulary::Full);
        let icc = embedded::profile(encoding.space);
        let positive = |y: u32, lightness: &[f32], rgb: SamplesMut<'_>| {
            paint(y, &lightness.iter().map(|l| 100.0 - l).collect::<Vec<_>>(), rgb);
        };
        let pace = (self.path.as_path(), scan.limits.deadline);
        let rows = Rows::new(pace, &scan.header, &mut scan.reader, scan.kept.as_ref())?;
        let mut rows = ColorRows::new(
            &self.path,
            rows,
            (scan.header.layout, depth),
            (from, to),
            &scan.conversion,
            if scan.inverted { &positive } else { paint },
            encoding.band_rows,
        );
        match &mut self.out {
            Out::Tiff(writer) => {
                let tags = PageTags {
                    compression: scan.header.compression,
                    metadata: &metadata,
                    icc: &icc,
                    xmp: xmp.as_bytes(),
                    pages: self.pages,
                };
                writer.add(&mut rows, &tags)
            }
            Out::Single(out) => {
                let out = out.take().expect("all but TIFF have one page");
                let packet = xmp.as_bytes();
                match format {
                    Format::Png => png::write(out, &mut rows, &metadata, &icc, &xmp),
                    Format::Webp => {
                        webp::write(out, &mut rows, &metadata, &icc, packet, &scan.limits)
                    }
                    Format::Jpeg | Format::Tiff => {
                        let quality = encoding.quality;
                        jpeg::write(out, &mut rows, quality, &metadata, &icc, &xmp)
                    }
                }
            }
        }
    }

    /// Writes what follows the last page; without it, a TIFF is no image.
    ///
    /// # Errors
    ///
    /// When `out` cannot be written.
    pub fn finish(self) -> Result<()> {
        match self.out {
            Out::Tiff(writer) => writer.finish(),
            Out::Single(_) => Ok(()),
        }
    }
}

impl Scan {
    /// Depth of a result of the selected page, which can be asked before anything is read.
    ///
    /// # Errors
    ///
    /// When the result's format cannot hold it.
    pub fn result_depth(&self, encoding: &Encoding) -> Result<Depth> {
        let format = encoding.format.unwrap_or(self.info.format);
        if format == Format::Jpeg && self.header.layout.alpha {
            return Err(unsupported(&self.path, "alpha in JPEG: choose tiff or png"));
        }
        let depth = match (format, self.header.depth) {
            (Format::Jpeg | Format::Webp, _) => Depth::Eight,
            (Format::Png, Depth::Float) => Depth::Sixteen,
            (_, depth) => depth,
        };
        if depth == Depth::Eight && encoding.space == RgbSpace::ProPhoto {
            let reason = "ProPhoto RGB in 8 bits would show steps: choose another profile";
            return Err(unsupported(&self.path, reason));
        }
        Ok(depth)
    }
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Tiff => "TIFF",
            Self::Webp => "WebP",
        }
    }
}
