//! Which layers are colorized, and which one holds the hints.

use polychromify_core::SATURATION;

use super::error::Error;
use crate::host::{ColorModel, Host, Layer};
use crate::procedure::Settings;

/// The name of a layer with hints.
const HINTS: &str = "hints";

/// What a call works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Layers to be colorized, each once.
    pub(crate) sources: Vec<Layer>,
    /// The layer with the painted strokes.
    pub(crate) hints: Option<Layer>,
    /// Whether the image must be converted to RGB first.
    pub(crate) gray: bool,
}

impl Plan {
    /// Checks what the call asks for. If the layer with the hints is the only one to be colorized, the
    /// layer below it is meant.
    pub(crate) fn new<H: Host>(
        host: &H,
        drawables: &[i32],
        settings: &Settings,
    ) -> Result<Self, Error> {
        let model = host.color_model();
        if model == ColorModel::Indexed {
            return Err(Error::Indexed);
        }
        if !SATURATION.contains(&(settings.saturation as f32)) {
            return Err(Error::Saturation(settings.saturation));
        }
        let hints = hints_layer(host, settings);
        let mut sources = Vec::new();
        for layer in drawables.iter().filter_map(|drawable| host.layer_of(*drawable)) {
            if Some(layer) != hints && !sources.contains(&layer) {
                sources.push(layer);
            }
        }
        if sources.is_empty() {
            let hints = hints
                .filter(|hints| drawables.iter().any(|d| host.layer_of(*d) == Some(*hints)))
                .ok_or(Error::NoLayer)?;
            let below = host.layer_below(hints);
            let name = || host.describe(hints).name;
            sources.push(below.ok_or_else(|| Error::OnlyHints { hints: name() })?);
        }
        for &source in &sources {
            let info = host.describe(source);
            if info.width == 0 || info.height == 0 {
                return Err(Error::Empty { name: info.name });
            }
            if settings.replace && info.group {
                return Err(Error::Group { name: info.name });
            }
        }
        Ok(Self { sources, hints, gray: model == ColorModel::Gray })
    }
}

/// The layer that the settings name, else the one that is called `hints`.
pub(crate) fn hints_layer<H: Host>(host: &H, settings: &Settings) -> Option<Layer> {
    let chosen = settings.hints.and_then(|layer| host.layer_of(layer));
    chosen.or_else(|| host.layer_named(HINTS))
}
