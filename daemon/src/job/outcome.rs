//! How a job ended.

use std::path::PathBuf;
use std::time::Duration;

use polychromify_core::Toning;

use crate::ledger::Published;

/// How a job ended.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Its result is published.
    Done(Facts),
    /// Nothing was to be done, for this reason.
    Skipped(String, Facts),
    /// It failed for this reason.
    Failed(String, Facts),
    /// It failed for now, and is tried again after the delay.
    Postponed { reason: String, tries: u32, delay: Duration },
    /// The output folder or the ledger cannot be written for now; the job is queued again.
    Blocked(String),
    /// The program was asked to stop; the job is queued again.
    Stopped,
}

/// What is known of a job at its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) seconds: Option<f64>,
    /// Size of the result in pixels.
    pub(crate) width: Option<u32>,
    pub(crate) height: Option<u32>,
    pub(crate) sha256_input: Option<String>,
    pub(crate) sha256_output: Option<String>,
    /// Whether the input, or its first page, has colors.
    pub(crate) toning: Option<Toning>,
    /// Another input of the same content whose result is there.
    pub(crate) duplicate_of: Option<PathBuf>,
    /// What it would take.
    pub(crate) estimate: Option<Estimate>,
}

/// What a photograph would take.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Estimate {
    /// Time of one worker.
    pub(crate) seconds: f64,
    /// Size of the result.
    pub(crate) bytes: u64,
}

impl Facts {
    /// Takes over what a result tells.
    pub(crate) fn of_result(&mut self, result: &Published) {
        self.width = Some(result.width);
        self.height = Some(result.height);
        self.sha256_input = Some(result.content.clone());
        self.sha256_output = Some(result.sha256.clone());
    }
}
