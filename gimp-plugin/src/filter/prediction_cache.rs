//! What a call has opened, read and predicted so far, so that a preview's work serves the result.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use polychromify_core::resample::Resampler;
use polychromify_core::thumbnail::WorkImage;
use polychromify_core::{ChromaMap, Hints, Orientation, Thumbnail};

use super::Error;
use super::bands::{self, Progress};
use super::network::{Network, Prediction};
use crate::host::{Host, Layer, LayerInfo};

/// How often the host hears that a prediction goes on.
const PULSE: Duration = Duration::from_millis(100);

/// Answers that are kept: a dialog's user goes back and forth between a few.
const KEPT: usize = 16;

/// What a chroma map is predicted from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Question {
    pub(crate) source: Layer,
    /// In pixels of the source.
    pub(crate) hints: Hints,
    /// As the user gave it; empty: the default.
    pub(crate) weights: String,
}

/// A layer's lightness at the size of a preview.
pub(crate) struct View {
    /// In pixels.
    pub(crate) width: u32,
    /// In pixels.
    pub(crate) height: u32,
    /// CIE L*, 0..=100, row by row.
    pub(crate) lightness: Vec<f32>,
}

/// Networks, thumbnails and chroma maps, each made once.
#[derive(Default)]
pub(crate) struct Studio {
    /// Longest side of a view in pixels, where views are wanted.
    view_side: Option<u32>,
    networks: HashMap<String, Arc<Network>>,
    thumbnails: HashMap<(Layer, usize), WorkImage>,
    views: HashMap<Layer, View>,
    maps: Vec<(Question, Arc<ChromaMap>)>,
}

impl Studio {
    /// Has a view made of each layer that is read.
    pub(crate) fn want_views(&mut self, side: u32) {
        self.view_side = Some(side);
    }

    /// The network of a name or file.
    pub(crate) fn network(&mut self, weights: &str) -> Result<Arc<Network>, Error> {
        if let Some(network) = self.networks.get(weights) {
            return Ok(Arc::clone(network));
        }
        let network = Arc::new(Network::open(weights)?);
        self.networks.insert(weights.to_owned(), Arc::clone(&network));
        Ok(network)
    }

    /// A chroma map that was predicted before.
    pub(crate) fn known(&self, question: &Question) -> Option<Arc<ChromaMap>> {
        let known = self.maps.iter().find(|(known, _)| known == question);
        known.map(|(_, map)| Arc::clone(map))
    }

    /// The view of a layer, once a question about it was asked.
    pub(crate) fn view(&self, layer: Layer) -> Option<&View> {
        self.views.get(&layer)
    }

    /// Reads what a prediction needs, and starts it.
    pub(crate) fn ask<H: Host>(
        &mut self,
        host: &H,
        question: &Question,
        progress: &Progress<'_>,
    ) -> Result<Prediction, Error> {
        let network = self.network(&question.weights)?;
        let thumbnail = self.thumbnail(host, question.source, network.work_area(), progress)?;
        Ok(network.predict(thumbnail, question.hints.clone()))
    }

    /// Keeps the answer.
    pub(crate) fn answer(&mut self, question: Question, map: ChromaMap) -> Arc<ChromaMap> {
        let map = Arc::new(map);
        if self.maps.len() == KEPT {
            self.maps.remove(0);
        }
        self.maps.push((question, Arc::clone(&map)));
        map
    }

    /// The chroma map, predicted if it was not before.
    pub(crate) fn chroma<H: Host>(
        &mut self,
        host: &H,
        question: Question,
        progress: &Progress<'_>,
    ) -> Result<Arc<ChromaMap>, Error> {
        if let Some(map) = self.known(&question) {
            return Ok(map);
        }
        let prediction = self.ask(host, &question, progress)?;
        loop {
            if let Some(map) = prediction.wait(PULSE) {
                return Ok(self.answer(question, map?));
            }
            host.show_pulse();
        }
    }

    /// The thumbnail of at most `area` pixels, and the view if one is wanted, in one pass.
    fn thumbnail<H: Host>(
        &mut self,
        host: &H,
        source: Layer,
        area: usize,
        progress: &Progress<'_>,
    ) -> Result<WorkImage, Error> {
        if let Some(thumbnail) = self.thumbnails.get(&(source, area)) {
            return Ok(thumbnail.clone());
        }
        let info = host.describe(source);
        let side = self.view_side.filter(|_| !self.views.contains_key(&source));
        let mut shrinking = side.map(|side| Shrinking::new(&info, side));
        let mut thumbnail = Thumbnail::new(info.width, info.height, Orientation::Upright, area);
        let mut pixels = host.pixels(source)?;
        bands::read_lightness(&mut pixels, &info, progress, |y, lightness| {
            thumbnail.push_rows(y, lightness);
            if let Some(shrinking) = &mut shrinking {
                shrinking.push(lightness);
            }
        });
        let thumbnail = thumbnail.finish();
        self.thumbnails.insert((source, area), thumbnail.clone());
        if let Some(shrinking) = shrinking {
            self.views.insert(source, shrinking.view);
        }
        Ok(thumbnail)
    }
}

/// A view that is being made.
struct Shrinking {
    from: usize,
    resampler: Resampler,
    view: View,
}

impl Shrinking {
    fn new(layer: &LayerInfo, side: u32) -> Self {
        let (width, height) = (layer.width, layer.height);
        let scale = (f64::from(side) / f64::from(width.max(height))).min(1.0);
        let scaled = |v: u32| ((f64::from(v) * scale).round() as u32).max(1);
        let view = View { width: scaled(width), height: scaled(height), lightness: Vec::new() };
        let to = (view.width as usize, view.height as usize);
        let resampler = Resampler::new((width as usize, height as usize), to);
        Self { from: width as usize, resampler, view }
    }

    fn push(&mut self, lightness: &[f32]) {
        for row in lightness.chunks_exact(self.from) {
            let into = &mut self.view.lightness;
            self.resampler.push_row(row, &mut |row| into.extend_from_slice(row));
        }
    }
}
