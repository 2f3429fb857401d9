//! What people set for single inputs, and which they asked to have made again.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::files::names;
use crate::ledger::store::{self, Session, values};
use crate::ledger::{Ledger, now};
use crate::plan::Job;

/// What a person set for an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OfInput {
    /// SHA-256 of the input that it is for: another one of its name is another photograph.
    pub(crate) content: String,
    /// JSON.
    pub(crate) settings: String,
}

/// What came of asking for a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    Queued,
    /// It is in work right now.
    InWork,
    /// There is no such job.
    Unknown,
}

impl Ledger {
    /// What was set for the input whose result belongs at `output`.
    pub(crate) fn own_settings(&self, output: &Path) -> Result<Option<OfInput>> {
        let sql = "SELECT content, settings FROM own_settings WHERE output = ?1";
        self.row(sql, values![output], |row| {
            Ok(OfInput { content: row.get("content")?, settings: row.get("settings")? })
        })
    }

    /// A small picture in colors that own settings name.
    pub(crate) fn reference(&self, sha256: &str) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT picture FROM reference_pictures WHERE sha256 = ?1";
        self.row(sql, values![sha256], |row| row.get("picture"))
    }

    /// Keeps a small picture in colors, by its SHA-256.
    pub(crate) fn keep_reference(&self, sha256: &str, picture: &[u8]) -> Result<()> {
        self.execute(
            "INSERT INTO reference_pictures (sha256, picture) VALUES (?1, ?2)
             ON CONFLICT (sha256) DO NOTHING",
            values![sha256, picture],
        )
    }

    /// Puts a job into the queue because somebody asked for it, with settings of its own or, from
    /// here on, with none. Below those lie the settings that its result was made with before it had
    /// any: they stay with the job.
    pub(crate) fn ask(&self, id: i64, own: Option<&OfInput>, by: &str) -> Result<Asking> {
        self.write(|session| {
            let set = set_own(session, id, own, by)?;
            if set != Asking::Queued {
                return Ok(set);
            }
            session.execute(
                "UPDATE jobs SET state = 'queued', reason = NULL, tries = 0, retry_at = NULL,
                     made_at = NULL, queued_at = ?2, asked_at = ?2
                 WHERE id = ?1",
                values![id, now()],
            )?;
            session.wake_workers()?;
            Ok(Asking::Queued)
        })
    }

    /// Keeps settings of its own for a job, or takes them from it, for the next time that it is asked
    /// for.
    pub(crate) fn set_own(&self, id: i64, own: Option<&OfInput>, by: &str) -> Result<Asking> {
        self.write(|session| set_own(session, id, own, by))
    }

    /// The settings below those of its own of a job that somebody asked for; `None`: nobody did.
    pub(crate) fn asked_settings(&self, id: i64) -> Result<Option<String>> {
        let sql = "SELECT settings FROM jobs WHERE id = ?1 AND asked_at IS NOT NULL";
        self.row(sql, values![id], |row| row.get("settings"))
    }

    /// Jobs in the queue because somebody asked for them, in that order, but for those that failed and
    /// are to wait.
    pub(crate) fn asked(&self) -> Result<Vec<(i64, Job)>> {
        let jobs: Vec<(i64, PathBuf, PathBuf)> = self.rows(
            "SELECT id, input, output FROM jobs
             WHERE asked_at IS NOT NULL AND state = 'queued' AND coalesce(retry_at, 0) <= ?1
             ORDER BY asked_at, id",
            values![now()],
            |row| Ok((row.get("id")?, row.get("input")?, row.get("output")?)),
        )?;
        let is_safe = |input: &Path, output: &Path| {
            names::is_absolute_and_plain(input) && names::stays_below(output)
        };
        let safe = jobs.into_iter().filter(|(_, input, output)| is_safe(input, output));
        Ok(safe.map(|(id, input, output)| (id, Job::recorded(input, output))).collect())
    }
}

/// Records settings of its own of a job that is not in work.
fn set_own(
    session: &mut Session,
    id: i64,
    own: Option<&OfInput>,
    by: &str,
) -> store::Result<Asking> {
    let sql = "SELECT output, state FROM jobs WHERE id = ?1";
    let found = session.row(sql, values![id], |row| {
        Ok((row.get::<PathBuf>("output")?, row.get::<String>("state")?))
    });
    let Some((output, state)) = found? else { return Ok(Asking::Unknown) };
    if state == "running" || state == "publishing" {
        return Ok(Asking::InWork);
    }
    session.execute(
        "UPDATE jobs SET settings = coalesce(
             (SELECT results.settings FROM results
              WHERE results.output = jobs.output AND results.input = jobs.input
                  AND jobs.asked_at IS NULL
                  AND NOT EXISTS (SELECT 1 FROM own_settings
                                  WHERE own_settings.output = jobs.output)),
             settings)
         WHERE id = ?1",
        values![id],
    )?;
    session.execute("DELETE FROM own_settings WHERE output = ?1", values![output])?;
    if let Some(own) = own {
        session.execute(
            "INSERT INTO own_settings (output, content, settings, set_by, set_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            values![output, own.content, own.settings, by, now()],
        )?;
    }
    Ok(Asking::Queued)
}
