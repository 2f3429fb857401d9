//! Statements in SQLite.

use std::borrow::Cow;
use std::path::Path;

use rusqlite::types::{self, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, ToSql, params_from_iter};

use super::value::{Cell, Value, bytes};
use super::{Result, StoreError};

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let borrowed = match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
            Self::Path(path) => return Ok(of_path(path)),
        };
        Ok(ToSqlOutput::Borrowed(borrowed))
    }
}

/// Text, or bytes where it is not UTF-8.
fn of_path(path: &Path) -> ToSqlOutput<'_> {
    match bytes(path) {
        Cow::Borrowed(bytes) if path.to_str().is_some() => {
            ToSqlOutput::Borrowed(ValueRef::Text(bytes))
        }
        Cow::Borrowed(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        Cow::Owned(bytes) => ToSqlOutput::Owned(match String::from_utf8(bytes) {
            Ok(text) => types::Value::Text(text),
            Err(error) => types::Value::Blob(error.into_bytes()),
        }),
    }
}

pub(super) fn execute(connection: &Connection, sql: &str, values: &[Value]) -> Result<u64> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.execute(params_from_iter(values))? as u64)
}

pub(super) fn rows<T>(
    connection: &Connection,
    sql: &str,
    values: &[Value],
    read: &mut dyn FnMut(&super::Row) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(&super::Row::Sqlite(row))?);
    }
    Ok(found)
}

pub(super) fn cell<'a>(row: &'a Row, column: &str) -> Result<Cell<'a>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Blob(bytes) => Cell::Blob(bytes),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Cell::Text(text),
            Err(_) => Cell::Blob(text),
        },
        ValueRef::Real(_) => return Err(StoreError::Column { column: column.to_owned() }),
    })
}
