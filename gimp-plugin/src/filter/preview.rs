//! A small picture of the result, kept up to date with the settings of an open dialog.
//!
//! The dialog asks ten times a second what there is to show. Reading is done while it asks,
//! predicting on a thread of its own; another saturation only paints anew. The layer with the hints
//! is looked at again and again, because the user may paint on it while the dialog is open.

use std::time::{Duration, Instant};

use polychromify_core::{Hints, SamplesMut};

use super::network::Prediction;
use super::plan::Plan;
use super::prediction_cache::{Question, Studio};
use super::{Error, hints};
use crate::host::{Host, Shown};
use crate::procedure::Settings;

/// Longest side of the picture in pixels.
pub(crate) const SIDE: u32 = 320;

/// How often the hints are read again at most; it takes a tenth of the time at most, too.
const HINTS_EVERY: Duration = Duration::from_secs(1);

/// What a dialog shows of a layer's colors.
pub(crate) struct Preview<'a, H: Host> {
    host: &'a H,
    studio: &'a mut Studio,
    drawables: &'a [i32],
    /// The settings that `question` was made of.
    settings: Option<Settings>,
    question: Option<Question>,
    /// When to read the hints again.
    stale: Option<Instant>,
    pending: Option<(Question, Prediction)>,
    /// What is on the screen.
    picture: Option<(Question, f64)>,
    text: Option<String>,
}

impl<'a, H: Host> Preview<'a, H> {
    /// A preview of the first of the layers that [`super::colorize`] would colorize.
    pub(crate) fn new(host: &'a H, studio: &'a mut Studio, drawables: &'a [i32]) -> Self {
        studio.want_views(SIDE);
        Self {
            host,
            studio,
            drawables,
            settings: None,
            question: None,
            stale: None,
            pending: None,
            picture: None,
            text: None,
        }
    }

    /// What is to be shown from now on; none: what is shown.
    pub(crate) fn update(&mut self, settings: &Settings) -> Option<Shown> {
        match self.next(settings) {
            Ok(shown) => shown,
            Err(error) => {
                self.question = None; // until the settings change
                self.say(&error.to_string())
            }
        }
    }

    fn next(&mut self, settings: &Settings) -> Result<Option<Shown>, Error> {
        let is_stale = self.stale.is_some_and(|time| Instant::now() >= time);
        if self.settings.as_ref() != Some(settings) || is_stale {
            self.settings = Some(settings.clone());
            self.stale = None;
            self.question = Some(self.question(settings)?);
        }
        if let Some((question, prediction)) = self.pending.take() {
            match prediction.wait(Duration::ZERO) {
                Some(map) => {
                    self.studio.answer(question, map?);
                }
                None => self.pending = Some((question, prediction)),
            }
        }
        let Some(question) = self.question.clone() else { return Ok(None) };
        if self.studio.known(&question).is_some() {
            return Ok(self.paint(question, settings.saturation));
        }
        if self.pending.is_some() {
            return Ok(None);
        }
        let prediction = self.studio.ask(self.host, &question, &|_| {})?;
        self.pending = Some((question, prediction));
        Ok(if self.picture.is_none() { self.say("Predicting...") } else { None })
    }

    fn question(&mut self, settings: &Settings) -> Result<Question, Error> {
        let plan = Plan::new(self.host, self.drawables, settings)?;
        let source = plan.sources[0];
        let hints = match plan.hints {
            Some(layer) => {
                let start = Instant::now();
                let hints = hints::read(self.host, layer, source)?;
                self.stale = Some(Instant::now() + HINTS_EVERY.max(10 * start.elapsed()));
                hints
            }
            None => Hints::default(),
        };
        Ok(Question { source, hints, weights: settings.weights.clone() })
    }

    fn paint(&mut self, question: Question, saturation: f64) -> Option<Shown> {
        let wanted = Some((question, saturation));
        if self.picture == wanted && self.text.is_none() {
            return None;
        }
        let (question, _) = wanted.as_ref()?;
        let (map, view) = (self.studio.known(question)?, self.studio.view(question.source)?);
        let (width, height) = (view.width, view.height);
        let mut rgb = vec![0; 3 * view.lightness.len()];
        let painter = map.painter(width, height, saturation as f32);
        painter.paint_rows(0, &view.lightness, SamplesMut::Eight(&mut rgb));
        self.picture = wanted;
        self.text = None;
        Some(Shown::Picture { width, height, rgb })
    }

    fn say(&mut self, text: &str) -> Option<Shown> {
        let is_new = self.text.as_deref() != Some(text);
        self.text = Some(text.to_owned());
        is_new.then(|| Shown::Text(text.to_owned()))
    }
}
