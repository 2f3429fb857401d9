//! Hooks: for which results and failures one was called, and which of them failed.
//!
//! A hook is due for what ended since hooks were first configured, unless one was called since. So
//! those that a crash cut off are due again at the next start.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::files::names::stays_below;
use crate::ledger::store::values;
use crate::ledger::{Ledger, now};

/// A result or a failure that no hook was called for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// Below the output folder.
    pub(crate) output: PathBuf,
    /// As an absolute path.
    pub(crate) input: PathBuf,
    /// Reason of a failure; `None`: it is done.
    pub(crate) failure: Option<String>,
    /// Time it took, in milliseconds.
    pub(crate) milliseconds: Option<i64>,
    /// SHA-256 of the input.
    pub(crate) content: Option<String>,
    /// SHA-256 of the result.
    pub(crate) sha256: Option<String>,
}

/// A result whose hook failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HookFailure {
    pub(crate) input: PathBuf,
    pub(crate) reason: String,
}

impl Ledger {
    /// Records whether a hook is configured. What ends while none is gets none.
    pub(crate) fn expect_hooks(&self, configured: bool) -> Result<()> {
        let expected = self.row("SELECT at FROM hooks_since", &[], |_| Ok(()))?.is_some();
        match (configured, expected) {
            // The clock was set back: what ends from now on has earlier times.
            (true, true) => {
                self.execute("UPDATE hooks_since SET at = ?1 WHERE at > ?1", values![now()])
            }
            (true, false) => {
                self.execute("INSERT INTO hooks_since (at) VALUES (?1)", values![now()])
            }
            (false, true) => self.execute("DELETE FROM hooks_since", &[]),
            (false, false) => Ok(()),
        }
    }

    /// What ended and had no hook yet, the oldest first.
    pub(crate) fn hooks_due(&self) -> Result<Vec<Due>> {
        let mut due = self.rows(
            "SELECT ended.output, ended.input, failure, milliseconds, content, sha256 FROM (
                 SELECT output, input, NULL AS failure, milliseconds, content, sha256,
                        published_at AS at
                 FROM results
                 UNION ALL
                 SELECT output, input, reason, NULL, content, NULL, ended_at
                 FROM jobs WHERE state = 'failed'
             ) AS ended
             JOIN hooks_since ON ended.at >= hooks_since.at
             LEFT JOIN hooks ON hooks.output = ended.output
             WHERE hooks.called_at IS NULL OR hooks.called_at < ended.at
             ORDER BY ended.at",
            &[],
            |row| {
                Ok(Due {
                    output: row.get("output")?,
                    input: row.get("input")?,
                    failure: row.get("failure")?,
                    milliseconds: row.get("milliseconds")?,
                    content: row.get("content")?,
                    sha256: row.get("sha256")?,
                })
            },
        )?;
        due.retain(|due| stays_below(&due.output));
        Ok(due)
    }

    /// Records how a hook ended that was called at this time: well, or failed for this reason.
    pub(crate) fn record_hook(
        &self,
        output: &Path,
        input: &Path,
        called_at: i64,
        failure: Option<&str>,
    ) -> Result<()> {
        self.execute(
            "INSERT INTO hooks (output, input, called_at, reason) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (output) DO UPDATE SET input = excluded.input,
                 called_at = excluded.called_at, reason = excluded.reason",
            values![output, input, called_at, failure],
        )
    }

    /// Results whose latest hook failed, by the name of the input.
    pub(crate) fn hook_failures(&self) -> Result<Vec<HookFailure>> {
        let sql = "SELECT input, reason FROM hooks WHERE reason IS NOT NULL ORDER BY input";
        self.rows(sql, &[], |row| {
            Ok(HookFailure { input: row.get("input")?, reason: row.get("reason")? })
        })
    }
}
