//! The two databases that a ledger may lie in, asked in the same words.
//!
//! A statement is written once, in what SQLite and PostgreSQL both understand: parameters are `?1`,
//! `?2`, .. in it, and what only SQLite has (`iif`, `instr`, `json_each`, ..) PostgreSQL is given as
//! functions by the schema of its ledgers.

use std::path::PathBuf;

mod place;
pub(super) mod postgres;
mod sqlite;
mod value;

pub(super) use place::{Place, Trust};
pub(super) use postgres::{Listener, Postgres, as_text};
pub(super) use value::{Cell, Column, Parameter, Value, path, values};

/// Why a database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("{}", postgres::message(.0))]
    Postgres(#[from] ::postgres::Error),
    #[error("cannot reach PostgreSQL: {reason}")]
    Unreachable { reason: String },
    #[error("certificates to trust, of {}: {reason}", path.display())]
    Certificates { path: PathBuf, reason: String },
    #[error("the column `{column}` holds something else than expected")]
    Column { column: String },
    #[error("the ledger has no such row")]
    NoRow,
    #[error(
        "written by a newer version of this program (schema {found}, expected at most {expected})"
    )]
    Newer { found: i64, expected: usize },
    #[error("the result of another input is about to get this name")]
    AnothersTurn,
    /// Another worker has the job by now.
    #[error("the job's lease ran out, and another worker has it")]
    LeaseLost,
}

pub(super) type Result<T> = std::result::Result<T, StoreError>;

/// A connection to a database, within a transaction or not.
pub(super) enum Session<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(&'a mut Postgres),
}

/// A row that a statement gave.
pub(super) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a ::postgres::Row),
}

impl Session<'_> {
    /// Does a statement; gives the number of rows that it changed.
    pub(super) fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64> {
        match self {
            Self::Sqlite(connection) => sqlite::execute(connection, sql, values),
            Self::Postgres(connection) => connection.execute(sql, values),
        }
    }

    /// Does statements without parameters.
    pub(super) fn script(&mut self, sql: &str) -> Result<()> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch(sql)?),
            Self::Postgres(connection) => Ok(connection.client()?.batch_execute(sql)?),
        }
    }

    /// All rows that a statement gives.
    pub(super) fn rows<T>(
        &mut self,
        sql: &str,
        values: &[Value],
        mut read: impl FnMut(&Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        match self {
            Self::Sqlite(connection) => sqlite::rows(connection, sql, values, &mut read),
            Self::Postgres(connection) => {
                let rows = connection.rows(sql, values)?;
                rows.iter().map(|row| read(&Row::Postgres(row))).collect()
            }
        }
    }

    /// The first row that a statement gives.
    pub(super) fn row<T>(
        &mut self,
        sql: &str,
        values: &[Value],
        read: impl FnMut(&Row) -> Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.rows(sql, values, read)?.into_iter().next())
    }

    /// The row that a statement is sure to give.
    pub(super) fn one<T>(
        &mut self,
        sql: &str,
        values: &[Value],
        read: impl FnMut(&Row) -> Result<T>,
    ) -> Result<T> {
        self.row(sql, values, read)?.ok_or(StoreError::NoRow)
    }
}

impl Session<'_> {
    /// A number that changes when another process changes rows, and perhaps at other times.
    pub(super) fn changes(&mut self) -> Result<i64> {
        match self {
            Self::Sqlite(connection) => {
                Ok(connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
            }
            // What transactions are seen: it changes when one begins, and when one ends.
            session @ Self::Postgres(_) => session.one(
                "SELECT hashtextextended(CAST(pg_current_snapshot() AS TEXT), 0) AS changes",
                &[],
                |row| row.get("changes"),
            ),
        }
    }

    /// Milliseconds since 1970 by the server's clock, by which all who share the ledger go; `None`: there is
    /// no server.
    pub(super) fn server_now(&mut self) -> Result<Option<i64>> {
        match self {
            Self::Sqlite(_) => Ok(None),
            session @ Self::Postgres(_) => {
                session.row("SELECT server_now() AS now", &[], |row| row.get("now"))
            }
        }
    }

    /// Lets no other transaction that asks for it go on until this one ends.
    pub(super) fn one_at_a_time(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()), // as all of them are
            session @ Self::Postgres(_) => {
                session.execute("SELECT pg_advisory_xact_lock(?1)", &[Value::Integer(LOCK)])?;
                Ok(())
            }
        }
    }

    /// Tells idle workers, once the transaction is over, that there may be something in the queue.
    pub(super) fn wake_workers(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()), // which look at the file
            session @ Self::Postgres(_) => {
                session.execute(&format!("SELECT pg_notify('{CHANNEL}', '')"), &[])?;
                Ok(())
            }
        }
    }
}

/// Number of the lock of [`Session::one_at_a_time`] and of migrations: `polychro` in ASCII.
pub(super) const LOCK: i64 = 0x706f_6c79_6368_726f;

/// Where idle workers listen.
pub(super) const CHANNEL: &str = "polychromify";

impl Row<'_> {
    /// What a column holds.
    pub(super) fn get<T: Column>(&self, column: &str) -> Result<T> {
        let read = |cell: Cell<'_>| T::read(cell);
        let found = match self {
            Self::Sqlite(row) => read(sqlite::cell(row, column)?),
            Self::Postgres(row) => read(row.try_get(column)?),
        };
        found.ok_or_else(|| StoreError::Column { column: column.to_owned() })
    }
}
