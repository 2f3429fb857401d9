//! Output folders whose work is divided: each shard has a ledger in a folder of its own, and each row
//! is in one of them all.
//!
//! Whoever begins to work takes what is his out of the ledgers of those who would work otherwise: a
//! shard out of that of the whole folder, and out of shards of another division; the whole folder out
//! of all shards. So a folder may be divided, divided anew, or brought together at any time at which
//! nobody works on it.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::{Error, Result};
use crate::files::folder::is_absent;
use crate::ledger::FOLDER;
use crate::ledger::published::RESULT;
use crate::ledger::store::{self, Session, values};
use crate::shard::Shard;

/// Columns of `jobs` but for its number, which is another one in each ledger.
pub(super) const JOB: &str =
    "output, input, content, weights, settings, state, tries, reason, temporary,
    queued_at, started_at, ended_at, source_size, source_modified, source_changed, retry_at,
    software, made_at, asked_at";

/// The shards that an output folder is divided into, with the folders of their ledgers, in order.
pub(crate) fn shards(folder: &Path) -> Result<Vec<(Shard, PathBuf)>> {
    let hidden = folder.join(FOLDER);
    let entries = match hidden.read_dir() {
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        entries => entries.map_err(Error::io(&hidden, "read"))?,
    };
    let mut shards = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::io(&hidden, "read"))?;
        let name = entry.file_name();
        if let Some(shard) = name.to_str().and_then(Shard::of_folder_name) {
            shards.push((shard, entry.path()));
        }
    }
    shards.sort_by(|(_, one), (_, other)| one.cmp(other));
    Ok(shards)
}

/// Whether rows stay where they are taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taking {
    Copy,
    Move,
}

/// Takes what the ledger attached as `other` tells of `ours`, paths of results, all of it or nothing.
pub(super) fn take_in(
    connection: &mut Connection,
    ours: &dyn Fn(&Path) -> bool,
    taking: Taking,
) -> store::Result<()> {
    choose(connection, ours)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    insert(&transaction)?;
    if taking == Taking::Move {
        for table in ["jobs", "results", "intents", "hooks", "verdicts", "own_settings"] {
            let chosen = "output IN (SELECT output FROM temp.chosen)";
            transaction.execute(&format!("DELETE FROM other.{table} WHERE {chosen}"), [])?;
        }
    }
    Ok(transaction.commit()?)
}

/// Puts the paths of `ours` into the table `temp.chosen`.
fn choose(connection: &Connection, ours: &dyn Fn(&Path) -> bool) -> store::Result<()> {
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS chosen (output PRIMARY KEY NOT NULL) WITHOUT ROWID;
         DELETE FROM temp.chosen;",
    )?;
    let mut session = Session::Sqlite(connection);
    let outputs: Vec<PathBuf> = session.rows(
        "SELECT output FROM other.jobs UNION SELECT output FROM other.results
         UNION SELECT output FROM other.verdicts UNION SELECT output FROM other.own_settings
         UNION SELECT output FROM other.hooks",
        &[],
        |row| row.get("output"),
    )?;
    for output in outputs.iter().filter(|output| ours(output)) {
        session.execute("INSERT INTO temp.chosen VALUES (?1)", values![output])?;
    }
    Ok(())
}

fn insert(transaction: &Transaction) -> rusqlite::Result<()> {
    let most = |of: &str| -> rusqlite::Result<i64> {
        let sql = format!("SELECT coalesce(max({of}), 0) FROM main.verdicts");
        transaction.query_row(&sql, [], |row| row.get(0))
    };
    // Verdicts are numbered on from those that are here.
    let (verdicts, acts) = (most("id")?, most("act")?);
    let take = |table: &str, columns: &str, values: &str| {
        let sql = format!(
            "INSERT OR REPLACE INTO main.{table} ({columns}) SELECT {values} FROM other.{table}
             WHERE output IN (SELECT output FROM temp.chosen)"
        );
        transaction.execute(&sql, [])
    };
    take("jobs", JOB, JOB)?;
    take("results", &format!("{RESULT}, judged"), &format!("{RESULT}, judged + {verdicts}"))?;
    take("intents", RESULT, RESULT)?;
    let verdict = "output, frame, sha256, verdict, note, judged_by, judged_at";
    take(
        "verdicts",
        &format!("id, act, {verdict}, before"),
        &format!("id + {verdicts}, act + {acts}, {verdict}, before + {verdicts}"),
    )?;
    for (table, columns) in [
        ("hooks", "output, input, called_at, reason"),
        ("own_settings", "output, content, settings, set_by, set_at"),
    ] {
        take(table, columns, columns)?;
    }
    // Several own settings may name one: it stays in both.
    transaction.execute_batch(
        "INSERT OR IGNORE INTO main.reference_pictures (sha256, picture)
         SELECT sha256, picture FROM other.reference_pictures",
    )
}
