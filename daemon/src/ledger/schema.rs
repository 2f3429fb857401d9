//! Tables of the ledger and their versions.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::{Error, Result};

/// One step from each version to the next; the version is the number of steps taken.
///
/// Paths are text, or blobs of bytes where they are not UTF-8; hashes are SHA-256 in lower-case
/// hexadecimal; times are milliseconds since 1970, file times nanoseconds.
const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    output NOT NULL,             -- path below the output folder
    input NOT NULL,              -- absolute path
    content TEXT,                -- hash of the input, once it was read
    weights TEXT NOT NULL,       -- hash of the weights file
    settings TEXT NOT NULL,      -- JSON
    state TEXT NOT NULL
        CHECK (state IN ('queued', 'running', 'publishing', 'done', 'skipped', 'failed')),
    tries INTEGER NOT NULL DEFAULT 0, -- at this content with these weights and settings
    reason TEXT,                 -- of a failure or skip
    temporary,                   -- path below the output folder of a file that may exist
    queued_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    UNIQUE (output, input)
);
CREATE INDEX jobs_by_state ON jobs (state);
CREATE TABLE results (
    output PRIMARY KEY NOT NULL,
    input NOT NULL,
    content TEXT NOT NULL,
    weights TEXT NOT NULL,
    settings TEXT NOT NULL,
    source_size INTEGER,         -- these three tell an unchanged input without reading it
    source_modified INTEGER,
    source_changed INTEGER,
    sha256 TEXT NOT NULL,        -- of the result
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    milliseconds INTEGER NOT NULL,
    published_at INTEGER NOT NULL
);
CREATE INDEX results_by_time ON results (published_at);
CREATE TABLE intents (           -- rows of results whose rename is under way
    output PRIMARY KEY NOT NULL,
    input NOT NULL,
    content TEXT NOT NULL,
    weights TEXT NOT NULL,
    settings TEXT NOT NULL,
    source_size INTEGER,
    source_modified INTEGER,
    source_changed INTEGER,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    milliseconds INTEGER NOT NULL,
    published_at INTEGER NOT NULL
);
",
    "
ALTER TABLE jobs ADD COLUMN source_size INTEGER; -- stamp of the input when it was queued
ALTER TABLE jobs ADD COLUMN source_modified INTEGER;
ALTER TABLE jobs ADD COLUMN source_changed INTEGER;
ALTER TABLE jobs ADD COLUMN retry_at INTEGER;    -- when a queued job that failed is tried again
ALTER TABLE results ADD COLUMN original TEXT;    -- NULL: kept; 'due'; 'leaving'; 'gone'
ALTER TABLE intents ADD COLUMN original TEXT;
CREATE INDEX results_by_content ON results (content);
CREATE INDEX results_leaving ON results (original) WHERE original = 'leaving';
",
    "
CREATE TABLE hooks (             -- latest hook called for each result or failure
    output PRIMARY KEY NOT NULL,
    input NOT NULL,
    called_at INTEGER NOT NULL,
    reason TEXT                  -- of a failure; NULL: it ended well
);
CREATE TABLE hooks_since (       -- one row if hooks are configured: what ended before had none
    at INTEGER NOT NULL
);
",
    "
ALTER TABLE jobs ADD COLUMN software TEXT;       -- program and version of the latest attempt
ALTER TABLE jobs ADD COLUMN made_at INTEGER;     -- time that its result tells
ALTER TABLE results ADD COLUMN software TEXT;    -- these four are unknown of older results
ALTER TABLE results ADD COLUMN weights_name TEXT;
ALTER TABLE results ADD COLUMN made_at INTEGER;
ALTER TABLE results ADD COLUMN sidecar TEXT;     -- hash of the JSON beside it; NULL: none
ALTER TABLE intents ADD COLUMN software TEXT;
ALTER TABLE intents ADD COLUMN weights_name TEXT;
ALTER TABLE intents ADD COLUMN made_at INTEGER;
ALTER TABLE intents ADD COLUMN sidecar TEXT;
CREATE TABLE documents (         -- manifests in the output folder
    name TEXT PRIMARY KEY NOT NULL,
    sha256 TEXT,                 -- as it was last seen to be ours
    intended TEXT                -- as it is written, or was about to be
);
",
    "
ALTER TABLE results ADD COLUMN notices TEXT;     -- JSON list; NULL: unknown of older results
ALTER TABLE intents ADD COLUMN notices TEXT;
",
    "
CREATE INDEX results_due ON results (original) WHERE original = 'due';
",
    "
ALTER TABLE results ADD COLUMN film TEXT;        -- JSON object; NULL: a photograph
ALTER TABLE intents ADD COLUMN film TEXT;
",
    "
ALTER TABLE jobs ADD COLUMN asked_at INTEGER;    -- when a person asked for it to be made again
ALTER TABLE results ADD COLUMN doubt INTEGER;    -- the network's, in thousandths; NULL: unknown
ALTER TABLE results ADD COLUMN toning TEXT;      -- of its input; NULL: unknown
ALTER TABLE results ADD COLUMN judged INTEGER;   -- what of verdicts is in force; NULL: nothing
ALTER TABLE intents ADD COLUMN doubt INTEGER;
ALTER TABLE intents ADD COLUMN toning TEXT;
CREATE TABLE verdicts (          -- all that ever were; none is changed or removed
    id INTEGER PRIMARY KEY,
    act INTEGER NOT NULL,        -- those of one act are undone together
    output NOT NULL,
    sha256 TEXT NOT NULL,        -- of the result that was judged
    verdict TEXT CHECK (verdict IN ('accepted', 'rejected')), -- NULL: none, or taken back
    note TEXT,
    judged_by TEXT NOT NULL,
    judged_at INTEGER NOT NULL,
    before INTEGER               -- what was in force until then
);
CREATE INDEX verdicts_by_result ON verdicts (output, sha256);
CREATE INDEX verdicts_by_act ON verdicts (act);
CREATE TABLE own_settings (      -- what a person set for one input
    output PRIMARY KEY NOT NULL,
    content TEXT NOT NULL,       -- hash of the input that they are for
    settings TEXT NOT NULL,      -- JSON
    set_by TEXT NOT NULL,
    set_at INTEGER NOT NULL
);
CREATE TABLE reference_pictures ( -- in colors, small, that own settings name
    sha256 TEXT PRIMARY KEY NOT NULL,
    picture BLOB NOT NULL        -- PNG
);
CREATE INDEX jobs_asked ON jobs (asked_at) WHERE asked_at IS NOT NULL;
",
    "
ALTER TABLE verdicts ADD COLUMN frame INTEGER;   -- first of the shot that it is of; NULL: the result
",
];

/// Brings a ledger to the newest version.
pub(super) fn migrate(connection: &Connection, path: &Path) -> Result<()> {
    if is_newest(connection, path)? {
        return Ok(());
    }
    let failed = || ledger_error(path);
    // One transaction, because each one waits for the disk several times.
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate);
    let transaction = transaction.map_err(failed())?;
    // Another process may have done it until now.
    let (version, newest) = (check(connection, path)?, MIGRATIONS.len());
    let statements = MIGRATIONS[version..].concat();
    let script = format!("{statements}PRAGMA user_version = {newest};");
    transaction.execute_batch(&script).map_err(failed())?;
    transaction.commit().map_err(failed())
}

/// Whether a ledger has the newest version; refused if it is newer than this program.
pub(super) fn is_newest(connection: &Connection, path: &Path) -> Result<bool> {
    Ok(check(connection, path)? == MIGRATIONS.len())
}

/// The version of a ledger, refused if it is newer than this program.
fn check(connection: &Connection, path: &Path) -> Result<usize> {
    let version: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(ledger_error(path))?;
    match usize::try_from(version) {
        Ok(known) if known <= MIGRATIONS.len() => Ok(known),
        _ => Err(Error::LedgerVersion {
            path: path.to_path_buf(),
            found: version,
            expected: MIGRATIONS.len(),
        }),
    }
}

fn ledger_error(path: &Path) -> impl FnOnce(rusqlite::Error) -> Error {
    move |source| Error::Ledger { path: path.to_path_buf(), source: source.into() }
}
