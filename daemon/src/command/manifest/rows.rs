//! Rows of `manifest.csv`.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::table;
use crate::error::Result;
use crate::files::fingerprint::{self, Stamp};
use crate::job::sidecar;
use crate::ledger::{Published, Undelivered};
use crate::printable;
use crate::report::timestamp;

/// Columns of the table. Of an input without a result, `path`, `size` and `sha256` are empty.
pub(super) const COLUMNS: [&str; 13] = [
    "path",
    "size",
    "sha256",
    "source",
    "source_sha256",
    "weights",
    "weights_sha256",
    "settings",
    "status",
    "reason",
    "time",
    "notices",
    "rejected_shots",
];

/// A row's values.
pub(super) type Record = [Vec<u8>; COLUMNS.len()];

/// What a result is found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResultKind {
    Done,
    /// Changed by somebody; the row has the hash of what is there.
    Changed,
    /// Not there.
    Missing,
}

/// A result's row.
pub(super) struct Row {
    pub(super) record: Record,
    pub(super) kind: ResultKind,
    /// SHA-256 of the file, if it is there.
    pub(super) sha256: Option<String>,
}

impl Row {
    /// Looks at a result: one whose size and time are the ledger's is not read. Of a film `rejected`
    /// has the first frames of shots that a person rejected.
    pub(super) fn of_result(
        folder: &Path,
        output: &Path,
        result: &Published,
        later: Option<String>,
        rejected: Option<&Vec<i64>>,
    ) -> Result<Self> {
        let path = folder.join(output);
        let (kind, size, sha256) = match path.symlink_metadata() {
            Ok(metadata) if metadata.is_file() => {
                let stamp = Stamp::of(&metadata);
                let untouched = (stamp.size, stamp.modified) == (result.size, result.modified);
                let sha256 =
                    if untouched { result.sha256.clone() } else { fingerprint::sha256(&path)? };
                let kind =
                    if sha256 == result.sha256 { ResultKind::Done } else { ResultKind::Changed };
                (kind, stamp.size.to_string(), Some(sha256))
            }
            _ => (ResultKind::Missing, String::new(), None),
        };
        let (status, reason) = match kind {
            ResultKind::Done => ("done", later.unwrap_or_default()),
            ResultKind::Changed => ("changed", "changed by somebody since it was made".to_owned()),
            ResultKind::Missing => ("missing", "not there any more".to_owned()),
        };
        let notices = result.notices.as_ref().filter(|notices| !notices.is_empty());
        let notices = notices.map(|notices| json!(notices).to_string()).unwrap_or_default();
        let record = [
            &table::path(output),
            size.as_bytes(),
            sha256.as_deref().unwrap_or_default().as_bytes(),
            &table::path(&printable::path(&result.input)),
            result.content.as_bytes(),
            result.making.weights.as_deref().unwrap_or_default().as_bytes(),
            result.recipe.weights.as_bytes(),
            result.recipe.settings.as_bytes(),
            status.as_bytes(),
            reason.as_bytes(),
            result.making.at.map(timestamp).unwrap_or_default().as_bytes(),
            notices.as_bytes(),
            rejected.map(|frames| json!(frames).to_string()).unwrap_or_default().as_bytes(),
        ]
        .map(<[u8]>::to_vec);
        Ok(Self { record, kind, sha256 })
    }
}

/// The row of an input without a result.
pub(super) fn undelivered(input: &Undelivered) -> Record {
    [
        &b""[..],
        b"",
        b"",
        &table::path(&printable::path(&input.input)),
        input.content.as_deref().unwrap_or_default().as_bytes(),
        b"",
        input.weights.as_bytes(),
        input.settings.as_bytes(),
        input.state.as_bytes(),
        input.reason.as_deref().unwrap_or_default().as_bytes(),
        timestamp(input.at).as_bytes(),
        b"",
        b"",
    ]
    .map(<[u8]>::to_vec)
}

/// The sidecar of a result, if it is there, with its SHA-256.
pub(super) fn sidecar(
    folder: &Path,
    output: &Path,
    result: &Published,
) -> Result<Option<(PathBuf, String)>> {
    if result.sidecar.is_none() {
        return Ok(None);
    }
    let below = sidecar::path(output);
    let path = folder.join(&below);
    if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Ok(None);
    }
    Ok(Some((below, fingerprint::sha256(&path)?)))
}
