//! The EXIF block of a file, read (TIFF 6.0, section 2).

use std::ops::Range;

use super::ifd::{Directory, MOST_ENTRIES, Value, item_bytes};
use super::left_out::Allowance;
use crate::Result;
use crate::budget::copied;

/// An EXIF block's bytes, in the order its header tells.
pub(crate) struct Block<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

/// An entry of a directory; `None`: it is cut off.
type Entry = Option<(u16, Told)>;

/// What an entry tells of its value.
enum Told {
    /// No items.
    Nothing,
    /// Its type, and where it lies.
    Value(u16, Range<usize>),
    /// It is of no known type, or lies nowhere.
    Unreadable,
}

impl<'a> Block<'a> {
    /// Reads the header; returns the block and the place of its first directory.
    pub(crate) fn new(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let big_endian = match bytes.get(..4)? {
            [b'I', b'I', 42, 0] => false,
            [b'M', b'M', 0, 42] => true,
            _ => return None,
        };
        let block = Self { bytes, big_endian };
        let first = block.number(4, 4)?;
        Some((block, first))
    }

    /// Bytes.
    pub(crate) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// The directory at a place, as far as it is allowed; `None`: there is none.
    pub(crate) fn directory(
        &self,
        at: usize,
        allowance: &mut Allowance,
    ) -> Result<Option<Directory>> {
        let Some(entries) = self.entries(at) else { return Ok(None) };
        let mut directory = Directory::new();
        for entry in entries {
            let (tag, place) = match entry {
                Some((_, Told::Nothing)) => continue,
                Some((tag, Told::Value(kind, place))) => (tag, Some((kind, place))),
                Some((tag, Told::Unreadable)) => (tag, None),
                None => {
                    allowance.cut_off();
                    continue;
                }
            };
            let found = place.and_then(|(kind, place)| Some((kind, self.bytes.get(place)?)));
            let Some((kind, bytes)) = found else {
                allowance.unreadable(tag);
                continue;
            };
            if allowance.take(tag, bytes.len()) {
                let mut value = Value { kind, bytes: copied(bytes)? };
                if self.big_endian {
                    value.swap();
                }
                directory.insert(tag, value);
            }
        }
        Ok(Some(directory))
    }

    /// Where the value of a tag of the directory at a place lies.
    pub(crate) fn place(&self, at: usize, tag: u16) -> Option<usize> {
        self.entries(at)?.find_map(|entry| match entry? {
            (found, Told::Value(_, place)) if found == tag => Some(place.start),
            _ => None,
        })
    }

    /// The entries of the directory at a place.
    fn entries(&self, at: usize) -> Option<impl Iterator<Item = Entry>> {
        let entries = self.number(at, 2)?;
        let entry = move |i: usize| {
            let entry = at + 2 + 12 * i;
            let (tag, kind) = (self.number(entry, 2)? as u16, self.number(entry + 2, 2)? as u16);
            let count = self.number(entry + 4, 4)?;
            let place = |length: usize| {
                let start = if length <= 4 { entry + 8 } else { self.number(entry + 8, 4)? };
                Some(start..start.checked_add(length)?)
            };
            let length = item_bytes(kind).and_then(|size| count.checked_mul(size));
            Some((
                tag,
                match length.and_then(place) {
                    _ if count == 0 => Told::Nothing,
                    Some(place) => Told::Value(kind, place),
                    None => Told::Unreadable,
                },
            ))
        };
        (entries <= MOST_ENTRIES).then(|| (0..entries).map(entry))
    }

    fn number(&self, at: usize, size: usize) -> Option<usize> {
        let bytes = self.bytes.get(at..at.checked_add(size)?)?;
        let join = |n: usize, &b: &u8| n << 8 | usize::from(b);
        Some(if self.big_endian {
            bytes.iter().fold(0, join)
        } else {
            bytes.iter().rev().fold(0, join)
        })
    }
}
