//! What a page of a TIFF says besides its pixels.

use super::directory::{Directories, Entries};
use crate::metadata::left_out::Allowance;
use crate::metadata::{Metadata, block_bytes, is_metadata, tag};
use crate::{Error, Notice, Result};

/// Metadata and the ICC profile. What cannot be read is left out, and told.
pub(crate) fn read(
    file: &Directories,
    entries: &Entries,
    notices: &mut Vec<Notice>,
) -> Result<(Metadata, Option<Vec<u8>>)> {
    let length = usize::try_from(file.length).unwrap_or(usize::MAX);
    let mut allowance = Allowance::new(length.min(file.budget.metadata_room()));
    let image = file.tags(entries, is_metadata, &mut allowance)?;
    let mut metadata = Metadata::default();
    for (tag, directory) in [(tag::EXIF, &mut metadata.exif), (tag::GPS, &mut metadata.gps)] {
        let Some(pointer) = image.get(&tag) else { continue };
        match pointer.whole_number().map(|at| file.entries(at)) {
            Some(Ok(entries)) => *directory = file.tags(&entries, |_| true, &mut allowance)?,
            Some(Err(error @ (Error::Read(_) | Error::Limit(_) | Error::Stopped))) => {
                return Err(error);
            }
            None | Some(Err(_)) => allowance.unreadable(tag),
        }
    }
    metadata.add_blocks(&image, notices);
    let icc = image.get(&tag::ICC_PROFILE).and_then(block_bytes);
    metadata.add_image(image);
    notices.extend(allowance.into_notices());
    Ok((metadata, icc))
}
