//! What all jobs of a run share.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use polychromify_core::{Deadline, Hints, Limits};

use crate::film::FilmContext;
use crate::job::claims::ContentClaims;
use crate::ledger::Ledger;
use crate::model::OpenedModel;
use crate::plan::names;
use crate::policy::Policy;
use crate::settings::Recipe;
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
    /// How the input is colored whose result belongs at `output`, if it is a film.
    pub(crate) fn film_of(&self, output: &Path) -> Option<&FilmContext> {
        self.film.as_ref().filter(|film| film.alone || names::is_film(output))
    }

    /// Weights and settings of this run for the result at `output`.
    pub(crate) fn recipe_of(&self, output: &Path) -> Recipe {
        let OpenedModel { recipe, colorizer, .. } = &self.model;
        match self.film_of(output) {
            Some(film) => film.recipe(&recipe.weights, colorizer.arithmetic()),
            None => recipe.clone(),
        }
    }
}

impl JobContext {
    /// Bounds for a job that begins now.
    pub(crate) fn limits_from_now(&self) -> Limits {
        let deadline = Deadline::after(self.time_limit);
        Limits { deadline, stop: Some(self.stop.asked().clone()), ..self.limits.clone() }
    }
}
