//! Directories of a TIFF that is being written, kept until its size tells which kind it is.
//!
//! TIFF 6.0, section 2, and the `BigTIFF` design of libtiff: the same entries, with 8-byte counts
//! and offsets. All numbers are little-endian.

use crate::metadata::ifd::{self, Value, item_bytes};

/// Longest value that stands in the entry itself in a `BigTIFF`; longer ones are in the file
/// already when a directory is kept.
pub(crate) const INLINE: usize = 8;

/// The two kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Classic,
    Big,
}

/// Where the value of an entry is.
#[derive(Debug)]
pub(crate) enum Place {
    /// At most [`INLINE`] bytes.
    Here(Vec<u8>),
    /// In the file.
    At(u64),
    /// Numbers of 4 bytes in a classic file, of 8 in the other.
    Offsets(Vec<u64>),
    /// Another directory, by its number in the list.
    Directory(usize),
}

/// A tag with its value.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) tag: u16,
    /// TIFF's number of the type; that of [`Place::Offsets`] follows from the kind of file.
    pub(crate) kind: u16,
    pub(crate) count: u64,
    pub(crate) place: Place,
}

impl Entry {
    /// An entry of a value that is short, or in the file `at` a place.
    pub(crate) fn new(tag: u16, value: Value, at: Option<u64>) -> Self {
        let (kind, count) = (value.kind, value.count() as u64);
        let place = at.map_or(Place::Here(value.bytes), Place::At);
        Self { tag, kind, count, place }
    }

    pub(crate) fn offsets(tag: u16, offsets: Vec<u64>) -> Self {
        let count = offsets.len() as u64;
        Self { tag, kind: ifd::kind::LONG, count, place: Place::Offsets(offsets) }
    }

    pub(crate) fn directory(tag: u16, number: usize) -> Self {
        Self { tag, kind: ifd::kind::LONG, count: 1, place: Place::Directory(number) }
    }
}

/// Entries in the order of their tags.
pub(crate) type Entries = Vec<Entry>;

/// The directories as bytes that start at `at`, a multiple of 8; `chain` are those of the pages in
/// order, each of which points to the next. Returns the place of the first page with them.
pub(crate) fn serialize(
    kind: Kind,
    directories: &[Entries],
    chain: &[usize],
    at: u64,
) -> (u64, Vec<u8>) {
    let mut places = Vec::with_capacity(directories.len());
    let mut end = at;
    for entries in directories {
        places.push(end);
        end += size(kind, entries);
    }
    let mut bytes = Vec::with_capacity((end - at) as usize);
    let mut next = vec![0; directories.len()];
    for pair in chain.windows(2) {
        next[pair[0]] = places[pair[1]];
    }
    for (entries, next) in directories.iter().zip(next) {
        append(kind, entries, next, &places, at, &mut bytes);
    }
    (chain.first().map_or(0, |&page| places[page]), bytes)
}

/// Bytes of a directory with the values that follow it, a multiple of 8.
fn size(kind: Kind, entries: &Entries) -> u64 {
    let table = match kind {
        Kind::Classic => 2 + 12 * entries.len() + 4,
        Kind::Big => 8 + 20 * entries.len() + 8,
    };
    let behind = entries.iter().map(|entry| match length(kind, entry) {
        Some(bytes) if bytes > room(kind) => bytes.next_multiple_of(8),
        _ => 0,
    });
    (table.next_multiple_of(8) + behind.sum::<usize>()) as u64
}

/// Bytes of a value in an entry.
fn room(kind: Kind) -> usize {
    match kind {
        Kind::Classic => 4,
        Kind::Big => 8,
    }
}

/// Bytes of a value that is not in the file yet.
fn length(kind: Kind, entry: &Entry) -> Option<usize> {
    match &entry.place {
        Place::Here(bytes) => Some(bytes.len()),
        Place::Offsets(offsets) => Some(offsets.len() * room(kind)),
        Place::At(_) | Place::Directory(_) => None,
    }
}

/// Appends a number of the file's own size.
fn put_place(kind: Kind, bytes: &mut Vec<u8>, value: u64) {
    match kind {
        Kind::Classic => bytes.extend((value as u32).to_le_bytes()),
        Kind::Big => bytes.extend(value.to_le_bytes()),
    }
}

fn append(
    kind: Kind,
    entries: &Entries,
    next: u64,
    places: &[u64],
    start: u64,
    bytes: &mut Vec<u8>,
) {
    let number = |bytes: &mut Vec<u8>, value: u64| put_place(kind, bytes, value);
    let first = bytes.len();
    let table = first + size(kind, entries) as usize;
    let behind: usize = entries
        .iter()
        .filter_map(|entry| length(kind, entry).filter(|&bytes| bytes > room(kind)))
        .map(|bytes| bytes.next_multiple_of(8))
        .sum();
    let mut behind_at = table - behind;
    let mut values = Vec::with_capacity(behind);
    match kind {
        Kind::Classic => bytes.extend((entries.len() as u16).to_le_bytes()),
        Kind::Big => bytes.extend((entries.len() as u64).to_le_bytes()),
    }
    for entry in entries {
        let written = match &entry.place {
            Place::Offsets(_) | Place::Directory(_) if kind == Kind::Big => 16, // LONG8
            _ => entry.kind,
        };
        bytes.extend(entry.tag.to_le_bytes());
        bytes.extend(written.to_le_bytes());
        number(bytes, entry.count);
        let value = match &entry.place {
            Place::At(at) => {
                number(bytes, *at);
                continue;
            }
            Place::Directory(page) => {
                number(bytes, places[*page]);
                continue;
            }
            Place::Here(value) => value.clone(),
            Place::Offsets(offsets) => {
                let mut value = Vec::with_capacity(offsets.len() * room(kind));
                for &offset in offsets {
                    number(&mut value, offset);
                }
                value
            }
        };
        if value.len() <= room(kind) {
            bytes.extend(value.iter().copied().chain([0; 8]).take(room(kind)));
        } else {
            number(bytes, start + behind_at as u64);
            behind_at += value.len().next_multiple_of(8);
            values.extend(&value);
            values.resize(values.len().next_multiple_of(8), 0);
        }
    }
    number(bytes, next);
    bytes.resize(table - behind, 0);
    bytes.extend(values);
}

/// Whether a value is one that a file may hold: of a known type and whole.
pub(crate) fn is_whole(value: &Value) -> bool {
    item_bytes(value.kind).is_some_and(|size| value.bytes.len().is_multiple_of(size))
        && !value.bytes.is_empty()
}
