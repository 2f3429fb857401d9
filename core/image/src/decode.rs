//! What a format's reader does.

use crate::{Header, Notice, Result, Samples};

/// An image being decoded from top to bottom, as [`Reader`](crate::Reader) says.
pub(crate) trait Decode: Send {
    /// Goes to the first row.
    fn start(&mut self) -> Result<()>;

    /// Appends the next `rows` rows, which there must be.
    fn read_rows(&mut self, rows: usize, into: &mut Samples) -> Result<()>;

    /// Passes over the next `rows` rows, which there must be, as cheaply as the format allows. Rows that
    /// have to be decoded go through `unused`.
    fn skip_rows(&mut self, rows: usize, unused: &mut Samples) -> Result<()> {
        for _ in 0..rows {
            unused.clear();
            self.read_rows(1, unused)?;
        }
        Ok(())
    }

    /// Whether all samples are held after a first pass, so that a second one costs nothing.
    fn holds_all(&self) -> bool;

    /// What the samples read so far were found to have, that no header told.
    fn take_notices(&mut self) -> Vec<Notice> {
        Vec::new()
    }

    /// Checks what follows the last row.
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    /// Whether the layout's alpha is opacity, and not infrared or another sample of no told meaning.
    fn alpha_is_opacity(&self) -> bool {
        true
    }

    /// Pages that hold scans.
    fn pages(&self) -> usize {
        1
    }

    /// Whether there are pages that hold no scans.
    fn leaves_pages_out(&self) -> bool {
        false
    }

    /// Goes to a page.
    fn select(&mut self, page: usize) -> Result<Header> {
        unreachable!("page {page} of a format that has one")
    }
}
