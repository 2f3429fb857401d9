//! The EXIF block of a result.

use std::collections::BTreeSet;

use super::ifd::{self, Directory, Value};
use super::{Metadata, tag};

/// The directories of an EXIF block, and where its maker's note is to lie.
#[derive(Clone)]
struct Parts {
    image: Directory,
    exif: Directory,
    gps: Directory,
    maker_note_at: Option<u32>,
}

impl Metadata {
    /// The EXIF block of a JPEG or PNG result, without the "Exif\0\0" of JPEG; `None` if there is
    /// nothing to say.
    pub(crate) fn exif_block(&self) -> Option<Vec<u8>> {
        self.parts().block()
    }

    /// The EXIF block in at most `most` bytes, and the tags that are left out for that: the longest.
    pub(crate) fn exif_block_within(&self, most: usize) -> (Option<Vec<u8>>, Vec<u16>) {
        let mut parts = self.parts();
        let mut left_out = Vec::new();
        // Once, and again where more went with a tag than itself: padding, an empty directory.
        while parts.size() > most {
            let before = left_out.len();
            parts.remove_longest(most, &mut left_out);
            if left_out.len() == before {
                return (None, left_out);
            }
        }
        (parts.block(), left_out)
    }

    /// The maker's note with the place it had, if a block of which `start` bytes are taken can have
    /// it there and is not blown up by that.
    pub(crate) fn maker_note(&self, start: usize) -> Option<(u32, &[u8])> {
        maker_note(&self.exif, self.maker_note_at, start)
    }

    fn parts(&self) -> Parts {
        let Self { image, exif, gps, maker_note_at, .. } = self;
        let (image, exif, gps) = (image.clone(), exif.clone(), gps.clone());
        Parts { image, exif, gps, maker_note_at: *maker_note_at }
    }
}

/// Bytes of a block before its first directory or value.
const HEADER: usize = 8;

impl Parts {
    fn is_empty(&self) -> bool {
        self.image.is_empty() && self.exif.is_empty() && self.gps.is_empty()
    }

    fn block(mut self) -> Option<Vec<u8>> {
        if self.is_empty() {
            return None;
        }
        let mut block = Vec::with_capacity(self.size());
        block.extend(b"II*\0\0\0\0\0");
        let mut placed = None;
        if let Some((at, note)) = maker_note(&self.exif, self.maker_note_at, HEADER) {
            block.resize(at as usize, 0);
            block.extend(note);
            block.resize(block.len().next_multiple_of(2), 0);
            placed = Some((tag::MAKER_NOTE, at));
        }
        for (tag, sub) in [(tag::EXIF, &self.exif), (tag::GPS, &self.gps)] {
            if !sub.is_empty() {
                self.image.insert(tag, Value::long(ifd::append(&mut block, sub, placed)));
            }
        }
        let at = ifd::append(&mut block, &self.image, None);
        block[4..8].copy_from_slice(&at.to_le_bytes());
        Some(block)
    }

    /// Bytes of the block.
    fn size(&self) -> usize {
        if self.is_empty() {
            return 0;
        }
        let note = maker_note(&self.exif, self.maker_note_at, HEADER);
        let padding = note.map_or(0, |(at, _)| at as usize - HEADER);
        let subs = [&self.exif, &self.gps].into_iter().filter(|sub| !sub.is_empty());
        let subs = subs.map(|sub| Value::long(0).room() + ifd::size(sub)).sum::<usize>();
        HEADER + padding + subs + ifd::size(&self.image)
    }

    /// Removes the longest tags until the block has at most `most` bytes, or until so much goes with
    /// one that it is to be measured anew.
    fn remove_longest(&mut self, most: usize, left_out: &mut Vec<u16>) {
        let mut size = self.size();
        let directories = [&self.image, &self.exif, &self.gps].into_iter();
        let tags = directories.flat_map(|directory| directory.iter());
        let mut tags: Vec<_> = tags.map(|(tag, value)| (value.bytes.len(), *tag)).collect();
        tags.reverse(); // of those of one length the last
        tags.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        let mut removed = BTreeSet::new();
        for (_, tag) in tags {
            if size <= most {
                return;
            }
            if !removed.insert(tag) {
                continue;
            }
            let mut is_empty = false;
            for directory in [&mut self.image, &mut self.exif, &mut self.gps] {
                if let Some(value) = directory.remove(&tag) {
                    size -= value.room();
                    is_empty |= directory.is_empty();
                }
            }
            left_out.push(tag);
            if is_empty || tag == tag::MAKER_NOTE {
                return;
            }
        }
    }
}

fn maker_note(exif: &Directory, at: Option<u32>, start: usize) -> Option<(u32, &[u8])> {
    const MOST_PADDING: u32 = 16 << 10;
    let at = at?;
    let note = &exif.get(&tag::MAKER_NOTE)?.bytes;
    let fits = (start as u32..MOST_PADDING).contains(&at) && at % 2 == 0 && note.len() > 8;
    fits.then_some((at, note))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Metadata with values of these lengths in the EXIF directory, and in the image's.
    fn metadata(exif: &[usize], image: &[usize]) -> Metadata {
        let directory = |lengths: &[usize]| {
            let values = lengths.iter().map(|&length| Value::undefined(vec![7; length]));
            (0x9000..).zip(values).collect()
        };
        Metadata { exif: directory(exif), image: directory(image), ..Metadata::default() }
    }

    #[test]
    fn the_size_of_a_block_is_known_before_it_is_made() {
        for (exif, image) in [(&[3, 5, 8][..], &[1][..]), (&[], &[9, 9]), (&[1], &[])] {
            let mut metadata = metadata(exif, image);
            for at in [None, Some(9), Some(600)] {
                metadata.maker_note_at = at;
                metadata.exif.insert(tag::MAKER_NOTE, Value::undefined(vec![1; 21]));
                let size = metadata.parts().size();
                assert_eq!(metadata.exif_block().unwrap().len(), size, "{exif:?} {image:?} {at:?}");
            }
        }
        assert_eq!(Metadata::default().parts().size(), 0);
    }

    #[test]
    fn the_longest_tags_go_until_the_others_fit() {
        let metadata = metadata(&[10, 400, 30, 300], &[350, 5]);
        let whole = metadata.exif_block().unwrap().len();
        for (most, expected) in [
            (whole, &[][..]),
            (whole - 1, &[0x9001]),
            // A number goes from all directories.
            (whole - 412 - 18, &[0x9001]),
            (whole - 412 - 19, &[0x9001, 0x9000]),
        ] {
            let (block, left_out) = metadata.exif_block_within(most);
            assert_eq!(left_out, expected, "{most}");
            assert!(block.unwrap().len() <= most, "{most}");
        }
        assert_eq!(metadata.exif_block_within(3).0, None);
    }
}
