//! Writing: which format a result has is dispatched here alone.

use std::io::{Seek, Write};

use crate::compression::Compression;
use crate::error::unsupported;
use crate::metadata::Metadata;
use crate::{Format, Limits, Notice, Result, Rows};
use crate::{jpeg, png, tiff, webp};

/// What a page of a result says besides its pixels, and how it is stored.
pub struct PageTags<'a> {
    /// How TIFF compresses it.
    pub compression: Compression,
    /// JPEG quality, 1..=100.
    pub quality: u8,
    /// Metadata that is true of the result.
    pub metadata: &'a Metadata,
    /// ICC profile of the samples.
    pub icc: &'a [u8],
    /// XMP packet.
    pub xmp: &'a str,
    /// Pages of the file.
    pub pages: usize,
    /// Whether the rows' alpha is opacity; only TIFF holds another one.
    pub alpha_is_opacity: bool,
}

/// An image that is being written, page by page.
pub struct Writer<W> {
    format: Format,
    out: Out<W>,
    limits: Limits,
}

enum Out<W> {
    /// All but TIFF are written at once.
    Single(Option<W>),
    Tiff(tiff::Writer<W>),
}

impl<W: Write + Seek> Writer<W> {
    /// Starts an image of so many pages in an empty `out`.
    ///
    /// # Errors
    ///
    /// When `out` cannot be written, or the format cannot hold the pages.
    pub fn new(out: W, format: Format, pages: usize, limits: &Limits) -> Result<Self> {
        if pages > 1 && format != Format::Tiff {
            return Err(unsupported(format!(
                "{pages} pages in one {}: choose tiff",
                format.name()
            )));
        }
        let out = match format {
            Format::Tiff => Out::Tiff(tiff::Writer::new(out)?),
            Format::Jpeg | Format::Png | Format::Webp => Out::Single(Some(out)),
        };
        Ok(Self { format, out, limits: limits.clone() })
    }

    /// Adds a page; gives what of its metadata had no place in the format.
    ///
    /// # Errors
    ///
    /// When the rows fail, `out` cannot be written, or the format cannot hold the page.
    ///
    /// # Panics
    ///
    /// When a format of one page is given a second.
    pub fn add(&mut self, rows: &mut dyn Rows, tags: &PageTags<'_>) -> Result<Vec<Notice>> {
        match &mut self.out {
            Out::Tiff(writer) => writer.add(rows, tags),
            Out::Single(out) => {
                let out = out.take().expect("all but TIFF have one page");
                match self.format {
                    Format::Png => png::write(out, rows, tags),
                    Format::Webp => webp::write(out, rows, tags, &self.limits),
                    Format::Jpeg | Format::Tiff => jpeg::write(out, rows, tags),
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
