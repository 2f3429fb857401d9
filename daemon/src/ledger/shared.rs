//! Opening a ledger in PostgreSQL, which is that of one output folder.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use polychromify_core::hexadecimal;

use crate::error::{Error, Result};
use crate::files::own;
use crate::ledger::claims::Claims;
use crate::ledger::moving::has_own;
use crate::ledger::store::{Listener, Postgres, StoreError, values};
use crate::ledger::{Address, FOLDER, Ledger, Store, lock};

/// File in the folder of an output folder's ledger that tells that it lies in PostgreSQL.
const MARK: &str = "postgres";

/// One step from each version of the schema to the next.
const MIGRATIONS: &[&str] = &[include_str!("schema/postgres.sql")];

/// How long a claim is good without being renewed.
const LEASE: Duration = Duration::from_secs(90);

impl Ledger {
    /// Opens the ledger of an output folder in PostgreSQL, and creates what is missing.
    ///
    /// # Errors
    ///
    /// When the server is not reached, the database is the ledger of another output folder, or the
    /// folder has another ledger, which is to be [moved](Self::move_in) first.
    pub(crate) fn open_shared(folder: &Path, address: &Address) -> Result<Self> {
        let hidden = folder.join(FOLDER);
        own::create_output(folder, &hidden)?;
        let ledger = Self::connect(address)?;
        ledger.migrate()?;
        if has_own(folder)? {
            return Err(Error::OtherLedger { folder: folder.to_path_buf() });
        }
        ledger.belong_to(folder)?;
        Ok(ledger)
    }

    /// Opens the ledger of an output folder to read it, or to write what is no work at it: in
    /// PostgreSQL if an address is given, else in the folder; `None` if there is none.
    pub(crate) fn find(folder: &Path, address: Option<&Address>) -> Result<Option<Self>> {
        match address {
            None => Self::read(folder),
            Some(_) if mark(folder)?.is_none() && !has_own(folder)? => Ok(None),
            Some(address) => Self::open_shared(folder, address).map(Some),
        }
    }

    pub(super) fn connect(address: &Address) -> Result<Self> {
        let seconds = std::env::var("POLYCHROMIFY_LEASE").ok().and_then(|text| text.parse().ok());
        let lease = seconds.map_or(LEASE, Duration::from_secs_f64);
        let path = PathBuf::from(address.to_string());
        let place = address.place();
        let place = place.map_err(|source| Error::Ledger { path: path.clone(), source })?;
        let postgres = Box::new(Mutex::new(Postgres::new(place, lease)));
        Ok(Self { store: Store::Postgres(postgres, Claims::new(lease)), path })
    }

    pub(super) fn migrate(&self) -> Result<()> {
        self.write(|session| {
            session.one_at_a_time()?;
            session
                .script("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")?;
            let sql = "SELECT coalesce(max(version), 0) AS version FROM schema_version";
            let version: i64 = session.one(sql, &[], |row| row.get("version"))?;
            let newer = || StoreError::Newer { found: version, expected: MIGRATIONS.len() };
            let done = usize::try_from(version).map_err(|_| newer())?;
            let left = MIGRATIONS.get(done..).ok_or_else(newer)?;
            for (step, migration) in left.iter().enumerate() {
                session.script(migration)?;
                let sql = "INSERT INTO schema_version (version) VALUES (?1)";
                session.execute(sql, values![(done + step + 1) as u32])?;
            }
            Ok(())
        })
    }

    /// Sees to it that database and output folder are of each other. The folder is told first: what a
    /// crash leaves is a folder with a mark whose database is none yet.
    fn belong_to(&self, folder: &Path) -> Result<()> {
        let other = || Error::LedgerOfAnother { folder: folder.to_path_buf() };
        match (self.of_folder()?, mark(folder)?) {
            (Some(known), Some(mark)) if known == mark => Ok(()),
            (Some(_), _) => Err(other()),
            (None, None) => {
                set_mark(folder)?;
                self.belong_to(folder)
            }
            (None, Some(id)) => {
                self.write(|session| {
                    session.one_at_a_time()?;
                    let sql = "INSERT INTO folder (id) SELECT CAST(?1 AS TEXT)
                               WHERE NOT EXISTS (SELECT id FROM folder)";
                    session.execute(sql, values![id])
                })?;
                if self.of_folder()? == Some(id) { Ok(()) } else { Err(other()) }
            }
        }
    }

    /// The mark of the output folder that this is the ledger of; `None`: of none yet.
    pub(super) fn of_folder(&self) -> Result<Option<String>> {
        self.row("SELECT id FROM folder", &[], |row| row.get("id"))
    }

    /// Whether the output folder is there: a share that is not mounted is an empty folder.
    pub(crate) fn is_there(&self, folder: &Path) -> bool {
        !self.is_shared() || mark(folder).is_ok_and(|mark| mark.is_some())
    }

    /// What hears of jobs that are put into the queue; `None`: nobody else does that.
    pub(crate) fn listener(&self) -> Option<Listener> {
        match &self.store {
            Store::Sqlite(_) => None,
            Store::Postgres(postgres, _) => Some(lock(postgres, Duration::MAX).ok()?.listener()),
        }
    }
}

/// Refuses an output folder whose ledger lies in PostgreSQL.
pub(crate) fn refuse_shared(folder: &Path) -> Result<()> {
    match mark(folder)? {
        None => Ok(()),
        Some(_) => Err(Error::SharedLedger { folder: folder.to_path_buf() }),
    }
}

/// Marks an output folder as one whose ledger lies in PostgreSQL, unless another process was faster;
/// gives what the mark says.
pub(super) fn set_mark(folder: &Path) -> Result<String> {
    let home = folder.join(FOLDER);
    let path = home.join(MARK);
    let id = random().map_err(|reason| Error::NoRandom { reason })?;
    let temporary = path.with_extension(&id);
    own::write_new(&temporary, id.as_bytes())?;
    if own::rename_to_free(&temporary, &path).is_err() {
        own::remove(&temporary)?;
    }
    own::sync_folder(&home)?;
    Ok(mark(folder)?.unwrap_or(id))
}

/// Takes the mark away again.
pub(super) fn remove_mark(folder: &Path) -> Result<()> {
    own::remove(&folder.join(FOLDER).join(MARK))
}

/// What the mark of an output folder says, if it has one.
pub(super) fn mark(folder: &Path) -> Result<Option<String>> {
    let path = folder.join(FOLDER).join(MARK);
    if !own::is_file(&path)? {
        return Ok(None);
    }
    let mut id = String::new();
    own::open(&path)?.take(64).read_to_string(&mut id).map_err(Error::io(&path, "read"))?;
    Ok(Some(id))
}

fn random() -> std::result::Result<String, String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(hexadecimal(&bytes))
}
