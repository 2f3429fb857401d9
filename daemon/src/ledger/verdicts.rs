//! What people say of results and of shots of films: accepted, rejected, with a note; by whom and when.
//!
//! A verdict is of a result's SHA-256: one that is made anew is unjudged, and so are its shots. No row is
//! ever changed or removed, so that the ledger tells all that was said; `results.judged` names the one in
//! force of a result, of a shot it is the latest.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

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

/// What is judged: the result of a job, or a shot of it.
#[derive(Clone, Debug)]
pub(crate) struct Judgeable {
    pub(crate) job: i64,
    /// First frame of the shot; `None`: the whole result.
    pub(crate) frame: Option<i64>,
    /// SHA-256 of the result that was looked at.
    pub(crate) sha256: String,
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
    /// First frame of the shot that it is of; `None`: the whole result.
    pub(crate) frame: Option<i64>,
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
    /// Judges results and shots. Gives the number of the act, and the places in the list of those
    /// whose results are others by now, which it leaves.
    pub(crate) fn judge(
        &self,
        items: &[Judgeable],
        judgement: &Judgement,
    ) -> Result<(i64, Vec<usize>)> {
        self.write(|session| {
            let act = next_act(session)?;
            let mut stale = Vec::new();
            for (place, Judgeable { job, frame, sha256 }) in items.iter().enumerate() {
                let found: Option<(PathBuf, InForce)> = session.row(
                    "SELECT results.output, verdicts.id AS in_force, verdict, note FROM jobs
                     JOIN results ON results.output = jobs.output AND results.input = jobs.input
                     LEFT JOIN verdicts ON verdicts.id = CASE
                         WHEN CAST(?3 AS BIGINT) IS NULL THEN results.judged
                         ELSE (SELECT max(id) FROM verdicts AS of_shot
                               WHERE of_shot.output = results.output
                                   AND of_shot.sha256 = results.sha256
                                   AND of_shot.frame = CAST(?3 AS BIGINT)) END
                     WHERE jobs.id = ?1 AND results.sha256 = ?2",
                    values![job, sha256, frame],
                    |row| {
                        let in_force =
                            (row.get("in_force")?, row.get("verdict")?, row.get("note")?);
                        Ok((row.get("output")?, in_force))
                    },
                )?;
                match found {
                    Some((output, in_force)) => {
                        let of = Judged::new((output, *frame), sha256, judgement, &in_force);
                        say(session, act, &of, in_force.0)?;
                    }
                    None => stale.push(place),
                }
            }
            Ok((act, stale))
        })
    }

    /// Takes back what an act said, where it is still in force; what was said before is said again.
    /// Gives the number of results and shots that this changes.
    pub(crate) fn undo(&self, act: i64, by: &str) -> Result<u32> {
        self.write(|session| {
            let undoing = next_act(session)?;
            let said: Vec<(Judged, i64)> = session.rows(
                "SELECT verdicts.output, verdicts.frame, verdicts.sha256, earlier.verdict,
                     earlier.note, CAST(?2 AS TEXT) AS judged_by, CAST(?3 AS BIGINT) AS judged_at,
                     verdicts.id AS now
                 FROM verdicts LEFT JOIN results ON results.judged = verdicts.id
                 LEFT JOIN verdicts AS earlier ON earlier.id = verdicts.before
                 WHERE verdicts.act = ?1
                     AND (results.judged IS NOT NULL OR verdicts.frame IS NOT NULL AND NOT EXISTS (
                         SELECT 1 FROM verdicts AS later
                         WHERE later.output = verdicts.output AND later.sha256 = verdicts.sha256
                             AND later.frame = verdicts.frame AND later.id > verdicts.id))",
                values![act, by, now()],
                |row| Ok((judged(row)?, row.get("now")?)),
            )?;
            for (of, in_force) in &said {
                say(session, undoing, of, Some(*in_force))?;
            }
            Ok(said.len() as u32)
        })
    }

    /// All that was ever said of the result of a job and its shots, the latest first.
    pub(crate) fn history(&self, id: i64) -> Result<Vec<Judged>> {
        self.rows(
            "SELECT verdicts.output, frame, sha256, verdict, note, judged_by, judged_at FROM verdicts
             WHERE output = (SELECT output FROM jobs WHERE id = ?1) ORDER BY id DESC LIMIT 1000",
            values![id],
            judged,
        )
    }

    /// What is in force of whole results, by their names.
    pub(crate) fn verdicts(&self) -> Result<Vec<Judged>> {
        self.rows(
            "SELECT results.output, frame, results.sha256, verdict, note, judged_by, judged_at
             FROM results JOIN verdicts ON verdicts.id = results.judged
             WHERE verdict IS NOT NULL OR note IS NOT NULL ORDER BY results.output",
            &[],
            judged,
        )
    }

    /// What is in force of shots, of all films or of the one at `output`, in order.
    pub(crate) fn shot_verdicts(&self, output: Option<&Path>) -> Result<Vec<Judged>> {
        self.rows(
            "SELECT verdicts.output, frame, verdicts.sha256, verdict, note, judged_by, judged_at
             FROM verdicts JOIN results
                 ON results.output = verdicts.output AND results.sha256 = verdicts.sha256
             WHERE frame IS NOT NULL AND (verdict IS NOT NULL OR note IS NOT NULL)
                 AND (CAST(?1 AS TEXT) IS NULL OR verdicts.output = ?1)
                 AND NOT EXISTS (SELECT 1 FROM verdicts AS later
                     WHERE later.output = verdicts.output AND later.sha256 = verdicts.sha256
                         AND later.frame = verdicts.frame AND later.id > verdicts.id)
             ORDER BY verdicts.output, frame",
            values![output],
            judged,
        )
    }

    /// Results that were rejected.
    pub(crate) fn rejected(&self) -> Result<HashSet<PathBuf>> {
        let verdicts = self.verdicts()?.into_iter();
        let rejected = verdicts.filter(|of| of.verdict == Some(Verdict::Rejected));
        Ok(rejected.map(|of| of.output).collect())
    }

    /// The first frames of shots that were rejected, by the names of their films.
    pub(crate) fn rejected_shots(&self) -> Result<HashMap<PathBuf, Vec<i64>>> {
        let mut rejected = HashMap::<PathBuf, Vec<i64>>::new();
        for of in self.shot_verdicts(None)? {
            if let (Some(Verdict::Rejected), Some(frame)) = (of.verdict, of.frame) {
                rejected.entry(of.output).or_default().push(frame);
            }
        }
        Ok(rejected)
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
        (output, frame): (PathBuf, Option<i64>),
        sha256: &str,
        judgement: &Judgement,
        (_, verdict, note): &InForce,
    ) -> Self {
        let before = verdict.as_deref().and_then(Verdict::of_text);
        Self {
            output,
            frame,
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
        "INSERT INTO verdicts
             (act, output, frame, sha256, verdict, note, judged_by, judged_at, before)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) RETURNING id",
        values![
            act,
            of.output,
            of.frame,
            of.sha256,
            of.verdict.map(Verdict::text),
            of.note,
            of.by,
            of.at,
            before
        ],
        |row| row.get("id"),
    )?;
    if of.frame.is_none() {
        let sql = "UPDATE results SET judged = ?2 WHERE output = ?1";
        session.execute(sql, values![of.output, said])?;
    }
    Ok(())
}

fn judged(row: &Row) -> store::Result<Judged> {
    Ok(Judged {
        output: row.get("output")?,
        frame: row.get("frame")?,
        sha256: row.get("sha256")?,
        verdict: row.get::<Option<String>>("verdict")?.as_deref().and_then(Verdict::of_text),
        note: row.get("note")?,
        by: row.get("judged_by")?,
        at: row.get("judged_at")?,
    })
}
