//! What people say of results: accepted, rejected, with a note; by whom and when.
//!
//! A verdict is of a result's SHA-256: one that is made anew is unjudged. No row is ever changed or
//! removed, so that the ledger tells all that was said; `results.judged` names the one in force.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use crate::error::Result;
use crate::ledger::store::{self, Row, Session, values};
use crate::ledger::{Ledger, now};

/// What is said of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    Rejected,
}

impl Verdict {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }

    pub(crate) fn of_text(text: &str) -> Option<Self> {
        [Self::Accepted, Self::Rejected].into_iter().find(|verdict| verdict.text() == text)
    }
}

/// What becomes of a part of what was said.
#[derive(Clone, Debug, Default)]
pub(crate) enum Change<T> {
    #[default]
    Stays,
    /// `None`: it is taken back.
    Becomes(Option<T>),
}

impl<T> Change<T> {
    fn over(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Stays => before,
            Self::Becomes(now) => now,
        }
    }
}

/// What one act says of results.
#[derive(Clone, Debug)]
pub(crate) struct Judgement {
    pub(crate) verdict: Change<Verdict>,
    pub(crate) note: Change<String>,
    /// Who says so.
    pub(crate) by: String,
}

/// A row of what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) output: PathBuf,
    /// SHA-256 of the result that it is of.
    pub(crate) sha256: String,
    /// `None`: taken back, or a note alone.
    pub(crate) verdict: Option<Verdict>,
    pub(crate) note: Option<String>,
    pub(crate) by: String,
    /// Milliseconds since 1970.
    pub(crate) at: i64,
}

/// How many results there are of each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct VerdictCounts {
    pub(crate) accepted: u32,
    pub(crate) rejected: u32,
    pub(crate) unjudged: u32,
}

/// A verdict that is in force: its number, and what it says.
type InForce = (Option<i64>, Option<String>, Option<String>);

impl Ledger {
    /// Judges results, named by the numbers of their jobs and the SHA-256 that was looked at. Gives
    /// the number of the act, and the jobs whose results are others by now, which it leaves.
    pub(crate) fn judge(
        &self,
        items: &[(i64, String)],
        judgement: &Judgement,
    ) -> Result<(i64, Vec<i64>)> {
        self.write(|session| {
            let act = next_act(session)?;
            let mut stale = Vec::new();
            for (id, sha256) in items {
                let found: Option<(PathBuf, InForce)> = session.row(
                    "SELECT results.output, results.judged, verdict, note FROM jobs
                     JOIN results ON results.output = jobs.output AND results.input = jobs.input
                     LEFT JOIN verdicts ON verdicts.id = results.judged
                     WHERE jobs.id = ?1 AND results.sha256 = ?2",
                    values![id, sha256],
                    |row| {
                        let in_force = (row.get("judged")?, row.get("verdict")?, row.get("note")?);
                        Ok((row.get("output")?, in_force))
                    },
                )?;
                match found {
                    Some((output, in_force)) => {
                        let of = Judged::new(output, sha256, judgement, &in_force);
                        say(session, act, &of, in_force.0)?;
                    }
                    None => stale.push(*id),
                }
            }
            Ok((act, stale))
        })
    }

    /// Takes back what an act said, where it is still in force; what was said before is said again.
    /// Gives the number of results that this changes.
    pub(crate) fn undo(&self, act: i64, by: &str) -> Result<u32> {
        self.write(|session| {
            let undoing = next_act(session)?;
            let said: Vec<(Judged, i64)> = session.rows(
                "SELECT verdicts.output, verdicts.sha256, earlier.verdict, earlier.note,
                     CAST(?2 AS TEXT) AS judged_by, CAST(?3 AS BIGINT) AS judged_at,
                     verdicts.id AS now
                 FROM verdicts JOIN results ON results.judged = verdicts.id
                 LEFT JOIN verdicts AS earlier ON earlier.id = verdicts.before
                 WHERE verdicts.act = ?1",
                values![act, by, now()],
                |row| Ok((judged(row)?, row.get("now")?)),
            )?;
            for (of, in_force) in &said {
                say(session, undoing, of, Some(*in_force))?;
            }
            Ok(said.len() as u32)
        })
    }

    /// All that was ever said of the result of a job, the latest first.
    pub(crate) fn history(&self, id: i64) -> Result<Vec<Judged>> {
        self.rows(
            "SELECT verdicts.output, sha256, verdict, note, judged_by, judged_at FROM verdicts
             WHERE output = (SELECT output FROM jobs WHERE id = ?1) ORDER BY id DESC LIMIT 1000",
            values![id],
            judged,
        )
    }

    /// What is in force, by the names of results.
    pub(crate) fn verdicts(&self) -> Result<Vec<Judged>> {
        self.rows(
            "SELECT results.output, results.sha256, verdict, note, judged_by, judged_at
             FROM results JOIN verdicts ON verdicts.id = results.judged
             WHERE verdict IS NOT NULL OR note IS NOT NULL ORDER BY results.output",
            &[],
            judged,
        )
    }

    /// Results that were rejected.
    pub(crate) fn rejected(&self) -> Result<HashSet<PathBuf>> {
        let verdicts = self.verdicts()?.into_iter();
        let rejected = verdicts.filter(|of| of.verdict == Some(Verdict::Rejected));
        Ok(rejected.map(|of| of.output).collect())
    }

    /// The SHA-256 of each result that was accepted.
    pub(crate) fn accepted(&self) -> Result<HashMap<PathBuf, String>> {
        let verdicts = self.verdicts()?.into_iter();
        let accepted = verdicts.filter(|of| of.verdict == Some(Verdict::Accepted));
        Ok(accepted.map(|of| (of.output, of.sha256)).collect())
    }

    /// How many results there are of each verdict.
    pub(crate) fn verdict_counts(&self) -> Result<VerdictCounts> {
        let counts = self.row(
            "SELECT count(*) AS results, count(*) FILTER (WHERE verdict = 'accepted') AS accepted,
                 count(*) FILTER (WHERE verdict = 'rejected') AS rejected
             FROM results LEFT JOIN verdicts ON verdicts.id = results.judged",
            &[],
            |row| {
                let all: u32 = row.get("results")?;
                let (accepted, rejected) = (row.get("accepted")?, row.get("rejected")?);
                Ok(VerdictCounts { accepted, rejected, unjudged: all - accepted - rejected })
            },
        )?;
        Ok(counts.unwrap_or_default())
    }
}

impl Judged {
    fn new(
        output: PathBuf,
        sha256: &str,
        judgement: &Judgement,
        (_, verdict, note): &InForce,
    ) -> Self {
        let before = verdict.as_deref().and_then(Verdict::of_text);
        Self {
            output,
            sha256: sha256.to_owned(),
            verdict: judgement.verdict.clone().over(before),
            note: judgement.note.clone().over(note.clone()),
            by: judgement.by.clone(),
            at: now(),
        }
    }
}

fn next_act(session: &mut Session) -> store::Result<i64> {
    session.one_at_a_time()?;
    let sql = "SELECT coalesce(max(act), 0) + 1 AS next FROM verdicts";
    session.one(sql, &[], |row| row.get("next"))
}

fn say(session: &mut Session, act: i64, of: &Judged, before: Option<i64>) -> store::Result<()> {
    let said: i64 = session.one(
        "INSERT INTO verdicts (act, output, sha256, verdict, note, judged_by, judged_at, before)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING id",
        values![
            act,
            of.output,
            of.sha256,
            of.verdict.map(Verdict::text),
            of.note,
            of.by,
            of.at,
            before
        ],
        |row| row.get("id"),
    )?;
    let sql = "UPDATE results SET judged = ?2 WHERE output = ?1";
    session.execute(sql, values![of.output, said])?;
    Ok(())
}

fn judged(row: &Row) -> store::Result<Judged> {
    Ok(Judged {
        output: row.get("output")?,
        sha256: row.get("sha256")?,
        verdict: row.get::<Option<String>>("verdict")?.as_deref().and_then(Verdict::of_text),
        note: row.get("note")?,
        by: row.get("judged_by")?,
        at: row.get("judged_at")?,
    })
}
