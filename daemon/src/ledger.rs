//! The record of every input: what is queued, running, done and failed, and what was published.
//!
//! It is an SQLite file in a hidden folder of the output folder; one divided into shards has one for
//! each (see `division`). `jobs` holds the latest attempt
//! at each input, `results` what lies under each final name, `intents` the results about to be
//! renamed into place. A result is recorded as intended before the rename and as done after it,
//! so that after any interruption the three tell what happened (see `recover`).
//!
//! Every statement is synced before the next step. A rollback journal serves where WAL cannot: on
//! network file systems.

mod asked;
mod delivery;
mod division;
mod hooks;
mod listing;
mod opening;
mod overview;
mod published;
mod schema;
mod sql_path;
mod verdicts;
mod watching;

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::{
    Connection, OptionalExtension, Params, Row, TransactionBehavior, ffi, named_params, params,
};
use serde_json::json;

use crate::error::{Error, Result};
use crate::files::fingerprint::Stamp;
use crate::plan::Job;
use crate::settings::{Recipe, SOFTWARE};
pub(crate) use asked::{Asking, OfInput};
pub(crate) use delivery::{Document, Undelivered};
pub(crate) use division::shards;
pub(crate) use hooks::Due;
pub(crate) use listing::{Filter, Item, Order, Page};
pub(crate) use published::{Making, Original, Published, Seen, Shot, Tone};
use published::{RESULT, published};
use sql_path::{SqlPath, path};
pub(crate) use verdicts::{Change, Judgeable, Judged, Judgement, Verdict};
pub(crate) use watching::InputState;

/// Folder below the output folder for the ledger and its lock.
pub(crate) const FOLDER: &str = ".polychromify";

/// How long a writer waits for a reader such as `polychromify status`, and the reverse.
const PATIENCE: Duration = Duration::from_secs(30);

/// Time between two looks whether another thread is done with the ledger.
const NAP: Duration = Duration::from_millis(2);

thread_local! {
    static OF_THIS_THREAD: Cell<Duration> = const { Cell::new(PATIENCE) };
}

/// Sets how long this thread waits for the ledger before what it asks of it fails: a thread that
/// others wait for has no time for a process that holds the ledger long.
pub(crate) fn wait_at_most(patience: Duration) {
    OF_THIS_THREAD.set(patience);
}

/// The ledger of one output folder; workers share it.
pub(crate) struct Ledger {
    connection: Mutex<Connection>,
    path: PathBuf,
}

/// A job that a run ended without settling.
#[derive(Debug)]
pub(crate) struct Unsettled {
    pub(crate) id: i64,
    pub(crate) output: PathBuf,
    /// Temporary file that may exist, below the output folder.
    pub(crate) temporary: Option<PathBuf>,
    /// SHA-256 of the result if the rename was about to happen.
    pub(crate) intended: Option<String>,
}

impl Ledger {
    /// Puts jobs into the queue, with their inputs' stamps where they are known, and gives their
    /// numbers in the same order.
    pub(crate) fn enqueue<'a>(
        &self,
        jobs: impl IntoIterator<Item = (&'a Job, Option<&'a Stamp>)>,
        recipe: &Recipe,
    ) -> Result<Vec<i64>> {
        self.write(|transaction| {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO jobs (output, input, weights, settings, software, state, queued_at,
                     source_size, source_modified, source_changed)
                 VALUES (:output, :input, :weights, :settings, :software, 'queued', :now,
                     :source_size, :source_modified, :source_changed)
                 ON CONFLICT (output, input) DO UPDATE SET
                     tries = iif(weights = excluded.weights AND settings = excluded.settings,
                                 tries, 0),
                     made_at = iif(weights = excluded.weights AND settings = excluded.settings
                                   AND software IS excluded.software, made_at, NULL),
                     weights = excluded.weights, settings = excluded.settings,
                     software = excluded.software,
                     state = 'queued', queued_at = excluded.queued_at, retry_at = NULL,
                     source_size = coalesce(excluded.source_size, source_size),
                     source_modified = coalesce(excluded.source_modified, source_modified),
                     source_changed = coalesce(excluded.source_changed, source_changed)
                 RETURNING id",
            )?;
            let now = now();
            let mut enqueue = |(job, stamp): (&Job, Option<&Stamp>)| {
                let values = named_params! {
                    ":output": SqlPath(&job.output),
                    ":input": SqlPath(&job.input),
                    ":weights": recipe.weights,
                    ":settings": recipe.settings,
                    ":software": SOFTWARE,
                    ":now": now,
                    ":source_size": stamp.map(|stamp| stamp.size),
                    ":source_modified": stamp.map(|stamp| stamp.modified),
                    ":source_changed": stamp.map(|stamp| stamp.changed),
                };
                statement.query_row(values, |row| row.get(0))
            };
            jobs.into_iter().map(&mut enqueue).collect()
        })
    }

    /// Records that work on a job begins: its input's SHA-256, and the temporary file that it may
    /// leave behind, below the output folder. Gives the time that the result is to tell, in
    /// milliseconds since 1970: `time`, unless it was begun before with this content, recipe and
    /// program, so that a result that is made again has the same bytes.
    pub(crate) fn start(&self, id: i64, content: &str, temporary: &Path, time: i64) -> Result<i64> {
        self.write(|transaction| {
            transaction.query_row(
                "UPDATE jobs SET state = 'running', reason = NULL, temporary = ?3, started_at = ?4,
                     tries = iif(content IS NULL OR content = ?2, tries, 0),
                     made_at = iif(content = ?2, coalesce(made_at, ?5), ?5), content = ?2
                 WHERE id = ?1
                 RETURNING made_at",
                params![id, content, SqlPath(temporary), now(), time],
                |row| row.get(0),
            )
        })
    }

    /// Records the result that is about to be renamed into place.
    pub(crate) fn intend(&self, id: i64, result: &Published) -> Result<()> {
        self.write(|transaction| {
            transaction.execute("UPDATE jobs SET state = 'publishing' WHERE id = ?1", [id])?;
            let (source, recipe) = (result.source, &result.recipe);
            transaction.execute(
                &format!(
                    "INSERT OR REPLACE INTO intents ({RESULT})
                     SELECT output, :input, :content, :weights, :settings, :source_size,
                         :source_modified, :source_changed, :sha256, :size, :modified, :width,
                         :height, :milliseconds, :now, :original, :software, :weights_name,
                         :made_at, :sidecar, :notices, :film, :doubt, :toning
                     FROM jobs WHERE id = :id"
                ),
                named_params! {
                    ":id": id,
                    ":input": SqlPath(&result.input),
                    ":content": result.content,
                    ":weights": recipe.weights,
                    ":settings": recipe.settings,
                    ":source_size": source.map(|stamp| stamp.size),
                    ":source_modified": source.map(|stamp| stamp.modified),
                    ":source_changed": source.map(|stamp| stamp.changed),
                    ":sha256": result.sha256,
                    ":size": result.size,
                    ":modified": result.modified,
                    ":width": result.width,
                    ":height": result.height,
                    ":milliseconds": result.milliseconds,
                    ":now": now(),
                    ":original": result.original.text(),
                    ":software": result.making.software,
                    ":weights_name": result.making.weights,
                    ":made_at": result.making.at,
                    ":sidecar": result.sidecar,
                    ":notices": result.notices.as_ref().map(|list| json!(list).to_string()),
                    ":film": result.film.as_ref().map(ToString::to_string),
                    ":doubt": result.seen.doubt,
                    ":toning": result.seen.toning.map(Tone::text),
                },
            )
        })?;
        Ok(())
    }

    /// The result that a dead run was about to rename into place.
    pub(crate) fn intended(&self, output: &Path) -> Result<Option<Published>> {
        self.result_in("intents", output)
    }

    /// Records the SHA-256 of the JSON file beside a result, which is about to be written or gone.
    pub(crate) fn set_sidecar(&self, output: &Path, sha256: Option<&str>) -> Result<()> {
        self.write(|transaction| {
            for table in ["intents", "results"] {
                let statement = format!("UPDATE {table} SET sidecar = ?2 WHERE output = ?1");
                transaction.execute(&statement, params![SqlPath(output), sha256])?;
            }
            Ok(())
        })
    }

    /// Records that the intended result has its final name. Other inputs' claims to it end.
    pub(crate) fn publish(&self, id: i64) -> Result<()> {
        self.write(|transaction| {
            let output: rusqlite::types::Value =
                transaction
                    .query_row("SELECT output FROM jobs WHERE id = ?1", [id], |row| row.get(0))?;
            transaction.execute(
                &format!(
                    "INSERT OR REPLACE INTO results ({RESULT})
                     SELECT {RESULT} FROM intents WHERE output = ?1"
                ),
                [&output],
            )?;
            // A result that was made again bit for bit keeps its verdict.
            transaction.execute(
                "UPDATE results SET judged = (
                     SELECT max(id) FROM verdicts
                     WHERE verdicts.output = results.output AND verdicts.sha256 = results.sha256
                         AND verdicts.frame IS NULL
                 ) WHERE output = ?1",
                [&output],
            )?;
            transaction.execute("DELETE FROM intents WHERE output = ?1", [&output])?;
            transaction
                .execute("DELETE FROM jobs WHERE output = ?1 AND id <> ?2", params![output, id])?;
            settle(transaction, id, "done", None, 1)
        })
    }

    /// Records that a job needs no work: its result is there.
    pub(crate) fn keep(&self, id: i64, result: &Published) -> Result<()> {
        self.write(|transaction| {
            transaction.execute(
                "UPDATE results SET input = ?2, source_size = ?3, source_modified = ?4,
                     source_changed = ?5, original = ?6
                 WHERE output = (SELECT output FROM jobs WHERE id = ?1)",
                params![
                    id,
                    SqlPath(&result.input),
                    result.source.map(|stamp| stamp.size),
                    result.source.map(|stamp| stamp.modified),
                    result.source.map(|stamp| stamp.changed),
                    result.original.text(),
                ],
            )?;
            transaction.execute(
                "DELETE FROM jobs WHERE id <> ?1
                     AND output = (SELECT output FROM jobs WHERE id = ?1)",
                [id],
            )?;
            transaction.execute(
                "UPDATE jobs SET content = ?2 WHERE id = ?1",
                params![id, result.content],
            )?;
            settle(transaction, id, "done", None, 0)
        })
    }

    /// Records that a job is not done, for a reason that is no failure.
    pub(crate) fn skip(&self, id: i64, reason: &str) -> Result<()> {
        self.write(|transaction| settle(transaction, id, "skipped", Some(reason), 0))
    }

    /// Records that a job failed.
    pub(crate) fn fail(&self, id: i64, reason: &str) -> Result<()> {
        self.write(|transaction| settle(transaction, id, "failed", Some(reason), 1))
    }

    /// Forgets a job that is none any more.
    pub(crate) fn forget(&self, id: i64) -> Result<()> {
        self.write(|transaction| transaction.execute("DELETE FROM jobs WHERE id = ?1", [id]))?;
        Ok(())
    }

    /// Puts a job back into the queue: it was interrupted. `tries` is 1 if that counts as a try.
    pub(crate) fn requeue(&self, id: i64, tries: u32) -> Result<()> {
        self.write(|transaction| settle(transaction, id, "queued", None, tries))
    }

    /// What lies under a final name, as far as this ledger knows.
    pub(crate) fn result(&self, output: &Path) -> Result<Option<Published>> {
        self.result_in("results", output)
    }

    fn result_in(&self, table: &str, output: &Path) -> Result<Option<Published>> {
        let sql = format!("SELECT {RESULT} FROM {table} WHERE output = ?1");
        self.row(&sql, [SqlPath(output)], published)
    }

    /// Whether the latest attempt at a job ended with its result in place.
    pub(crate) fn is_done(&self, job: &Job) -> Result<bool> {
        let sql = "SELECT 1 FROM jobs WHERE output = ?1 AND input = ?2 AND state = 'done'";
        let found =
            self.row(sql, params![SqlPath(&job.output), SqlPath(&job.input)], |_| Ok(()))?;
        Ok(found.is_some())
    }

    /// Jobs that a dead run left between start and settling.
    pub(crate) fn unsettled(&self) -> Result<Vec<Unsettled>> {
        self.rows(
            "SELECT id, jobs.output, temporary,
                    iif(state = 'publishing', intents.sha256, NULL) AS intended
             FROM jobs LEFT JOIN intents ON intents.output = jobs.output
             WHERE state IN ('running', 'publishing') OR temporary IS NOT NULL",
            [],
            |row| {
                Ok(Unsettled {
                    id: row.get("id")?,
                    output: path(row, "output")?,
                    temporary: row.get::<_, Option<SqlPath<_>>>("temporary")?.map(|path| path.0),
                    intended: row.get("intended")?,
                })
            },
        )
    }

    /// The first row that a query gives.
    fn row<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnOnce(&Row) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        self.query(|connection| {
            connection.prepare_cached(sql)?.query_row(parameters, read).optional()
        })
    }

    /// All rows that a query gives.
    fn rows<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnMut(&Row) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        self.query(|connection| {
            connection.prepare_cached(sql)?.query_map(parameters, read)?.collect()
        })
    }

    fn write<T>(
        &self,
        action: impl FnOnce(&rusqlite::Transaction) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let written = (|| {
            let mut connection = self.lock()?;
            // One that began by reading could not wait for another writer.
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = action(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })();
        written.map_err(|source| Error::Ledger { path: self.path.clone(), source })
    }

    fn query<T>(&self, action: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let asked = self.lock().and_then(|connection| action(&connection));
        asked.map_err(|source| Error::Ledger { path: self.path.clone(), source })
    }

    /// A worker that panicked left at most a transaction, which was rolled back as it unwound.
    fn lock(&self) -> rusqlite::Result<MutexGuard<'_, Connection>> {
        let patience = OF_THIS_THREAD.get();
        let connection = if patience >= PATIENCE {
            self.connection.lock().unwrap_or_else(PoisonError::into_inner)
        } else {
            self.lock_within(patience)?
        };
        connection.busy_timeout(patience)?;
        Ok(connection)
    }

    fn lock_within(&self, patience: Duration) -> rusqlite::Result<MutexGuard<'_, Connection>> {
        let end = Instant::now() + patience;
        loop {
            match self.connection.try_lock() {
                Ok(connection) => return Ok(connection),
                Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() >= end => {
                    let busy = ffi::Error::new(ffi::SQLITE_BUSY);
                    return Err(rusqlite::Error::SqliteFailure(busy, None));
                }
                Err(TryLockError::WouldBlock) => thread::sleep(NAP),
            }
        }
    }
}

fn settle(
    connection: &Connection,
    id: i64,
    state: &str,
    reason: Option<&str>,
    tries: u32,
) -> rusqlite::Result<()> {
    forget_intent(connection, id)?;
    connection.execute(
        "UPDATE jobs SET state = ?2, reason = ?3, tries = tries + ?4, temporary = NULL,
             ended_at = ?5, retry_at = NULL, asked_at = iif(?2 = 'queued', asked_at, NULL)
         WHERE id = ?1",
        params![id, state, reason, tries, now()],
    )?;
    Ok(())
}

fn forget_intent(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    connection.execute(
        "DELETE FROM intents WHERE output = (SELECT output FROM jobs WHERE id = ?1)",
        [id],
    )?;
    Ok(())
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as i64)
}

#[cfg(test)]
mod tests;
