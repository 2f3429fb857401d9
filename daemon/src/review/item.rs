//! One result, with all that is known of it.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::pictures::{Picture, original, version_of_result, version_of_scan};
use super::pyramid;
use super::refusal::Refusal;
use super::subject::{Id, Subject};
use super::{Answer, Review, as_json, list, waiting};
use crate::job::notices;
use crate::ledger::{Judged, Published, Verdict};
use crate::report::timestamp;

pub(super) async fn item(State(review): State<Arc<Review>>, Path(id): Path<String>) -> Answer {
    let id: Id = id.parse()?;
    let _turn = review.turn().await; // frames of films are decoded
    waiting(Arc::clone(&review), move |review| {
        let subject = review.subject(id)?;
        let item = &subject.item;
        let result = review.reading.result_of(item)?;
        let mut told = match (id.part, &result) {
            (Some(shot), Some(result)) if item.is_film => {
                list::shots(review, item, result, &[shot])?.remove(0)
            }
            _ => list::item(item),
        };
        told["place"] = id.told();
        told["page"] = (subject.page + 1).into();
        let mut add = |more: Value| {
            if let (Some(told), Value::Object(more)) = (told.as_object_mut(), more) {
                told.extend(more);
            }
        };
        add(of_item(review, &subject)?);
        if let Some(result) = &result {
            add(of_result(result));
        }
        let before = &told["tiles"]["before"];
        if let Some(size) = before["full_width"].as_u64().zip(before["full_height"].as_u64()) {
            let size = (size.0 as usize, size.1 as usize);
            review.tell_mending(&subject, size, &mut told)?;
        }
        Ok(as_json(&told))
    })
    .await
}

fn of_item(review: &Review, subject: &Subject) -> Result<Value, Refusal> {
    let Subject { item, shot, .. } = subject;
    let history = review.reading.history(item.id)?.into_iter();
    let history = history.filter(|said| shot.is_none_or(|shot| said.frame == Some(shot.frame)));
    let name = item.input.file_name().unwrap_or_default().to_string_lossy();
    let why_not = review.why_not(subject)?.map(str::to_owned);
    let (before, after) = review.geometry(subject)?;
    let why_not = why_not.or_else(|| before.as_ref().err().map(ToString::to_string));
    let overlay = before.is_ok() && shot.is_none() && review.context.model.colorizer.tells_doubts();
    let overlay = overlay.then(|| review.doubts_address(subject).ok()).flatten();
    Ok(json!({
        "doubt_overlay": overlay,
        "source": item.input.to_string_lossy(),
        "source_name": name,
        "can_mend": why_not.is_none(),
        "why_not": why_not,
        "tiles": {"before": before.ok(), "after": after},
        "history": history.map(|said| judged(&said)).collect::<Vec<_>>(),
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
        "frame": judged.frame,
    })
}

/// What a viewer has to know of a picture, or why there is none.
type Geometry = Result<Value, Refusal>;

impl Review {
    /// Sizes and addresses of the tiles of a job's input, and of its result if there is one.
    fn geometry(&self, subject: &Subject) -> Result<(Geometry, Option<Value>), Refusal> {
        let item = &subject.item;
        if subject.shot.is_some() {
            return Ok(self.geometry_of_shot(subject));
        }
        let before = original(subject).and_then(|original| {
            let mut scan = original.scan(&self.context.limits_from_now())?;
            scan.select(subject.page)?;
            let version = version_of_scan(subject, &original)?;
            let sizes = pyramid::geometry(&scan, self.memory / 2);
            let mut told = told(subject.id, "before", &version, sizes);
            told["pages"] = scan.pages().into();
            Ok(told)
        });
        let after = self.reading.result_of(item)?.and_then(|result| {
            let mut scan = self.open_result(item, &result).ok()?;
            scan.select(subject.page).ok()?;
            let sizes = pyramid::geometry(&scan, self.memory / 2);
            Some(told(subject.id, "after", &version_of_result(&result.sha256, None), sizes))
        });
        Ok((before, after))
    }

    /// Of a shot's frames, which are decoded for it.
    fn geometry_of_shot(&self, subject: &Subject) -> (Geometry, Option<Value>) {
        let told = |of: &str, picture: &Picture| {
            let (size, levels) = picture.pyramid.size_and_levels();
            told(subject.id, of, &picture.version, (size, size, levels))
        };
        let before = original(subject).and_then(|original| self.before(subject, &original));
        let after = self.after(subject).ok();
        (
            before.map(|picture| told("before", &picture)),
            after.map(|picture| told("after", &picture)),
        )
    }
}

/// `sizes`: of the whole, of the largest level, and how many levels there are.
fn told(id: Id, of: &str, version: &str, sizes: ((usize, usize), (usize, usize), u32)) -> Value {
    let (full, (width, height), levels) = sizes;
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
