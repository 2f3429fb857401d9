//! Pictures in colors whose palette others take: handed over by the browser, or results.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use polychromify_core::{Limits, Reference, Scan};
use serde::Deserialize;
use serde_json::json;

use super::mend::Tried;
use super::pictures::Kept;
use super::pyramid::Pixels;
use super::query;
use super::refusal::Refusal;
use super::{Answer, Review, as_json, waiting};
use crate::files::fingerprint;
use crate::job;

/// Most bytes of a picture that is handed over, and most of its pixels.
const MOST: usize = 64 << 20;
const MOST_PIXELS: u64 = 200_000_000;

/// Longest side of what is kept of one.
const SIDE: usize = 512;

/// References that are kept until one is made use of.
const KEPT: u64 = 16;

/// A result by its number, or a picture by the SHA-256 of what is kept of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Named {
    Result(i64),
    Picture(String),
}

/// Pictures in colors, small, and what was learned from them.
pub(super) struct References {
    pictures: Kept<String, Vec<u8>>,
    learned: Kept<String, Reference>,
}

impl References {
    pub(super) fn new() -> Self {
        Self { pictures: Kept::new(KEPT, |_| 1), learned: Kept::new(KEPT, |_| 1) }
    }
}

pub(super) async fn upload(
    State(review): State<Arc<Review>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let bytes = query::bytes(&headers, body, MOST).await?;
    let _turn = review.turn().await;
    waiting(Arc::clone(&review), move |review| {
        let limits = Limits { pixels: MOST_PIXELS, ..review.context.limits_from_now() };
        let mut scan = Scan::read(Cursor::new(bytes), Path::new("the picture"), &limits)
            .map_err(|error| Refusal::Malformed(error.to_string()))?;
        let reference = review.keep(&mut scan)?;
        Ok(as_json(&json!({"reference": reference})))
    })
    .await
}

impl Review {
    /// The SHA-256 of the reference that settings name.
    pub(super) fn named(&self, tried: &Tried) -> Result<Option<String>, Refusal> {
        match &tried.reference {
            None => Ok(None),
            Some(Named::Picture(sha256)) => Ok(Some(sha256.clone())),
            Some(Named::Result(id)) => {
                let item = self.reading.item(*id)?.ok_or(Refusal::NotThere)?;
                let result = self.reading.result_of(&item)?.ok_or(Refusal::NotThere)?;
                self.keep(&mut self.open_result(&item, &result)?).map(Some)
            }
        }
    }

    /// Keeps of a picture what is needed, and gives its SHA-256.
    fn keep(&self, scan: &mut Scan) -> Result<String, Refusal> {
        if !scan.has_colors() {
            return Err(Refusal::Malformed("the picture has no colors".to_owned()));
        }
        let longest = scan.info().width.max(scan.info().height) as usize;
        let pixels = Pixels::read(scan, 3, longest.div_ceil(SIDE))?;
        let picture = pixels.png().ok_or(Refusal::TooLarge)?;
        let sha256 = fingerprint::sha256_of(&picture);
        self.references.pictures.get(&sha256, || Ok(picture))?;
        Ok(sha256)
    }

    /// A reference by its SHA-256.
    pub(super) fn reference_picture(&self, sha256: &String) -> Result<Arc<Vec<u8>>, Refusal> {
        self.references.pictures.get(sha256, || {
            let kept = self.reading.reference(sha256)?;
            kept.ok_or_else(|| Refusal::Unable("the reference is not there any more".to_owned()))
        })
    }

    /// What there is to learn from a reference.
    pub(super) fn learned(&self, sha256: &String) -> Result<Arc<Reference>, Refusal> {
        self.references.learned.get(sha256, || {
            let picture = self.reference_picture(sha256)?.to_vec();
            Ok(job::learn(picture, &self.context.model.colorizer)?)
        })
    }
}
