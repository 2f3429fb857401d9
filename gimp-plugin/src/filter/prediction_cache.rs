//! Networks, thumbnails and chroma maps of one call of the plug-in, each made once: what a preview
//! predicted is what the result is painted with.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use polychromify_core::{ChromaMap, Hints, Orientation, Thumbnail, WorkImage};
use polychromify_image::resample::Resampler;

use super::bands::{self, Progress};
use super::error::Error;
use super::network::{Network, Prediction};
use crate::host::{Host, Layer, LayerInfo};

/// How often the host hears that a prediction goes on.
const PULSE_INTERVAL: Duration = Duration::from_millis(100);

/// Chroma maps that are kept: a dialog's user goes back and forth between a few settings.
const CAPACITY: usize = 16;

/// All that a chroma map depends on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PredictionKey {
    pub(crate) source: Layer,
    /// In pixels of the source.
    pub(crate) hints: Hints,
    /// As the user gave it; empty: the default.
    pub(crate) weights: String,
}

/// A layer's lightness at the size of a preview.
pub(crate) struct PreviewLightness {
    /// In pixels.
    pub(crate) width: u32,
    /// In pixels.
    pub(crate) height: u32,
    /// CIE L*, 0..=100, row by row.
    pub(crate) lightness: Vec<f32>,
}

/// What was opened, read and predicted so far.
#[derive(Default)]
pub(crate) struct PredictionCache {
    /// Longest side of a preview in pixels, if there is one.
    preview_side: Option<u32>,
    networks: HashMap<String, Arc<Network>>,
    thumbnails: HashMap<(Layer, usize), WorkImage>,
    previews: HashMap<Layer, PreviewLightness>,
    maps: Vec<(PredictionKey, Arc<ChromaMap>)>,
}

impl PredictionCache {
    /// Keeps each layer's lightness for a preview, too, when it is read.
    pub(crate) fn enable_previews(&mut self, side: u32) {
        self.preview_side = Some(side);
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

    /// The chroma map, if it was predicted before.
    pub(crate) fn get(&self, key: &PredictionKey) -> Option<Arc<ChromaMap>> {
        let found = self.maps.iter().find(|(known, _)| known == key);
        found.map(|(_, map)| Arc::clone(map))
    }

    /// The lightness of a layer for a preview, once the layer was read.
    pub(crate) fn preview(&self, layer: Layer) -> Option<&PreviewLightness> {
        self.previews.get(&layer)
    }

    /// Reads what a prediction needs, and starts it.
    pub(crate) fn start<H: Host>(
        &mut self,
        host: &H,
        key: &PredictionKey,
        progress: &Progress<'_>,
    ) -> Result<Prediction, Error> {
        let network = self.network(&key.weights)?;
        let thumbnail = self.thumbnail(host, key.source, network.work_area(), progress)?;
        Ok(network.predict(thumbnail, key.hints.clone()))
    }

    /// Keeps a chroma map in place of the oldest one.
    pub(crate) fn insert(&mut self, key: PredictionKey, map: ChromaMap) -> Arc<ChromaMap> {
        let map = Arc::new(map);
        if self.maps.len() == CAPACITY {
            self.maps.remove(0);
        }
        self.maps.push((key, Arc::clone(&map)));
        map
    }

    /// The chroma map, predicted if it was not before.
    pub(crate) fn get_or_predict<H: Host>(
        &mut self,
        host: &H,
        key: PredictionKey,
        progress: &Progress<'_>,
    ) -> Result<Arc<ChromaMap>, Error> {
        if let Some(map) = self.get(&key) {
            return Ok(map);
        }
        let prediction = self.start(host, &key, progress)?;
        loop {
            if let Some(map) = prediction.wait(PULSE_INTERVAL) {
                return Ok(self.insert(key, map?));
            }
            host.show_pulse();
        }
    }

    /// The thumbnail of at most `area` pixels, and the preview's lightness if there is one, in one pass.
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
        let side = self.preview_side.filter(|_| !self.previews.contains_key(&source));
        let mut preview = side.map(|side| PreviewResampler::new(&info, side));
        let mut thumbnail = Thumbnail::new(info.width, info.height, Orientation::Upright, area);
        let mut pixels = host.pixels(source)?;
        bands::read_lightness(&mut pixels, &info, progress, |y, lightness| {
            thumbnail.push_rows(y, lightness);
            if let Some(preview) = &mut preview {
                preview.push_rows(lightness);
            }
        });
        let thumbnail = thumbnail.finish();
        self.thumbnails.insert((source, area), thumbnail.clone());
        if let Some(preview) = preview {
            self.previews.insert(source, preview.result);
        }
        Ok(thumbnail)
    }
}

/// Makes the lightness of a preview from that of a layer.
struct PreviewResampler {
    /// Of the layer, in pixels.
    width: usize,
    resampler: Resampler,
    result: PreviewLightness,
}

impl PreviewResampler {
    fn new(layer: &LayerInfo, side: u32) -> Self {
        let (width, height) = (layer.width, layer.height);
        let scale = (f64::from(side) / f64::from(width.max(height))).min(1.0);
        let scaled = |v: u32| ((f64::from(v) * scale).round() as u32).max(1);
        let to = (scaled(width), scaled(height));
        let resampler =
            Resampler::new((width as usize, height as usize), (to.0 as usize, to.1 as usize));
        let result = PreviewLightness { width: to.0, height: to.1, lightness: Vec::new() };
        Self { width: width as usize, resampler, result }
    }

    fn push_rows(&mut self, lightness: &[f32]) {
        for row in lightness.chunks_exact(self.width) {
            let lightness = &mut self.result.lightness;
            self.resampler.push_row(row, &mut |row| lightness.extend_from_slice(row));
        }
    }
}
