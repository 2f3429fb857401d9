//! How a job ended.

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use polychromify_core::Toning;
use serde_json::Value;

use crate::error::Result;
use crate::job::staleness::Staleness;
use crate::ledger::{Published, Seen};

/// How a job ended.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Its result is published.
    Done(JobDetails),
    /// Nothing was to be done, for this reason.
    Skipped(SkipReason, JobDetails),
    /// It failed for this reason.
    Failed(String, JobDetails),
    /// It failed for now, and is tried again after the delay.
    Postponed { reason: String, tries: u32, delay: Duration },
    /// The output folder or the ledger cannot be written for now; the job is queued again.
    Blocked(String),
    /// The program was asked to stop; the job is queued again.
    Stopped,
    /// Another worker has it by now, because this one was away for too long.
    Lost,
}

/// What a step of a job gives, or why the job ends with it though it did not fail.
pub(crate) type Step<T> = Result<ControlFlow<SkipReason, T>>;

/// Why nothing was to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SkipReason {
    /// Its result is there, made otherwise than it would be today where there is an age.
    DoneAlready(Option<Staleness>),
    /// Its result was changed by somebody.
    ResultEdited,
    /// This input has the same content and its result is there.
    Duplicate(PathBuf),
    /// It is a result of this program.
    OwnResult,
    /// It has colors, with this confidence.
    HasColors(f32),
    /// It is not there any more.
    Gone,
    /// It would be colored, were this no dry run.
    DryRun,
    /// Its name is that of a photograph but for a space or a dot at its end.
    Misnamed,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DoneAlready(None) => f.write_str("done already"),
            Self::DoneAlready(Some(staleness)) => {
                write!(f, "done already, {staleness}; --redo-older makes it anew")
            }
            Self::ResultEdited => {
                f.write_str("its result was changed by somebody since; it is left as it is")
            }
            Self::Duplicate(other) => {
                write!(f, "the same content as {}, which is done", other.display())
            }
            Self::OwnResult => f.write_str("is a result of Polychromify, as its label says"),
            Self::HasColors(confidence) => {
                // At least 90 %, and never wholly.
                let sure = (100.0 * confidence).floor().min(99.0);
                write!(f, "has colors already ({sure} % sure)")
            }
            Self::Gone => f.write_str("went away before it was colored"),
            Self::DryRun => f.write_str("dry run: would be colored"),
            Self::Misnamed => f.write_str(
                "passed over, because its name ends with a space or a dot; rename it to have it colored",
            ),
        }
    }
}

/// What is known of a job at its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobDetails {
    pub(crate) seconds: Option<f64>,
    /// Size of the result in pixels.
    pub(crate) width: Option<u32>,
    pub(crate) height: Option<u32>,
    pub(crate) sha256_input: Option<String>,
    pub(crate) sha256_output: Option<String>,
    /// Whether the input, or its first page, has colors.
    pub(crate) toning: Option<Toning>,
    /// How unsure the network was of the first page's colors, 0..=1.
    pub(crate) doubt: Option<f32>,
    /// What was left out or assumed, as [`notices::of`](crate::job::notices::of) gives it.
    pub(crate) notices: Vec<Value>,
    /// Another input of the same content whose result is there.
    pub(crate) duplicate_of: Option<PathBuf>,
    /// Seconds at which the frames of a film's sheet are shown.
    pub(crate) shown_at: Vec<f64>,
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

impl JobDetails {
    /// What was seen of a photograph.
    pub(crate) fn seen(&self) -> Seen {
        Seen {
            doubt: self.doubt.map(|doubt| (1000.0 * doubt).round() as u16),
            toning: self.toning.map(|toning| toning.verdict.into()),
        }
    }

    /// Takes over what a result tells.
    pub(crate) fn of_result(&mut self, result: &Published) {
        self.width = Some(result.width);
        self.height = Some(result.height);
        self.sha256_input = Some(result.content.clone());
        self.sha256_output = Some(result.sha256.clone());
        self.notices = result.notices.clone().unwrap_or_default();
    }
}
