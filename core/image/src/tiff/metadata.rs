//! What a page of a TIFF says besides its pixels.

use super::directory::{Directories, Entries};
use crate::metadata::ifd::{Value, kind};
use crate::metadata::{Metadata, block_bytes, tag};

/// Metadata and the ICC profile. Tags that cannot be read are left out.
pub(crate) fn read(file: &Directories, entries: &Entries) -> (Metadata, Option<Vec<u8>>) {
    let image = file.tags(entries);
    let mut metadata = Metadata::default();
    let sub = |tag| {
        let at = image.get(&tag)?.whole_number()?;
        Some(file.tags(&file.entries(at).ok()?))
    };
    metadata.exif = sub(tag::EXIF).unwrap_or_default();
    metadata.gps = sub(tag::GPS).unwrap_or_default();
    metadata.xmp = image.get(&tag::XMP).and_then(block_bytes);
    let block = |tag| image.get(&tag).and_then(block_bytes);
    if let Some(bytes) = block(tag::PHOTOSHOP) {
        metadata.add_resources(&bytes);
    }
    if let Some(bytes) = image.get(&tag::IPTC).and_then(iptc_bytes) {
        metadata.iptc = Some(bytes);
    }
    let icc = block(tag::ICC_PROFILE);
    metadata.add_image(image);
    (metadata, icc)
}

/// IPTC is often stored as 32-bit numbers, then in either order.
fn iptc_bytes(value: &Value) -> Option<Vec<u8>> {
    let bytes = block_bytes(value)?;
    if bytes.first() != Some(&0x1C) && bytes.get(3) == Some(&0x1C) {
        let mut swapped = Value { kind: kind::LONG, bytes };
        swapped.swap();
        return Some(swapped.bytes);
    }
    Some(bytes)
}
