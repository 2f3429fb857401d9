//! A ledger of one machine becomes one in PostgreSQL. All its rows, and that the database is the ledger of
//! this folder, come in one transaction: before it the database knows nothing, after it everything. The
//! file is put aside then, so that whatever interrupts this, the next try goes on.

use std::path::Path;

use polychromify_core::hexadecimal;
use serde_json::{Map, Value as Json, json};

use crate::error::{Error, Result};
use crate::files::own;
use crate::ledger::division::JOB;
use crate::ledger::opening::FILE;
use crate::ledger::published::RESULT;
use crate::ledger::store::{self, Row, Session, StoreError, Value, as_text, values};
use crate::ledger::{Address, FOLDER, Ledger, OF_THIS_THREAD, Store, lock, shared};

/// What the file is called once its rows are in PostgreSQL.
const ASIDE: &str = "ledger-before-postgres.sqlite";

/// Rows that are sent at once.
const AT_ONCE: u32 = 1000;

/// Whether an output folder has a ledger of its own, of all of it or of shards.
pub(crate) fn has_own(folder: &Path) -> Result<bool> {
    Ok(own::is_file(&folder.join(FOLDER).join(FILE))? || !super::shards(folder)?.is_empty())
}

impl Ledger {
    /// Moves a ledger of one machine, `own`, into PostgreSQL. The caller holds its output folder.
    ///
    /// # Errors
    ///
    /// When the server is not reached, or the database is the ledger of another folder: then all is as
    /// it was.
    pub(crate) fn move_in(folder: &Path, address: &Address, own: Self) -> Result<()> {
        let ledger = Self::connect(address)?;
        ledger.migrate()?;
        let other = || Error::LedgerOfAnother { folder: folder.to_path_buf() };
        let before = shared::mark(folder)?;
        if ledger.of_folder()?.is_some_and(|known| before.as_ref() != Some(&known)) {
            return Err(other());
        }
        // The folder is told first: what a crash leaves goes on with PostgreSQL, and nothing else does.
        let id = before.clone().map_or_else(|| shared::set_mark(folder), Ok)?;
        let taken = ledger.take_all(&own, &id);
        let is_unknown = matches!(
            taken,
            Ok(Some(_)) | Err(Error::Ledger { source: StoreError::Unreachable { .. }, .. })
        );
        if before.is_none() && !is_unknown {
            shared::remove_mark(folder)?;
        }
        let rows = taken?.ok_or_else(other)?;
        drop(own); // which closes the file
        let home = folder.join(FOLDER);
        let (file, aside) = (home.join(FILE), home.join(ASIDE));
        own::rename_to_free(&file, &aside).map_err(Error::io(&aside, "write"))?;
        own::sync_folder(&home)?;
        log::info!(
            "{}: its ledger lies in PostgreSQL from here on, with {rows} rows; the file is kept as {}",
            folder.display(),
            aside.display()
        );
        Ok(())
    }

    /// Takes all rows of another ledger, and the mark of its folder; `None`: it is that of another one.
    /// Gives how many rows there were, none if they are here already.
    fn take_all(&self, other: &Self, id: &str) -> Result<Option<u64>> {
        let Store::Sqlite(connection) = &other.store else {
            unreachable!("a ledger of one machine lies in SQLite")
        };
        self.write(|session| {
            session.one_at_a_time()?;
            let known: Option<String> =
                session.row("SELECT id FROM folder", &[], |row| row.get("id"))?;
            if let Some(known) = known {
                return Ok((known == id).then_some(0));
            }
            let connection = lock(connection, OF_THIS_THREAD.get())?;
            let mut rows = 0;
            for (table, columns) in tables() {
                rows += copy(&mut Session::Sqlite(&connection), session, table, &columns)?;
            }
            for table in ["jobs", "verdicts"] {
                let sql = format!(
                    "SELECT setval(pg_get_serial_sequence('{table}', 'id'),
                         (SELECT coalesce(max(id), 0) + 1 FROM {table}), false)"
                );
                session.execute(&sql, &[])?;
            }
            session.execute("INSERT INTO folder (id) VALUES (?1)", values![id])?;
            Ok(Some(rows))
        })
    }
}

/// Tables, and their columns; but for workers, of whom there was one.
fn tables() -> [(&'static str, Vec<&'static str>); 9] {
    let verdict = "id, act, output, frame, sha256, verdict, note, judged_by, judged_at, before";
    let list = |columns: &'static str| columns.split(',').map(str::trim).collect::<Vec<_>>();
    let with = |column, columns| [vec![column], list(columns)].concat();
    [
        ("jobs", with("id", JOB)),
        ("results", with("judged", RESULT)),
        ("intents", list(RESULT)),
        ("hooks", list("output, input, called_at, reason")),
        ("hooks_since", list("at")),
        ("documents", list("name, sha256, intended")),
        ("verdicts", list(verdict)),
        ("own_settings", list("output, content, settings, set_by, set_at")),
        ("reference_pictures", list("sha256, picture")),
    ]
}

/// Copies a table; gives the number of its rows.
fn copy(from: &mut Session, to: &mut Session, table: &str, columns: &[&str]) -> store::Result<u64> {
    let list = columns.join(", ");
    let read = format!(
        "SELECT rowid AS place, {list} FROM {table} WHERE rowid > ?1 ORDER BY rowid LIMIT ?2"
    );
    let write = format!(
        "INSERT INTO {table} ({list}) OVERRIDING SYSTEM VALUE
         SELECT {list} FROM json_populate_recordset(CAST(NULL AS {table}), CAST(?1 AS json))"
    );
    let (mut last, mut count) = (i64::MIN, 0);
    loop {
        let page: Vec<(i64, Json)> = from.rows(&read, values![last, AT_ONCE], |row| {
            Ok((row.get("place")?, as_json(row, columns)?))
        })?;
        let Some((place, _)) = page.last() else { return Ok(count) };
        last = *place;
        let rows: Vec<Json> = page.into_iter().map(|(_, row)| row).collect();
        count += to.execute(&write, values![json!(rows).to_string()])?;
    }
}

/// A row in the form in which PostgreSQL reads it, its bytes as digits.
fn as_json(row: &Row, columns: &[&str]) -> store::Result<Json> {
    let cells = columns.iter().map(|&column| {
        let cell = match row.get::<Value>(column)? {
            Value::Null => Json::Null,
            Value::Integer(number) => json!(number),
            Value::Text(text) => json!(text.replace('\0', "\u{fffd}")),
            Value::Blob(bytes) if column == "picture" => {
                json!(format!("\\x{}", hexadecimal(&bytes)))
            }
            Value::Blob(bytes) => json!(as_text(&store::path(bytes))),
            Value::Path(path) => json!(as_text(&path)),
        };
        Ok((column.to_owned(), cell))
    });
    cells.collect::<store::Result<Map<_, _>>>().map(Json::Object)
}
