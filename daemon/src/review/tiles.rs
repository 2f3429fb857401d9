//! Tiles of pictures for deep zoom, small pictures, single colors: nothing of it is written anywhere.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::pictures::{Picture, original};
use super::query::Query;
use super::refusal::Refusal;
use super::subject::Id;
use super::{Answer, Review, as_json, waiting};

/// Quality of JPEG at full size, where single pixels are looked at.
const QUALITY: u8 = 92;

/// The version that an address tells, for which its picture never changes.
pub(super) struct Asked(Option<String>);

impl Asked {
    pub(super) fn of(query: Option<&str>) -> Self {
        Self(Query::new(query).get("v").map(str::to_owned))
    }

    /// Answers with a picture, which the browser keeps where it has the version that was asked for.
    pub(super) fn answer(
        &self,
        kind: &'static str,
        bytes: Vec<u8>,
        version: Option<&str>,
    ) -> Response {
        let mut response = ([(header::CONTENT_TYPE, kind)], bytes).into_response();
        if version.is_some() && version == self.0.as_deref() {
            let kept = HeaderValue::from_static("private, max-age=31536000, immutable");
            response.headers_mut().insert(header::CACHE_CONTROL, kept);
        }
        response
    }
}

pub(super) async fn thumb(
    State(review): State<Arc<Review>>,
    Path(id): Path<String>,
    RawQuery(text): RawQuery,
) -> Answer {
    let (id, asked): (Id, Asked) = (id.parse()?, Asked::of(text.as_deref()));
    let _turn = review.turn().await;
    waiting(Arc::clone(&review), move |review| {
        let (thumb, version) = review.thumb(&review.subject(id)?)?;
        Ok(asked.answer("image/jpeg", thumb.to_vec(), version.as_deref()))
    })
    .await
}

pub(super) async fn tile(
    State(review): State<Arc<Review>>,
    Path((id, of, level, place)): Path<(String, String, usize, String)>,
    RawQuery(text): RawQuery,
) -> Answer {
    let (id, asked): (Id, Asked) = (id.parse()?, Asked::of(text.as_deref()));
    let numbers = place.split_once('_').and_then(|(x, y)| Some((x.parse().ok()?, y.parse().ok()?)));
    let (column, row): (usize, usize) = numbers.ok_or(Refusal::NotThere)?;
    let _turn = review.turn().await;
    waiting(Arc::clone(&review), move |review| {
        let subject = review.subject(id)?;
        let cut = |picture: Arc<Picture>| {
            let pixels = picture.pyramid.level(level);
            let part = pixels.and_then(|pixels| Some(pixels.cut(pixels.part(column, row)?)));
            (part, Some(picture.version.clone()))
        };
        let (tile, version) = match of.as_str() {
            "before" => cut(review.before(&subject, &original(&subject)?)?),
            "after" => cut(review.after(&subject)?),
            look => (review.look_tile(&subject, look, level, (column, row))?, None),
        };
        let bytes = tile.and_then(|tile| tile.jpeg(QUALITY)).ok_or(Refusal::NotThere)?;
        Ok(asked.answer("image/jpeg", bytes, version.as_deref()))
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
