//! What is known of an epoch that is done.

use serde::{Deserialize, Serialize};

use super::validation::SplitMeasures;

/// A row of `log.csv`; losses and measures are rounded to eight decimals.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Epoch {
    /// 1 for the first.
    pub epoch: usize,
    /// Mean loss of the epoch's steps, taken while the weights moved.
    pub train_loss: f64,
    /// Mean squared error on the validation photographs.
    pub valid_loss: f64,
    /// Accuracy on the validation photographs.
    pub valid_accuracy: f64,
    /// Step size of Adam.
    pub learning_rate: f64,
    /// Time for steps and validation, in seconds.
    pub seconds: f64,
    /// When it was done, in seconds since 1970 (UTC).
    pub unix_time: u64,
    /// Whether it was the best so far.
    pub best: bool,
    /// Pictures seen since the run began.
    #[serde(default)]
    pub pictures: usize,
    /// Measures of each split, where there are several to choose by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub splits: Vec<SplitMeasures>,
}
