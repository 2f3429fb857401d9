//! Writing a PNG of 8 or 16 bits.

use std::io::Write;

use ::png::ColorType;

use super::{RAW_PROFILE, XMP};
use crate::metadata::Unit;
use crate::page_tags::PageTags;
use crate::samples::Depth;
use crate::{Error, Format, Notice, Result, Rows};

/// Writes the rows with metadata that is true of the result.
pub(crate) fn write<W: Write>(
    out: W,
    rows: &mut dyn Rows,
    tags: &PageTags<'_>,
) -> Result<Vec<Notice>> {
    let metadata = tags.metadata;
    let failed = |error| match error {
        ::png::EncodingError::IoError(error) => Error::Write(error),
        _ => Error::Write(std::io::Error::other("PNG cannot hold it")),
    };
    let (width, height) = rows.size();
    let layout = rows.layout();
    let mut info = ::png::Info::with_size(width, height);
    info.color_type = if layout.alpha { ColorType::Rgba } else { ColorType::Rgb };
    info.bit_depth = match layout.depth {
        Depth::Eight => ::png::BitDepth::Eight,
        Depth::Sixteen | Depth::Float => ::png::BitDepth::Sixteen,
    };
    info.icc_profile = Some(tags.icc.into());
    info.exif_metadata = metadata.exif_block().map(Into::into);
    info.pixel_dims = metadata.density().map(|density| {
        if density.unit == Unit::None {
            let (xppu, yppu) = density.ratio(i32::MAX as u32);
            return ::png::PixelDimensions { xppu, yppu, unit: ::png::Unit::Unspecified };
        }
        let (x, y) = density.per_meter();
        let (xppu, yppu) = (x.round() as u32, y.round() as u32);
        ::png::PixelDimensions { xppu, yppu, unit: ::png::Unit::Meter }
    });
    let mut encoder = ::png::Encoder::with_info(out, info).map_err(failed)?;
    encoder.add_itxt_chunk(XMP.into(), tags.xmp.into()).map_err(failed)?;
    if let Some(block) = metadata.resource_block() {
        let keyword = format!("{RAW_PROFILE}iptc"); // where others look for all of Photoshop's
        encoder.add_ztxt_chunk(keyword, raw_profile("iptc", &block)).map_err(failed)?;
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    for (kind, data) in &metadata.chunks {
        writer.write_chunk(::png::chunk::ChunkType(*kind), data).map_err(failed)?;
    }
    let mut stream = writer.stream_writer_with_size(1 << 16).map_err(failed)?;
    let mut bytes = Vec::new();
    while let Some(band) = rows.next()? {
        bytes.clear();
        band.to_bytes(true, &mut bytes);
        stream.write_all(&bytes).map_err(Error::Write)?;
    }
    stream.finish().map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(metadata.no_place(Format::Png).into_iter().collect())
}

/// A block as hexadecimal text under a name, as `ImageMagick` does.
fn raw_profile(name: &str, bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = format!("\n{name}\n{:8}", bytes.len());
    for (i, byte) in bytes.iter().enumerate() {
        if i % 36 == 0 {
            text.push('\n');
        }
        let _ = write!(text, "{byte:02x}"); // a string takes all that is written
    }
    text.push('\n');
    text
}
