//! What the ledger tells for manifests, and what it remembers of them.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::files::names::stays_below;
use crate::ledger::Ledger;
use crate::ledger::published::{Published, RESULT, published};
use crate::ledger::store::values;

/// An input that has no result.
#[derive(Debug)]
pub(crate) struct Undelivered {
    pub(crate) input: PathBuf,
    /// SHA-256 of the input, if it was read.
    pub(crate) content: Option<String>,
    /// SHA-256 of the weights file.
    pub(crate) weights: String,
    pub(crate) settings: String,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    /// Milliseconds since 1970.
    pub(crate) at: i64,
    id: i64,
}

/// A file that a manifest was written to: its SHA-256 as it was last written and as it was last
/// about to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    pub(crate) sha256: Option<String>,
    pub(crate) intended: Option<String>,
}

/// Rows that are read at once: the ledger is locked meanwhile.
const PAGE: u32 = 1000;

impl Ledger {
    /// Hands each result to `sink` with its path below the output folder, in the order of those,
    /// and with how a later attempt at it ended that made no other one.
    pub(crate) fn each_result(
        &self,
        sink: &mut dyn FnMut(PathBuf, Published, Option<String>) -> Result<()>,
    ) -> Result<()> {
        let mut last: Option<PathBuf> = None;
        loop {
            let page: Vec<(PathBuf, Published, Option<String>)> = self.rows(
                &format!(
                    "SELECT {RESULT}, (SELECT state || ' later: ' || reason FROM jobs
                                       WHERE jobs.output = results.output
                                           AND state IN ('failed', 'skipped')
                                       ORDER BY ended_at DESC LIMIT 1) AS later
                     FROM results WHERE CAST(?1 AS TEXT) IS NULL OR output > ?1
                     ORDER BY output LIMIT ?2"
                ),
                values![last, PAGE],
                |row| Ok((row.get("output")?, published(row)?, row.get("later")?)),
            )?;
            let is_last = page.len() < PAGE as usize;
            last = page.last().map(|(output, ..)| output.clone());
            for (output, result, later) in page {
                if stays_below(&output) {
                    sink(output, result, later)?;
                } else {
                    log::warn!("{}: left out; it is not below this folder", output.display());
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Hands each input without a result to `sink`, in the order in which they were first queued.
    pub(crate) fn each_undelivered(
        &self,
        sink: &mut dyn FnMut(Undelivered) -> Result<()>,
    ) -> Result<()> {
        let mut last = -1_i64;
        loop {
            let page = self.rows(
                "SELECT id, input, content, weights, settings, state, reason,
                        coalesce(ended_at, queued_at) AS at
                 FROM jobs
                 WHERE id > ?1
                     AND NOT EXISTS (SELECT 1 FROM results WHERE results.output = jobs.output)
                 ORDER BY id LIMIT ?2",
                values![last, PAGE],
                |row| {
                    Ok(Undelivered {
                        id: row.get("id")?,
                        input: row.get("input")?,
                        content: row.get("content")?,
                        weights: row.get("weights")?,
                        settings: row.get("settings")?,
                        state: row.get("state")?,
                        reason: row.get("reason")?,
                        at: row.get("at")?,
                    })
                },
            )?;
            let is_last = page.len() < PAGE as usize;
            last = page.last().map_or(last, |row| row.id);
            page.into_iter().try_for_each(&mut *sink)?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// Names of all documents, below the output folder.
    pub(crate) fn documents(&self) -> Result<Vec<PathBuf>> {
        let sql = "SELECT name FROM documents ORDER BY name";
        self.rows(sql, &[], |row| row.get("name"))
    }

    /// What was written under a name in the output folder.
    pub(crate) fn document(&self, name: &Path) -> Result<Document> {
        let sql = "SELECT sha256, intended FROM documents WHERE name = ?1";
        let found = self.row(sql, values![name], |row| {
            Ok(Document { sha256: row.get("sha256")?, intended: row.get("intended")? })
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Records what is written under a name, or about to be.
    pub(crate) fn set_document(&self, name: &Path, document: &Document) -> Result<()> {
        self.execute(
            "INSERT INTO documents (name, sha256, intended) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256, intended = excluded.intended",
            values![name, document.sha256, document.intended],
        )
    }
}
