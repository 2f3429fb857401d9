//! Jobs taken out of a ledger that several processes share, on any machines.
//!
//! A claim is a lease by the clock of the server, renewed while its worker lives, and a fence: a number
//! that grows with each claim. All that is written for a job asks for the fence, so that a worker which
//! was away for too long, and whose job another one has, changes nothing any more. Tries are counted at
//! the claim: a file that kills its workers ends as failed. Work is done outside of transactions.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;

use crate::error::Result;
use crate::files::fingerprint::Stamp;
use crate::files::names;
use crate::ledger::jobs::{AGAIN, QUEUED, unsettled};
use crate::ledger::store::{self, Session, StoreError, values};
use crate::ledger::{Ledger, Store, Unsettled, now};
use crate::plan::Job;
use crate::settings::{Recipe, SOFTWARE};

/// Jobs that are put into the queue by one statement.
const AT_ONCE: usize = 1000;

/// Takes jobs: what people asked for, whoever works, and what is of the worker's own recipes. Each part
/// is read in the order of an index of its own, so that no worker walks over what others are to do.
pub(super) const TAKE: &str = "WITH asked AS MATERIALIZED (
         SELECT id FROM jobs
         WHERE state = 'queued' AND asked_at IS NOT NULL AND coalesce(retry_at, 0) <= server_now()
         ORDER BY asked_at, id LIMIT ?6 FOR UPDATE SKIP LOCKED
     ), alike AS MATERIALIZED (
         SELECT found.id FROM json_each(CAST(?5 AS TEXT)) AS own, LATERAL (
             SELECT id FROM jobs
             WHERE state = 'queued' AND asked_at IS NULL AND coalesce(retry_at, 0) <= server_now()
                 AND recipe_key(software, weights, settings) = recipe_key(?3, ?4, own.value)
             ORDER BY asked_at, id LIMIT ?6 FOR UPDATE SKIP LOCKED
         ) AS found
         ORDER BY found.id LIMIT CAST(?6 AS BIGINT) - (SELECT count(*) FROM asked)
     ), next AS (SELECT id FROM asked UNION ALL SELECT id FROM alike)
     UPDATE jobs SET state = 'running', worker = ?1, fence = fence + 1, lease = server_now() + ?2,
         tries = tries + 1, reason = NULL, temporary = NULL, started_at = server_now()
     FROM next WHERE jobs.id = next.id
     RETURNING jobs.id, fence, input, output";

/// What this process has taken, and who it is.
pub(super) struct Claims {
    held: Mutex<Held>,
    /// How long a claim is good without being renewed.
    pub(super) lease: Duration,
}

#[derive(Default)]
struct Held {
    /// Number of the process among the workers; `None`: it takes no jobs.
    worker: Option<i64>,
    /// By the numbers of jobs.
    fences: HashMap<i64, i64>,
}

impl Claims {
    pub(super) fn new(lease: Duration) -> Self {
        Self { held: Mutex::default(), lease }
    }

    /// Fails unless this process still has a job, and lets no other take it until the transaction ends.
    pub(super) fn check(&self, session: &mut Session, id: i64) -> store::Result<()> {
        let Some(fence) = self.held().fences.get(&id).copied() else {
            return Err(StoreError::LeaseLost);
        };
        let sql = "SELECT id FROM jobs WHERE id = ?1 AND fence = ?2 FOR UPDATE";
        if session.row(sql, values![id, fence], |_| Ok(()))?.is_none() {
            self.held().fences.remove(&id);
            return Err(StoreError::LeaseLost);
        }
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn milliseconds(&self) -> i64 {
        self.lease.as_millis() as i64
    }
}

impl Ledger {
    /// Whether several processes take jobs out of it.
    pub(crate) fn is_shared(&self) -> bool {
        self.claims().is_some()
    }

    fn claims(&self) -> Option<&Claims> {
        match &self.store {
            Store::Sqlite(_) => None,
            Store::Postgres(_, claims) => Some(claims),
        }
    }

    /// Tries that are counted when a job is taken, and not when it ends.
    pub(super) fn tries_at_claim(&self) -> i64 {
        i64::from(self.is_shared())
    }

    /// This process works on a job no longer.
    pub(super) fn let_go(&self, id: i64) {
        if let Some(claims) = self.claims() {
            claims.held().fences.remove(&id);
        }
    }

    /// Number of this process among the workers, from here on.
    pub(super) fn set_worker(&self, worker: Option<i64>) {
        if let Some(claims) = self.claims() {
            *claims.held() = Held { worker, fences: HashMap::new() };
        }
    }

    pub(super) fn worker(&self) -> Option<i64> {
        self.claims()?.held().worker
    }

    /// How long a claim is good; `None`: there are none.
    pub(crate) fn lease(&self) -> Option<Duration> {
        self.claims().map(|claims| claims.lease)
    }

    /// Puts jobs into the queue, but for those that are in work.
    pub(super) fn enqueue_for_all(
        &self,
        jobs: &[(&Job, Option<&Stamp>)],
        recipe: &Recipe,
    ) -> Result<()> {
        let sql = format!(
            "INSERT INTO jobs ({QUEUED})
             SELECT output, input, ?2, ?3, ?4, 'queued', ?5, size, modified, changed
             FROM json_to_recordset(CAST(?1 AS json)) AS queued
                 (output text, input text, size bigint, modified bigint, changed bigint)
             ORDER BY output, input
             {AGAIN} WHERE jobs.state NOT IN ('running', 'publishing')"
        );
        for some in jobs.chunks(AT_ONCE) {
            let rows: Vec<_> = some.iter().map(|(job, stamp)| row(job, *stamp)).collect();
            let rows = json!(rows).to_string();
            self.write(|session| {
                session.execute(
                    &sql,
                    values![rows, recipe.weights, recipe.settings, SOFTWARE, now()],
                )?;
                session.wake_workers()
            })?;
        }
        Ok(())
    }

    /// Takes jobs of these recipes, `most` at most: what people asked for first, then in the order in
    /// which they were first queued. Nobody else has them until their lease runs out.
    pub(crate) fn take(&self, most: usize, recipes: &[Recipe]) -> Result<Vec<(i64, Job)>> {
        let (Some(claims), Some(worker)) = (self.claims(), self.worker()) else {
            return Ok(Vec::new());
        };
        let settings: Vec<&str> = recipes.iter().map(|recipe| recipe.settings.as_str()).collect();
        let (settings, lease) = (json!(settings).to_string(), claims.milliseconds());
        let weights = recipes.first().map(|recipe| recipe.weights.as_str());
        let taken: Vec<(i64, i64, PathBuf, PathBuf)> = self.write(|session| {
            session.rows(
                TAKE,
                values![worker, lease, SOFTWARE, weights, settings, most as u32],
                |row| {
                    Ok((row.get("id")?, row.get("fence")?, row.get("input")?, row.get("output")?))
                },
            )
        })?;
        let mut held = claims.held();
        held.fences.extend(taken.iter().map(|(id, fence, ..)| (*id, *fence)));
        drop(held);
        let mut jobs = Vec::with_capacity(taken.len());
        for (id, _, input, output) in taken {
            if names::is_absolute_and_plain(&input) && names::stays_below(&output) {
                jobs.push((id, Job::recorded(input, output)));
            } else {
                self.fail(id, "the ledger names a path that is none of a photograph")?;
            }
        }
        Ok(jobs)
    }

    /// Takes a job whose worker let its lease run out, to settle what that one left.
    pub(crate) fn take_expired(&self) -> Result<Option<Unsettled>> {
        let (Some(claims), Some(worker)) = (self.claims(), self.worker()) else { return Ok(None) };
        let lease = claims.milliseconds();
        let found: Option<(i64, Unsettled)> = self.write(|session| {
            let taken = session.row(
                "WITH dead AS MATERIALIZED (
                     SELECT id FROM jobs
                     WHERE state IN ('running', 'publishing') AND lease < server_now()
                     ORDER BY lease LIMIT 1 FOR UPDATE SKIP LOCKED
                 )
                 UPDATE jobs SET fence = fence + 1, worker = ?1, lease = server_now() + ?2
                 FROM dead WHERE jobs.id = dead.id RETURNING jobs.id, fence",
                values![worker, lease],
                |row| Ok((row.get::<i64>("id")?, row.get::<i64>("fence")?)),
            )?;
            let Some((id, fence)) = taken else { return Ok(None) };
            let job = session.one(
                "SELECT id, jobs.output, temporary,
                        iif(state = 'publishing', intents.sha256, NULL) AS intended
                 FROM jobs LEFT JOIN intents ON intents.output = jobs.output WHERE id = ?1",
                values![id],
                unsettled,
            )?;
            Ok(Some((fence, job)))
        })?;
        Ok(found.map(|(fence, job)| {
            claims.held().fences.insert(job.id, fence);
            job
        }))
    }

    /// Tells that this process lives, and renews all that it has; what others have by now it has no
    /// longer.
    pub(crate) fn renew(&self) -> Result<()> {
        let (Some(claims), Some(worker)) = (self.claims(), self.worker()) else { return Ok(()) };
        let lease = claims.milliseconds();
        self.write(|session| {
            // What was taken by a transaction that nobody learned of is not among them, and runs out.
            let held: Vec<i64> = claims.held().fences.keys().copied().collect();
            let ours: Vec<i64> = session.rows(
                "UPDATE jobs SET lease = server_now() + ?2
                 WHERE worker = ?1 AND state IN ('running', 'publishing')
                     AND id IN (SELECT CAST(value AS BIGINT) FROM json_each(CAST(?3 AS TEXT)))
                 RETURNING id",
                values![worker, lease, json!(held).to_string()],
                |row| row.get("id"),
            )?;
            let sql = "UPDATE workers SET seen_at = server_now() WHERE id = ?1";
            session.execute(sql, values![worker])?;
            claims.held().fences.retain(|id, _| !held.contains(id) || ours.contains(id));
            Ok(())
        })
    }

    /// Renames a result where the file system has no step that replaces nothing: no other worker gives
    /// its name away meanwhile, nor has its job, however long this one sleeps over it.
    pub(crate) fn alone(&self, id: i64, rename: &dyn Fn() -> Result<()>) -> Result<()> {
        if !self.is_shared() {
            return rename();
        }
        let mut renamed = None;
        let held = self.write_job(id, |session| {
            session.script("SET LOCAL idle_in_transaction_session_timeout = 0")?;
            session.row(
                "SELECT output FROM intents WHERE output = (SELECT output FROM jobs WHERE id = ?1)
                 FOR UPDATE",
                values![id],
                |_| Ok(()),
            )?;
            renamed.get_or_insert_with(rename);
            Ok(())
        });
        // Nothing was written: how the transaction ended makes no difference.
        renamed.unwrap_or(held)
    }

    /// Results of jobs that are queued or in work, whoever has them.
    pub(crate) fn open_outputs(&self) -> Result<HashSet<PathBuf>> {
        let sql = "SELECT output FROM jobs WHERE state = 'queued'
                   UNION ALL SELECT output FROM jobs WHERE state IN ('running', 'publishing')";
        Ok(self.rows(sql, &[], |row| row.get("output"))?.into_iter().collect())
    }

    /// Which of these results are still to be made.
    pub(crate) fn still_open(&self, outputs: &HashSet<PathBuf>) -> Result<HashSet<PathBuf>> {
        let names: Vec<String> = outputs.iter().map(|output| store::as_text(output)).collect();
        let sql = "SELECT output FROM jobs
                   WHERE state IN ('queued', 'running', 'publishing')
                       AND output IN (SELECT value FROM json_each(CAST(?1 AS TEXT)))";
        let names = json!(names).to_string();
        Ok(self.rows(sql, values![names], |row| row.get("output"))?.into_iter().collect())
    }
}

fn row(job: &Job, stamp: Option<&Stamp>) -> serde_json::Value {
    json!({
        "output": store::as_text(&job.output),
        "input": store::as_text(&job.input),
        "size": stamp.map(|stamp| stamp.size),
        "modified": stamp.map(|stamp| stamp.modified),
        "changed": stamp.map(|stamp| stamp.changed),
    })
}
