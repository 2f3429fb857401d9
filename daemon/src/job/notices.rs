//! What was left out of a picture or assumed of it, as JSON tells it.

use polychromify_core::{Concern, PageNotice, Scan};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::plan::Job;

/// The notices of a scan so far: objects of `page` (of a file of several pages), `kind`, the facts of
/// that kind, and `message`.
pub(crate) fn of(scan: &Scan) -> Vec<Value> {
    let object = |notice: &PageNotice| {
        let mut object = serde_json::to_value(notice).expect("strings and numbers only");
        object["message"] = notice.notice.to_string().into();
        object
    };
    scan.notices().iter().map(object).collect()
}

/// A notice in a line.
pub(crate) fn text(notice: &Value) -> String {
    let message = notice["message"].as_str().unwrap_or_default();
    match &notice["page"] {
        Value::Null => message.to_owned(),
        page => format!("page {page}: {message}"),
    }
}

/// Refuses a scan whose metadata would be lost, or whose colors rest on an assumption.
pub(crate) fn refuse(scan: &Scan, job: &Job) -> Result<()> {
    let lost = scan
        .notices()
        .iter()
        .filter(|notice| matches!(notice.notice.concern(), Concern::Color | Concern::Metadata));
    let lost: Vec<String> = lost.map(ToString::to_string).collect();
    if lost.is_empty() {
        return Ok(());
    }
    Err(Error::Strict { path: job.shown.clone(), reason: lost.join("; ") })
}
