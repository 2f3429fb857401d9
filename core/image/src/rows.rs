//! What the writers pull: rows of a result, from the top.

use crate::Result;
use crate::samples::{Layout, SamplesRef};

/// Painted rows of a result, which are made as they are asked for.
pub trait Rows {
    /// Width and height of the result in pixels.
    fn size(&self) -> (u32, u32);

    /// Layout of the result: RGB, with the source's alpha.
    fn layout(&self) -> Layout;

    /// The next whole rows; `None` after the last.
    ///
    /// # Errors
    ///
    /// When the source that they are made from cannot be read or is damaged.
    fn next(&mut self) -> Result<Option<SamplesRef<'_>>>;
}
