//! What a call has opened, read and predicted so far, so that a preview's work serves the result.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use polychromify_core::thumbnail::WorkImage;
use polychromify_core::{ChromaMap, Hints};

use super::bands::{self, Progress};
use super::network::{Network, Prediction};
use super::{Error, hints};
use crate::host::{Host, Layer};

/// How often the host hears that a prediction goes on.
const PULSE: Duration = Duration::from_millis(100);

/// What a chroma map was predicted from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    pub(crate) source: Layer,
    pub(crate) hints: Option<Layer>,
    /// As the user gave it; empty: the default.
    pub(crate) weights: String,
}

/// Networks, thumbnails, hints and chroma maps, each made once.
#[derive(Default)]
pub(crate) struct Studio {
    networks: HashMap<String, Arc<Network>>,
    thumbnails: HashMap<(Layer, usize), WorkImage>,
    hints: HashMap<(Layer, Layer), Hints>,
    maps: HashMap<Question, Arc<ChromaMap>>,
}

impl Studio {
    /// The network of a name or file.
    pub(crate) fn network(&mut self, weights: &str) -> Result<Arc<Network>, Error> {
        if let Some(network) = self.networks.get(weights) {
            return Ok(Arc::clone(network));
        }
        let network = Arc::new(Network::open(weights)?);
        self.networks.insert(weights.to_owned(), Arc::clone(&network));
        Ok(network)
    }

    /// The hints of a layer, in the pixels of the source.
    pub(crate) fn hints<H: Host>(
        &mut self,
        host: &H,
        source: Layer,
        hints: Option<Layer>,
    ) -> Result<Hints, Error> {
        let Some(layer) = hints else { return Ok(Hints::default()) };
        if let Some(hints) = self.hints.get(&(source, layer)) {
            return Ok(hints.clone());
        }
        let found = hints::read(host, layer, source)?;
        self.hints.insert((source, layer), found.clone());
        Ok(found)
    }

    /// A chroma map that was predicted before.
    pub(crate) fn known(&self, question: &Question) -> Option<Arc<ChromaMap>> {
        self.maps.get(question).map(Arc::clone)
    }

    /// Reads what a prediction needs, and starts it.
    pub(crate) fn ask<H: Host>(
        &mut self,
        host: &H,
        question: &Question,
        progress: &Progress<'_>,
    ) -> Result<Prediction, Error> {
        let network = self.network(&question.weights)?;
        let hints = self.hints(host, question.source, question.hints)?;
        let key = (question.source, network.work_area());
        let thumbnail = if let Some(thumbnail) = self.thumbnails.get(&key) {
            thumbnail.clone()
        } else {
            let mut pixels = host.pixels(question.source)?;
            let info = host.describe(question.source);
            let thumbnail = bands::thumbnail(&mut pixels, &info, key.1, progress);
            self.thumbnails.insert(key, thumbnail.clone());
            thumbnail
        };
        Ok(network.predict(thumbnail, hints))
    }

    /// Keeps the answer.
    pub(crate) fn answer(&mut self, question: Question, map: ChromaMap) -> Arc<ChromaMap> {
        let map = Arc::new(map);
        self.maps.insert(question, Arc::clone(&map));
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
}
