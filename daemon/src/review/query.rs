//! What requests say: queries, and bodies of JSON.

use std::collections::HashMap;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use super::refusal::Refusal;

/// Values of a query, each once.
pub(super) struct Query(HashMap<String, String>);

impl Query {
    pub(super) fn new(text: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(text.unwrap_or_default().as_bytes());
        Self(pairs.into_owned().filter(|(_, value)| !value.is_empty()).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A number, a path or the like, if it is there.
    pub(super) fn parse<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let wrong = |_| Refusal::Malformed(format!("`{name}` is not what it should be"));
        self.get(name).map(|value| value.parse().map_err(wrong)).transpose()
    }
}

/// Reads a body of at most `most` bytes.
pub(super) async fn bytes(
    headers: &HeaderMap,
    body: Body,
    most: usize,
) -> Result<Vec<u8>, Refusal> {
    let told = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if told.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > most as u64)
    {
        return Err(Refusal::TooLarge);
    }
    let read = axum::body::to_bytes(body, most).await;
    Ok(read.map_err(|_| Refusal::TooLarge)?.to_vec())
}

/// Most bytes of JSON: 20,000 results with the SHA-256 of each.
const MOST_JSON: usize = 4 << 20;

/// Reads a body of JSON.
pub(super) async fn json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Refusal> {
    let bytes = bytes(headers, body, MOST_JSON).await?;
    serde_json::from_slice(&bytes).map_err(|error| Refusal::Malformed(error.to_string()))
}
