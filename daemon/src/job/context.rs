//! What all jobs of a run share.

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use polychromify_core::{Deadline, Hints, Limits};

use crate::film::FilmContext;
use crate::job::claims::ContentClaims;
use crate::ledger::Ledger;
use crate::model::OpenedModel;
use crate::policy::Policy;
use crate::stop::Stop;

/// What all jobs of a run share.
pub(crate) struct JobContext {
    pub(crate) model: OpenedModel,
    pub(crate) ledger: Ledger,
    /// The output folder, absolute.
    pub(crate) folder: PathBuf,
    pub(crate) hints: Hints,
    /// Bounds for each job, but for its deadline.
    pub(crate) limits: Limits,
    /// How long each job may take until its result is written.
    pub(crate) time_limit: Duration,
    /// Bands that were read by all jobs, which shows that they get on.
    pub(crate) bands: AtomicU64,
    pub(crate) policy: Policy,
    pub(crate) claims: ContentClaims,
    pub(crate) stop: Stop,
    /// `None`: jobs are photographs.
    pub(crate) film: Option<FilmContext>,
}

impl JobContext {
    /// Bounds for a job that begins now.
    pub(crate) fn limits_from_now(&self) -> Limits {
        let deadline = Deadline::after(self.time_limit);
        Limits { deadline, stop: Some(self.stop.asked().clone()), ..self.limits.clone() }
    }
}
