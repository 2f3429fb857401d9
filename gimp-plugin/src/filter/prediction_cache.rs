//! Networks, thumbnails and chroma maps of one call of the plug-in, each made once: what a preview
//! predicted is what the result is painted with.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use polychromify_core::{ChromaMap, Doubts, Hints, Orientation, Thumbnail, WorkImage};

use super::bands::{self, Progress};
use super::error::Error;
use super::network::{Asked, Network, Prediction};
use super::reference::ReferencePicture;
use super::small::{Shrinking, Small};
use crate::host::{Host, Layer};
use crate::procedure::{ReferenceChoice, Settings};
use crate::text::tr;

/// How often the host hears that a prediction goes on.
const PULSE_INTERVAL: Duration = Duration::from_millis(100);

/// Chroma maps that are kept: a dialog's user goes back and forth between a few settings.
const CAPACITY: usize = 24;

/// Longest side of the picture that previews are made of, in pixels.
const PREVIEW_SIDE: f64 = 1600.0;

/// Most pixels of a layer whose lightness is kept for other thumbnails: 4 bytes each.
const KEPT_PIXELS: usize = 64 << 20;

/// All that a chroma map depends on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PredictionKey {
    pub(crate) source: Layer,
    /// As the user gave it; empty: the default.
    pub(crate) weights: String,
    pub(crate) variant: u8,
    pub(crate) reference: Option<ReferenceChoice>,
    /// Whether scan borders are colored too.
    pub(crate) borders: bool,
    pub(crate) negative: bool,
    /// In pixels of the source.
    pub(crate) hints: Hints,
}

impl PredictionKey {
    /// What settings ask for a layer.
    pub(crate) fn new(source: Layer, hints: Hints, settings: &Settings) -> Self {
        let Settings { weights, variant, reference, borders, negative, .. } = settings.clone();
        Self { source, weights, variant, reference, borders, negative, hints }
    }

    /// The same for another of the plausible colorings.
    pub(crate) fn of_variant(&self, variant: u8) -> Self {
        Self { variant, ..self.clone() }
    }
}

/// What a network said of a coloring.
#[derive(Clone)]
pub(crate) enum Coloring {
    Chroma(Arc<ChromaMap>),
    /// There is no such variant.
    Missing,
}

/// Words about a coloring that is missing.
pub(super) fn no_such_coloring() -> &'static str {
    tr("The photograph has no such coloring: it gets the likeliest one.")
}

/// What was opened, read and predicted so far.
#[derive(Default)]
pub(crate) struct PredictionCache {
    /// Whether layers are kept for previews when they are read.
    has_previews: bool,
    networks: HashMap<String, Arc<Network>>,
    thumbnails: HashMap<(Layer, usize, bool), WorkImage>,
    previews: HashMap<Layer, Arc<Small>>,
    /// Of layers that have a preview: another network, or a negative, reads the layer no second time.
    lightness: HashMap<Layer, Vec<f32>>,
    references: HashMap<ReferenceChoice, Arc<ReferencePicture>>,
    colorings: Vec<(PredictionKey, Coloring)>,
}

impl PredictionCache {
    /// Keeps each layer for a preview, too, when it is read.
    pub(crate) fn enable_previews(&mut self) {
        self.has_previews = true;
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

    /// The coloring, if it was predicted before.
    pub(crate) fn get(&self, key: &PredictionKey) -> Option<Coloring> {
        self.colorings.iter().find(|(known, _)| known == key).map(|(_, coloring)| coloring.clone())
    }

    /// Whether it was found that there is no such variant.
    pub(super) fn is_missing(&self, key: &PredictionKey) -> bool {
        matches!(self.get(key), Some(Coloring::Missing))
    }

    /// A layer for a preview, once it was read.
    pub(super) fn preview(&self, layer: Layer) -> Option<Arc<Small>> {
        self.previews.get(&layer).cloned()
    }

    /// Reads what a prediction needs, and starts it.
    pub(crate) fn start<H: Host>(
        &mut self,
        host: &H,
        key: &PredictionKey,
        progress: &Progress<'_>,
    ) -> Result<Prediction<Option<ChromaMap>>, Error> {
        let asked = self.asked(host, key, progress)?;
        Ok(self.network(&key.weights)?.predict(asked))
    }

    /// Reads what doubts need, and starts to ask for them.
    pub(crate) fn start_doubts<H: Host>(
        &mut self,
        host: &H,
        key: &PredictionKey,
    ) -> Result<Prediction<Option<Doubts>>, Error> {
        let asked = self.asked(host, key, &|_| {})?;
        Ok(self.network(&key.weights)?.doubt(asked))
    }

    fn asked<H: Host>(
        &mut self,
        host: &H,
        key: &PredictionKey,
        progress: &Progress<'_>,
    ) -> Result<Asked, Error> {
        let mut image = self.thumbnail(host, key, progress)?;
        if key.borders {
            image = image.without_borders();
        }
        let read = |choice| self.reference(host, choice);
        let reference = key.reference.as_ref().map(read).transpose()?;
        Ok(Asked { image, hints: key.hints.clone(), variant: key.variant, reference })
    }

    fn reference<H: Host>(
        &mut self,
        host: &H,
        choice: &ReferenceChoice,
    ) -> Result<Arc<ReferencePicture>, Error> {
        if let Some(picture) = self.references.get(choice) {
            return Ok(Arc::clone(picture));
        }
        let picture = Arc::new(ReferencePicture::read(host, choice)?);
        self.references.insert(choice.clone(), Arc::clone(&picture));
        Ok(picture)
    }

    /// Keeps a coloring in place of the oldest one.
    pub(crate) fn insert(&mut self, key: PredictionKey, map: Option<ChromaMap>) {
        if self.colorings.len() == CAPACITY {
            self.colorings.remove(0);
        }
        let coloring = map.map_or(Coloring::Missing, |map| Coloring::Chroma(Arc::new(map)));
        self.colorings.push((key, coloring));
    }

    /// The chroma map, predicted if it was not before. Where there is no such variant, it is the
    /// likeliest one.
    pub(crate) fn get_or_predict<H: Host>(
        &mut self,
        host: &H,
        key: PredictionKey,
        progress: &Progress<'_>,
    ) -> Result<Arc<ChromaMap>, Error> {
        match self.get(&key) {
            Some(Coloring::Chroma(map)) => return Ok(map),
            Some(Coloring::Missing) => {
                return self.get_or_predict(host, key.of_variant(1), progress);
            }
            None => {}
        }
        let prediction = self.start(host, &key, progress)?;
        loop {
            if let Some(map) = prediction.wait(PULSE_INTERVAL) {
                self.insert(key.clone(), map?);
                return self.get_or_predict(host, key, progress);
            }
            host.show_pulse();
        }
    }

    /// The thumbnail that the network of a key sees, and the preview if there is one, in one pass.
    pub(crate) fn thumbnail<H: Host>(
        &mut self,
        host: &H,
        key: &PredictionKey,
        progress: &Progress<'_>,
    ) -> Result<WorkImage, Error> {
        let PredictionKey { source, negative, .. } = *key;
        let area = self.network(&key.weights)?.work_area();
        if let Some(thumbnail) = self.thumbnails.get(&(source, area, negative)) {
            return Ok(thumbnail.clone());
        }
        let info = host.describe(source);
        let mut thumbnail = Thumbnail::new(info.width, info.height, Orientation::Upright, area);
        let mut inverted = Vec::new();
        let mut shrink = |y: u32, lightness: &[f32]| {
            inverted.clear();
            inverted.extend_from_slice(lightness);
            if negative {
                bands::invert(&mut inverted);
            }
            thumbnail.push_rows(y, &inverted);
        };
        if let Some(lightness) = self.lightness.get(&source) {
            bands::visit(lightness, &info, shrink);
        } else {
            self.read(host, source, progress, &mut shrink)?;
        }
        let thumbnail = thumbnail.finish();
        self.thumbnails.insert((source, area, negative), thumbnail.clone());
        Ok(thumbnail)
    }

    /// Calls `visit` with the first row and the lightness of each band of a layer, and keeps what
    /// previews need of it.
    fn read<H: Host>(
        &mut self,
        host: &H,
        source: Layer,
        progress: &Progress<'_>,
        visit: &mut impl FnMut(u32, &[f32]),
    ) -> Result<(), Error> {
        let info = host.describe(source);
        let scale = PREVIEW_SIDE / f64::from(info.width.max(info.height));
        let is_wanted = self.has_previews && !self.previews.contains_key(&source);
        let mut preview = is_wanted.then(|| Shrinking::new((info.width, info.height), scale));
        let count = info.width as usize * info.height as usize;
        let mut kept = (is_wanted && count <= KEPT_PIXELS).then(|| Vec::with_capacity(count));
        let mut pixels = host.pixels(source)?;
        bands::read(&mut pixels, &info, progress, |y, linear, lightness| {
            visit(y, lightness);
            if let Some(preview) = &mut preview {
                preview.push_rows(linear);
            }
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(lightness);
            }
        });
        if let Some(preview) = preview {
            self.previews.insert(source, Arc::new(preview.finish()));
        }
        if let Some(kept) = kept {
            self.lightness.insert(source, kept);
        }
        Ok(())
    }
}
