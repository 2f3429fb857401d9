//! A file of results, page by page.

use std::io::{Seek, Write};
use std::path::PathBuf;

use polychromify_image::color::lab::RgbSpace;
use polychromify_image::color::output_profiles;
use polychromify_image::provenance::{Label, Vocabulary, packet};
use polychromify_image::{Depth, Format, Layout, Notice, PageTags, SamplesMut, Writer};

use super::rows::Rows;
use super::second::ColorRows;
use super::{Encoding, Paint, Scan};
use crate::{Error, Result};

/// A result that is being written: one page for each of its source's, in order.
///
/// ```no_run
/// # use polychromify_core::{Encoding, Label, Paint, Result, ResultFile, Scan};
/// # fn color(mut scan: Scan, encoding: &Encoding, label: &Label, paint: &Paint<'_>) -> Result<()> {
/// let mut file = ResultFile::new(std::io::Cursor::new(Vec::new()), &scan, encoding.format)?;
/// for page in 0..scan.pages() {
///     scan.select(page)?;
///     file.add(&mut scan, encoding, label, paint)?;
/// }
/// file.finish()
/// # }
/// ```
pub struct ResultFile<W> {
    /// The source, for messages.
    path: PathBuf,
    format: Format,
    pages: usize,
    /// Pages that were added.
    added: usize,
    out: Writer<W>,
}

impl<W: Write + Seek> ResultFile<W> {
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
        let out = Writer::new(out, format, pages, &scan.limits);
        let out = out.map_err(Error::in_image(&path))?;
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
        let depth = scan.depth_in(self.format, encoding.space)?;
        let from = (scan.info.width, scan.info.height);
        let to = scan.output_size(encoding);
        let mut metadata = scan.header.metadata.for_result(from, to, encoding.space);
        if scan.reader.leaves_pages_out() {
            metadata.set_page(self.added, self.pages);
        }
        self.added += 1;
        let (xmp, left_out) = packet(metadata.xmp(), label, Vocabulary::Full, &scan.limits)
            .map_err(Error::in_image(&self.path))?;
        let positive = |y: u32, lightness: &[f32], rgb: SamplesMut<'_>| {
            paint(y, &lightness.iter().map(|l| 100.0 - l).collect::<Vec<_>>(), rgb);
        };
        // Only TIFF has room for a sample that is no opacity.
        let source = scan.header.layout;
        let carries_alpha = scan.info.alpha || self.format == Format::Tiff;
        let alpha = source.alpha && carries_alpha;
        let lost = (source.alpha && !alpha).then_some(Notice::ExtraSamples { count: 1 });
        let failed = || Error::in_image(&self.path);
        let rows = Rows::new(&scan.limits, &scan.header, &mut scan.reader, scan.kept.as_ref());
        let mut rows = ColorRows::new(
            rows.map_err(failed())?,
            source,
            Layout { color: true, alpha, depth },
            (from, to),
            &scan.conversion,
            if scan.inverted { &positive } else { paint },
            encoding.band_rows,
        );
        let tags = PageTags {
            compression: scan.header.compression,
            quality: encoding.quality,
            metadata: &metadata,
            icc: output_profiles::profile(encoding.space),
            xmp: &xmp,
            pages: self.pages,
            alpha_is_opacity: scan.info.alpha,
        };
        let notices = self.out.add(&mut rows, &tags).map_err(failed())?;
        scan.keep(left_out.into_iter().chain(lost).chain(notices));
        Ok(())
    }

    /// Writes what follows the last page; without it, a TIFF is no image.
    ///
    /// # Errors
    ///
    /// When `out` cannot be written.
    pub fn finish(self) -> Result<()> {
        self.out.finish().map_err(Error::in_image(&self.path))
    }
}

impl Scan {
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
    /// selected, alone ([`ResultFile`] takes all).
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
        let mut file = ResultFile::of_pages(out, self, encoding.format, 1)?;
        file.add(self, encoding, label, paint)?;
        file.finish()
    }

    /// Depth of a result of the selected page, which can be asked before anything is read.
    ///
    /// # Errors
    ///
    /// When the result's format cannot hold it.
    pub fn result_depth(&self, encoding: &Encoding) -> Result<Depth> {
        self.depth_in(encoding.format.unwrap_or(self.info.format), encoding.space)
    }

    fn depth_in(&self, format: Format, space: RgbSpace) -> Result<Depth> {
        let unsupported = |reason: &str| {
            Err(Error::Unsupported { path: self.path.clone(), reason: reason.into() })
        };
        if format == Format::Jpeg && self.info.alpha {
            return unsupported("alpha in JPEG: choose tiff or png");
        }
        let depth = match (format, self.header.depth) {
            (Format::Jpeg | Format::Webp, _) => Depth::Eight,
            (Format::Png, Depth::Float) => Depth::Sixteen,
            (_, depth) => depth,
        };
        if depth == Depth::Eight && space == RgbSpace::ProPhoto {
            return unsupported("ProPhoto RGB in 8 bits would show steps: choose another profile");
        }
        Ok(depth)
    }
}
