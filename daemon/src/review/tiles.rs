//! Tiles of pictures for deep zoom, small pictures, single colors: nothing of it is written anywhere.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::pictures::original;
use super::pyramid::Pixels;
use super::query::Query;
use super::refusal::Refusal;
use super::subject::Id;
use super::{Answer, Review, as_json, waiting};

/// Quality of JPEG at full size, where single pixels are looked at.
const QUALITY: u8 = 92;

/// What has its version in its address never changes.
pub(super) fn picture(kind: &'static str, bytes: Vec<u8>) -> Response {
    let kept = "private, max-age=31536000, immutable";
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, kept)], bytes).into_response()
}

pub(super) async fn thumb(State(review): State<Arc<Review>>, Path(id): Path<String>) -> Answer {
    let id: Id = id.parse()?;
    let _turn = review.turn().await;
    waiting(Arc::clone(&review), move |review| {
        let thumb = review.thumb(&review.subject(id)?)?;
        Ok(picture("image/jpeg", thumb.to_vec()))
    })
    .await
}

pub(super) async fn tile(
    State(review): State<Arc<Review>>,
    Path((id, of, level, place)): Path<(String, String, usize, String)>,
) -> Answer {
    let id: Id = id.parse()?;
    let numbers = place.split_once('_').and_then(|(x, y)| Some((x.parse().ok()?, y.parse().ok()?)));
    let (column, row): (usize, usize) = numbers.ok_or(Refusal::NotThere)?;
    let _turn = review.turn().await;
    waiting(Arc::clone(&review), move |review| {
        let subject = review.subject(id)?;
        let cut = |pixels: Option<&Pixels>| {
            let pixels = pixels?;
            Some(pixels.cut(pixels.part(column, row)?))
        };
        let tile = match of.as_str() {
            "before" => cut(review.before(&subject, &original(&subject)?)?.pyramid.level(level)),
            "after" => cut(review.after(&subject)?.pyramid.level(level)),
            look => review.look_tile(&subject, look, level, (column, row))?,
        };
        let bytes = tile.and_then(|tile| tile.jpeg(QUALITY)).ok_or(Refusal::NotThere)?;
        Ok(picture("image/jpeg", bytes))
    })
    .await
}

pub(super) async fn color(
    State(review): State<Arc<Review>>,
    Path(id): Path<String>,
    RawQuery(text): RawQuery,
) -> Answer {
    let id: Id = id.parse()?;
    let query = Query::new(text.as_deref());
    let place = |name: &str| -> Result<f32, Refusal> {
        let place = query.parse(name)?.filter(|place| (0.0..=1.0).contains(place));
        place.ok_or_else(|| Refusal::Malformed(format!("`{name}` is no number from 0 to 1")))
    };
    let (x, y, of_result) = (place("x")?, place("y")?, query.get("of") != Some("before"));
    waiting(review, move |review| {
        let subject = review.subject(id)?;
        let picture = if of_result {
            review.after(&subject)?
        } else {
            review.before(&subject, &original(&subject)?)?
        };
        let [r, g, b] = picture.pyramid.color_at(x, y);
        Ok(as_json(&json!({"color": format!("#{r:02x}{g:02x}{b:02x}")})))
    })
    .await
}
