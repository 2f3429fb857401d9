//! What is told of a sequence's results, as JSON beside them: `scan_%06d.tif.json`, of the results of
//! `scan_%06d.tif`. It follows from the ledger, and is replaced only where nobody changed it.

use std::path::Path;

use serde_json::{Value, json};

use crate::document::{self, Document};
use crate::error::Result;
use crate::job::JobContext;
use crate::job::sidecar;
use crate::ledger::Published;
use crate::plan::Sequence;

/// Refuses a sequence whose list would take the place of a file that is not ours.
pub(super) fn refuse_foreign(context: &JobContext, sequence: &Sequence) -> Result<()> {
    document::inspect(&context.ledger, &context.folder, &sequence.list).map(drop)
}

/// Writes the list of a sequence that is done, if it is missing.
pub(super) fn complete(context: &JobContext, sequence: &Sequence) -> Result<()> {
    if context.folder.join(&sequence.list).symlink_metadata().is_ok() {
        return Ok(());
    }
    write(context, sequence)
}

/// Writes the list of a sequence whose frames are done.
pub(super) fn write(context: &JobContext, sequence: &Sequence) -> Result<()> {
    let mut results = Vec::with_capacity(sequence.frames.len());
    for frame in &sequence.frames {
        if let Some(result) = context.ledger.result(&frame.job.output)? {
            results.push((frame.job.output.as_path(), result));
        }
    }
    let Some((output, first)) = results.first() else { return Ok(()) };
    let mut text = serde_json::to_string_pretty(&told(sequence, output, first, &results))
        .expect("strings and numbers only");
    text.push('\n');
    let mut list = Document::create(&context.folder, &sequence.list)?;
    list.add(text.as_bytes())?;
    list.finish()?.appear(&context.ledger)
}

/// What is told of all frames, as of any result, and then each with its checksums.
fn told(
    sequence: &Sequence,
    output: &Path,
    first: &Published,
    results: &[(&Path, Published)],
) -> Value {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let mut value = sidecar::told(output, first);
    for of_one_file in ["size", "sha256", "source_sha256"] {
        value.as_object_mut().expect("as it is made").remove(of_one_file);
    }
    value["file"] = json!(name(&sequence.shown));
    value["source"] = json!(name(&sequence.shown));
    let mut notices: Vec<&Value> = Vec::new();
    for notice in results.iter().filter_map(|(_, result)| result.notices.as_ref()).flatten() {
        if !notices.contains(&notice) {
            notices.push(notice);
        }
    }
    value["notices"] = json!(notices);
    let shot = |result: &Published| result.film.as_ref().and_then(|film| film["shot"].as_u64());
    let mut shots: Vec<_> = results.iter().map(|(_, result)| shot(result)).collect();
    shots.dedup();
    value["film"] = json!({
        "frames": results.len(),
        "shots": shots.len(),
        "shots_at": {"frames": shots},
        "keeps": "lightness",
    });
    let frame = |(output, result): &(&Path, Published)| {
        json!({
            "file": name(output),
            "sha256": result.sha256,
            "source": name(&result.input),
            "source_sha256": result.content,
        })
    };
    value["frames"] = results.iter().map(frame).collect();
    value
}
