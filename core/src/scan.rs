//! A photograph as bands of rows: lightness in, color out, metadata carried over.

use std::io::{Seek, Write};
use std::path::Path;

use crate::{Orientation, Result, SamplesMut};

/// File formats that are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG (ISO 10918-1), 8 bit.
    Jpeg,
    /// PNG, 8 and 16 bit.
    Png,
    /// TIFF 6.0 and `BigTIFF`.
    Tiff,
}

/// Samples of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// 8 bits a channel.
    Eight,
    /// 16 bits a channel.
    Sixteen,
    /// 32-bit float a channel.
    Float,
}

/// What is known of a scan once its header is read.
#[derive(Clone, Debug)]
pub struct Info {
    /// Stored width in pixels.
    pub width: u32,
    /// Stored height in pixels.
    pub height: u32,
    /// Format of the file, by its content, not its name.
    pub format: Format,
    /// Depth that a result of the same format has.
    pub depth: Depth,
    /// Whether there is an alpha channel.
    pub alpha: bool,
    /// How the stored picture is to be turned to be upright.
    pub orientation: Orientation,
}

/// Bounds on what one file may ask for.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most pixels (width times height).
    pub pixels: u64,
    /// Bytes of decoded samples that may be kept between the two passes, and that a format which
    /// cannot be read in bands may hold.
    pub memory: u64,
}

/// How a result is written.
#[derive(Clone, Debug)]
pub struct Encoding {
    /// Format; `None`: the source's.
    pub format: Option<Format>,
    /// JPEG quality, 1..=100.
    pub quality: u8,
    /// Longest side of the result in pixels; `None`: the source's size.
    pub max_side: Option<u32>,
    /// Rows a band, at least 1. Results do not depend on it.
    pub band_rows: usize,
}

/// What a result says of its making (contract C5).
#[derive(Clone, Debug)]
pub struct Label {
    /// Program and version, such as `Polychromify 0.1.0`.
    pub software: String,
    /// Name of the weights.
    pub weights: String,
    /// SHA-256 of the weights file, lower-case hexadecimal.
    pub weights_sha256: String,
    /// File name of the source, without folders.
    pub source: String,
    /// SHA-256 of the source file, lower-case hexadecimal.
    pub source_sha256: String,
}

/// Called with `(y, lightness, rgb)`: first row, CIE L* of whole rows, interleaved RGB of the same
/// rows to be filled.
pub type Paint<'a> = dyn Fn(u32, &[f32], SamplesMut<'_>) + Sync + 'a;

/// A scan opened for reading.
pub struct Scan {
    info: Info,
}

impl Scan {
    /// Opens a file read-only and reads its header.
    pub fn open(_path: &Path, _limits: &Limits) -> Result<Self> {
        unimplemented!()
    }

    /// What the header says.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// First pass: hands CIE L* (D65, 0..=100) of whole rows to `sink(y, lightness)`, from the top.
    pub fn read_lightness(
        &mut self,
        _band_rows: usize,
        _sink: &mut dyn FnMut(u32, &[f32]) -> Result<()>,
    ) -> Result<()> {
        unimplemented!()
    }

    /// Size in pixels that [`Scan::write_color`] gives a result.
    pub fn output_size(&self, _encoding: &Encoding) -> (u32, u32) {
        unimplemented!()
    }

    /// Second pass: writes the scan again in color, band by band.
    pub fn write_color<W: Write + Seek>(
        &mut self,
        _out: W,
        _encoding: &Encoding,
        _label: &Label,
        _paint: &Paint<'_>,
    ) -> Result<()> {
        unimplemented!()
    }
}
