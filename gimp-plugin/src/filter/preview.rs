//! A small picture of the result, kept up to date with the settings of an open dialog.
//!
//! The dialog polls it ten times a second. Layers are read during a poll, predictions run on a
//! thread of their own, and another saturation only paints anew. The layer with the hints is read
//! again every second or so, because the user may paint on it while the dialog is open.

use std::time::{Duration, Instant};

use polychromify_core::{Hints, SamplesMut};

use super::error::Error;
use super::hints;
use super::network::Prediction;
use super::plan::Plan;
use super::prediction_cache::{PredictionCache, PredictionKey};
use crate::dialog::PreviewUpdate;
use crate::host::Host;
use crate::procedure::Settings;

/// Longest side of the picture in pixels.
pub(crate) const SIDE: u32 = 320;

/// Least time between two readings of the hints; it is longer where reading takes more than a tenth.
const HINTS_INTERVAL: Duration = Duration::from_secs(1);

/// The preview of an open dialog.
pub(crate) struct Preview<'a, H: Host> {
    host: &'a H,
    cache: &'a mut PredictionCache,
    drawables: &'a [i32],
    /// The settings that `key` was made of.
    settings: Option<Settings>,
    key: Option<PredictionKey>,
    /// When to read the hints again.
    hints_due: Option<Instant>,
    pending: Option<(PredictionKey, Prediction)>,
    /// The picture on the screen and its saturation.
    picture: Option<(PredictionKey, f64)>,
    /// The text on the screen.
    text: Option<String>,
}

impl<'a, H: Host> Preview<'a, H> {
    /// A preview of the first of the layers that [`super::colorize`] would colorize.
    pub(crate) fn new(host: &'a H, cache: &'a mut PredictionCache, drawables: &'a [i32]) -> Self {
        cache.enable_previews(SIDE);
        Self {
            host,
            cache,
            drawables,
            settings: None,
            key: None,
            hints_due: None,
            pending: None,
            picture: None,
            text: None,
        }
    }

    /// What to show from now on; `None`: the same as before.
    pub(crate) fn update(&mut self, settings: &Settings) -> Option<PreviewUpdate> {
        match self.next(settings) {
            Ok(shown) => shown,
            Err(error) => {
                self.key = None; // until the settings change
                self.show_text(&error.to_string())
            }
        }
    }

    fn next(&mut self, settings: &Settings) -> Result<Option<PreviewUpdate>, Error> {
        let is_due = self.hints_due.is_some_and(|time| Instant::now() >= time);
        if self.settings.as_ref() != Some(settings) || is_due {
            self.settings = Some(settings.clone());
            self.hints_due = None;
            self.key = Some(self.key(settings)?);
        }
        if let Some((key, prediction)) = self.pending.take() {
            match prediction.wait(Duration::ZERO) {
                Some(map) => {
                    self.cache.insert(key, map?);
                }
                None => self.pending = Some((key, prediction)),
            }
        }
        let Some(key) = self.key.clone() else { return Ok(None) };
        if self.cache.get(&key).is_some() {
            return Ok(self.paint(key, settings.saturation));
        }
        if self.pending.is_some() {
            return Ok(None);
        }
        let prediction = self.cache.start(self.host, &key, &|_| {})?;
        self.pending = Some((key, prediction));
        Ok(if self.picture.is_none() { self.show_text("Predicting...") } else { None })
    }

    fn key(&mut self, settings: &Settings) -> Result<PredictionKey, Error> {
        let plan = Plan::new(self.host, self.drawables, settings)?;
        let source = plan.sources[0];
        let hints = match plan.hints {
            Some(layer) => {
                let start = Instant::now();
                let hints = hints::read(self.host, layer, source)?;
                self.hints_due = Some(Instant::now() + HINTS_INTERVAL.max(10 * start.elapsed()));
                hints
            }
            None => Hints::default(),
        };
        Ok(PredictionKey { source, hints, weights: settings.weights.clone() })
    }

    fn paint(&mut self, key: PredictionKey, saturation: f64) -> Option<PreviewUpdate> {
        let wanted = Some((key, saturation));
        if self.picture == wanted && self.text.is_none() {
            return None;
        }
        let (key, _) = wanted.as_ref()?;
        let (map, lightness) = (self.cache.get(key)?, self.cache.preview(key.source)?);
        let (width, height) = (lightness.width, lightness.height);
        let mut rgb = vec![0; 3 * lightness.lightness.len()];
        let painter = map.painter(width, height, saturation as f32);
        painter.paint_rows(0, &lightness.lightness, SamplesMut::Eight(&mut rgb));
        self.picture = wanted;
        self.text = None;
        Some(PreviewUpdate::Picture { width, height, rgb })
    }

    fn show_text(&mut self, text: &str) -> Option<PreviewUpdate> {
        let is_new = self.text.as_deref() != Some(text);
        self.text = Some(text.to_owned());
        is_new.then(|| PreviewUpdate::Text(text.to_owned()))
    }
}
