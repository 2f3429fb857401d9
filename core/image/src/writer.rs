//! Writing: which format a result has is dispatched here alone.

use std::io::{Seek, Write};

use crate::error::unsupported;
use crate::{Format, Limits, Notice, PageTags, Result, Rows};
use crate::{jpeg, png, tiff, webp};

/// An image that is being written, page by page.
pub struct Writer<W> {
    out: Out<W>,
    limits: Limits,
}

enum Out<W> {
    /// Of one page, which is written at once.
    Single(SingleFormat, Option<W>),
    Tiff(tiff::Writer<W>),
}

/// Formats of one page.
enum SingleFormat {
    Jpeg,
    Png,
    Webp,
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
            Format::Jpeg => Out::Single(SingleFormat::Jpeg, Some(out)),
            Format::Png => Out::Single(SingleFormat::Png, Some(out)),
            Format::Webp => Out::Single(SingleFormat::Webp, Some(out)),
        };
        Ok(Self { out, limits: limits.clone() })
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
            Out::Single(format, out) => {
                let out = out.take().expect("all but TIFF have one page");
                match format {
                    SingleFormat::Jpeg => jpeg::write(out, rows, tags, &self.limits),
                    SingleFormat::Png => png::write(out, rows, tags),
                    SingleFormat::Webp => webp::write(out, rows, tags, &self.limits),
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
            Out::Single(..) => Ok(()),
        }
    }
}
