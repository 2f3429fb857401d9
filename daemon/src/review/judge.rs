//! Verdicts: given, undone, and as a table.

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
use super::{Answer, Review, as_json, waiting};
use crate::command::manifest::table;
use crate::error::{Error, Result};
use crate::ledger::{Change, Judgement, Ledger, Verdict};
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
    id: i64,
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
    let items: Vec<_> = judging.items.into_iter().map(|of| (of.id, of.sha256)).collect();
    waiting(review, move |review| {
        let judgement = Judgement { verdict, note, by: review.user.clone() };
        let (act, stale) = review.context.ledger.judge(&items, &judgement)?;
        let changed = items.len() - stale.len();
        let undo = (changed > 0).then_some(act);
        Ok(as_json(&json!({"changed": changed, "stale": stale, "undo": undo})))
    })
    .await
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
const COLUMNS: [&str; 6] = ["path", "sha256", "verdict", "note", "judged_by", "judged_at"];

/// Writes a row for each result of which something is said.
pub(crate) fn write_table(ledger: &Ledger, out: &mut impl Write) -> Result<io::Result<()>> {
    let verdicts = ledger.verdicts()?;
    let mut write = || {
        table::write(out, &COLUMNS)?;
        for of in &verdicts {
            let row = [
                table::path(&of.output),
                of.sha256.clone().into_bytes(),
                of.verdict.map(Verdict::text).unwrap_or_default().into(),
                table::text(of.note.as_deref().unwrap_or_default()),
                table::text(&of.by),
                timestamp(of.at).into_bytes(),
            ];
            table::write(out, &row)?;
        }
        out.flush()
    };
    Ok(write())
}
