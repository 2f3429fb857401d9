//! PNG: all color types and depths; results of 8 and 16 bits.
//!
//! The `png` crate decodes row by row and checks each chunk's CRC. Chunks that are carried over
//! may stand behind the pixels, so that the list of chunks is walked before anything is decoded.

mod chunks;
mod color;
mod reader;
mod writer;

pub(crate) use reader::Reader;
pub(crate) use writer::write;

/// Most bytes of chunks besides the pixels.
const CHUNK_BYTES: u64 = 64 << 20;

/// Keyword of the text chunk with an XMP packet (XMP specification part 3, 1.1.5).
const XMP: &str = "XML:com.adobe.xmp";

/// What the keywords begin with of profiles in hexadecimal, as `ImageMagick`, exiv2 and `ExifTool`
/// write them.
const RAW_PROFILE: &str = "Raw profile type ";
