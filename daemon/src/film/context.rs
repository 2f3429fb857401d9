//! What all films of a run share.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use log::Level;
use polychromify_core::{Arithmetic, Colorizer, FilmSettings, Reference};
use serde::{Deserialize, Serialize};

use super::guidance::Guidance;
use crate::cli::{Codec, Watch};
use crate::error::Result;
use crate::settings::{Recipe, TimedHint};

/// What all films of a run share.
pub(crate) struct FilmContext {
    pub(crate) codec: Codec,
    pub(crate) settings: FilmSettings,
    pub(crate) guidance: Guidance,
    /// Whether all jobs are films or their frames, whatever they are called.
    pub(crate) alone: bool,
    /// Whether sequences may lack numbers.
    pub(crate) allow_gaps: bool,
    /// Frames a second of sequences of DPX files, as a fraction, in place of what they tell.
    pub(crate) rate: Option<(u64, u64)>,
    /// Where a bar is drawn.
    pub(crate) progress: MultiProgress,
}

/// What results of films depend on, as the ledger compares it.
#[derive(Serialize)]
struct FilmRecipe<'a> {
    codec: Codec,
    saturation: f32,
    steadiness: f32,
    precision: Arithmetic,
    #[serde(skip_serializing_if = "Option::is_none")]
    guidance: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<(u64, u64)>,
}

/// What of it a film is made again by.
#[derive(Deserialize)]
struct Recorded {
    codec: Codec,
    saturation: f32,
    steadiness: f32,
    guidance: Option<String>,
    rate: Option<(u64, u64)>,
}

impl FilmContext {
    /// For films in a watched folder.
    pub(crate) fn watched(arguments: &Watch) -> Self {
        let (saturation, steadiness) = (arguments.coloring.saturation, arguments.steadiness);
        let settings = FilmSettings { saturation, steadiness, reference: None };
        Self::hidden(arguments.codec, settings, Guidance::default())
    }

    /// For one film that was made with these settings, as a ledger tells them, guided by `hints` from
    /// here on; `None`: they are of no film, or what guided it lies in files that a command named.
    pub(crate) fn recorded(settings: &str, hints: &[TimedHint]) -> Option<Self> {
        let told: Recorded = serde_json::from_str(settings).ok()?;
        if told.guidance.is_some() || told.rate.is_some() {
            return None;
        }
        let (saturation, steadiness) = (told.saturation, told.steadiness);
        let settings = FilmSettings { saturation, steadiness, reference: None };
        Some(Self::hidden(told.codec, settings, Guidance::of_hints(hints)))
    }

    /// The saturation of a film that was made with these settings.
    pub(crate) fn saturation_told(settings: &str) -> Option<f32> {
        serde_json::from_str(settings).ok().map(|Recorded { saturation, .. }| saturation)
    }

    fn hidden(codec: Codec, settings: FilmSettings, guidance: Guidance) -> Self {
        let progress = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        Self { codec, settings, guidance, alone: false, allow_gaps: false, rate: None, progress }
    }

    /// The same for one film, guided by hints that a person set on the page; `None`: there are none,
    /// or those of the run go before them.
    pub(crate) fn with_hints(&self, hints: &[TimedHint]) -> Option<Self> {
        if hints.is_empty() || self.guidance.is_given() {
            return None;
        }
        Some(Self {
            codec: self.codec,
            settings: self.settings.clone(),
            guidance: Guidance::of_hints(hints),
            progress: self.progress.clone(),
            ..*self
        })
    }

    /// Learns from the reference, if there is one.
    pub(crate) fn learn(&mut self, colorizer: &Colorizer) -> Result<()> {
        if let Some(picture) = self.guidance.reference.take() {
            self.settings.reference = Some(Arc::new(Reference::learn(&picture, colorizer)?));
        }
        Ok(())
    }

    /// Weights and settings that results are made with.
    pub(crate) fn recipe(&self, weights_sha256: &str, precision: Arithmetic) -> Recipe {
        let FilmSettings { saturation, steadiness, .. } = self.settings;
        let guidance = self.guidance.sha256.as_deref();
        let (codec, rate) = (self.codec, self.rate);
        let recipe = FilmRecipe { codec, saturation, steadiness, precision, guidance, rate };
        Recipe {
            weights: weights_sha256.to_owned(),
            settings: serde_json::to_string(&recipe).expect("strings and finite numbers only"),
        }
    }

    /// What decides the colors beside the weights, for the label.
    pub(crate) fn settings_words(&self, calculated_in: Arithmetic) -> String {
        let FilmSettings { saturation, steadiness, .. } = self.settings;
        let mut words = vec![format!(
            "calculated in {calculated_in}, saturation {saturation}, steadiness {steadiness}"
        )];
        words.extend_from_slice(&self.guidance.words);
        words.join(", ")
    }

    /// A bar over the frames of a film, if stderr is a terminal.
    pub(super) fn bar(&self, name: &Path, frames: Option<u64>) -> ProgressBar {
        if log::max_level() < Level::Info || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let template = "{msg} {bar:30} {pos}/{len} frames, {per_sec}, {eta} left";
        let style = ProgressStyle::with_template(template).expect("a constant that is valid");
        let bar = ProgressBar::new(frames.unwrap_or_default()).with_style(style);
        let name = name.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.progress.add(bar.with_message(name))
    }
}
