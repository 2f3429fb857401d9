//! Verdicts: given, undone, and as a table.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Write};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Deserializer};
use serde_json::json;

use super::query;
use super::refusal::Refusal;
use super::subject::Id;
use super::{Answer, Review, as_json, waiting};
use crate::command::manifest::table;
use crate::error::{Error, Result};
use crate::ledger::{Change, Judgeable, Judgement, Ledger, Shot, Verdict};
use crate::report::timestamp;

/// Most results that are judged at once.
const MOST: usize = 20_000;

/// Most letters of a note.
const LONGEST_NOTE: usize = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Judging {
    items: Vec<Judged>,
    #[serde(default)]
    verdict: Change<String>,
    #[serde(default)]
    note: Change<String>,
}

#[derive(Deserialize)]
struct Judged {
    id: Id,
    sha256: String,
}

#[derive(Deserialize)]
struct Undoing {
    undo: i64,
}

/// What is left out stays, what is null is taken back.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::deserialize(from).map(Self::Becomes)
    }
}

pub(super) async fn judge(
    State(review): State<Arc<Review>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let judging: Judging = query::json(&headers, body).await?;
    if judging.items.len() > MOST {
        return Err(Refusal::TooLarge);
    }
    let verdict = match judging.verdict {
        Change::Stays => Change::Stays,
        Change::Becomes(None) => Change::Becomes(None),
        Change::Becomes(Some(text)) => match Verdict::of_text(&text) {
            Some(verdict) => Change::Becomes(Some(verdict)),
            None => return Err(Refusal::Malformed(format!("`{text}` is no verdict"))),
        },
    };
    let note = match judging.note {
        Change::Becomes(Some(note)) if note.len() > LONGEST_NOTE => return Err(Refusal::TooLarge),
        Change::Becomes(Some(note)) if note.trim().is_empty() => Change::Becomes(None),
        note => note,
    };
    waiting(review, move |review| {
        let judgement = Judgement { verdict, note, by: review.user.clone() };
        let items = judgeable(review, &judging.items)?;
        let (act, stale) = review.context.ledger.judge(&items, &judgement)?;
        let stale: Vec<_> = stale.iter().map(|place| judging.items[*place].id.told()).collect();
        let changed = items.len() - stale.len();
        let undo = (changed > 0).then_some(act);
        Ok(as_json(&json!({"changed": changed, "stale": stale, "undo": undo})))
    })
    .await
}

/// Results and shots as the ledger knows them; shots of a film that was made anew are others.
fn judgeable(review: &Review, items: &[Judged]) -> Result<Vec<Judgeable>, Refusal> {
    let mut shots = HashMap::<i64, Vec<Shot>>::new();
    let frame = |id: Id, shots: &mut HashMap<i64, Vec<Shot>>| {
        let Some(number) = id.part else { return Ok(None) };
        if let Entry::Vacant(entry) = shots.entry(id.job) {
            let item = review.reading.item(id.job)?.ok_or(Refusal::NotThere)?;
            let result = review.reading.result_of(&item)?;
            entry.insert(result.map(|result| result.shots()).unwrap_or_default());
        }
        let shot = number.checked_sub(1).and_then(|place| shots[&id.job].get(place));
        shot.map(|shot| Some(shot.frame)).ok_or(Refusal::NotThere)
    };
    let items = items.iter().map(|Judged { id, sha256 }| {
        let frame = frame(*id, &mut shots)?;
        Ok(Judgeable { job: id.job, frame, sha256: sha256.clone() })
    });
    items.collect()
}

pub(super) async fn undo(
    State(review): State<Arc<Review>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let Undoing { undo } = query::json(&headers, body).await?;
    waiting(review, move |review| {
        let changed = review.context.ledger.undo(undo, &review.user)?;
        Ok(as_json(&json!({"changed": changed})))
    })
    .await
}

pub(super) async fn table(State(review): State<Arc<Review>>) -> Answer {
    waiting(review, |review| {
        let mut text = Vec::new();
        write_table(&review.reading, &mut text)?.map_err(Error::io("verdicts.csv", "write"))?;
        let headers = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
            (header::CONTENT_DISPOSITION, "attachment; filename=\"verdicts.csv\""),
        ];
        Ok((headers, text).into_response())
    })
    .await
}

/// Columns of the table of verdicts; the first three are those of `manifest.csv`.
const COLUMNS: [&str; 8] =
    ["path", "sha256", "verdict", "note", "judged_by", "judged_at", "shot_frame", "shot_seconds"];

/// Writes a row for each result, and for each shot of a film, of which something is said.
pub(crate) fn write_table(ledger: &Ledger, out: &mut impl Write) -> Result<io::Result<()>> {
    let mut verdicts: Vec<_> = ledger.verdicts()?.into_iter().map(|of| (of, None)).collect();
    for of in ledger.shot_verdicts(None)? {
        let shots = ledger.result(&of.output)?.map(|film| film.shots()).unwrap_or_default();
        let shot = shots.into_iter().find(|shot| of.frame == Some(shot.frame));
        verdicts.push((of, shot));
    }
    verdicts.sort_by(|(one, _), (other, _)| {
        one.output.cmp(&other.output).then(one.frame.cmp(&other.frame))
    });
    let mut write = || {
        table::write(out, &COLUMNS)?;
        for (of, shot) in &verdicts {
            let row = [
                table::path(&of.output),
                of.sha256.clone().into_bytes(),
                of.verdict.map(Verdict::text).unwrap_or_default().into(),
                table::text(of.note.as_deref().unwrap_or_default()),
                table::text(&of.by),
                timestamp(of.at).into_bytes(),
                of.frame.map(|frame| frame.to_string()).unwrap_or_default().into(),
                shot.map(|shot| format!("{:.3}", shot.seconds)).unwrap_or_default().into(),
            ];
            table::write(out, &row)?;
        }
        out.flush()
    };
    Ok(write())
}
