//! Weights on their device, and what results are made with.

use polychromify_core::{Arithmetic, Colorizer, Device, Weights};

use crate::cli::Coloring;
use crate::error::Result;
use crate::settings::{Recipe, RenderSettings};

/// Weights on their device, and what results are made with.
pub(crate) struct OpenedModel {
    pub(crate) colorizer: Colorizer,
    /// Name of the weights.
    pub(crate) weights: String,
    /// Name of the device.
    pub(crate) device: String,
    pub(crate) recipe: Recipe,
    pub(crate) settings: RenderSettings,
}

impl OpenedModel {
    /// Finds and opens what the user asked for. `hints` is the SHA-256 of the hints file.
    pub(crate) fn open(arguments: &Coloring, hints: Option<String>) -> Result<Self> {
        let weights = find_weights(arguments.weights.as_deref())?;
        let device = Device::open(arguments.device)?;
        let asked = arguments.precision;
        let arithmetic = asked.unwrap_or_else(|| Arithmetic::default_for(&weights, &device));
        let colorizer = Colorizer::open_in(&weights, &device, arithmetic)?;
        if arguments.variant > 1 && !colorizer.has_alternatives() {
            return Err(polychromify_core::Error::NoAlternatives.into());
        }
        let settings = RenderSettings::new(arguments, arithmetic, hints);
        Ok(Self {
            colorizer,
            weights: weights.name().to_owned(),
            device: device.name().to_string(),
            recipe: settings.recipe(weights.sha256()),
            settings,
        })
    }
}

fn find_weights(name: Option<&str>) -> Result<Weights> {
    let Some(name) = name else { return Ok(Weights::default_weights()?) };
    Ok(Weights::find(name, Weights::user_folder().as_deref())?)
}
