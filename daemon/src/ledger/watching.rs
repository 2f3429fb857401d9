//! What the watched folder asks of the ledger: what was seen of a file, what waits, what is left.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use crate::error::Result;
use crate::files::fingerprint::Stamp;
use crate::files::names::stays_below;
use crate::ledger::jobs::forget_intent;
use crate::ledger::published::Original;
use crate::ledger::store::values;
use crate::ledger::{Ledger, now};
use crate::plan::Job;
use crate::settings::Recipe;

/// What the ledger says of a file with a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InputState {
    /// There is something to do.
    New,
    /// It ended, and was so young when it was taken that it could have changed since without
    /// showing it by its times.
    Young,
    /// It ended.
    Settled,
}

impl Ledger {
    /// Whether a file of this stamp ended as done, skipped or failed with this recipe.
    pub(crate) fn input_state(
        &self,
        job: &Job,
        stamp: &Stamp,
        recipe: &Recipe,
    ) -> Result<InputState> {
        let taken: Option<i64> = self.row(
            "SELECT queued_at FROM jobs
             WHERE output = ?1 AND input = ?2 AND weights = ?3 AND settings = ?4
                 AND source_size = ?5 AND source_modified = ?6 AND source_changed = ?7
                 AND state IN ('done', 'skipped', 'failed')",
            values![
                job.output,
                job.input,
                recipe.weights,
                recipe.settings,
                stamp.size,
                stamp.modified,
                stamp.changed,
            ],
            |row| row.get("queued_at"),
        )?;
        Ok(match taken {
            None => InputState::New,
            Some(milliseconds) => {
                let taken = UNIX_EPOCH + Duration::from_millis(milliseconds.max(0).cast_unsigned());
                if stamp.is_settled(taken) { InputState::Settled } else { InputState::Young }
            }
        })
    }

    /// Failed tries of a job at its present content with its present recipe.
    pub(crate) fn tries(&self, id: i64) -> Result<u32> {
        let sql = "SELECT tries FROM jobs WHERE id = ?1";
        let tries: Option<i64> = self.row(sql, values![id], |row| row.get("tries"))?;
        Ok((tries.unwrap_or_default() - self.tries_at_claim()).max(0) as u32)
    }

    /// Records that a job failed for now, after this many tries, and when it is tried again.
    pub(crate) fn postpone(
        &self,
        id: i64,
        reason: &str,
        tries: u32,
        delay: Duration,
    ) -> Result<()> {
        self.write_job(id, |session| {
            forget_intent(session, id)?;
            let retry_at = session.server_now()?.unwrap_or_else(now) + delay.as_millis() as i64;
            session.execute(
                "UPDATE jobs SET state = 'queued', reason = ?2, tries = ?3, temporary = NULL,
                     ended_at = ?4, retry_at = ?5
                 WHERE id = ?1",
                values![id, reason, tries, now(), retry_at],
            )
        })?;
        self.let_go(id);
        Ok(())
    }

    /// Records that an input went away before it was colored. Should it come back, it is new.
    pub(crate) fn lose(&self, id: i64, reason: &str) -> Result<()> {
        self.skip(id, reason)?;
        self.execute(
            "UPDATE jobs SET source_size = NULL, source_modified = NULL, source_changed = NULL
             WHERE id = ?1",
            values![id],
        )
    }

    /// A number that changes when another process writes the ledger.
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method itself is of one lifetime"
    )]
    pub(crate) fn foreign_changes(&self) -> Result<i64> {
        self.query(|session| session.changes())
    }

    /// Numbers and inputs of the jobs in the queue.
    pub(crate) fn queued(&self) -> Result<Vec<(i64, PathBuf)>> {
        let sql = "SELECT id, input FROM jobs WHERE state = 'queued'";
        self.rows(sql, &[], |row| Ok((row.get("id")?, row.get("input")?)))
    }

    /// An input whose result, under another name than `output`, has this content and recipe.
    pub(crate) fn same_content(
        &self,
        content: &str,
        recipe: &Recipe,
        output: &Path,
    ) -> Result<Option<PathBuf>> {
        self.row(
            "SELECT input FROM results
             WHERE content = ?1 AND weights = ?2 AND settings = ?3 AND output <> ?4
             ORDER BY published_at LIMIT 1",
            values![content, recipe.weights, recipe.settings, output],
            |row| row.get("input"),
        )
    }

    /// Results whose originals are to be moved or deleted, and these.
    pub(crate) fn leaving(&self) -> Result<Vec<(PathBuf, PathBuf)>> {
        let sql = "SELECT output, input FROM results WHERE original = 'due'
                   UNION ALL SELECT output, input FROM results WHERE original = 'leaving'";
        let mut leaving: Vec<(PathBuf, PathBuf)> =
            self.rows(sql, &[], |row| Ok((row.get("output")?, row.get("input")?)))?;
        leaving.retain(|(output, _)| stays_below(output));
        Ok(leaving)
    }

    /// Results whose originals were being moved or deleted when a run ended, and these.
    pub(crate) fn taken_aside(&self) -> Result<Vec<(PathBuf, PathBuf)>> {
        let sql = "SELECT output, input FROM results WHERE original = 'leaving'";
        self.rows(sql, &[], |row| Ok((row.get("output")?, row.get("input")?)))
    }

    /// Records what became of a result's original.
    pub(crate) fn set_original(&self, output: &Path, original: Original) -> Result<()> {
        self.execute(
            "UPDATE results SET original = ?2 WHERE output = ?1",
            values![output, original.text()],
        )
    }
}
