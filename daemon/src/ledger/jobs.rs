//! The way of a job through the ledger: queued, running, publishing, and how it ended.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::error::Result;
use crate::files::fingerprint::Stamp;
use crate::ledger::published::{RESULT, Tone, published, set_result};
use crate::ledger::store::{self, Session, StoreError, values};
use crate::ledger::{Ledger, Published, now};
use crate::plan::Job;
use crate::settings::{Recipe, SOFTWARE};

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

/// Columns that a job is queued with.
pub(super) const QUEUED: &str = "output, input, weights, settings, software, state, queued_at,
    source_size, source_modified, source_changed";

/// What becomes of a job that is there already when it is queued.
pub(super) const AGAIN: &str = "ON CONFLICT (output, input) DO UPDATE SET
    tries = iif(jobs.weights = excluded.weights AND jobs.settings = excluded.settings,
                jobs.tries, 0),
    made_at = iif(jobs.weights = excluded.weights AND jobs.settings = excluded.settings
                  AND jobs.software IS NOT DISTINCT FROM excluded.software,
                  jobs.made_at, NULL),
    weights = excluded.weights, settings = excluded.settings,
    software = excluded.software,
    state = 'queued', queued_at = excluded.queued_at, retry_at = NULL,
    source_size = coalesce(excluded.source_size, jobs.source_size),
    source_modified = coalesce(excluded.source_modified, jobs.source_modified),
    source_changed = coalesce(excluded.source_changed, jobs.source_changed)";

impl Ledger {
    /// Puts jobs into the queue, with their inputs' stamps where they are known, and gives their
    /// numbers in the same order; none where workers [take](Self::take) them out of the ledger.
    pub(crate) fn enqueue<'a>(
        &self,
        jobs: impl IntoIterator<Item = (&'a Job, Option<&'a Stamp>)>,
        recipe: &Recipe,
    ) -> Result<Vec<i64>> {
        let jobs: Vec<_> = jobs.into_iter().collect();
        if self.is_shared() {
            return self.enqueue_for_all(&jobs, recipe).map(|()| Vec::new());
        }
        let sql = format!(
            "INSERT INTO jobs ({QUEUED})
             VALUES (?1, ?2, ?3, ?4, ?5, 'queued', ?6, ?7, ?8, ?9) {AGAIN} RETURNING id"
        );
        self.write(|session| {
            let now = now();
            let mut enqueue = |(job, stamp): &(&Job, Option<&Stamp>)| {
                let values = values![
                    job.output,
                    job.input,
                    recipe.weights,
                    recipe.settings,
                    SOFTWARE,
                    now,
                    stamp.map(|stamp| stamp.size),
                    stamp.map(|stamp| stamp.modified),
                    stamp.map(|stamp| stamp.changed),
                ];
                session.one(&sql, values, |row| row.get("id"))
            };
            jobs.iter().map(&mut enqueue).collect()
        })
    }

    /// Records that work on a job begins: its input's SHA-256, and the temporary file that it may
    /// leave behind, below the output folder. Gives the time that the result is to tell, in
    /// milliseconds since 1970: `time`, unless it was begun before with this content, recipe and
    /// program, so that a result that is made again has the same bytes.
    pub(crate) fn start(&self, id: i64, content: &str, temporary: &Path, time: i64) -> Result<i64> {
        let counted = self.tries_at_claim();
        self.write_job(id, |session| {
            session.one(
                "UPDATE jobs SET state = 'running', reason = NULL, temporary = ?3, started_at = ?4,
                     tries = iif(content IS NULL OR content = ?2, tries, ?6),
                     made_at = iif(content = ?2, coalesce(made_at, ?5), ?5), content = ?2
                 WHERE id = ?1
                 RETURNING made_at",
                values![id, content, temporary, now(), time, counted],
                |row| row.get("made_at"),
            )
        })
    }

    /// Records the result that is about to be renamed into place.
    pub(crate) fn intend(&self, id: i64, result: &Published) -> Result<()> {
        let (source, recipe) = (result.source, &result.recipe);
        let sql = format!(
            "INSERT INTO intents ({RESULT})
             SELECT output, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                 ?18, ?19, ?20, ?21, ?22, ?23, ?24
             FROM jobs WHERE id = ?1
             ON CONFLICT (output) DO UPDATE SET {}
             WHERE intents.input = excluded.input OR NOT EXISTS (
                 SELECT id FROM jobs WHERE jobs.output = intents.output
                     AND jobs.input = intents.input AND jobs.state = 'publishing')",
            set_result()
        );
        self.write_job(id, |session| {
            session.execute("UPDATE jobs SET state = 'publishing' WHERE id = ?1", values![id])?;
            let intended = session.execute(
                &sql,
                values![
                    id,
                    result.input,
                    result.content,
                    recipe.weights,
                    recipe.settings,
                    source.map(|stamp| stamp.size),
                    source.map(|stamp| stamp.modified),
                    source.map(|stamp| stamp.changed),
                    result.sha256,
                    result.size,
                    result.modified,
                    result.width,
                    result.height,
                    result.milliseconds,
                    now(),
                    result.original.text(),
                    result.making.software,
                    result.making.weights,
                    result.making.at,
                    result.sidecar,
                    result.notices.as_ref().map(|list| json!(list).to_string()),
                    result.film.as_ref().map(ToString::to_string),
                    result.seen.doubt,
                    result.seen.toning.map(Tone::text),
                ],
            )?;
            if intended == 0 { Err(StoreError::AnothersTurn) } else { Ok(()) }
        })
    }

    /// The result that a dead run was about to rename into place.
    pub(crate) fn intended(&self, output: &Path) -> Result<Option<Published>> {
        self.result_in("intents", output)
    }

    /// Records the SHA-256 of the JSON file beside a result, which is about to be written or gone.
    pub(crate) fn set_sidecar(&self, output: &Path, sha256: Option<&str>) -> Result<()> {
        self.write(|session| {
            for table in ["intents", "results"] {
                let statement = format!("UPDATE {table} SET sidecar = ?2 WHERE output = ?1");
                session.execute(&statement, values![output, sha256])?;
            }
            Ok(())
        })
    }

    /// Records that the intended result has its final name. Other inputs' claims to it end.
    pub(crate) fn publish(&self, id: i64) -> Result<()> {
        let sql = format!(
            "INSERT INTO results ({RESULT}) SELECT {RESULT} FROM intents WHERE output = ?1
             ON CONFLICT (output) DO UPDATE SET judged = NULL, {}",
            set_result()
        );
        self.end_job(id, "done", None, 1, |session| {
            let output: PathBuf =
                session.one("SELECT output FROM jobs WHERE id = ?1", values![id], |row| {
                    row.get("output")
                })?;
            session.execute(&sql, values![output])?;
            // A result that was made again bit for bit keeps its verdict.
            session.execute(
                "UPDATE results SET judged = (
                     SELECT max(id) FROM verdicts
                     WHERE verdicts.output = results.output AND verdicts.sha256 = results.sha256
                         AND verdicts.frame IS NULL
                 ) WHERE output = ?1",
                values![output],
            )?;
            session.execute("DELETE FROM intents WHERE output = ?1", values![output])?;
            let sql = "DELETE FROM jobs WHERE output = ?1 AND id <> ?2";
            session.execute(sql, values![output, id])?;
            if let Some(worker) = self.worker() {
                // Where this is done again, as nobody learned that it took place, it counts once.
                let sql = "UPDATE workers SET done = done + 1 WHERE id = ?1
                           AND EXISTS (SELECT id FROM jobs WHERE jobs.id = ?2 AND state <> 'done')";
                session.execute(sql, values![worker, id])?;
            }
            Ok(())
        })
    }

    /// Records that a job needs no work: its result is there.
    pub(crate) fn keep(&self, id: i64, result: &Published) -> Result<()> {
        self.end_job(id, "done", None, 0, |session| {
            session.execute(
                "UPDATE results SET input = ?2, source_size = ?3, source_modified = ?4,
                     source_changed = ?5, original = ?6
                 WHERE output = (SELECT output FROM jobs WHERE id = ?1)",
                values![
                    id,
                    result.input,
                    result.source.map(|stamp| stamp.size),
                    result.source.map(|stamp| stamp.modified),
                    result.source.map(|stamp| stamp.changed),
                    result.original.text(),
                ],
            )?;
            session.execute(
                "DELETE FROM jobs WHERE id <> ?1
                     AND output = (SELECT output FROM jobs WHERE id = ?1)",
                values![id],
            )?;
            session.execute(
                "UPDATE jobs SET content = ?2 WHERE id = ?1",
                values![id, result.content],
            )?;
            Ok(())
        })
    }

    /// Records that a job is not done, for a reason that is no failure.
    pub(crate) fn skip(&self, id: i64, reason: &str) -> Result<()> {
        self.end_job(id, "skipped", Some(reason), 0, |_| Ok(()))
    }

    /// Records that a job failed.
    pub(crate) fn fail(&self, id: i64, reason: &str) -> Result<()> {
        self.end_job(id, "failed", Some(reason), 1, |_| Ok(()))
    }

    /// Forgets a job that is none any more.
    pub(crate) fn forget(&self, id: i64) -> Result<()> {
        self.execute("DELETE FROM jobs WHERE id = ?1", values![id])
    }

    /// Puts a job back into the queue: it was interrupted. `tries` is 1 if that counts as a try.
    pub(crate) fn requeue(&self, id: i64, tries: u32) -> Result<()> {
        self.end_job(id, "queued", None, tries, |_| Ok(()))
    }

    /// Does the rest of a job and records how it ended, after `tries` more.
    fn end_job(
        &self,
        id: i64,
        state: &str,
        reason: Option<&str>,
        tries: u32,
        rest: impl Fn(&mut Session) -> store::Result<()>,
    ) -> Result<()> {
        let more = i64::from(tries) - self.tries_at_claim();
        self.write_job(id, |session| {
            rest(session)?;
            forget_intent(session, id)?;
            session.execute(
                "UPDATE jobs SET state = ?2, reason = ?3, tries = iif(state = ?2, tries, tries + ?4),
                     temporary = NULL,
                     ended_at = ?5, retry_at = NULL,
                     asked_at = CASE WHEN ?2 = 'queued' THEN asked_at END
                 WHERE id = ?1",
                values![id, state, reason, more, now()],
            )
        })?;
        self.let_go(id);
        Ok(())
    }

    /// What lies under a final name, as far as this ledger knows.
    pub(crate) fn result(&self, output: &Path) -> Result<Option<Published>> {
        self.result_in("results", output)
    }

    fn result_in(&self, table: &str, output: &Path) -> Result<Option<Published>> {
        let sql = format!("SELECT {RESULT} FROM {table} WHERE output = ?1");
        self.row(&sql, values![output], published)
    }

    /// Whether the latest attempt at a job ended with its result in place.
    pub(crate) fn is_done(&self, job: &Job) -> Result<bool> {
        let sql = "SELECT id FROM jobs WHERE output = ?1 AND input = ?2 AND state = 'done'";
        let found = self.row(sql, values![job.output, job.input], |_| Ok(()))?;
        Ok(found.is_some())
    }

    /// Jobs that a dead run left between start and settling.
    pub(crate) fn unsettled(&self) -> Result<Vec<Unsettled>> {
        self.rows(
            "SELECT id, jobs.output, temporary,
                    iif(state = 'publishing', intents.sha256, NULL) AS intended
             FROM jobs LEFT JOIN intents ON intents.output = jobs.output
             WHERE state IN ('running', 'publishing') OR temporary IS NOT NULL",
            &[],
            unsettled,
        )
    }
}

/// Reads a row of an unsettled job.
pub(super) fn unsettled(row: &store::Row) -> store::Result<Unsettled> {
    Ok(Unsettled {
        id: row.get("id")?,
        output: row.get("output")?,
        temporary: row.get("temporary")?,
        intended: row.get("intended")?,
    })
}

pub(super) fn forget_intent(session: &mut Session, id: i64) -> store::Result<()> {
    session.execute(
        "DELETE FROM intents
         WHERE (output, input) IN (SELECT output, input FROM jobs WHERE id = ?1)",
        values![id],
    )?;
    Ok(())
}
