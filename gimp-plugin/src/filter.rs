//! Colors for a layer: reads it, has its chroma predicted, and paints a layer with it.
//!
//! Nothing in the image changes before all colors are there, and then all changes are one step for
//! undo. Until then the host may end this process at any time, which is how GIMP cancels a plug-in.

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
#[cfg(test)]
mod tests;

use std::sync::Arc;

use polychromify_core::{ChromaMap, Hints};

use crate::host::{Choices, Host, Layer};
use crate::procedure::Settings;
use bands::Alpha;
pub(crate) use error::Error;
use label::SourceFile;
use plan::Plan;
use prediction_cache::Question;
pub(crate) use prediction_cache::Studio;
pub(crate) use preview::Preview;

/// How much of the progress is reading; predicting pulses, and painting is the rest.
const READING: f64 = 0.4;

/// What a dialog offers.
pub(crate) fn choices() -> Choices {
    Choices { names: network::names(), preview_side: preview::SIDE }
}

/// Checks whether there is anything to colorize, before a dialog asks how.
///
/// # Errors
///
/// When the image or a drawable does not fit.
pub(crate) fn check<H: Host>(host: &H, drawables: &[i32]) -> Result<(), Error> {
    Plan::new(host, drawables, &Settings::default()).map(drop)
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
    studio: &mut Studio,
) -> Result<Vec<Layer>, Error> {
    let plan = Plan::new(host, drawables, settings)?;
    let file = SourceFile::examine(host.file());
    let count = plan.sources.len() as f64;
    let mut answers = Vec::new();
    let mut hint_count = 0;
    for (index, &source) in plan.sources.iter().enumerate() {
        let progress = |f: f64| host.show_progress(READING * (index as f64 + f) / count);
        let hints = match plan.hints {
            Some(layer) => hints::read(host, layer, source)?,
            None => Hints::default(),
        };
        hint_count += hints.0.len();
        let question = Question { source, hints, weights: settings.weights.clone() };
        answers.push((source, studio.chroma(host, question, &progress)?));
    }

    let network = studio.network(&settings.weights)?;
    let work = Work { host, settings, name: format!("Color ({})", network.name) };
    // A gray image has room for colors only once it is converted, which is part of the step.
    let prepared = if plan.gray { None } else { Some(work.prepare(&answers)?) };
    let label = file.label(&network, settings, hint_count);
    host.end_progress();
    host.in_one_step(|| {
        let packet = label::packet(host.xmp().as_deref(), &label);
        host.label(&packet, &label::note(&label))?;
        let prepared = if let Some(prepared) = prepared {
            prepared
        } else {
            host.convert_to_rgb()?;
            work.prepare(&answers)?
        };
        work.put_in_place(&answers, &prepared)
    })
}

/// What every layer's painting needs.
struct Work<'a, H: Host> {
    host: &'a H,
    settings: &'a Settings,
    /// Of the new layers.
    name: String,
}

impl<H: Host> Work<'_, H> {
    /// Paints the new layers, which are in no image yet, or the replacements.
    fn prepare(&self, answers: &[(Layer, Arc<ChromaMap>)]) -> Result<Vec<Layer>, Error> {
        let mut prepared = Vec::new();
        for (index, (source, chroma)) in answers.iter().enumerate() {
            match self.paint(index, answers.len(), *source, chroma) {
                Ok(layer) => prepared.push(layer),
                Err(error) => {
                    if !self.settings.replace {
                        for layer in prepared {
                            self.host.discard(layer);
                        }
                    }
                    return Err(error);
                }
            }
        }
        Ok(prepared)
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
            let layer = self.host.new_layer(&self.name, &info)?;
            let to = self.host.pixels(layer).inspect_err(|_| self.host.discard(layer))?;
            (layer, to)
        };
        let progress = |f: f64| {
            let share = (index as f64 + f) / count as f64;
            self.host.show_progress(READING + (1.0 - READING) * share);
        };
        bands::paint(&mut from, &mut to, &info, self.alpha(source), &painter, &progress);
        Ok(layer)
    }

    /// The mode LCh Color clips a layer to what lies below it, and blends it in by its alpha. Where
    /// that is the source alone its alpha would count twice, and soft edges would lose their colors;
    /// where there is more below, it must not get colors where the source is transparent.
    fn alpha(&self, source: Layer) -> Alpha {
        let alone = !self.settings.replace && self.host.layer_below(source).is_none();
        if alone { Alpha::Filled } else { Alpha::Kept }
    }

    /// Puts what was painted into the image.
    fn put_in_place(
        &self,
        answers: &[(Layer, Arc<ChromaMap>)],
        prepared: &[Layer],
    ) -> Result<Vec<Layer>, Error> {
        let masked = !self.host.selection_is_empty();
        for ((source, _), &layer) in answers.iter().zip(prepared) {
            if self.settings.replace {
                self.host.take_over(layer)?;
                continue;
            }
            self.host.insert_above(layer, *source)?;
            if masked {
                self.host.mask_by_selection(layer)?;
            }
        }
        Ok(prepared.to_vec())
    }
}
