//! What a page of a TIFF says besides its pixels.

use super::directory::{Directories, Entries};
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
    metadata.add_blocks(&image);
    let icc = image.get(&tag::ICC_PROFILE).and_then(block_bytes);
    metadata.add_image(image);
    (metadata, icc)
}
