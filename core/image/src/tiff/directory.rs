//! The directories of a TIFF file: what is where, and nothing more than is asked for.
//!
//! Everything is bounded by what a real file has: a file that lies about counts and places costs no
//! more memory or time than its own size (TIFF 6.0, section 2; `BigTIFF` as libtiff writes it).

use std::collections::{BTreeMap, HashSet};
use std::io::Read;

use crate::budget::{Budget, filled};
use crate::error::damaged;
use crate::metadata::ifd::{self, Value, item_bytes};
use crate::metadata::left_out::Allowance;
use crate::{Error, Result, Source};

/// Most directories in a file's list; a million small ones would take minutes.
const MOST_DIRECTORIES: usize = 1 << 16;

/// Most entries of all directories in a file's list, which may lie over each other.
const MOST_ENTRIES: usize = 1_000_000;

/// The directories of a TIFF whose header was read.
#[derive(Clone)]
pub(crate) struct Directories {
    pub(crate) source: Source,
    pub(crate) budget: Budget,
    pub(crate) length: u64,
    pub(crate) big_endian: bool,
    /// Places are of 64 bits.
    big: bool,
    /// Place of the first directory.
    pub(crate) first: u64,
}

/// One entry of a directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// TIFF's number of the type.
    kind: u16,
    /// Items.
    count: u64,
    /// Place of the value in the file.
    at: u64,
}

/// A directory's entries, without their values.
#[derive(Debug)]
pub(crate) struct Entries {
    by_tag: BTreeMap<u16, Entry>,
    /// Tags of no known type that have a value.
    unreadable: Vec<u16>,
    /// Place of the next directory in the list, 0: none.
    next: u64,
}

impl Entries {
    pub(crate) fn contains(&self, tag: u16) -> bool {
        self.by_tag.contains_key(&tag)
    }
}

impl Directories {
    /// Reads the header.
    pub(crate) fn open(source: Source, budget: &Budget) -> Result<Self> {
        let length = source.length();
        let mut start = Vec::new();
        source.stream(0).take(16).read_to_end(&mut start).map_err(Error::reading)?;
        let big_endian = start.first() == Some(&b'M');
        let number = |range: std::ops::Range<usize>| {
            start.get(range).map(|bytes| number(bytes, big_endian)).ok_or_else(truncated)
        };
        let big = number(2..4)? == 43;
        if big && (number(4..6)?, number(6..8)?) != (8, 0) {
            return Err(damaged("a header of a BigTIFF with places of other than 64 bits"));
        }
        let first = if big { number(8..16)? } else { number(4..8)? };
        Ok(Self { source, budget: budget.clone(), length, big_endian, big, first })
    }

    /// Places of the directories in the file's list, at least one.
    pub(crate) fn list(&self) -> Result<Vec<u64>> {
        let mut places = Vec::new();
        let mut seen = HashSet::new();
        let mut next = self.first;
        let mut left = MOST_ENTRIES;
        while next != 0 {
            self.budget.check_time()?;
            if !seen.insert(next) {
                return Err(damaged("the list of pages is a loop"));
            }
            if places.len() == MOST_DIRECTORIES {
                let reason = format!("more than {MOST_DIRECTORIES} pages");
                return Err(Error::Limit(reason));
            }
            places.push(next);
            let entries = self.entries(next)?;
            let Some(rest) = left.checked_sub(entries.by_tag.len()) else {
                let reason = format!("more than {MOST_ENTRIES} tags in all pages");
                return Err(Error::Limit(reason));
            };
            (left, next) = (rest, entries.next);
        }
        if places.is_empty() {
            return Err(damaged("no picture: the list of pages is empty"));
        }
        Ok(places)
    }

    /// Reads the entries of the directory at a place.
    pub(crate) fn entries(&self, at: u64) -> Result<Entries> {
        let (count_size, entry_size, word) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let head = self.bytes(at, count_size)?;
        let count = self.number(&head);
        if count > ifd::MOST_ENTRIES as u64 {
            return Err(damaged(format!("a directory of {count} entries")));
        }
        let length = count * entry_size + word;
        let start = at + count_size;
        let bytes = self.bytes(start, length)?;
        let (mut entries, mut unreadable) = (BTreeMap::new(), Vec::new());
        let (list, next) = bytes.split_at((count * entry_size) as usize);
        for (i, entry) in list.chunks_exact(entry_size as usize).enumerate() {
            let (tag, kind) = (self.number(&entry[..2]) as u16, self.number(&entry[2..4]) as u16);
            let (items, value) = entry[4..].split_at(word as usize);
            let items = self.number(items);
            let Some(bytes) = item_bytes(kind).and_then(|size| items.checked_mul(size as u64))
            else {
                // Entries without a value are room that was left.
                unreadable.extend((items > 0).then_some(tag));
                continue;
            };
            let at = if bytes <= word {
                start + i as u64 * entry_size + 4 + word
            } else {
                self.number(value)
            };
            entries.entry(tag).or_insert(Entry { kind, count: items, at }); // as libtiff: the first
        }
        Ok(Entries { by_tag: entries, unreadable, next: self.number(next) })
    }

    /// A tag's value, at most its first `most` items; `None` where it is missing.
    ///
    /// Fails where the value lies beyond the file.
    pub(crate) fn value(&self, entries: &Entries, tag: u16, most: u64) -> Result<Option<Value>> {
        let Some(entry) = entries.by_tag.get(&tag) else { return Ok(None) };
        let size = item_bytes(entry.kind).unwrap_or(1) as u64;
        let bytes = self.bytes(entry.at, entry.count.min(most) * size)?;
        let mut value = Value { kind: entry.kind, bytes };
        if self.big_endian {
            value.swap();
        }
        Ok(Some(value))
    }

    /// A tag's unsigned integers, at most the first `most`; `None` where it is missing.
    pub(crate) fn integers(
        &self,
        entries: &Entries,
        tag: u16,
        most: u64,
    ) -> Result<Option<Vec<u64>>> {
        let Some(value) = self.value(entries, tag, most)? else { return Ok(None) };
        let integers = value.integers();
        integers.map(Some).ok_or_else(|| damaged(format!("tag {tag} is no unsigned number")))
    }

    /// A tag's first unsigned integer; `None` where it is missing.
    pub(crate) fn integer(&self, entries: &Entries, tag: u16) -> Result<Option<u64>> {
        Ok(self.integers(entries, tag, 1)?.and_then(|list| list.first().copied()))
    }

    /// All tags that are `wanted`, as far as they are allowed.
    ///
    /// Fails where the file cannot be read, and not where it is damaged.
    pub(crate) fn tags(
        &self,
        entries: &Entries,
        wanted: impl Fn(u16) -> bool,
        allowance: &mut Allowance,
    ) -> Result<ifd::Directory> {
        let mut found = ifd::Directory::new();
        for &tag in entries.unreadable.iter().filter(|tag| wanted(**tag)) {
            allowance.unreadable(tag);
        }
        for (&tag, entry) in entries.by_tag.iter().filter(|(tag, _)| wanted(**tag)) {
            let size = item_bytes(entry.kind).unwrap_or(1) as u64;
            let bytes = entry.count.saturating_mul(size);
            if entry.at.checked_add(bytes).is_none_or(|end| end > self.length) {
                allowance.unreadable(tag);
            } else if allowance.take(tag, bytes as usize)
                && let Some(value) = self.value(entries, tag, u64::MAX / size)?
            {
                found.insert(tag, value);
            }
        }
        Ok(found)
    }

    /// Bytes of the file; fails where they lie beyond it.
    pub(crate) fn bytes(&self, at: u64, length: u64) -> Result<Vec<u8>> {
        if at.checked_add(length).is_none_or(|end| end > self.length) {
            return Err(truncated());
        }
        let mut bytes = filled(0, length as usize)?;
        self.source.stream(at).read_exact(&mut bytes).map_err(Error::reading)?;
        Ok(bytes)
    }

    fn number(&self, bytes: &[u8]) -> u64 {
        number(bytes, self.big_endian)
    }
}

fn number(bytes: &[u8], big_endian: bool) -> u64 {
    let join = |n: u64, &b: &u8| n << 8 | u64::from(b);
    if big_endian { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) }
}

fn truncated() -> Error {
    damaged("truncated: a directory or the value of a tag lies beyond the file")
}
