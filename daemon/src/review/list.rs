//! Lists of results, and their sums.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use axum::extract::{RawQuery, State};
use serde_json::{Value, json};

use super::pictures::version_of_result;
use super::query::Query;
use super::refusal::Refusal;
use super::subject::Id;
use super::{Answer, Review, as_json, maker, waiting};
use crate::ledger::{Filter, Item, Order, Page, Published, Verdict};
use crate::report::timestamp;

/// Items of a page if it does not say how many it shows, and at most.
const PAGE: u32 = 200;
const MOST: u32 = 1000;

/// Most numbers that are told at once.
const MOST_IDS: u32 = 100_000;

pub(super) async fn summary(State(review): State<Arc<Review>>) -> Answer {
    waiting(review, |review| {
        let revision = review.reading.foreign_changes()?;
        let mut known = review.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = match &*known {
            Some((of, told)) if *of == revision => told.clone(),
            _ => sums(review, revision)?,
        };
        *known = Some((revision, told.clone()));
        told["writes"] = if maker::is_elsewhere(review) { "elsewhere" } else { "here" }.into();
        Ok(as_json(&told))
    })
    .await
}

fn sums(review: &Review, revision: i64) -> Result<Value, Refusal> {
    let ledger = &review.reading;
    let (counts, verdicts) = (ledger.counts()?, ledger.verdict_counts()?);
    let folders = ledger
        .folders()?
        .into_iter()
        .map(|(path, results)| json!({"path": path.to_string_lossy(), "results": results}));
    let named = |(name, results): (String, u32), key: &str| json!({key: name, "results": results});
    let notices = ledger.notices()?.1.into_iter().map(|notice| named(notice, "kind"));
    let tonings = ledger.tonings()?.into_iter().map(|toning| named(toning, "toning"));
    let (doubts, films) = ledger.doubts_and_films()?;
    let model = &review.context.model;
    Ok(json!({
        "folder": review.folder.to_string_lossy(),
        "version": env!("CARGO_PKG_VERSION"),
        "weights": model.weights,
        "user": review.user,
        "revision": revision,
        "can": {
            "variants": if model.colorizer.has_alternatives() { 3 } else { 1 },
            "reference": true,
            "make": true,
        },
        "counts": {
            "queued": counts.queued, "running": counts.running, "done": counts.done,
            "skipped": counts.skipped, "failed": counts.failed,
        },
        "verdicts": {
            "accepted": verdicts.accepted, "rejected": verdicts.rejected,
            "unjudged": verdicts.unjudged,
        },
        "folders": folders.collect::<Vec<_>>(),
        "notices": notices.collect::<Vec<_>>(),
        "tonings": tonings.collect::<Vec<_>>(),
        "doubts": doubts,
        "films": films,
    }))
}

pub(super) async fn results(State(review): State<Arc<Review>>, RawQuery(text): RawQuery) -> Answer {
    let query = Query::new(text.as_deref());
    let (filter, order) = (filter(&query)?, order(&query)?);
    let limit = query.parse("limit")?.unwrap_or(PAGE).min(MOST);
    let page = Page { offset: query.parse("offset")?.unwrap_or_default(), limit };
    let ids = query.get("ids").map(numbers).transpose()?;
    waiting(review, move |review| {
        let ledger = &review.reading;
        let revision = ledger.foreign_changes()?;
        let (total, items) = if let Some(ids) = ids {
            named(review, &ids)?
        } else {
            let (total, items) = ledger.list(&filter, order, page)?;
            (total, items.iter().map(item).collect())
        };
        Ok(as_json(&json!({"revision": revision, "total": total, "items": items})))
    })
    .await
}

pub(super) async fn ids(State(review): State<Arc<Review>>, RawQuery(text): RawQuery) -> Answer {
    let query = Query::new(text.as_deref());
    let (filter, order, film) = (filter(&query)?, order(&query)?, query.parse("film")?);
    waiting(review, move |review| {
        let revision = review.reading.foreign_changes()?;
        let ids = if let Some(film) = film {
            shots_of(review, film)?
        } else {
            let ids = review.reading.ids(&filter, order, MOST_IDS)?;
            ids.into_iter().map(Value::from).collect()
        };
        Ok(as_json(&json!({"revision": revision, "ids": ids})))
    })
    .await
}

/// The numbers of a film's shots, as far as the ledger tells them.
fn shots_of(review: &Review, film: i64) -> Result<Vec<Value>, Refusal> {
    let item = review.reading.item(film)?.ok_or(Refusal::NotThere)?;
    let result = review.reading.result_of(&item)?;
    let shots = result.map_or(0, |result| result.shots().len());
    Ok((1..=shots).map(|shot| Id { job: film, part: Some(shot) }.told()).collect())
}

/// What has these numbers, as far as there is such, and how much that is.
fn named(review: &Review, ids: &[Id]) -> Result<(u32, Vec<Value>), Refusal> {
    let whole: Vec<i64> = ids.iter().filter(|id| id.part.is_none()).map(|id| id.job).collect();
    let mut items: Vec<Value> = review.reading.items(&whole)?.iter().map(item).collect();
    let mut films = BTreeMap::<i64, Vec<usize>>::new();
    for id in ids {
        if let Some(shot) = id.part {
            films.entry(id.job).or_default().push(shot);
        }
    }
    for (film, numbers) in films {
        let Some(item) = review.reading.item(film)? else { continue };
        if let Some(result) = review.reading.result_of(&item)? {
            items.extend(shots(review, &item, &result, &numbers)?);
        }
    }
    Ok((items.len() as u32, items))
}

/// `1,2,3`.
fn numbers(text: &str) -> Result<Vec<Id>, Refusal> {
    let wrong = |_| Refusal::Malformed("`ids` is no list of numbers".to_owned());
    text.split(',').take(MOST as usize).map(|id| id.parse().map_err(wrong)).collect()
}

fn filter(query: &Query) -> Result<Filter, Refusal> {
    let text = |name: &str| query.get(name).map(str::to_owned);
    let doubt: Option<f64> = query.parse("doubt_over")?;
    Ok(Filter {
        status: text("status"),
        verdict: text("verdict"),
        notice: text("notice"),
        toning: text("toning"),
        folder: text("folder"),
        doubt_over: doubt.map(|doubt| (1000.0 * doubt).clamp(0.0, 1000.0) as u16),
        search: text("search"),
    })
}

fn order(query: &Query) -> Result<Order, Refusal> {
    match query.get("order") {
        None | Some("name") => Ok(Order::Name),
        Some("doubt") => Ok(Order::Doubt),
        Some("newest") => Ok(Order::Newest),
        Some(other) => Err(Refusal::Malformed(format!("there is no order `{other}`"))),
    }
}

/// What lists tell of shots of a film, by their numbers from 1 on.
pub(super) fn shots(
    review: &Review,
    film: &Item,
    result: &Published,
    numbers: &[usize],
) -> Result<Vec<Value>, Refusal> {
    let (shots, own) = (result.shots(), review.own_settings(film, &result.content)?);
    let said = review.reading.shot_verdicts(Some(&film.output))?;
    let told = numbers.iter().filter_map(|&number| {
        let shot = shots.get(number.checked_sub(1)?)?;
        let id = Id { job: film.id, part: Some(number) };
        let mut told = item(&Item {
            judged: said.iter().find(|said| said.frame == Some(shot.frame)).cloned(),
            notices: 0,
            has_own_settings: own.film_hints.iter().any(|hint| shot.contains(hint.time)),
            ..film.clone()
        });
        told["id"] = id.told();
        told["kind"] = "shot".into();
        told["shot"] = number.into();
        told["seconds"] = shot.seconds.into();
        let version = version_of_result(&result.sha256, Some(shot));
        told["thumb"] = format!("/api/thumb/{id}?v={version}").into();
        Some(told)
    });
    Ok(told.collect())
}

/// What lists tell of an input.
pub(super) fn item(item: &Item) -> Value {
    let text = |path: Option<&Path>| path.unwrap_or(Path::new("")).to_string_lossy().into_owned();
    let state = if item.state == "publishing" { "running" } else { &item.state };
    let mut value = json!({
        "id": item.id,
        "kind": if item.is_film { "film" } else { "photograph" },
        "name": text(Some(&item.output)),
        "folder": text(item.output.parent()),
        "status": state,
        "notices": item.notices,
        "own_settings": item.has_own_settings,
    });
    let mut set = |key: &str, told: Option<Value>| {
        if let Some(told) = told {
            value[key] = told;
        }
    };
    set("reason", item.reason.clone().map(Into::into));
    if let Some((sha256, width, height)) = &item.result {
        set("sha256", Some(sha256.as_str().into()));
        set("width", Some((*width).into()));
        set("height", Some((*height).into()));
    }
    if let Some(judged) = &item.judged {
        set("verdict", judged.verdict.map(|verdict: Verdict| verdict.text().into()));
        set("note", judged.note.clone().map(Into::into));
        set("judged_by", Some(judged.by.as_str().into()));
        set("judged_at", Some(timestamp(judged.at).into()));
    }
    set("doubt", item.seen.doubt.map(|doubt| (f64::from(doubt) / 1000.0).into()));
    set("toning", item.seen.toning.map(|toning| toning.text().into()));
    set("thumb", thumb(item).map(Into::into));
    value
}

/// Where there is a small picture of an input or its result.
fn thumb(item: &Item) -> Option<String> {
    match &item.result {
        Some((sha256, ..)) => {
            Some(format!("/api/thumb/{}?v={}", item.id, version_of_result(sha256, None)))
        }
        None if item.state == "failed" || item.is_film => None,
        None => Some(format!("/api/thumb/{}", item.id)),
    }
}
