//! How far a run has come, and its log.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use candle_core::Tensor;
use polychromify_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::config::{BestBy, Config};
use super::epoch::Epoch;
use super::recipe::Recipe;
use super::validation::{Measures, SplitMeasures};

/// How far a run has come.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct Progress {
    /// Whole epochs, validated.
    pub(crate) epoch: usize,
    /// Steps taken within the epoch that has begun.
    pub(crate) step: usize,
    /// Steps of the optimizer in all.
    pub(crate) optimizer_steps: i32,
    /// Steps of the optimizer before its moments began anew, as they do on another machine.
    #[serde(default)]
    pub(crate) moments_from: i32,
    /// Photographs seen within the epoch that has begun.
    pub(crate) photos: usize,
    /// Sum of their losses.
    #[serde(with = "bits")]
    pub(crate) loss_sum: f64,
    /// Time spent on them, in seconds.
    pub(crate) seconds: f64,
    /// The whole epochs.
    pub(crate) history: Vec<Epoch>,
}

impl Progress {
    /// Adds the losses of steps, each with its number of photographs, and empties the list.
    ///
    /// Reading a loss waits for the device, so it is done for several steps at once.
    pub(crate) fn add_losses(&mut self, losses: &mut Vec<(Tensor, usize)>) -> Result<()> {
        for (loss, photos) in losses.drain(..) {
            let loss = f64::from(loss.to_scalar::<f32>()?);
            if !loss.is_finite() {
                let (epoch, step) = (self.epoch + 1, self.step);
                return Err(Error::Train(format!(
                    "training diverged: the loss is {loss} in epoch {epoch} by step {step}; \
                     a lower learning rate may help"
                )));
            }
            self.loss_sum += loss * photos as f64;
            self.photos += photos;
        }
        Ok(())
    }

    /// Share of the one-cycle schedule that is done; without a recipe there is none, and it stays 0.
    pub(crate) fn cycle(&self, config: &Config, steps: usize) -> f64 {
        let Some(recipe) = &config.recipe else { return 0.0 };
        let all = (config.epochs * steps) as f64;
        let seconds: f64 = self.history.iter().map(|epoch| epoch.seconds).sum();
        recipe.done((self.epoch * steps + self.step) as f64 / all, seconds + self.seconds)
    }

    /// Steps of the optimizer since its moments began.
    pub(crate) fn moment_steps(&self) -> i32 {
        self.optimizer_steps - self.moments_from
    }

    /// Pictures seen in all.
    pub(crate) fn pictures(&self) -> usize {
        self.history.last().map_or(0, |epoch| epoch.pictures) + self.photos
    }

    /// The rate as a share of its peak.
    pub(crate) fn rate(&self, recipe: &Recipe, epochs: usize, cycle: f64) -> f64 {
        recipe.rate(cycle, epochs, self.moment_steps())
    }

    /// Mean loss over the photographs seen in the epoch that has begun.
    pub(crate) fn mean_loss(&self) -> f64 {
        self.loss_sum / self.photos as f64
    }

    /// Adds the epoch that has begun to the history, returns it and begins the next.
    pub(crate) fn finish_epoch(
        &mut self,
        config: &Config,
        measures: Measures,
        splits: Vec<SplitMeasures>,
    ) -> Result<Epoch> {
        if !measures.mse.is_finite() {
            let epoch = self.epoch + 1;
            return Err(Error::Train(format!(
                "training diverged: the validation loss is {} after epoch {epoch}",
                measures.mse
            )));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let mut epoch = Epoch {
            epoch: self.epoch + 1,
            train_loss: round(self.mean_loss()),
            valid_loss: round(measures.mse),
            valid_accuracy: round(measures.accuracy),
            learning_rate: config.learning_rate,
            seconds: (self.seconds * 10.0).round() / 10.0,
            unix_time: now.map_or(0, |now| now.as_secs()),
            best: false,
            pictures: self.pictures(),
            splits,
        };
        let better = |than: &Epoch| match config.best_by {
            BestBy::Mse => epoch.valid_loss < than.valid_loss,
            BestBy::Accuracy => epoch.valid_accuracy > than.valid_accuracy,
        };
        epoch.best = self.history.iter().all(better);
        let mut history = std::mem::take(&mut self.history);
        history.push(epoch.clone());
        let Self { optimizer_steps, moments_from, .. } = *self;
        *self =
            Self { epoch: epoch.epoch, optimizer_steps, moments_from, history, ..Self::default() };
        Ok(epoch)
    }
}

/// To eight decimals, which JSON and CSV give back exactly.
fn round(value: f64) -> f64 {
    (value * 1e8).round() / 1e8
}

/// The log as CSV.
pub(crate) fn log(history: &[Epoch]) -> String {
    let names = "epoch,train_loss,valid_loss,valid_accuracy,learning_rate,seconds,unix_time,best,pictures\n";
    let row = |row: &Epoch| {
        let Epoch { epoch, train_loss, valid_loss, valid_accuracy, learning_rate, .. } = row;
        let (seconds, unix_time, best) = (row.seconds, row.unix_time, u8::from(row.best));
        let pictures = row.pictures;
        format!(
            "{epoch},{train_loss},{valid_loss},{valid_accuracy},{learning_rate},{seconds},\
             {unix_time},{best},{pictures}\n"
        )
    };
    std::iter::once(names.to_owned()).chain(history.iter().map(row)).collect()
}

/// The measures of each validation split after each epoch, as CSV.
pub(crate) fn log_of_splits(history: &[Epoch]) -> String {
    let rows = history.iter().flat_map(|row| row.splits.iter().map(move |split| (row, split)));
    let row = |(row, split): (&Epoch, &SplitMeasures)| {
        let SplitMeasures { split, measures: Measures { mse, accuracy }, saturation } = split;
        let (epoch, pictures) = (row.epoch, row.pictures);
        format!("{epoch},{pictures},{split},{mse:.8},{accuracy:.6},{saturation:.4}\n")
    };
    std::iter::once("epoch,pictures,split,mse,accuracy,saturation\n".to_owned())
        .chain(rows.map(row))
        .collect()
}

/// Minutes that a run's `best.safetensors` of so many epochs was trained, by the log beside it, if there
/// is one.
pub fn minutes_of_run(weights: &Path, epochs: usize) -> Option<f64> {
    let log = std::fs::read_to_string(weights.with_file_name("log.csv")).ok()?;
    let mut lines = log.lines();
    let column = lines.next()?.split(',').position(|name| name == "seconds")?;
    let seconds = lines.take(epochs).map(|line| line.split(',').nth(column)?.parse::<f64>().ok());
    Some(seconds.sum::<Option<f64>>()? / 60.0)
}

/// A number in JSON, bit for bit.
mod bits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        value.to_bits().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        u64::deserialize(from).map(f64::from_bits)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use candle_core::Device;
    use serde_json::Value;

    use super::*;

    fn history(best_by: BestBy) -> Vec<bool> {
        let config = Config { best_by, ..Config::new("conv", Value::Null, Path::new("x.cache")) };
        let mut progress = Progress::default();
        for (mse, accuracy) in [(0.3, 0.5), (0.2, 0.4), (0.25, 0.6), (0.2, 0.6)] {
            progress.finish_epoch(&config, Measures { mse, accuracy }, Vec::new()).unwrap();
        }
        progress.history.iter().map(|epoch| epoch.best).collect()
    }

    #[test]
    fn the_best_epoch_is_the_first_that_is_better_than_all_before() {
        assert_eq!(history(BestBy::Mse), [true, true, false, false]);
        assert_eq!(history(BestBy::Accuracy), [true, false, true, false]);
    }

    #[test]
    fn the_mean_loss_weighs_a_partial_batch_by_its_photographs() {
        let loss = |value: f32| Tensor::new(value, &Device::Cpu).unwrap();
        let mut progress = Progress::default();
        let mut losses = vec![(loss(1.0), 3), (loss(5.0), 1)];
        progress.add_losses(&mut losses).unwrap();
        assert_eq!((progress.mean_loss(), losses.len()), (2.0, 0));
        let error = progress.add_losses(&mut vec![(loss(f32::NAN), 1)]).unwrap_err().to_string();
        assert!(error.starts_with("training diverged: the loss is NaN in epoch 1"), "{error}");
    }

    #[test]
    fn a_row_of_the_log_gives_its_numbers_back() {
        let epoch = Epoch { epoch: 1, train_loss: 0.01287123, best: true, ..Epoch::default() };
        let text = log(&[epoch]);
        assert_eq!(text.lines().nth(1), Some("1,0.01287123,0,0,0,0,0,1,0"));
        assert_eq!(text.lines().next().unwrap().split(',').count(), 9);
    }

    #[test]
    fn the_pictures_of_all_epochs_add_up() {
        let config = Config::new("conv", Value::Null, Path::new("x.cache"));
        let mut progress = Progress { photos: 50, ..Progress::default() };
        let measures = Measures { mse: 0.1, accuracy: 0.5 };
        progress.finish_epoch(&config, measures, Vec::new()).unwrap();
        progress.photos = 7;
        assert_eq!((progress.history[0].pictures, progress.pictures()), (50, 57));
    }

    #[test]
    fn progress_goes_through_json_bit_for_bit() {
        let progress = Progress { loss_sum: 0.1 + 0.2, seconds: 1.5, ..Progress::default() };
        let text = serde_json::to_string(&progress).unwrap();
        assert_eq!(serde_json::from_str::<Progress>(&text).unwrap(), progress);
    }

    #[test]
    fn the_minutes_of_a_run_are_those_of_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("best.safetensors");
        assert_eq!(minutes_of_run(&weights, 2), None);
        let epoch = |epoch| Epoch { epoch, seconds: 45.0, ..Epoch::default() };
        std::fs::write(folder.path().join("log.csv"), log(&[epoch(1), epoch(2)])).unwrap();
        assert_eq!([1, 2, 3].map(|n| minutes_of_run(&weights, n)), [0.75, 1.5, 1.5].map(Some));
    }
}
