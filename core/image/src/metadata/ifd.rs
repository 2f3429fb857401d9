//! Tags of TIFF directories, as in TIFF files and in EXIF blocks (TIFF 6.0, section 2).
//!
//! Values are kept as little-endian bytes, whatever the order of the file they come from.

use std::collections::BTreeMap;

/// Most entries that a directory of a real file has; more is a broken one.
pub(crate) const MOST_ENTRIES: usize = 4096;

/// A tag's value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Value {
    /// TIFF's number of the type.
    pub(crate) kind: u16,
    /// Little-endian.
    pub(crate) bytes: Vec<u8>,
}

/// Types that are written here.
pub(crate) mod kind {
    pub(crate) const BYTE: u16 = 1;
    pub(crate) const ASCII: u16 = 2;
    pub(crate) const SHORT: u16 = 3;
    pub(crate) const LONG: u16 = 4;
    pub(crate) const RATIONAL: u16 = 5;
    pub(crate) const UNDEFINED: u16 = 7;
    pub(crate) const SLONG: u16 = 9;
    /// Of EXIF 3.0.
    pub(crate) const UTF8: u16 = 129;
}

/// Tags by number.
pub(crate) type Directory = BTreeMap<u16, Value>;

/// Bytes of one item of a type; `None` for unknown types.
pub(crate) fn item_bytes(kind: u16) -> Option<usize> {
    match kind {
        1 | 2 | 6 | 7 | kind::UTF8 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16 | 17 | 18 => Some(8),
        _ => None,
    }
}

/// Bytes that a directory takes in a block, with its values.
pub(crate) fn size(directory: &Directory) -> usize {
    2 + directory.values().map(Value::room).sum::<usize>() + 4
}

/// Bytes that are swapped together: a rational is two numbers.
pub(crate) fn word_bytes(kind: u16) -> usize {
    match kind {
        5 | 10 => 4,
        _ => item_bytes(kind).unwrap_or(1),
    }
}

impl Value {
    pub(crate) fn short(value: u16) -> Self {
        Self { kind: kind::SHORT, bytes: value.to_le_bytes().to_vec() }
    }

    pub(crate) fn shorts(values: &[u16]) -> Self {
        Self { kind: kind::SHORT, bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect() }
    }

    pub(crate) fn long(value: u32) -> Self {
        Self { kind: kind::LONG, bytes: value.to_le_bytes().to_vec() }
    }

    pub(crate) fn rational(value: (u32, u32)) -> Self {
        let bytes = [value.0, value.1].iter().flat_map(|v| v.to_le_bytes()).collect();
        Self { kind: kind::RATIONAL, bytes }
    }

    pub(crate) fn undefined(bytes: Vec<u8>) -> Self {
        Self { kind: kind::UNDEFINED, bytes }
    }

    /// Bytes that it takes in a block, with its entry: values start on even bytes.
    pub(crate) fn room(&self) -> usize {
        12 + if self.bytes.len() > 4 { self.bytes.len().next_multiple_of(2) } else { 0 }
    }

    /// Items.
    pub(crate) fn count(&self) -> usize {
        self.bytes.len() / item_bytes(self.kind).unwrap_or(1)
    }

    /// All items, if they are unsigned integers.
    pub(crate) fn integers(&self) -> Option<Vec<u64>> {
        let size = match self.kind {
            1 | 3 | 4 | 13 | 16 | 18 => item_bytes(self.kind)?,
            _ => return None,
        };
        let number = |item: &[u8]| item.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b));
        Some(self.bytes.chunks_exact(size).map(number).collect())
    }

    /// The first item, if it is an unsigned integer.
    pub(crate) fn integer(&self) -> Option<u64> {
        self.integers()?.first().copied()
    }

    /// The first item, if it is an integer from 0 on, of any type.
    pub(crate) fn whole_number(&self) -> Option<u64> {
        let signed = match (self.kind, &self.bytes[..]) {
            (6, &[a, ..]) => a.cast_signed().into(),
            (8, &[a, b, ..]) => i16::from_le_bytes([a, b]).into(),
            (kind::SLONG, &[a, b, c, d, ..]) => i32::from_le_bytes([a, b, c, d]).into(),
            (17, bytes) => i64::from_le_bytes(*bytes.first_chunk()?),
            _ => return self.integer(),
        };
        u64::try_from(signed).ok()
    }

    /// The first item as a fraction, if it is a number above 0, of any type.
    pub(crate) fn fraction(&self) -> Option<(u32, u32)> {
        let words = || self.bytes.first_chunk::<8>().map(|bytes| bytes.as_chunks::<4>().0);
        let (n, d) = match self.kind {
            kind::RATIONAL => (u32::from_le_bytes(words()?[0]), u32::from_le_bytes(words()?[1])),
            10 => {
                let (n, d) = (i32::from_le_bytes(words()?[0]), i32::from_le_bytes(words()?[1]));
                let same = n.signum() == d.signum();
                (if same { n.unsigned_abs() } else { 0 }, d.unsigned_abs())
            }
            11 => decimal_fraction(f32::from_le_bytes(*self.bytes.first_chunk()?).into())?,
            12 => decimal_fraction(f64::from_le_bytes(*self.bytes.first_chunk()?))?,
            _ => (u32::try_from(self.whole_number()?).ok()?, 1),
        };
        (n > 0 && d > 0).then_some((n, d))
    }

    /// Brings numbers of 64 bits to 32, which files other than `BigTIFF` have; `false` if that
    /// cannot be, or the value is the place of a directory or not whole.
    pub(crate) fn make_classic(&mut self) -> bool {
        let (narrow, fits): (u16, fn(i64) -> bool) = match self.kind {
            16 => (kind::LONG, |v| u32::try_from(v).is_ok()),
            17 => (kind::SLONG, |v| i32::try_from(v).is_ok()),
            13 | 18 => return false,
            _ => {
                let size = item_bytes(self.kind);
                return size.is_some_and(|size| self.bytes.len().is_multiple_of(size))
                    && !self.bytes.is_empty();
            }
        };
        let (items, rest) = self.bytes.as_chunks::<8>();
        let all_fit = rest.is_empty() && items.iter().all(|item| fits(i64::from_le_bytes(*item)));
        if all_fit {
            self.bytes = items.iter().flat_map(|item| item[..4].to_vec()).collect();
            self.kind = narrow;
        }
        all_fit
    }

    /// Swaps the bytes of each number between little-endian and big-endian.
    pub(crate) fn swap(&mut self) {
        for word in self.bytes.chunks_exact_mut(word_bytes(self.kind)) {
            word.reverse();
        }
    }
}

/// A number above 0 with as few decimals as tell it as exactly as a FLOAT does.
fn decimal_fraction(value: f64) -> Option<(u32, u32)> {
    let fits = |scale: u32| value * f64::from(scale) <= f64::from(u32::MAX);
    if !(value > 0.0 && fits(1)) {
        return None;
    }
    let exact = |scale: &u32| {
        let scaled = value * f64::from(*scale);
        (scaled - scaled.round()).abs() <= scaled * 1e-7
    };
    let scales = || (0..=6).map(|power| 10_u32.pow(power)).filter(|&scale| fits(scale));
    let scale = scales().find(exact).or(scales().next_back())?;
    Some(((value * f64::from(scale)).round() as u32, scale))
}

/// Appends a directory to a little-endian block that starts at `block[0]`, with its values behind
/// it and no next directory; returns where it lies. A value may be in its place already: `placed`.
pub(crate) fn append(
    block: &mut Vec<u8>,
    directory: &Directory,
    placed: Option<(u16, u32)>,
) -> u32 {
    let at = block.len();
    let mut values = at + 2 + 12 * directory.len() + 4;
    block.extend((directory.len() as u16).to_le_bytes());
    let mut behind = Vec::new();
    for (tag, value) in directory {
        block.extend(tag.to_le_bytes());
        block.extend(value.kind.to_le_bytes());
        block.extend((value.count() as u32).to_le_bytes());
        if let Some((_, place)) = placed.filter(|placed| placed.0 == *tag) {
            block.extend(place.to_le_bytes());
        } else if value.bytes.len() <= 4 {
            block.extend(value.bytes.iter().copied().chain([0; 4]).take(4));
        } else {
            block.extend((values as u32).to_le_bytes());
            behind.extend_from_slice(&value.bytes);
            behind.extend((value.bytes.len() % 2 == 1).then_some(0)); // values start on even bytes
            values = at + 2 + 12 * directory.len() + 4 + behind.len();
        }
    }
    block.extend([0; 4]);
    block.extend(behind);
    at as u32
}
