//! Hooks that failed, remembered until the result's next hook ends well.

use std::path::{Path, PathBuf};

use rusqlite::params;

use crate::error::Result;
use crate::ledger::sql_path::SqlPath;
use crate::ledger::{Ledger, now};

/// A result whose hook failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HookFailure {
    pub(crate) input: PathBuf,
    pub(crate) reason: String,
}

impl Ledger {
    /// Records how the hook of a result ended: well, or failed for this reason.
    pub(crate) fn record_hook(
        &self,
        output: &Path,
        input: &Path,
        failure: Option<&str>,
    ) -> Result<()> {
        if let Some(reason) = failure {
            self.write(|transaction| {
                transaction.execute(
                    "INSERT OR REPLACE INTO hook_failures (output, input, reason, failed_at)
                     VALUES (?1, ?2, ?3, ?4)",
                    params![SqlPath(output), SqlPath(input), reason, now()],
                )
            })?;
        } else if self.query(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT 1 FROM hook_failures WHERE output = ?1")?;
            statement.exists([SqlPath(output)])
        })? {
            self.write(|transaction| {
                transaction
                    .execute("DELETE FROM hook_failures WHERE output = ?1", [SqlPath(output)])
            })?;
        }
        Ok(())
    }

    /// Results whose latest hook failed, by the name of the input.
    pub(crate) fn hook_failures(&self) -> Result<Vec<HookFailure>> {
        self.query(|connection| {
            // A ledger that an older version wrote has no such table until it is written to.
            let table = "SELECT 1 FROM sqlite_schema WHERE name = 'hook_failures'";
            if !connection.prepare(table)?.exists([])? {
                return Ok(Vec::new());
            }
            let mut statement =
                connection.prepare("SELECT input, reason FROM hook_failures ORDER BY input")?;
            let rows = statement.query_map([], |row| {
                Ok(HookFailure { input: row.get::<_, SqlPath<PathBuf>>(0)?.0, reason: row.get(1)? })
            })?;
            rows.collect()
        })
    }
}
