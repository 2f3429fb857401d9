//! JPEG: gray, color and CMYK, baseline and progressive, of 8 and 12 bits; lossless of up to 16.
//!
//! The only format that is not read in bands: its decoder gives the whole picture, which is held
//! once, as bytes. Decoders fill in for what is missing in a file; so the file is checked first.

mod check;
mod codes;
mod coefficients;
mod colors;
mod decode;
mod extended;
mod huffman;
mod lossless;
mod reader;
mod scans;
mod segments;
mod strips;
mod watched;
mod writer;

pub(crate) use colors::Transform;
pub(crate) use decode::{Picture, decode};
pub(crate) use reader::Reader;
pub(crate) use writer::write;

/// What EXIF begins with in segment APP1.
const EXIF: &[u8] = b"Exif\0\0";
/// What XMP begins with in segment APP1.
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// What a part of extended XMP begins with in segment APP1.
const EXTENDED_XMP: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
/// What Photoshop's resources begin with in segment APP13.
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";
/// What Photoshop's comment and copyright begin with in segment APP12.
const DUCKY: &[u8] = b"Ducky";
/// What a part of the color profile begins with in segment APP2.
const ICC: &[u8] = b"ICC_PROFILE\0";

/// Most bytes of an APP segment behind its length.
const SEGMENT_BYTES: usize = 65533;
