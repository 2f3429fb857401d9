//! What the ledger tells people: sums, failures, speed; and putting failures back.

use std::path::PathBuf;

use crate::error::Result;
use crate::ledger::store::values;
use crate::ledger::{Ledger, now};

/// An input whose latest attempt failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) input: PathBuf,
    pub(crate) reason: String,
    pub(crate) tries: u32,
    /// ISO 8601, UTC.
    pub(crate) last_try: String,
}

/// Sums over all inputs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) queued: u32,
    pub(crate) running: u32,
    pub(crate) done: u32,
    pub(crate) skipped: u32,
    pub(crate) failed: u32,
}

/// Results that were made in the same way.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MadeAlike {
    /// Program and version; unknown of results of old versions.
    pub(crate) software: Option<String>,
    /// Name of the weights; unknown of results of old versions.
    pub(crate) weights: Option<String>,
    /// SHA-256 of the weights file.
    pub(crate) weights_sha256: String,
    pub(crate) settings: String,
    pub(crate) results: u32,
}

impl Ledger {
    /// Results by how they were made, the way that was used latest first.
    pub(crate) fn made_alike(&self) -> Result<Vec<MadeAlike>> {
        self.rows(
            "SELECT software, max(weights_name) AS weights_name, weights, settings,
                 count(*) AS results FROM results
             GROUP BY software, weights, settings ORDER BY max(published_at) DESC",
            &[],
            |row| {
                Ok(MadeAlike {
                    software: row.get("software")?,
                    weights: row.get("weights_name")?,
                    weights_sha256: row.get("weights")?,
                    settings: row.get("settings")?,
                    results: row.get("results")?,
                })
            },
        )
    }

    /// How many results have notices, and how many have one of each kind.
    pub(crate) fn notices(&self) -> Result<(u32, Vec<(String, u32)>)> {
        let sql = "SELECT count(*) AS results FROM results WHERE json_array_length(notices) > 0";
        let results = self.row(sql, &[], |row| row.get("results"))?;
        let kinds = self.rows(
            "SELECT json_extract(value, '$.kind') AS kind, count(DISTINCT output) AS results
             FROM results, json_each(results.notices)
             GROUP BY kind ORDER BY results DESC, kind",
            &[],
            |row| Ok((row.get("kind")?, row.get("results")?)),
        )?;
        Ok((results.unwrap_or_default(), kinds))
    }

    /// Sums over all inputs; what is being published counts as running.
    pub(crate) fn counts(&self) -> Result<Counts> {
        let sql = "SELECT state, count(*) AS jobs FROM jobs GROUP BY state";
        let states: Vec<(String, u32)> =
            self.rows(sql, &[], |row| Ok((row.get("state")?, row.get("jobs")?)))?;
        let mut counts = Counts::default();
        for (state, count) in states {
            match state.as_str() {
                "queued" => counts.queued = count,
                "done" => counts.done = count,
                "skipped" => counts.skipped = count,
                "failed" => counts.failed = count,
                _ => counts.running += count,
            }
        }
        Ok(counts)
    }

    /// Inputs in work, the longest-running first.
    pub(crate) fn running(&self) -> Result<Vec<PathBuf>> {
        self.rows(
            "SELECT input FROM jobs WHERE state IN ('running', 'publishing')
             ORDER BY started_at, input",
            &[],
            |row| row.get("input"),
        )
    }

    /// Inputs whose latest attempt failed, by name.
    pub(crate) fn failures(&self) -> Result<Vec<Failure>> {
        self.rows(
            "SELECT input, reason, tries,
                    strftime('%Y-%m-%dT%H:%M:%SZ', ended_at / 1000, 'unixepoch') AS last_try
             FROM jobs WHERE state = 'failed'
             ORDER BY input",
            &[],
            |row| {
                Ok(Failure {
                    input: row.get("input")?,
                    reason: row.get("reason")?,
                    tries: row.get("tries")?,
                    last_try: row.get("last_try")?,
                })
            },
        )
    }

    /// Results a minute over the last ten minutes in which one was published.
    pub(crate) fn rate_per_minute(&self) -> Result<f64> {
        const WINDOW: i64 = 600_000; // milliseconds
        let sql = "SELECT max(published_at) AS latest FROM results";
        let latest: Option<i64> = self.row(sql, &[], |row| row.get("latest"))?.flatten();
        let Some(latest) = latest else { return Ok(0.0) };
        let counted: Option<(i64, Option<i64>)> = self.row(
            "SELECT count(*) AS results, min(published_at - milliseconds) AS first FROM results
             WHERE published_at > ?1",
            values![latest - WINDOW],
            |row| Ok((row.get("results")?, row.get("first")?)),
        )?;
        let Some((count, Some(first))) = counted else { return Ok(0.0) };
        let span = (latest - first).clamp(1, WINDOW);
        Ok(count as f64 * 60_000.0 / span as f64)
    }

    /// Puts failed inputs back into the queue with their tries forgotten: all, or those named by
    /// absolute paths. Gives the inputs that were put back.
    pub(crate) fn retry(&self, inputs: Option<&[PathBuf]>) -> Result<Vec<PathBuf>> {
        let failed: Vec<PathBuf> =
            self.failures()?.into_iter().map(|failure| failure.input).collect();
        let chosen: Vec<PathBuf> = failed
            .into_iter()
            .filter(|input| inputs.is_none_or(|inputs| inputs.contains(input)))
            .collect();
        self.write(|session| {
            for input in &chosen {
                session.execute(
                    "UPDATE jobs SET state = 'queued', tries = 0, reason = NULL, queued_at = ?2
                     WHERE input = ?1 AND state = 'failed'",
                    values![input, now()],
                )?;
            }
            session.wake_workers()
        })?;
        Ok(chosen)
    }
}
