//! Weights on their device, and what results are made with.

use polychromify_core::{Arithmetic, Colorizer, Device, DeviceChoice, Weights};

use crate::cli::{Coloring, Film};
use crate::error::Result;
use crate::film::FilmContext;
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
        let asked = (arguments.weights.as_deref(), arguments.device, arguments.precision);
        let opened = Opened::of(asked)?;
        if arguments.variant > 1 && !opened.colorizer.has_alternatives() {
            return Err(polychromify_core::Error::NoAlternatives.into());
        }
        let settings = RenderSettings::new(arguments, opened.colorizer.arithmetic(), hints);
        let recipe = settings.recipe(opened.weights.sha256());
        Ok(opened.with(recipe, settings))
    }

    /// Opens weights to make single results again, each with settings of its own.
    pub(crate) fn open_to_mend(weights: Option<&str>) -> Result<Self> {
        let opened = Opened::of((weights, DeviceChoice::Auto, None))?;
        let settings = RenderSettings::of_frames(1.0, opened.colorizer.arithmetic());
        let recipe = settings.recipe(opened.weights.sha256());
        Ok(opened.with(recipe, settings))
    }

    /// Finds and opens what the user asked for, to color films.
    pub(crate) fn open_for_films(arguments: &Film, context: &FilmContext) -> Result<Self> {
        let asked = (arguments.weights.as_deref(), arguments.device, arguments.precision);
        let opened = Opened::of(asked)?;
        let arithmetic = opened.colorizer.arithmetic();
        let recipe = context.recipe(opened.weights.sha256(), arithmetic);
        Ok(opened.with(recipe, RenderSettings::of_frames(context.settings.saturation, arithmetic)))
    }
}

/// Weights and what calculates with them.
struct Opened {
    weights: Weights,
    device: Device,
    colorizer: Colorizer,
}

impl Opened {
    fn of(asked: (Option<&str>, DeviceChoice, Option<Arithmetic>)) -> Result<Self> {
        let (weights, device, precision) = asked;
        let weights = find_weights(weights)?;
        let device = Device::open(device)?;
        let arithmetic = precision.unwrap_or_else(|| Arithmetic::default_for(&weights, &device));
        let colorizer = Colorizer::open_in(&weights, &device, arithmetic)?;
        Ok(Self { weights, device, colorizer })
    }

    fn with(self, recipe: Recipe, settings: RenderSettings) -> OpenedModel {
        let Self { weights, device, colorizer } = self;
        OpenedModel {
            colorizer,
            weights: weights.name().to_owned(),
            device: device.name().to_string(),
            recipe,
            settings,
        }
    }
}

fn find_weights(name: Option<&str>) -> Result<Weights> {
    let Some(name) = name else { return Ok(Weights::default_weights()?) };
    Ok(Weights::find(name, Weights::user_folder().as_deref())?)
}
