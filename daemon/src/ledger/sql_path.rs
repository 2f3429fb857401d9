//! Paths in SQLite: readable as text, and lossless where they are not UTF-8.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Row, ToSql};

/// A path as text, or as a blob of its bytes where it is not UTF-8.
pub(super) struct SqlPath<P>(pub(super) P);

impl<P: AsRef<Path>> ToSql for SqlPath<P> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let path = self.0.as_ref();
        let bytes = path.as_os_str().as_bytes();
        Ok(ToSqlOutput::Borrowed(match path.to_str() {
            Some(_) => ValueRef::Text(bytes),
            None => ValueRef::Blob(bytes),
        }))
    }
}

impl FromSql for SqlPath<PathBuf> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                Ok(Self(OsString::from_vec(bytes.to_vec()).into()))
            }
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// The path in a column.
pub(super) fn path(row: &Row, column: &str) -> rusqlite::Result<PathBuf> {
    Ok(row.get::<_, SqlPath<PathBuf>>(column)?.0)
}
