//! Workers at a shared ledger: who they are, and that they are alike.

use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result};
use crate::files::own;
use crate::ledger::Ledger;
use crate::ledger::store::values;
use crate::settings::{Recipe, SOFTWARE};

/// A process that takes jobs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Worker {
    pub(crate) host: String,
    pub(crate) process: u32,
    /// Jobs that it has right now.
    pub(crate) holds: u32,
    /// Results that it published.
    pub(crate) done: u32,
    /// Results a minute since it began.
    pub(crate) rate_per_minute: f64,
}

/// What makes results alike, as a worker tells it.
type Making = (String, u32, String, String, String);

impl Ledger {
    /// Counts this process among the workers.
    ///
    /// # Errors
    ///
    /// When one that lives would make other results: by another version, other weights, settings, or
    /// another arithmetic.
    pub(crate) fn join(&self, recipe: &Recipe) -> Result<()> {
        let Some(lease) = self.lease() else { return Ok(()) };
        let (host, process) = (host(), std::process::id());
        let joined = self.write(|session| {
            session.one_at_a_time()?;
            let other: Option<Making> = session.row(
                "SELECT host, process, software, weights, settings FROM workers
                 WHERE seen_at > server_now() - ?1
                     AND NOT (software = ?2 AND weights = ?3 AND settings = ?4) LIMIT 1",
                values![lease.as_millis() as i64, SOFTWARE, recipe.weights, recipe.settings],
                |row| {
                    Ok((
                        row.get("host")?,
                        row.get("process")?,
                        row.get("software")?,
                        row.get("weights")?,
                        row.get("settings")?,
                    ))
                },
            )?;
            if other.is_some() {
                return Ok(Err(other));
            }
            let sql = "DELETE FROM workers WHERE seen_at < server_now() - 100 * ?1";
            session.execute(sql, values![lease.as_millis() as i64])?;
            let id: i64 = session.one(
                "INSERT INTO workers (host, process, software, weights, settings, started_at, seen_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, server_now(), server_now()) RETURNING id",
                values![host, process, SOFTWARE, recipe.weights, recipe.settings],
                |row| row.get("id"),
            )?;
            Ok(Ok(id))
        })?;
        match joined {
            Ok(id) => {
                self.set_worker(Some(id));
                Ok(())
            }
            Err(other) => Err(unlike(recipe, other)),
        }
    }

    /// Counts this process among the workers no longer. What it has taken and not ended goes back.
    pub(crate) fn leave(&self) -> Result<()> {
        let Some(worker) = self.worker() else { return Ok(()) };
        self.write(|session| {
            session.execute(
                "UPDATE jobs SET state = 'queued', tries = tries - 1
                 WHERE worker = ?1 AND state = 'running' AND temporary IS NULL",
                values![worker],
            )?;
            session.execute("DELETE FROM workers WHERE id = ?1", values![worker])?;
            session.wake_workers()
        })?;
        self.set_worker(None);
        Ok(())
    }

    /// Workers that live, in the order in which they began.
    pub(crate) fn workers(&self) -> Result<Vec<Worker>> {
        let Some(lease) = self.lease() else { return Ok(Vec::new()) };
        self.rows(
            "SELECT host, process, done, server_now() - started_at AS age,
                 (SELECT count(*) FROM jobs WHERE jobs.worker = workers.id
                      AND state IN ('running', 'publishing')) AS holds
             FROM workers WHERE seen_at > server_now() - ?1 ORDER BY id",
            values![lease.as_millis() as i64],
            |row| {
                let (done, age): (u32, i64) = (row.get("done")?, row.get("age")?);
                Ok(Worker {
                    host: row.get("host")?,
                    process: row.get("process")?,
                    holds: row.get("holds")?,
                    done,
                    rate_per_minute: f64::from(done) * 60_000.0 / age.max(1) as f64,
                })
            },
        )
    }
}

fn unlike(recipe: &Recipe, other: Option<Making>) -> Error {
    let (host, process, software, weights, settings) = other.unwrap_or_default();
    let short = |hash: &str| hash.get(..8).unwrap_or(hash).to_owned();
    let difference = if software != SOFTWARE {
        format!("it is {software}, and this is {SOFTWARE}")
    } else if weights != recipe.weights {
        format!("its weights are {}, these {}", short(&weights), short(&recipe.weights))
    } else {
        format!("its settings are {settings}, these {}", recipe.settings)
    };
    Error::UnlikeWorker { host, process, difference }
}

/// Name of this machine, as Linux tells it.
fn host() -> String {
    let mut name = String::new();
    let told = own::open(Path::new("/proc/sys/kernel/hostname"));
    let read = told.ok().and_then(|mut file| file.read_to_string(&mut name).ok());
    if read.is_some() { name.trim().to_owned() } else { "unknown".to_owned() }
}
