//! The page's files, which the program holds.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::refusal::Refusal;
use crate::files::fingerprint;

/// Name, kind and content of each file.
const FILES: &[(&str, &str, &[u8])] =
    &[("index.html", "text/html; charset=utf-8", include_bytes!("page/index.html"))];

/// A file by its name below `/assets/`. The browser keeps it and asks whether it is still the same.
pub(super) fn asset(name: &str, headers: &HeaderMap) -> Result<Response, Refusal> {
    let found = FILES.iter().find(|(known, ..)| *known == name);
    let (_, kind, content) = found.ok_or(Refusal::NotThere)?;
    let tag = format!("\"{}\"", &fingerprint::sha256_of(content)[..32]);
    let kept = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, "no-cache".to_owned())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| *known == tag) {
        return Ok((StatusCode::NOT_MODIFIED, kept).into_response());
    }
    Ok((kept, [(header::CONTENT_TYPE, *kind)], *content).into_response())
}
