//! What decides the result of a run.

use std::path::{Path, PathBuf};

use polychromify_core::internals::ops::Precision;
use polychromify_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::recipe::Recipe;

/// Everything that decides the result of a run.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Config {
    /// The cache of photographs.
    pub data: PathBuf,
    /// Splits to train on.
    pub train_split: Vec<String>,
    /// Splits that choose the best epoch.
    pub valid_split: Vec<String>,
    /// Photographs to train on, evenly spaced through their splits, if not all.
    #[serde(default)]
    pub train_photos: Option<usize>,
    /// Photographs to validate on, evenly spaced through each of their splits, if not all.
    #[serde(default)]
    pub valid_photos: Option<usize>,
    /// Photographs of an epoch, drawn by their weights, if not each one once.
    #[serde(default)]
    pub epoch_photos: Option<usize>,
    /// Whether each photograph is mirrored with equal chances in each epoch; Ghiotto 2021
    /// does not.
    pub flip: bool,

    /// Name of the network.
    pub network: String,
    /// Configuration of the network.
    pub network_config: Value,

    /// Photographs a step; the last step of an epoch takes what is left, as in Keras.
    pub batch: usize,
    /// Step size of Adam, the same for all steps; 1e-3 is Keras' default.
    pub learning_rate: f64,
    /// Passes over the training photographs, or of [`Config::epoch_photos`] pictures.
    pub epochs: usize,
    /// Seed of the initial weights, the order and the augmentation.
    pub seed: u64,

    /// What replaces the mean squared error, Adam and the fixed rate; with it the learning rate is the
    /// peak's.
    #[serde(default)]
    pub recipe: Option<Recipe>,
    /// Weights file whose tensors the run begins with, where the network has some of these names. A
    /// portable checkpoint also gives the position: the run goes on there.
    #[serde(default)]
    pub initial: Option<PathBuf>,

    /// What convolutions multiply in while training, where the processor has it; validation, and
    /// what is used later, are f32.
    #[serde(default)]
    pub precision: Precision,

    /// What makes an epoch the best one.
    pub best_by: BestBy,
    /// The command that began the run, for the record.
    pub command: String,
}

impl Config {
    /// As in Ghiotto 2021, or by the recipe made for the network.
    pub fn new(network: &str, network_config: Value, data: &Path) -> Self {
        let plain = Self {
            data: data.to_owned(),
            train_split: vec!["train".to_owned()],
            valid_split: vec!["valid".to_owned()],
            train_photos: None,
            valid_photos: None,
            epoch_photos: None,
            flip: false,
            network: network.to_owned(),
            network_config,
            batch: 32,
            learning_rate: 1e-3,
            epochs: 25,
            seed: 0,
            recipe: None,
            initial: None,
            precision: Precision::F32,
            best_by: BestBy::Mse,
            command: String::new(),
        };
        let recipe = Recipe::of(network, &plain.network_config);
        match network {
            _ if recipe.is_none() => plain,
            "vivid" => Self { flip: true, batch: 64, learning_rate: 2e-3, recipe, ..plain },
            _ => Self { flip: true, recipe, ..plain },
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |text: String| Err(Error::Train(text));
        if self.batch == 0 {
            return refuse("the batch has to be at least 1 photograph".to_owned());
        }
        if [self.train_photos, self.valid_photos, self.epoch_photos].contains(&Some(0)) {
            return refuse(
                "there has to be at least 1 photograph to train and to validate on".to_owned(),
            );
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            let rate = self.learning_rate;
            return refuse(format!("the learning rate has to be above 0, found {rate}"));
        }
        if let Some(both) = self.train_split.iter().find(|split| self.valid_split.contains(split)) {
            return refuse(format!("split `{both}` is asked for both to train and to validate on"));
        }
        Ok(())
    }
}

/// What makes an epoch the best one, on the validation photographs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BestBy {
    /// The least mean squared error: what is minimized, and steady from epoch to epoch.
    #[default]
    Mse,
    /// The greatest accuracy. It sees only which of `a` and `b` is larger, which for the many
    /// nearly gray pixels a hair decides, so it swings by some hundredths between epochs.
    Accuracy,
}
