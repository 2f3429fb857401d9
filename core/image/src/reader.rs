//! Reading: which format a file has is dispatched here alone.
//!
//! The protocol: [`Reader::open`], then for each pass [`Reader::start`], [`Reader::read_rows`] until
//! all rows of the header's height were read, and [`Reader::finish`], which checks what follows
//! them. [`Reader::select`] goes to another page, and gives its header.

use std::io::Read as _;

use crate::budget::Budget;
use crate::decode::Decode;
use crate::error::unsupported;
use crate::{Error, Format, Header, Limits, Notice, Result, Samples, Source};
use crate::{foreign_formats, jpeg, png, tiff, webp};

/// An image being decoded from top to bottom.
pub struct Reader {
    decoder: Box<dyn Decode>,
    budget: Budget,
    /// Samples a row.
    stride: usize,
}

impl Reader {
    /// Tells the format by the first bytes and reads the header.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is no image of a known format, is truncated or damaged as far as its
    /// header tells, of a kind that is not handled, or larger than the limits.
    pub fn open(source: Source, limits: &Limits) -> Result<(Format, Header, Self)> {
        let (source, budget) = (source.within(limits), Budget::new(limits));
        let mut start = Vec::new();
        let mut stream = source.stream(0).take(foreign_formats::START);
        stream.read_to_end(&mut start).map_err(Error::reading)?;
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
            Format::Jpeg => boxed(jpeg::Reader::open(&source, &budget)?),
            Format::Png => boxed(png::Reader::open(source, &budget)?),
            Format::Tiff => boxed(tiff::Reader::open(source, &budget)?),
            Format::Webp => boxed(webp::Reader::open(&source, &budget)?),
        };
        let stride = stride(&header);
        Ok((format, header, Self { decoder, budget, stride }))
    }

    /// Pages that hold scans, at least 1.
    pub fn pages(&self) -> usize {
        self.decoder.pages()
    }

    /// Whether the file has pages that hold no scans.
    pub fn leaves_pages_out(&self) -> bool {
        self.decoder.leaves_pages_out()
    }

    /// Whether the layout's alpha is opacity, and not infrared or another sample of no told meaning.
    pub fn alpha_is_opacity(&self) -> bool {
        self.decoder.alpha_is_opacity()
    }

    /// Goes to a page, from 0.
    ///
    /// # Errors
    ///
    /// When there is no such page, or as [`Reader::open`].
    pub fn select(&mut self, page: usize) -> Result<Header> {
        let header = self.decoder.select(page)?;
        self.stride = stride(&header);
        Ok(header)
    }

    /// Bytes of the limits' memory that the reader has not drawn.
    pub fn memory_left(&self) -> u64 {
        self.budget.left()
    }

    /// Whether the reader holds all samples itself, so that a second pass costs nothing.
    pub fn holds_all(&self) -> bool {
        self.decoder.holds_all()
    }

    /// Goes to the first row.
    ///
    /// # Errors
    ///
    /// When the image cannot be read or is damaged.
    pub fn start(&mut self) -> Result<()> {
        self.decoder.start()
    }

    /// Appends the next `rows` rows, which there must be.
    ///
    /// # Errors
    ///
    /// When the image cannot be read or is damaged.
    pub fn read_rows(&mut self, rows: usize, into: &mut Samples) -> Result<()> {
        into.reserve(rows * self.stride)?;
        self.decoder.read_rows(rows, into)
    }

    /// Passes over the next `rows` rows, which there must be, as cheaply as the format allows. Rows that
    /// have to be decoded go through `unused`; what is wrong with others does not show.
    ///
    /// # Errors
    ///
    /// When the image cannot be read or is damaged.
    pub fn skip_rows(&mut self, rows: usize, unused: &mut Samples) -> Result<()> {
        self.decoder.skip_rows(rows, unused)
    }

    /// What the samples read so far were found to have, that no header told; each is given once.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        self.decoder.take_notices()
    }

    /// Checks what follows the last row.
    ///
    /// # Errors
    ///
    /// When it is damaged.
    pub fn finish(&mut self) -> Result<()> {
        self.decoder.finish()
    }
}

fn stride(header: &Header) -> usize {
    header.width as usize * header.layout.channels()
}

fn boxed<D: Decode + 'static>((header, decoder): (Header, D)) -> (Header, Box<dyn Decode>) {
    (header, Box::new(decoder))
}
