//! How strips and tiles are coded.

use super::{fax, old_jpeg};
use crate::compression::Compression;

/// How strips and tiles are coded, with what their decoders need.
#[derive(Clone, Debug)]
pub(crate) enum Coding {
    /// Bytes of samples, compressed or not.
    Bytes(Compression),
    Fax(fax::Code),
    /// JPEG streams, with tables that all share.
    Jpeg(Vec<u8>),
    /// Bare codes of JPEG.
    OldJpeg(old_jpeg::Header),
}

impl Coding {
    /// Whether strips and tiles are decoded whole.
    pub(crate) fn is_jpeg(&self) -> bool {
        matches!(self, Self::Jpeg(_) | Self::OldJpeg(_))
    }
}

/// What a compression is called, by its number in tag 259.
pub(crate) fn compression_name(number: u64) -> String {
    let name = match number {
        9 | 10 | 34661 => "JBIG",
        32766 => "NeXT",
        32809 => "ThunderScan",
        32895..=32898 => "of a graphic arts system",
        32908 | 32909 => "Pixar",
        33003..=33005 | 34712 => "JPEG 2000",
        34676 | 34677 => "SGI LogLuv",
        34887 => "LERC",
        34892 | 52546 => "lossy DNG, or JPEG XL",
        34925 => "LZMA",
        50001 => "WebP",
        50002 => "JPEG XL",
        _ => return format!("of number {number}"),
    };
    name.to_owned()
}
