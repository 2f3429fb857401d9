//! What writers are told besides the rows.

use crate::compression::Compression;
use crate::metadata::Metadata;

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
