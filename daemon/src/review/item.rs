//! One result, with all that is known of it.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde_json::{Value, json};

use polychromify_core::Scan;

use super::pictures::original;
use super::pyramid;
use super::refusal::Refusal;
use super::{Answer, Review, as_json, list, mend, waiting};
use crate::job::notices;
use crate::ledger::{Item, Judged, Published, Verdict};
use crate::report::timestamp;

pub(super) async fn item(State(review): State<Arc<Review>>, Path(id): Path<i64>) -> Answer {
    waiting(review, move |review| {
        let item = review.reading.item(id)?.ok_or(Refusal::NotThere)?;
        let result = review.reading.result_of(&item)?;
        let mut told = list::item(&item);
        let mut add = |more: Value| {
            if let (Some(told), Value::Object(more)) = (told.as_object_mut(), more) {
                told.extend(more);
            }
        };
        add(of_item(review, &item)?);
        if let Some(result) = &result {
            add(of_result(result));
            let own = review.own_settings(&item, &result.content)?;
            let size = (told["tiles"]["before"]["full_width"].as_u64())
                .zip(told["tiles"]["before"]["full_height"].as_u64());
            if let (Some(hints), Some((width, height))) = (&own.hints, size) {
                told["settings"]["hints"] = mend::told(hints, (width as usize, height as usize));
            }
        }
        Ok(as_json(&told))
    })
    .await
}

fn of_item(review: &Review, item: &Item) -> Result<Value, Refusal> {
    let history = review.reading.history(item.id)?;
    let name = item.input.file_name().unwrap_or_default().to_string_lossy();
    let why_not = review.why_not(item)?.map(str::to_owned);
    let (before, after) = review.geometry(item)?;
    let why_not = why_not.or_else(|| before.as_ref().err().map(ToString::to_string));
    let overlay = before.is_ok() && review.context.model.colorizer.tells_doubts();
    let version = item.result.as_ref().and_then(|(sha256, ..)| sha256.get(..16)).unwrap_or("scan");
    Ok(json!({
        "doubt_overlay": overlay.then(|| format!("/api/doubt/{}?v={version}", item.id)),
        "source": item.input.to_string_lossy(),
        "source_name": name,
        "can_mend": why_not.is_none(),
        "why_not": why_not,
        "tiles": {"before": before.ok(), "after": after},
        "history": history.iter().map(judged).collect::<Vec<_>>(),
    }))
}

fn of_result(result: &Published) -> Value {
    let settings: Value = serde_json::from_str(&result.recipe.settings).unwrap_or_default();
    let told = result.notices.iter().flatten().map(|notice| {
        let mut told = notice.clone();
        told["message"] = notices::text(notice).into();
        told
    });
    json!({
        "source_sha256": result.content,
        "weights": result.making.weights,
        "weights_sha256": result.recipe.weights,
        "software": result.making.software,
        "made_at": result.making.at.map(timestamp),
        "bytes": result.size,
        "settings": settings,
        "notices": told.collect::<Vec<_>>(),
    })
}

fn judged(judged: &Judged) -> Value {
    json!({
        "verdict": judged.verdict.map(Verdict::text),
        "note": judged.note,
        "by": judged.by,
        "at": timestamp(judged.at),
        "sha256": judged.sha256,
    })
}

/// What a viewer has to know of a picture, or why there is none.
type Geometry = Result<Value, Refusal>;

impl Review {
    /// Sizes and addresses of the tiles of a job's input, and of its result if there is one.
    fn geometry(&self, item: &Item) -> Result<(Geometry, Option<Value>), Refusal> {
        let before = original(item).and_then(|original| {
            let scan = original.scan(&self.context.limits_from_now())?;
            let stamp = original.stamp()?;
            let version = format!("{:x}-{:x}", stamp.size, stamp.modified);
            Ok(told(item.id, "before", &version, &scan, self.memory / 2))
        });
        let after = self.reading.result_of(item)?.and_then(|result| {
            let scan = self.open_result(item, &result).ok()?;
            Some(told(item.id, "after", result.sha256.get(..16)?, &scan, self.memory / 2))
        });
        Ok((before, after))
    }
}

fn told(id: i64, of: &str, version: &str, scan: &Scan, most: u64) -> Value {
    let (full, (width, height), levels) = pyramid::geometry(scan, most);
    json!({
        "width": width,
        "height": height,
        "full_width": full.0,
        "full_height": full.1,
        "tile": pyramid::TILE,
        "levels": levels,
        "url": format!("/api/tiles/{id}/{of}/{{level}}/{{x}}_{{y}}?v={version}"),
    })
}
