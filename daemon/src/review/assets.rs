//! The page's files, which the program holds.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::refusal::Refusal;
use crate::files::fingerprint;

const HTML: &str = "text/html; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

macro_rules! file {
    ($name:literal, $kind:expr) => {
        ($name, $kind, include_bytes!(concat!("page/", $name)))
    };
}

/// Name, kind and content of each file.
const FILES: &[(&str, &str, &[u8])] = &[
    file!("announce.js", JS),
    file!("api.js", JS),
    file!("app.js", JS),
    file!("base.css", CSS),
    file!("dialogs.js", JS),
    file!("dom.js", JS),
    file!("facts.js", JS),
    file!("favicon.svg", "image/svg+xml"),
    file!("filters.js", JS),
    file!("hints.js", JS),
    file!("index.html", HTML),
    file!("judge.js", JS),
    file!("keys.js", JS),
    file!("mend.css", CSS),
    file!("mend.js", JS),
    file!("openseadragon.LICENSE.txt", "text/plain; charset=utf-8"),
    file!("openseadragon.min.js", JS),
    file!("palette.js", JS),
    file!("pane.js", JS),
    file!("picture.css", CSS),
    file!("picture.js", JS),
    file!("sheet.css", CSS),
    file!("sheet.js", JS),
    file!("stage.js", JS),
    file!("store.js", JS),
    file!("tile.js", JS),
    file!("words.js", JS),
];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_held() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/review/page");
        for file in std::fs::read_dir(folder).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let is_held = FILES.iter().any(|(known, ..)| *known == name);
            assert!(is_held || name == "README.md", "{name}");
        }
    }
}
