//! Weights on their device, and what results are made with.

use directories::ProjectDirs;
use polychromify_core::{Arithmetic, Colorizer, Device, Weights};

use crate::cli::{BordersChoice, Coloring, PrecisionName};
use crate::error::Result;
use crate::job::Style;
use crate::settings::{Recipe, Settings};

/// Weights on their device, and what results are made with.
pub(crate) struct OpenedModel {
    pub(crate) colorizer: Colorizer,
    /// Name of the weights.
    pub(crate) weights: String,
    /// Name of the device.
    pub(crate) device: String,
    pub(crate) recipe: Recipe,
    pub(crate) style: Style,
}

impl OpenedModel {
    /// Finds and opens what the user asked for. `hints` is the SHA-256 of the hints file.
    pub(crate) fn open(arguments: &Coloring, hints: Option<String>) -> Result<Self> {
        let weights = find_weights(arguments.weights.as_deref())?;
        let device = Device::open(arguments.device.choice())?;
        let arithmetic = arguments.precision.map(PrecisionName::arithmetic);
        let arithmetic = arithmetic.unwrap_or_else(|| Arithmetic::default_for(&weights, &device));
        let colorizer = Colorizer::open_in(&weights, &device, arithmetic)?;
        if arguments.variant > 1 && !colorizer.has_alternatives() {
            return Err(polychromify_core::Error::NoAlternatives.into());
        }
        Ok(Self {
            colorizer,
            weights: weights.name().to_owned(),
            device: device.name().to_string(),
            recipe: Settings::new(arguments, arithmetic, hints).recipe(weights.sha256()),
            style: Style {
                format: arguments.format.format(),
                saturation: arguments.saturation,
                variant: arguments.variant,
                quality: arguments.quality,
                max_side: arguments.max_side,
                keep_borders: arguments.borders == BordersChoice::Keep,
                source_type: arguments.source_type.source_type(),
                space: arguments.profile.space(),
                invert: arguments.invert,
                mark: arguments.mark,
            },
        })
    }
}

fn find_weights(name: Option<&str>) -> Result<Weights> {
    let Some(name) = name else { return Ok(Weights::default_weights()?) };
    let folder =
        ProjectDirs::from("", "", "Polychromify").map(|user| user.data_dir().join("weights"));
    Ok(Weights::find(name, folder.as_deref())?)
}
