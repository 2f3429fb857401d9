//! How one input is colored: as all of its run are, or as a person set it for this one.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use polychromify_core::{Colorizer, Error as CoreError, Hints, Limits, Reference, Scan};

use crate::error::Result;
use crate::film::FilmContext;
use crate::job::context::JobContext;
use crate::ledger::OfInput;
use crate::model::OpenedModel;
use crate::plan::names;
use crate::policy::Redo;
use crate::settings::{OwnSettings, Recipe, RenderSettings};

/// How one input is colored.
#[derive(Clone)]
pub(crate) struct Treatment {
    pub(crate) settings: RenderSettings,
    pub(crate) recipe: Recipe,
    pub(crate) hints: Hints,
    pub(crate) redo: Redo,
    /// Whether a person asked for this one.
    pub(crate) asked: bool,
    /// Whether a sidecar is written beside the result.
    pub(crate) has_sidecar: bool,
    /// How this film is colored, if not as all films of its run.
    pub(crate) film: Option<Arc<FilmContext>>,
}

impl Treatment {
    /// Whether it is colored even if it has colors.
    pub(crate) fn is_forced(&self) -> bool {
        self.asked || self.redo == Redo::All
    }
}

/// Learns from a picture in colors, as a ledger keeps it.
pub(crate) fn learn(picture: Vec<u8>, colorizer: &Colorizer) -> Result<Reference, CoreError> {
    let (name, limits) = (Path::new("the reference picture"), Limits::new(1 << 24, 1 << 28));
    let colors = Scan::read(Cursor::new(picture), name, &limits)?.read_colors()?;
    let gray = || CoreError::Unsupported { path: name.into(), reason: "it has no colors".into() };
    Reference::learn(&colors.ok_or_else(gray)?, colorizer)
}

impl JobContext {
    /// How an input of this content is colored in this run.
    pub(crate) fn treatment(&self, output: &Path, content: &str) -> Result<Treatment> {
        Ok(self.treatment_with(output, content, self.ledger.own_settings(output)?))
    }

    /// The same with what a person set for an input of this name, maybe of another content.
    pub(crate) fn treatment_with(
        &self,
        output: &Path,
        content: &str,
        own: Option<OfInput>,
    ) -> Treatment {
        let run = Treatment {
            settings: self.model.settings.clone(),
            recipe: self.recipe_of(output),
            hints: self.hints.clone(),
            redo: self.policy.redo,
            asked: false,
            has_sidecar: self.policy.sidecar || self.film_of(output).is_some(),
            film: None,
        };
        let Some(own) = of_content(own, content) else { return run };
        let Some(film) = self.film_of(output) else { return self.treated(run, &own) };
        match film.with_hints(&own.film_hints) {
            Some(film) => self.as_film(run, film),
            None => run,
        }
    }

    /// How the input of a job is colored: if somebody asked for it, on top of the settings that its
    /// result has, also where those of the run are others.
    pub(super) fn treatment_of(&self, id: i64, output: &Path, content: &str) -> Result<Treatment> {
        let own = self.ledger.own_settings(output)?;
        let run = self.treatment_with(output, content, own.clone());
        let Some(asked) = self.ledger.asked_settings(id)? else { return Ok(run) };
        let own = of_content(own, content).unwrap_or_default();
        if names::is_film(output)
            && let Some(film) = FilmContext::recorded(&asked, &own.film_hints)
        {
            let redo = if run.redo == Redo::Nothing { Redo::Older } else { run.redo };
            let asked = Treatment { redo, asked: true, has_sidecar: true, ..run };
            return Ok(self.as_film(asked, film));
        }
        if self.film_of(output).is_some() {
            return Ok(run);
        }
        let precision = self.model.settings.precision;
        let settings = RenderSettings::read(&asked, precision).unwrap_or(run.settings.clone());
        let redo = if run.redo == Redo::Nothing { Redo::Older } else { run.redo };
        let known = self.ledger.result(output)?;
        let has_sidecar = run.has_sidecar || known.is_some_and(|known| known.sidecar.is_some());
        let hints = Hints::default();
        let asked = Treatment { settings, hints, redo, asked: true, has_sidecar, ..run };
        Ok(self.treated(asked, &own))
    }

    fn as_film(&self, run: Treatment, film: FilmContext) -> Treatment {
        let OpenedModel { recipe, colorizer, .. } = &self.model;
        let recipe = film.recipe(&recipe.weights, colorizer.arithmetic());
        Treatment { recipe, film: Some(Arc::new(film)), ..run }
    }

    fn treated(&self, run: Treatment, own: &OwnSettings) -> Treatment {
        let hints = if own.hints.is_some() { own.hints() } else { run.hints };
        let settings = run.settings.with(own);
        let recipe = settings.recipe(&self.model.recipe.weights);
        Treatment { settings, recipe, hints, ..run }
    }

    /// Learns from the picture in colors that settings name.
    pub(crate) fn reference(&self, settings: &RenderSettings) -> Result<Option<Reference>> {
        let Some(sha256) = &settings.reference else { return Ok(None) };
        let Some(picture) = self.ledger.reference(sha256)? else { return Ok(None) };
        Ok(Some(learn(picture, &self.model.colorizer)?))
    }
}

/// What was set for an input, if it still has the content that it was set for.
fn of_content(own: Option<OfInput>, content: &str) -> Option<OwnSettings> {
    let own = own.filter(|own| own.content == content)?;
    serde_json::from_str(&own.settings).ok()
}
