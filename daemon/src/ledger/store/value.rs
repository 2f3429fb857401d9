//! What statements are given and give.

use std::path::{Path, PathBuf};

use crate::files::system::names;
pub(super) use names::bytes;
pub(in crate::ledger) use names::path;

/// A parameter of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
    /// Readable as text, and lossless where it is not UTF-8.
    Path(PathBuf),
}

/// What a column of a row holds; a path is text, or bytes where it is not UTF-8.
pub(crate) enum Cell<'a> {
    Null,
    Integer(i64),
    Text(&'a str),
    Blob(&'a [u8]),
    /// Bytes that had to be decoded.
    Decoded(Vec<u8>),
}

/// What a column may be read as.
pub(crate) trait Column: Sized {
    fn read(cell: Cell<'_>) -> Option<Self>;
}

impl Column for i64 {
    fn read(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Integer(number) => Some(number),
            _ => None,
        }
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl Column for $integer {
            fn read(cell: Cell<'_>) -> Option<Self> {
                i64::read(cell)?.try_into().ok()
            }
        }

        impl Parameter for $integer {
            fn value(&self) -> Value {
                Value::Integer((*self).into())
            }
        }
    )*};
}

integers!(u16, u32);

impl Column for bool {
    fn read(cell: Cell<'_>) -> Option<Self> {
        Some(i64::read(cell)? != 0)
    }
}

impl Column for String {
    fn read(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

impl Column for Vec<u8> {
    fn read(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Blob(bytes) => Some(bytes.to_vec()),
            Cell::Decoded(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl Column for PathBuf {
    fn read(cell: Cell<'_>) -> Option<Self> {
        let bytes = match cell {
            Cell::Text(text) => text.as_bytes().to_vec(),
            cell => Vec::read(cell)?,
        };
        Some(path(bytes))
    }
}

/// Whatever it holds; paths that are not UTF-8 are bytes.
impl Column for Value {
    fn read(cell: Cell<'_>) -> Option<Self> {
        Some(match cell {
            Cell::Null => Self::Null,
            Cell::Integer(number) => Self::Integer(number),
            Cell::Text(text) => Self::Text(text.to_owned()),
            Cell::Blob(bytes) => Self::Blob(bytes.to_vec()),
            Cell::Decoded(bytes) => Self::Blob(bytes),
        })
    }
}

impl<T: Column> Column for Option<T> {
    fn read(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Null => Some(None),
            cell => T::read(cell).map(Some),
        }
    }
}

/// What statements may be given.
pub(crate) trait Parameter {
    fn value(&self) -> Value;
}

impl Parameter for i64 {
    fn value(&self) -> Value {
        Value::Integer(*self)
    }
}

impl Parameter for str {
    fn value(&self) -> Value {
        Value::Text(self.to_owned())
    }
}

impl Parameter for String {
    fn value(&self) -> Value {
        Value::Text(self.clone())
    }
}

impl Parameter for [u8] {
    fn value(&self) -> Value {
        Value::Blob(self.to_vec())
    }
}

impl Parameter for Path {
    fn value(&self) -> Value {
        Value::Path(self.to_path_buf())
    }
}

impl Parameter for PathBuf {
    fn value(&self) -> Value {
        Value::Path(self.clone())
    }
}

impl<T: Parameter + ?Sized> Parameter for &T {
    fn value(&self) -> Value {
        (*self).value()
    }
}

impl<T: Parameter> Parameter for Option<T> {
    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Parameter::value)
    }
}

/// Parameters of a statement, `?1` first.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::ledger::store::Parameter::value(&$value)),*] };
}
pub(crate) use values;
