//! TIFF 6.0 and `BigTIFF`: every kind that scanners and archives make, in strips and tiles.
//!
//! Strips are decompressed as streams of rows, so that even a scan that is one strip takes no more
//! memory than a band; JPEG alone is decoded a strip or tile at a time.

mod coding;
mod directory;
mod fax;
mod jpeg;
mod metadata;
mod old_jpeg;
mod pages;
mod pixels;
mod plan;
mod raw;
mod reader;
mod streams;
mod tags;
mod unpack;
mod write;

pub(crate) use reader::Reader;
pub(crate) use write::Writer;
