//! Which layers are colorized, and which one holds the hints.

use polychromify_core::SATURATION;

use super::error::Error;
use crate::host::{ColorModel, Host, Layer};
use crate::procedure::{HintsChoice, Settings, VARIANTS};

/// The name of a layer with hints.
pub(super) const HINTS: &str = "hints";

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
    /// Checks what the call asks for. If a layer with hints is the only one to be colorized, the
    /// photograph below it is meant.
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
        if !VARIANTS.contains(&settings.variant) {
            return Err(Error::Variant(settings.variant));
        }
        let hints = hints_layer(host, settings.hints);
        // Strokes are strokes, too, where no hints are wanted.
        let strokes = [hints, hints_layer(host, HintsChoice::Named)];
        let sources = sources(host, drawables, &strokes)?;
        for &source in &sources {
            let info = host.describe(source);
            if info.width == 0 || info.height == 0 {
                return Err(Error::Empty { name: info.name });
            }
            if !host.selection_meets(source) {
                return Err(Error::Unselected { name: info.name });
            }
            if settings.replace && info.group {
                return Err(Error::Group { name: info.name });
            }
        }
        Ok(Self { sources, hints, gray: model == ColorModel::Gray })
    }
}

/// The layers that are meant by drawables, each once; by those with strokes, if there are no others, the
/// photograph below.
fn sources<H: Host>(
    host: &H,
    drawables: &[i32],
    strokes: &[Option<Layer>],
) -> Result<Vec<Layer>, Error> {
    let is_painted = |layer: &Layer| strokes.contains(&Some(*layer));
    let mut sources = Vec::new();
    let photograph = |drawable: &i32| below_colors(host, host.layer_of(*drawable)?);
    for layer in drawables.iter().filter_map(photograph) {
        if !is_painted(&layer) && !sources.contains(&layer) {
            sources.push(layer);
        }
    }
    if sources.is_empty() {
        let layer_of = |drawable: &i32| host.layer_of(*drawable);
        let painted = drawables.iter().filter_map(layer_of).find(is_painted);
        let painted = painted.ok_or(Error::NoLayer)?;
        let layers = host.layers().into_iter().map(|(layer, _)| layer);
        let mut below = layers.skip_while(|layer| *layer != painted);
        let is_photograph = |layer: &Layer| {
            !is_painted(layer) && host.is_visible(*layer) && !host.describe(*layer).colors
        };
        let name = || host.describe(painted).name;
        sources.push(below.find(is_photograph).ok_or_else(|| Error::OnlyHints { hints: name() })?);
    }
    Ok(sources)
}

/// The layer, or the one below whose colors it and those between them hold.
fn below_colors<H: Host>(host: &H, layer: Layer) -> Option<Layer> {
    let below = |layer: &Layer| host.layer_below(*layer);
    std::iter::successors(Some(layer), below).find(|layer| !host.describe(*layer).colors)
}

/// The layer that the choice means, and without one the layer that is called `hints`.
pub(super) fn hints_layer<H: Host>(host: &H, choice: HintsChoice) -> Option<Layer> {
    let named = || host.layer_named(HINTS);
    match choice {
        HintsChoice::Nothing => None,
        HintsChoice::Named => named(),
        HintsChoice::Layer(layer) => host.layer_of(layer).or_else(named),
    }
}
