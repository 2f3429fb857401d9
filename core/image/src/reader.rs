//! Reading: which format a file has is dispatched here alone.
//!
//! The protocol: [`Reader::open`], then for each pass [`Reader::start`], [`Reader::read_rows`] until
//! all rows of the header's height were read, and [`Reader::finish`], which checks what follows
//! them. [`Reader::select`] goes to another page, and gives its header.

use std::io::Read as _;

use crate::decode::Decode;
use crate::error::unsupported;
use crate::{Error, Format, Header, Limits, Notice, Result, Samples, Source};
use crate::{foreign_formats, jpeg, png, tiff, webp};

/// An image being decoded from top to bottom.
pub struct Reader(Box<dyn Decode>);

impl Reader {
    /// Tells the format by the first bytes and reads the header.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is no image of a known format, is truncated or damaged as far as its
    /// header tells, of a kind that is not handled, or larger than the limits.
    pub fn open(source: Source, limits: &Limits) -> Result<(Format, Header, Self)> {
        let mut start = Vec::new();
        let mut stream = source.stream(0).take(foreign_formats::START);
        stream.read_to_end(&mut start).map_err(Error::Read)?;
        if let Some(name) = foreign_formats::name(&start) {
            return Err(unsupported(name));
        }
        if start.is_empty() {
            return Err(Error::NotAnImage("the file is empty".into()));
        }
        let Some(format) = Format::by_start(&start) else {
            return Err(Error::NotAnImage("neither JPEG nor PNG nor TIFF nor WebP".into()));
        };
        let (header, decoder) = match format {
            Format::Jpeg => boxed(jpeg::Reader::open(&source, limits)?),
            Format::Png => boxed(png::Reader::open(source, limits)?),
            Format::Tiff => boxed(tiff::Reader::open(source, limits)?),
            Format::Webp => boxed(webp::Reader::open(&source, limits)?),
        };
        Ok((format, header, Self(decoder)))
    }

    /// Pages that hold scans, at least 1.
    pub fn pages(&self) -> usize {
        self.0.pages()
    }

    /// Whether the file has pages that hold no scans.
    pub fn leaves_pages_out(&self) -> bool {
        self.0.leaves_pages_out()
    }

    /// Whether the layout's alpha is opacity, and not infrared or another sample of no told meaning.
    pub fn alpha_is_opacity(&self) -> bool {
        self.0.alpha_is_opacity()
    }

    /// Goes to a page, from 0.
    ///
    /// # Errors
    ///
    /// When there is no such page, or as [`Reader::open`].
    pub fn select(&mut self, page: usize, limits: &Limits) -> Result<Header> {
        self.0.select(page, limits)
    }

    /// Whether the reader holds all samples itself, so that a second pass costs nothing.
    pub fn holds_all(&self) -> bool {
        self.0.holds_all()
    }

    /// Goes to the first row.
    ///
    /// # Errors
    ///
    /// When the image cannot be read or is damaged.
    pub fn start(&mut self) -> Result<()> {
        self.0.start()
    }

    /// Appends the next `rows` rows, which there must be.
    ///
    /// # Errors
    ///
    /// When the image cannot be read or is damaged.
    pub fn read_rows(&mut self, rows: usize, into: &mut Samples) -> Result<()> {
        self.0.read_rows(rows, into)
    }

    /// Passes over the next `rows` rows, which there must be, as cheaply as the format allows. Rows that
    /// have to be decoded go through `unused`; what is wrong with others does not show.
    ///
    /// # Errors
    ///
    /// When the image cannot be read or is damaged.
    pub fn skip_rows(&mut self, rows: usize, unused: &mut Samples) -> Result<()> {
        self.0.skip_rows(rows, unused)
    }

    /// What the samples read so far were found to have, that no header told; each is given once.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        self.0.take_notices()
    }

    /// Checks what follows the last row.
    ///
    /// # Errors
    ///
    /// When it is damaged.
    pub fn finish(&mut self) -> Result<()> {
        self.0.finish()
    }
}

fn boxed<D: Decode + 'static>((header, decoder): (Header, D)) -> (Header, Box<dyn Decode>) {
    (header, Box::new(decoder))
}
