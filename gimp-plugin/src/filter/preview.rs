//! The picture of the result, kept up to date with the settings of an open dialog.
//!
//! The dialog polls it. Layers are read during a poll, predictions run on a thread of their own, one
//! at a time: first the one that is asked for, then doubts, then the other variants. Another
//! saturation only paints anew, and so does another part of the photograph.

mod compose;
mod display;
mod notices;
mod painters;
mod strokes;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use polychromify_core::{ChromaMap, Doubts};

use super::error::Error;
use super::network::{self, Prediction};
use super::plan::{HINTS, Plan, hints_layer};
use super::prediction_cache::{Coloring, PredictionCache, PredictionKey, no_such_coloring};
use crate::dialog::{Area, Model, Picture, Update, View};
use crate::host::{ColorModel, Host, Layer};
use crate::procedure::{HintsChoice, ReferenceChoice, Settings, VARIANTS};
use crate::text::tr;
use compose::compose;
use display::Display;
use painters::Painters;
use strokes::Strokes;

/// Longest side of the small pictures of variants, in pixels.
const VARIANT_SIDE: u32 = 92;

/// What a thread works on.
enum Work {
    Map(PredictionKey, Prediction<Option<ChromaMap>>),
    Doubts(PredictionKey, Prediction<Option<Doubts>>),
}

/// Colors, and what they are of.
type Colors = (PredictionKey, Arc<ChromaMap>);

/// The preview of an open dialog.
pub(crate) struct Preview<'a, H: Host> {
    host: &'a H,
    cache: &'a mut PredictionCache,
    drawables: &'a [i32],
    /// The settings that `key` was made of, at a saturation of 1, which it does not depend on.
    settings: Option<Settings>,
    key: Option<PredictionKey>,
    strokes: Strokes,
    work: Option<Work>,
    /// The newest colors that are of the layer.
    colors: Option<Colors>,
    doubts: Option<(PredictionKey, Option<Doubts>)>,
    painters: Painters,
    /// What of the layer is shown, and in which view.
    display: Option<(Layer, View, Display)>,
    /// What is on the screen.
    shown: Option<Shown>,
    text: String,
    /// Words about a layer, taken for a negative or not, with or without borders.
    notice: Option<((Layer, bool, bool), String)>,
    /// What is on the screen of the variants, and the layer as small as they are.
    variants: [Option<(PredictionKey, f64)>; 3],
    small: Option<(Layer, Display)>,
}

/// What a picture depends on.
#[derive(Clone, PartialEq)]
struct Shown {
    colors: Option<PredictionKey>,
    saturation: f64,
    view: View,
    has_doubts: bool,
}

impl<'a, H: Host> Preview<'a, H> {
    /// A preview of the first of the layers that [`super::colorize`] would colorize.
    pub(crate) fn new(host: &'a H, cache: &'a mut PredictionCache, drawables: &'a [i32]) -> Self {
        cache.enable_previews();
        Self {
            host,
            cache,
            drawables,
            settings: None,
            key: None,
            strokes: Strokes::default(),
            work: None,
            colors: None,
            doubts: None,
            painters: Painters::default(),
            display: None,
            shown: None,
            text: String::new(),
            notice: None,
            variants: [None, None, None],
            small: None,
        }
    }

    fn next(&mut self, settings: &Settings, view: &View) -> Result<Update, Error> {
        let asked = Settings { saturation: 1.0, ..settings.clone() };
        if self.settings.as_ref() != Some(&asked) || self.strokes.is_due() {
            self.settings = Some(asked);
            let plan = Plan::new(self.host, self.drawables, settings)?;
            let source = plan.sources[0];
            let hints = self.strokes.look(self.host, plan.hints, source)?;
            self.key = Some(PredictionKey::new(source, hints, settings));
        }
        self.take_result()?;
        let Some(key) = self.key.clone() else { return Ok(Update::default()) };
        self.start_work(&key, view)?;
        let found = self.cache.get(&key);
        let is_predicted = found.is_some();
        let is_lacking = self.cache.is_missing(&key);
        let likeliest = key.of_variant(1);
        let usable = match found {
            Some(Coloring::Chroma(map)) => Some((key.clone(), map)),
            Some(Coloring::Missing) => match self.cache.get(&likeliest) {
                Some(Coloring::Chroma(map)) => Some((likeliest, map)),
                _ => None,
            },
            None => None,
        };
        if usable.is_some() {
            self.colors = usable;
        }
        self.colors.take_if(|(of, _)| of.source != key.source);
        let text = if is_predicted {
            let notice = self.notice(&key)?;
            let lacking = if is_lacking { no_such_coloring() } else { "" };
            let before = if view.before { tr("This is before. Key B: after.") } else { "" };
            let words = [before, lacking, &notice].into_iter().filter(|words| !words.is_empty());
            words.collect::<Vec<_>>().join(" ")
        } else {
            tr("Predicting...").to_owned()
        };
        let picture = self.picture(&key, settings.saturation, view)?;
        // The small pictures follow when the large one is on the screen.
        let is_new = picture.is_some();
        let variant = if is_new { None } else { self.variant(&key, settings.saturation) };
        Ok(Update { picture, text: self.new_text(text), variant })
    }

    /// What there is to say of the photograph.
    fn notice(&mut self, key: &PredictionKey) -> Result<String, Error> {
        let about = (key.source, key.negative, key.borders);
        if let Some((_, notice)) = self.notice.as_ref().filter(|(of, _)| *of == about) {
            return Ok(notice.clone());
        }
        let notice = notices::of(self.host, self.cache, key)?;
        self.notice = Some((about, notice.clone()));
        Ok(notice)
    }

    /// Keeps what a thread has found.
    fn take_result(&mut self) -> Result<(), Error> {
        match self.work.take() {
            Some(Work::Map(key, prediction)) => match prediction.wait(Duration::ZERO) {
                Some(map) => self.cache.insert(key, map?),
                None => self.work = Some(Work::Map(key, prediction)),
            },
            Some(Work::Doubts(key, prediction)) => match prediction.wait(Duration::ZERO) {
                Some(doubts) => self.doubts = Some((key, doubts?)),
                None => self.work = Some(Work::Doubts(key, prediction)),
            },
            None => {}
        }
        Ok(())
    }

    /// Starts what is missing most, unless a thread is at work.
    fn start_work(&mut self, key: &PredictionKey, view: &View) -> Result<(), Error> {
        if self.work.is_some() {
            return Ok(());
        }
        let is_missing = |key: &&PredictionKey| self.cache.get(key).is_none();
        let others = VARIANTS.map(|variant| key.of_variant(variant)).collect::<Vec<_>>();
        let doubts_missing = view.doubt && self.doubts.as_ref().is_none_or(|(of, _)| of != key);
        self.work = if is_missing(&key) {
            Some(Work::Map(key.clone(), self.cache.start(self.host, key, &|_| {})?))
        } else if doubts_missing {
            Some(Work::Doubts(key.clone(), self.cache.start_doubts(self.host, key)?))
        } else if let Some(other) = others.iter().find(is_missing) {
            Some(Work::Map(other.clone(), self.cache.start(self.host, other, &|_| {})?))
        } else {
            None
        };
        Ok(())
    }

    /// The picture, if it is another than the one on the screen.
    fn picture(
        &mut self,
        key: &PredictionKey,
        saturation: f64,
        view: &View,
    ) -> Result<Option<(Picture, Area)>, Error> {
        let Some(small) = self.cache.preview(key.source) else { return Ok(None) };
        let doubts = self.doubts.as_ref().filter(|(of, _)| view.doubt && of == key);
        let shown = Shown {
            colors: self.colors.as_ref().map(|(key, _)| key.clone()),
            saturation,
            view: view.clone(),
            has_doubts: doubts.is_some(),
        };
        if self.shown.as_ref() == Some(&shown) {
            return Ok(None);
        }
        let is_same = |(source, of, _): &(Layer, View, _)| {
            *source == key.source && (of.room, of.zoom) == (view.room, view.zoom)
        };
        if !self.display.as_ref().is_some_and(is_same) {
            let display = match view.zoom {
                None => Display::of_whole(&small, view.room),
                Some(point) => {
                    let info = self.host.describe(key.source);
                    let mut pixels = self.host.pixels(key.source)?;
                    Display::of_part(&info, &mut pixels, point, view.room)
                }
            };
            self.display = Some((key.source, view.clone(), display));
        }
        let Some((.., display)) = &mut self.display else { return Ok(None) };
        let after = self.colors.as_ref();
        let painters = &mut self.painters;
        let after =
            after.map(|(key, map)| display.after(painters, (key, map), saturation).to_vec());
        let doubts = doubts.and_then(|(_, doubts)| doubts.as_ref());
        let composed = compose(display, after.as_deref(), doubts, view);
        self.shown = Some(shown);
        Ok(Some(composed))
    }

    /// One of the small pictures of the variants that is another than the one on the screen.
    fn variant(&mut self, key: &PredictionKey, saturation: f64) -> Option<(u8, Option<Picture>)> {
        if self.small.as_ref().is_none_or(|(of, _)| *of != key.source) {
            let room = (VARIANT_SIDE, VARIANT_SIDE);
            let whole = self.cache.preview(key.source)?;
            let display = Display::of_whole(&whole, room);
            self.small = Some((key.source, display));
        }
        let (_, display) = self.small.as_mut()?;
        for (number, shown) in VARIANTS.zip(&mut self.variants) {
            let key = key.of_variant(number);
            let Some(coloring) = self.cache.get(&key) else { continue };
            if shown.as_ref().is_some_and(|(of, strength)| *of == key && *strength == saturation) {
                continue;
            }
            let picture = match coloring {
                Coloring::Chroma(map) => {
                    let (width, height) = (display.part.width, display.part.height);
                    let rgb = display.after(&mut self.painters, (&key, &map), saturation).to_vec();
                    Some(Picture { width, height, rgb })
                }
                Coloring::Missing => None,
            };
            *shown = Some((key, saturation));
            return Some((number, picture));
        }
        None
    }

    fn new_text(&mut self, text: String) -> Option<String> {
        let is_new = self.text != text;
        self.text.clone_from(&text);
        is_new.then_some(text)
    }
}

impl<H: Host> Model for Preview<'_, H> {
    fn weights(&self) -> Vec<String> {
        network::names()
    }

    fn layers(&self) -> Vec<(i32, String)> {
        let plan = Plan::new(self.host, self.drawables, &Settings::default());
        let photographs = plan.map_or(Vec::new(), |plan| plan.sources);
        let layers = self.host.layers().into_iter();
        let others = layers.filter(|(layer, _)| !photographs.contains(layer));
        others.map(|(layer, name)| (layer.0, name)).collect()
    }

    fn named_hints(&self) -> Option<i32> {
        hints_layer(self.host, HintsChoice::Named).map(|layer| layer.0)
    }

    fn make_hints(&mut self) -> Result<i32, String> {
        if let Some(layer) = self.host.layer_named(HINTS) {
            self.host.set_visible(layer, true);
            self.host.activate(layer);
            return Ok(layer.0);
        }
        let make = || {
            let plan = Plan::new(self.host, self.drawables, &Settings::default())?;
            let info = self.host.describe(plan.sources[0]);
            self.host.in_undo_group(|| {
                if self.host.color_model() == ColorModel::Gray {
                    self.host.convert_to_rgb()?; // or strokes would be gray
                }
                Ok(self.host.make_canvas(HINTS, &info)?)
            })
        };
        make().map(|layer| layer.0).map_err(|error: Error| error.to_string())
    }

    fn references(&self) -> Vec<(ReferenceChoice, String)> {
        self.host.references()
    }

    fn update(&mut self, settings: &Settings, view: &View) -> Update {
        self.next(settings, view).unwrap_or_else(|error| {
            self.key = None; // until the settings change
            Update { text: self.new_text(error.to_string()), ..Update::default() }
        })
    }
}
