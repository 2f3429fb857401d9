//! What a reader finds in a file's header.

use crate::color::profile::ColorSpace;
use crate::compression::Compression;
use crate::error::damaged;
use crate::metadata::Metadata;
use crate::samples::{Depth, Layout};
use crate::{Error, Limits, Notice, Orientation, Result};

/// Most pixels a row.
const WIDEST: u64 = 1 << 22;

/// Bytes that are held for each pixel of a row, about, and pixels for which they are held in any case.
const ROW_BYTES: u64 = 64;
const LEAST_WIDE: u64 = 1 << 16;

/// What a reader found in a file's header.
#[derive(Debug)]
pub struct Header {
    /// Stored width in pixels.
    pub width: u32,
    /// Stored height in pixels.
    pub height: u32,
    /// What the samples mean that the reader gives.
    pub layout: Layout,
    /// Depth of a result, which the samples' may exceed.
    pub depth: Depth,
    /// Where the samples' meaning comes from.
    pub space: ColorSpace,
    /// What else the file says.
    pub metadata: Metadata,
    /// How a TIFF result is to be compressed.
    pub compression: Compression,
    /// What was left out or assumed while it was read.
    pub notices: Vec<Notice>,
}

impl Header {
    /// Refuses scans with more pixels than allowed.
    pub(crate) fn check_size(width: u32, height: u32, limits: &Limits) -> Result<()> {
        if width == 0 || height == 0 {
            return Err(damaged(format!("size {width}x{height}")));
        }
        let widest = (limits.memory / ROW_BYTES).clamp(LEAST_WIDE, WIDEST);
        if u64::from(width) > widest {
            return Err(Error::Limit(format!("rows of {width} pixels, the limit is {widest}")));
        }
        let pixels = u64::from(width) * u64::from(height);
        if pixels > limits.pixels {
            let most = limits.pixels;
            let reason = format!("{width}x{height} is {pixels} pixels, the limit is {most}");
            return Err(Error::Limit(reason));
        }
        Ok(())
    }

    /// How the stored picture is to be turned to be upright.
    pub fn orientation(&self) -> Orientation {
        self.metadata.orientation()
    }
}
