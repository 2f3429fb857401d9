//! The run folder: settings, log, curves, the last state and the best weights.
//!
//! ```text
//! config.json                  everything that repeats the run, written before the first step
//! log.csv, curves.svg          one row and one point for each epoch
//! splits.csv                   the measures of each split, where there are several to choose by
//! last/weights.safetensors     the weights after the last epoch or stop, to be used
//! last/checkpoint.safetensors  the same with the optimizer's moments and the position, to go on
//! best.safetensors             the weights of the best epoch
//! ```
//!
//! Each file is replaced whole or not at all, and going on reads `checkpoint.safetensors` alone, so
//! a run that is killed at any instant goes on from its last checkpoint.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use polychromify_core::internals::weights;
use polychromify_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::adam::Adam;
use super::average::Average;
use super::checkpoint::{self, Checkpoint};
use super::config::Config;
use super::curves;
use super::epoch::Epoch;
use super::parameters::Parameters;
use super::progress::{Progress, log, log_of_splits};
use super::recipe::Schedule;

/// A run folder, locked against other processes.
#[derive(Debug)]
pub(crate) struct Run {
    folder: PathBuf,
    record: Record,
    sepia: [f32; 2],
    _lock: File,
}

/// What `config.json` holds.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Record {
    version: String,
    cache_sha256: String,
    #[serde(flatten)]
    config: Config,
}

impl Run {
    /// Opens the folder for a new run, or to go on with the one in it, and writes `config.json`.
    ///
    /// `sepia` is the mean `[a, b]` of the training photographs.
    pub(crate) fn open(
        folder: &Path,
        config: &Config,
        cache_sha256: &str,
        sepia: [f32; 2],
        resume: bool,
    ) -> Result<Self> {
        fs::create_dir_all(folder.join("last")).map_err(Error::io(folder, "create"))?;
        let lock_path = folder.join(".lock");
        let lock = File::create(&lock_path).map_err(Error::io(&lock_path, "create"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                Error::Train(format!("{}: another process is training here", folder.display()))
            }
            TryLockError::Error(error) => Error::io(&lock_path, "lock")(error),
        })?;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let (cache_sha256, config) = (cache_sha256.to_owned(), config.clone());
        let mut record = Record { version, cache_sha256, config };
        if let Some(saved) = read_record(folder)? {
            if !resume {
                let folder = folder.display();
                return Err(Error::Train(format!(
                    "{folder}: holds a run already; resume it or name another folder"
                )));
            }
            compare(folder, &saved, &record)?;
            record.config.command = saved.config.command;
        }
        let run = Self { folder: folder.to_owned(), record, sepia, _lock: lock };
        run.remove_leftovers()?;
        let text = serde_json::to_string_pretty(&run.record).expect("settings are plain values");
        run.write("config.json", format!("{text}\n").as_bytes())?;
        Ok(run)
    }

    /// Sets variables and moments to those of the last checkpoint, if there is one; otherwise the
    /// position, if the run begins with a portable one.
    pub(crate) fn restore(
        &self,
        parameters: &Parameters,
        adam: &mut Adam,
        average: &mut Option<Average>,
    ) -> Result<Option<Progress>> {
        let Some(file) = Checkpoint::read(&self.checkpoint_path())? else {
            let initial = self.record.config.initial.as_ref();
            let begun = initial.map(|path| checkpoint::go_on_from(path, parameters, average));
            return Ok(begun.transpose()?.flatten());
        };
        let progress = file.position()?;
        file.tensors(|tensor| {
            for (name, var) in parameters.variables() {
                var.set(&tensor(&name, &var)?)?;
            }
            if let Some(average) = average {
                average.restore(parameters, tensor)?;
            }
            adam.restore(progress.moment_steps(), tensor)
        })?;
        Ok(Some(progress))
    }

    /// Keeps the weights as the best so far.
    pub(crate) fn save_best(
        &self,
        parameters: &Parameters,
        average: Option<&Average>,
        progress: &Progress,
    ) -> Result<()> {
        let tensors = average.map_or_else(|| parameters.tensors(), Average::tensors);
        self.save_weights("best.safetensors", &on_host(tensors)?, progress)
    }

    /// Writes the last state: weights to be used, and the checkpoint to go on from.
    pub(crate) fn save_last(
        &self,
        parameters: &Parameters,
        adam: &Adam,
        average: Option<&Average>,
        progress: &Progress,
    ) -> Result<()> {
        let mut tensors = on_host(parameters.tensors())?;
        let averages = average.map(|average| on_host(average.tensors())).transpose()?;
        let best = averages.as_ref().unwrap_or(&tensors);
        self.save_weights("last/weights.safetensors", best, progress)?;
        if let Some(average) = average {
            tensors.extend(on_host(average.saved())?);
        }
        tensors.extend(on_host(adam.tensors())?);
        checkpoint::write(&self.checkpoint_path(), &tensors, progress)
    }

    /// Writes the log and the curves.
    pub(crate) fn save_log(&self, progress: &Progress) -> Result<()> {
        self.write("log.csv", log(&progress.history).as_bytes())?;
        if self.record.config.valid_split.len() > 1 {
            self.write("splits.csv", log_of_splits(&progress.history).as_bytes())?;
        }
        let title = &self.record.config.network;
        self.write("curves.svg", curves::draw(title, &progress.history)?.as_bytes())
    }

    fn save_weights(
        &self,
        name: &str,
        tensors: &BTreeMap<String, Tensor>,
        progress: &Progress,
    ) -> Result<()> {
        let Config { network, network_config, .. } = &self.record.config;
        let training = self.training(progress);
        weights::save(
            self.folder.join(name),
            tensors,
            network,
            network_config,
            &training,
            self.sepia,
        )
    }

    /// What a weights file says of its training. Nothing in it depends on the clock or the device,
    /// so that a run that is repeated gives the same bytes.
    fn training(&self, progress: &Progress) -> Value {
        let Record { version, cache_sha256, config } = &self.record;
        let measures = progress.history.last().filter(|_| progress.step == 0).map(|epoch| {
            json!({ "split": config.valid_split, "mse": epoch.valid_loss, "accuracy": epoch.valid_accuracy })
        });
        let (loss, optimizer) = match config.recipe.as_ref().map(|recipe| recipe.schedule) {
            Some(Schedule::OneCycle) => ("the recipe's", "AdamW, one cycle"),
            Some(Schedule::Trapezoid) => ("the recipe's", "AdamW, constant rate and a cooldown"),
            Some(Schedule::Fixed) => ("the recipe's", "AdamW, fixed rate"),
            None => ("mean squared error of ab / 128", "Adam, Keras' constants"),
        };
        json!({
            "data": {
                "cache_sha256": cache_sha256,
                "split": config.train_split,
                "photos": config.train_photos,
            },
            "loss": loss,
            "optimizer": optimizer,
            "recipe": config.recipe,
            "learning_rate": config.learning_rate,
            "batch": config.batch,
            "flip": config.flip,
            "seed": config.seed,
            "epochs": progress.epoch,
            "steps": progress.optimizer_steps,
            "command": config.command,
            "version": version,
            "measures": measures,
        })
    }

    fn checkpoint_path(&self) -> PathBuf {
        self.folder.join(checkpoint::WHOLE)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(name);
        weights::write_whole(&path, bytes).map_err(Error::io(&path, "write"))
    }

    /// Removes the temporary files of a process that was killed.
    fn remove_leftovers(&self) -> Result<()> {
        for folder in [self.folder.clone(), self.folder.join("last")] {
            for entry in fs::read_dir(&folder).map_err(Error::io(&folder, "read"))? {
                let path = entry.map_err(Error::io(&folder, "read"))?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if name.starts_with('.') && name.ends_with(".part") {
                    fs::remove_file(&path).map_err(Error::io(&path, "remove"))?;
                }
            }
        }
        Ok(())
    }
}

/// The settings of the run in a folder; `None` where there is none.
///
/// # Errors
///
/// When `config.json` cannot be read or is damaged.
pub fn read_config(folder: &Path) -> Result<Option<Config>> {
    Ok(read_record(folder)?.map(|record| record.config))
}

/// The whole epochs of the run in a folder, by its last checkpoint; none where there is no checkpoint.
///
/// # Errors
///
/// When the checkpoint cannot be read or is damaged.
pub fn read_history(folder: &Path) -> Result<Vec<Epoch>> {
    let file = Checkpoint::read(&folder.join(checkpoint::WHOLE))?;
    Ok(file.and_then(|file| file.progress).map_or_else(Vec::new, |progress| progress.history))
}

fn read_record(folder: &Path) -> Result<Option<Record>> {
    let path = folder.join("config.json");
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(Error::io(&path, "read"))?,
    };
    let record = serde_json::from_str(&text);
    record.map_err(|error| Error::Damaged { path, reason: error.to_string() }).map(Some)
}

/// Checks that a run goes on with what it began with: only the number of epochs and the place of
/// the cache may change.
fn compare(folder: &Path, saved: &Record, asked: &Record) -> Result<()> {
    let refuse = |text: String| Err(Error::Train(format!("{}: {text}", folder.display())));
    if saved.cache_sha256 != asked.cache_sha256 {
        let data = asked.config.data.display();
        return refuse(format!("was trained on another cache than {data}"));
    }
    let values = |config: &Config| serde_json::to_value(config).expect("settings are plain values");
    let (saved, asked) = (values(&saved.config), values(&asked.config));
    for (name, asked) in asked.as_object().into_iter().flatten() {
        let saved = &saved[name];
        if saved != asked && !["data", "epochs", "command", "initial"].contains(&name.as_str()) {
            return refuse(format!("`{name}` is {saved} there, {asked} asked for; a run keeps it"));
        }
    }
    Ok(())
}

/// Copies tensors from the device; refuses those that training has broken, so that they never
/// replace good ones.
fn on_host(tensors: BTreeMap<String, Tensor>) -> Result<BTreeMap<String, Tensor>> {
    let copy = |(name, tensor): (String, Tensor)| {
        let tensor = tensor.to_device(&Device::Cpu)?;
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        if values.iter().all(|value| value.is_finite()) {
            return Ok((name, tensor));
        }
        Err(Error::Train(format!("training diverged: tensor `{name}` is no longer finite")))
    };
    tensors.into_iter().map(copy).collect()
}
