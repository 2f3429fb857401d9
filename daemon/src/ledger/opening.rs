//! Opening ledgers: to write one, and to read all that an output folder has as one.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags, ffi};

use crate::error::{Error, Result};
use crate::files::folder::is_absent;
use crate::ledger::division::{self, Taking};
use crate::ledger::store::{self, Parameter, StoreError};
use crate::ledger::{FOLDER, Ledger, OF_THIS_THREAD, Store, lock, schema, shared};

/// The ledger in its folder.
pub(super) const FILE: &str = "ledger.sqlite";

/// No link in the place of the ledger's file is followed; it is for one thread at a time.
const CAREFUL: OpenFlags = OpenFlags::SQLITE_OPEN_NOFOLLOW.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// Pause within a copy while somebody writes what is copied.
const PAUSE: Duration = Duration::from_millis(50);

impl Ledger {
    /// Opens the ledger of an output folder that is not divided, whose lock the caller holds; creates
    /// what is missing.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        shared::refuse_shared(folder)?;
        Self::open_at(&folder.join(FOLDER))
    }

    /// Opens the ledger in a folder for ledgers: that of an output folder, or of a shard.
    pub(crate) fn open_at(home: &Path) -> Result<Self> {
        let open = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            let connection = connect(home, flags)?;
            connection.pragma_update(None, "journal_mode", "truncate")?;
            connection.pragma_update(None, "synchronous", "full")?;
            Ok(connection)
        };
        Self::migrated(open(), home.join(FILE))
    }

    /// A ledger that nothing is written of, for a dry run.
    pub(crate) fn in_memory() -> Result<Self> {
        Self::migrated(Connection::open_in_memory(), PathBuf::from(":memory:"))
    }

    fn migrated(opened: rusqlite::Result<Connection>, path: PathBuf) -> Result<Self> {
        let connection = opened.map_err(|error| failed(&path, error))?;
        schema::migrate(&connection, &path)?;
        Ok(Self { store: Store::Sqlite(Mutex::new(connection)), path })
    }

    /// Opens the ledger of an output folder for reading only; `None` if there is none. That of a
    /// divided folder is a copy of all, as it was when it was opened.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>> {
        shared::refuse_shared(folder)?;
        let home = folder.join(FOLDER);
        let whole = Self::read_at(&home)?;
        if division::shards(folder)?.is_empty() {
            return Ok(whole);
        }
        let mut parts = Vec::new();
        // Rows may move from one part to another: nobody writes until all are copied.
        parts.extend(whole);
        parts.iter().try_for_each(Self::hold)?;
        for (_, home) in division::shards(folder)? {
            if let Some(part) = Self::read_at(&home)? {
                part.hold()?;
                parts.push(part);
            }
        }
        // A file without a name, which goes with the connection: it may be larger than memory.
        let all = Self::migrated(Connection::open(""), home.join(FILE))?;
        parts.iter().try_for_each(|part| all.copy(part))?;
        Ok(Some(all))
    }

    /// Lets nobody write from here on until it is closed.
    fn hold(&self) -> Result<()> {
        self.query(|session| {
            session.execute("BEGIN", &[])?;
            session.row("SELECT id FROM jobs LIMIT 1", &[], |_| Ok(())).map(drop)
        })
    }

    fn read_at(home: &Path) -> Result<Option<Self>> {
        let path = home.join(FILE);
        if !is_there(home)? {
            return Ok(None);
        }
        let opened = match Self::open_to_read(home, path.clone()) {
            Err(error) if is_interrupted(&error) => {
                if let Err(error) = undo_interrupted(home) {
                    log::debug!("{}: cannot be written: {error}", path.display());
                }
                Self::open_to_read(home, path.clone())
            }
            opened => opened,
        };
        opened.map(Some).map_err(|error| match error {
            error if is_interrupted(&error) => Error::LedgerInterrupted { path },
            error => error,
        })
    }

    fn open_to_read(home: &Path, path: PathBuf) -> Result<Self> {
        let connection = connect(home, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let connection = connection.map_err(|error| failed(&path, error))?;
        if schema::is_newest(&connection, &path)? {
            return Ok(Self { store: Store::Sqlite(Mutex::new(connection)), path });
        }
        // One of an older version is read as a copy that is brought to the newest.
        let copy = || {
            let mut copy = Connection::open_in_memory()?;
            Backup::new(&connection, &mut copy)?.run_to_completion(i32::MAX, PAUSE, None)?;
            Ok(copy)
        };
        Self::migrated(copy(), path)
    }

    /// Takes over all that another ledger tells, which stays as it is.
    fn copy(&self, other: &Self) -> Result<()> {
        let copied = self.sqlite(OF_THIS_THREAD.get(), |ours| {
            ours.execute("ATTACH '' AS other", [])?;
            other.sqlite(OF_THIS_THREAD.get(), |theirs| {
                let copy = Backup::new_with_names(theirs, c"main", ours, c"other")?;
                Ok(copy.run_to_completion(i32::MAX, PAUSE, None)?)
            })?;
            division::take_in(ours, &|_| true, Taking::Copy)?;
            Ok(ours.execute("DETACH other", []).map(drop)?)
        });
        copied.map_err(|source| Error::Ledger { path: other.path.clone(), source })
    }

    /// Moves what the ledger in another folder tells of `ours`, paths of results, into this one: at no
    /// instant it is in none of them, or in both. Nobody works by the other one.
    pub(crate) fn take_over(&self, home: &Path, ours: &dyn Fn(&Path) -> bool) -> Result<()> {
        if !is_there(home)? {
            return Ok(());
        }
        drop(Self::open_at(home)?); // which brings it to the newest version
        let moved = self.sqlite(WHILE_OTHERS_MOVE, |connection| {
            connection.execute("ATTACH ?1 AS other", [real(home).value()])?;
            division::take_in(connection, ours, Taking::Move)?;
            Ok(connection.execute("DETACH other", []).map(drop)?)
        });
        moved.map_err(|source| Error::Ledger { path: home.join(FILE), source })
    }

    /// Does what only SQLite does.
    fn sqlite<T>(
        &self,
        patience: Duration,
        action: impl FnOnce(&mut Connection) -> store::Result<T>,
    ) -> store::Result<T> {
        let Store::Sqlite(connection) = &self.store else {
            unreachable!("only SQLite's ledgers are opened here")
        };
        let mut connection = lock(connection, OF_THIS_THREAD.get())?;
        connection.busy_timeout(patience)?;
        action(&mut connection)
    }
}

fn connect(home: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(real(home), flags | CAREFUL)?;
    connection.busy_timeout(OF_THIS_THREAD.get())?;
    Ok(connection)
}

/// Whether a process was killed in the midst of writing, which who only reads cannot undo.
fn is_interrupted(error: &Error) -> bool {
    let Error::Ledger { source: StoreError::Sqlite(source), .. } = error else { return false };
    let code = source.sqlite_error().map(|error| error.extended_code);
    code == Some(ffi::SQLITE_READONLY_ROLLBACK)
}

/// Undoes what a process was writing that was killed: the first look of one that may write does that.
fn undo_interrupted(home: &Path) -> rusqlite::Result<()> {
    let connection = connect(home, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))
}

fn failed(path: &Path, error: rusqlite::Error) -> Error {
    Error::Ledger { path: path.to_path_buf(), source: error.into() }
}

/// How long a shard waits while others take what is theirs out of the same ledger.
const WHILE_OTHERS_MOVE: Duration = Duration::from_secs(600);

fn is_there(home: &Path) -> Result<bool> {
    let path = home.join(FILE);
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(Error::io(&path, "read")(error)),
    }
}

/// Path of the ledger's file, its folder free of links: SQLite would refuse those too.
fn real(home: &Path) -> PathBuf {
    home.canonicalize().unwrap_or_else(|_| home.to_path_buf()).join(FILE)
}
