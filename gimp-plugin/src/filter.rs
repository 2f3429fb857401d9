//! Colorizes layers: reads one, predicts its chroma, and paints a layer with it.
//!
//! The image changes only once all colors are there, and then in one undo step. Until then the host
//! may end this process at any time, which is how GIMP cancels a plug-in.

mod bands;
mod error;
#[cfg(test)]
mod fake;
mod hints;
mod label;
mod network;
mod plan;
mod prediction_cache;
mod preview;
mod reference;
mod small;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use polychromify_core::{ChromaMap, Hints};

use crate::host::{Host, Layer, LayerMode};
use crate::procedure::{HintsChoice, Settings};
use bands::{Alpha, Painting};
pub(crate) use error::Error;
use label::SourceFile;
use plan::{Plan, hints_layer};
pub(crate) use prediction_cache::PredictionCache;
use prediction_cache::{PredictionKey, no_such_coloring};
pub(crate) use preview::Preview;

/// Share of the progress bar that is reading; painting is the rest. A prediction only pulses.
const READING: f64 = 0.4;

/// Checks whether there is anything to colorize, before a dialog asks how.
///
/// # Errors
///
/// When the image or a drawable does not fit.
pub(crate) fn check<H: Host>(host: &H, drawables: &[i32]) -> Result<(), Error> {
    Plan::new(host, drawables, &Settings::default()).map(drop)
}

/// What the names of new layers begin with.
const NEW_LAYER: &str = "Color (";

/// Whether the uppermost layer that is seen, but for strokes, is one of those with colors. That of a
/// negative covers what lies below, and is told by its name.
pub(crate) fn is_colored<H: Host>(host: &H) -> bool {
    let strokes = hints_layer(host, HintsChoice::Named);
    let mut layers = host.layers().into_iter().map(|(layer, _)| layer);
    let uppermost = layers.find(|layer| Some(*layer) != strokes && host.is_visible(*layer));
    let info = uppermost.map(|layer| host.describe(layer));
    info.is_some_and(|info| info.colors || info.name.starts_with(NEW_LAYER))
}

/// Colorizes the layers of `drawables` and gives the new layers, or those that were changed.
///
/// # Errors
///
/// When the image or a drawable does not fit, the weights cannot be used, or the host fails; the
/// image is untouched then, unless the host failed while it was changed.
pub(crate) fn colorize<H: Host>(
    host: &H,
    drawables: &[i32],
    settings: &Settings,
    cache: &mut PredictionCache,
) -> Result<Vec<Layer>, Error> {
    let plan = Plan::new(host, drawables, settings)?;
    let file = SourceFile::start_hashing(host.file());
    let count = plan.sources.len() as f64;
    let mut predictions = Vec::new();
    let (mut hints_text, mut variant) = (None, 1);
    for (index, &source) in plan.sources.iter().enumerate() {
        let progress = |f: f64| host.show_progress(READING * (index as f64 + f) / count);
        let hints = match plan.hints {
            Some(layer) => hints::read(host, layer, source)?,
            None => Hints::default(),
        };
        hints_text = hints_text.or(hints.summary());
        let key = PredictionKey::new(source, hints, settings);
        predictions.push((source, cache.get_or_predict(host, key.clone(), &progress)?));
        if cache.is_missing(&key) {
            host.tell(no_such_coloring());
        } else {
            variant = settings.variant;
        }
    }

    let network = cache.network(&settings.weights)?;
    let painter = LayerPainter { host, settings, name: format!("{NEW_LAYER}{})", network.name) };
    // A gray image has room for colors only once it is converted, which is part of the step.
    let painted = if plan.gray { None } else { Some(painter.paint_all(&predictions)?) };
    let label = file.label(&network, &Settings { variant, ..settings.clone() }, hints_text);
    host.end_progress();
    host.in_undo_group(|| {
        let packet = label::packet(host.xmp().as_deref(), &label);
        host.attach_label(&packet, &label::to_json(&label))?;
        let painted = if let Some(painted) = painted {
            painted
        } else {
            host.convert_to_rgb()?;
            painter.paint_all(&predictions)?
        };
        let layers = painter.insert_all(&predictions, &painted)?;
        plan.hints.into_iter().for_each(|layer| host.set_visible(layer, false)); // it would cover the colors
        Ok(layers)
    })
}

/// Paints layers and puts them into the image.
struct LayerPainter<'a, H: Host> {
    host: &'a H,
    settings: &'a Settings,
    /// Of the new layers.
    name: String,
}

impl<H: Host> LayerPainter<'_, H> {
    /// Paints the new layers, which are in no image yet, or the replacements.
    fn paint_all(&self, predictions: &[(Layer, Arc<ChromaMap>)]) -> Result<Vec<Layer>, Error> {
        let mut painted = Vec::new();
        for (index, (source, chroma)) in predictions.iter().enumerate() {
            match self.paint(index, predictions.len(), *source, chroma) {
                Ok(layer) => painted.push(layer),
                Err(error) => {
                    if !self.settings.replace {
                        for layer in painted {
                            self.host.discard(layer);
                        }
                    }
                    return Err(error);
                }
            }
        }
        Ok(painted)
    }

    fn paint(
        &self,
        index: usize,
        count: usize,
        source: Layer,
        chroma: &ChromaMap,
    ) -> Result<Layer, Error> {
        let info = self.host.describe(source);
        let painter = chroma.painter(info.width, info.height, self.settings.saturation as f32);
        let mut from = self.host.pixels(source)?;
        let (layer, mut to) = if self.settings.replace {
            (source, self.host.replacement(source)?)
        } else {
            let mode = if self.settings.negative { LayerMode::Normal } else { LayerMode::LchColor };
            let layer = self.host.new_layer(&self.name, &info, mode)?;
            let to = self.host.pixels(layer).inspect_err(|_| self.host.discard(layer))?;
            (layer, to)
        };
        let progress = |f: f64| {
            let share = (index as f64 + f) / count as f64;
            self.host.show_progress(READING + (1.0 - READING) * share);
        };
        let how = Painting { alpha: self.alpha(source), negative: self.settings.negative };
        bands::paint(&mut from, &mut to, &info, how, &painter, &progress);
        Ok(layer)
    }

    /// The mode LCh Color blends a layer by its alpha and clips it to what lies below. Over the source
    /// alone, the same alpha would count twice and soft edges would lose their colors. Over more
    /// layers, they must not get colors where the source is transparent.
    fn alpha(&self, source: Layer) -> Alpha {
        let blends = !self.settings.replace && !self.settings.negative;
        if blends && self.host.layer_below(source).is_none() { Alpha::Filled } else { Alpha::Kept }
    }

    /// Puts the painted layers into the image, above their sources, or applies the replacements.
    fn insert_all(
        &self,
        predictions: &[(Layer, Arc<ChromaMap>)],
        painted: &[Layer],
    ) -> Result<Vec<Layer>, Error> {
        for ((source, _), &layer) in predictions.iter().zip(painted) {
            if self.settings.replace {
                self.host.apply_replacement(layer)?;
                continue;
            }
            self.host.insert_above(layer, *source)?;
            self.host.mask(layer, *source)?;
        }
        Ok(painted.to_vec())
    }
}
