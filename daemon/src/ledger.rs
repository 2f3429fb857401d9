//! The record of every input: what is queued, running, done and failed, and what was published.
//!
//! It is an SQLite file in a hidden folder of the output folder; one divided into shards has one for
//! each (see `division`). For many workers at once it lies in PostgreSQL (see `claims`). `jobs` holds
//! the latest attempt at each input, `results` what lies under each final name, `intents` the results
//! about to be renamed into place. A result is recorded as intended before the rename and as done
//! after it, so that after any interruption the three tell what happened (see `recover`).
//!
//! Every statement is synced before the next step. A rollback journal serves where WAL cannot: on
//! network file systems.

mod address;
mod asked;
mod claims;
mod delivery;
mod division;
mod hooks;
mod jobs;
mod known;
mod listing;
mod moving;
mod opening;
mod overview;
mod published;
mod schema;
mod shared;
mod store;
mod verdicts;
mod watching;
mod workers;

use std::cell::Cell;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, Transaction, TransactionBehavior, ffi};

use crate::error::{Error, Result};
pub(crate) use address::Address;
pub(crate) use asked::{Asking, OfInput};
use claims::Claims;
pub(crate) use delivery::{Document, Undelivered};
pub(crate) use division::shards;
pub(crate) use hooks::Due;
pub(crate) use jobs::Unsettled;
pub(crate) use known::{KNOWN_AT_ONCE, Known};
pub(crate) use listing::{Filter, Item, Order, Page};
pub(crate) use moving::has_own;
pub(crate) use published::{Making, Original, Published, Seen, Shot};
pub(crate) use shared::refuse_shared;
pub(crate) use store::StoreError;
use store::{Postgres, Row, Session, Value};
pub(crate) use verdicts::{Change, Judgeable, Judged, Judgement, Verdict};
pub(crate) use watching::InputState;
pub(crate) use workers::Worker;

/// Folder below the output folder for the ledger and its lock.
pub(crate) const FOLDER: &str = ".polychromify";

/// How long a writer waits for a reader such as `polychromify status`, and the reverse; and for a
/// server that is away.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Time between two looks whether another thread is done with the ledger.
const NAP: Duration = Duration::from_millis(2);

thread_local! {
    static OF_THIS_THREAD: Cell<Duration> = const { Cell::new(PATIENCE) };
}

/// Sets how long this thread waits for the ledger before what it asks of it fails, until what this gives
/// is dropped: a thread that others wait for has no time for a process that holds the ledger long.
#[must_use = "it holds until this is dropped"]
pub(crate) fn wait_at_most(patience: Duration) -> Hasty {
    Hasty { before: OF_THIS_THREAD.replace(patience), of_thread: PhantomData }
}

/// A thread that does not wait long for the ledger.
pub(crate) struct Hasty {
    before: Duration,
    /// It stays on its thread.
    of_thread: PhantomData<*const ()>,
}

impl Drop for Hasty {
    fn drop(&mut self) {
        OF_THIS_THREAD.set(self.before);
    }
}

/// The ledger of one output folder; workers share it.
pub(crate) struct Ledger {
    store: Store,
    /// The file, or the address of the server, for people.
    path: PathBuf,
}

enum Store {
    Sqlite(Mutex<Connection>),
    Postgres(Box<Mutex<Postgres>>, Claims),
}

impl Ledger {
    /// The first row that a query gives.
    fn row<T>(
        &self,
        sql: &str,
        values: &[Value],
        mut read: impl FnMut(&Row) -> store::Result<T>,
    ) -> Result<Option<T>> {
        self.query(|session| session.row(sql, values, &mut read))
    }

    /// All rows that a query gives.
    fn rows<T>(
        &self,
        sql: &str,
        values: &[Value],
        mut read: impl FnMut(&Row) -> store::Result<T>,
    ) -> Result<Vec<T>> {
        self.query(|session| session.rows(sql, values, &mut read))
    }

    /// Does one statement that changes rows.
    fn execute(&self, sql: &str, values: &[Value]) -> Result<()> {
        self.write(|session| session.execute(sql, values)).map(drop)
    }

    /// Does all of `action` or nothing. Where it is unknown whether it took place it is done again, so
    /// that twice has to be as good as once.
    fn write<T>(&self, mut action: impl FnMut(&mut Session) -> store::Result<T>) -> Result<T> {
        let patience = OF_THIS_THREAD.get();
        self.named(match &self.store {
            Store::Sqlite(connection) => lock(connection, patience).and_then(|mut connection| {
                connection.busy_timeout(patience)?;
                // One that began by reading could not wait for another writer.
                let transaction =
                    connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let value = action(&mut Session::Sqlite(&transaction))?;
                Transaction::commit(transaction)?;
                Ok(value)
            }),
            Store::Postgres(connection, _) => lock(connection, patience)
                .and_then(|mut connection| connection.transact(patience, action)),
        })
    }

    /// The same for a job that this process has: should another worker have it by now, nothing is
    /// changed.
    fn write_job<T>(
        &self,
        id: i64,
        mut action: impl FnMut(&mut Session) -> store::Result<T>,
    ) -> Result<T> {
        self.write(|session| {
            if let Store::Postgres(_, claims) = &self.store {
                claims.check(session, id)?;
            }
            action(session)
        })
    }

    fn query<T>(&self, mut action: impl FnMut(&mut Session) -> store::Result<T>) -> Result<T> {
        let patience = OF_THIS_THREAD.get();
        self.named(match &self.store {
            Store::Sqlite(connection) => lock(connection, patience).and_then(|connection| {
                connection.busy_timeout(patience)?;
                action(&mut Session::Sqlite(&connection))
            }),
            Store::Postgres(connection, _) => {
                lock(connection, patience).and_then(|mut connection| {
                    connection.insist(patience, |open| action(&mut Session::Postgres(open)))
                })
            }
        })
    }

    fn named<T>(&self, asked: store::Result<T>) -> Result<T> {
        asked.map_err(|source| Error::Ledger { path: self.path.clone(), source })
    }
}

/// A worker that panicked left at most a transaction, which was rolled back as it unwound.
fn lock<T>(connection: &Mutex<T>, patience: Duration) -> store::Result<MutexGuard<'_, T>> {
    if patience >= PATIENCE {
        return Ok(connection.lock().unwrap_or_else(PoisonError::into_inner));
    }
    let end = Instant::now() + patience;
    loop {
        match connection.try_lock() {
            Ok(connection) => return Ok(connection),
            Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if Instant::now() >= end => {
                let busy = ffi::Error::new(ffi::SQLITE_BUSY);
                return Err(rusqlite::Error::SqliteFailure(busy, None).into());
            }
            Err(TryLockError::WouldBlock) => thread::sleep(NAP),
        }
    }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as i64)
}

#[cfg(test)]
#[cfg(unix)] // names that are not UTF-8, and PostgreSQL
mod tests;
