//! Training: photographs into a cache, a network fitted to it, everything seeded and resumable.
//!
//! The recipe is the design document's (D. Ghiotto, "Polychromify", 2021): mean squared error on
//! `(a, b) / 128`, Adam with Keras' constants at a fixed rate, no augmentation. A [`Recipe`] replaces
//! it for networks with a pre-trained encoder.

mod adam;
mod augment;
mod average;
mod cache;
mod checkpoint;
mod curves;
mod dataset;
mod film;
mod filters;
mod loader;
mod objective;
mod palette;
mod parameters;
mod prepare;
mod preview;
mod progress;
mod recipe;
mod run;
mod simulate;
mod step;
mod study;
mod validation;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use polychromify_core::internals::ops::Precision;
use polychromify_core::internals::{model, on_candle};
use polychromify_core::{Device, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use cache::{Cache, Failure, Index, Photo};
pub use checkpoint::write_portable;
pub use prepare::{Settings as PrepareSettings, prepare};
pub use preview::preview;
pub use progress::minutes_of_run;
pub use recipe::{Recipe, Schedule, Targets, WARM_UP};
pub use study::{Findings, Member, Study, Trained};
pub use validation::{Measures, SplitMeasures};

use adam::Adam;
use average::Average;
use dataset::{Dataset, Item};
use objective::Objective;
use parameters::Parameters;
use run::Run;

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
    /// Whether each photograph is mirrored with equal chances in each epoch; the document's recipe
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

    /// What replaces the document's loss, optimizer and rate; with it the learning rate is the
    /// peak's.
    #[serde(default)]
    pub recipe: Option<Recipe>,
    /// Weights file whose tensors the run begins with, where the network has some of these names. A
    /// portable checkpoint ([`write_portable`]) also gives the position: the run goes on there.
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
    /// The document's recipe for a network, or the one made for it.
    pub fn new(network: &str, network_config: Value, data: &Path) -> Self {
        let document = Self {
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
        let recipe = Recipe::of(network, &document.network_config);
        match network {
            _ if recipe.is_none() => document,
            "vivid" => Self { flip: true, batch: 64, learning_rate: 2e-3, recipe, ..document },
            _ => Self { flip: true, recipe, ..document },
        }
    }

    /// The settings of the run in a folder; `None` where there is none.
    ///
    /// # Errors
    ///
    /// When `config.json` cannot be read or is damaged.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        run::read_config(folder)
    }

    fn check(&self) -> Result<()> {
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

/// How a run is carried out; none of it changes the result.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// Whether to go on with the run in the folder, if there is one.
    pub resume: bool,
    /// Time after which it stops with everything saved.
    pub budget: Option<Duration>,
    /// Time between checkpoints within an epoch; each epoch ends with one.
    pub checkpoint_interval: Duration,
}

impl Default for Session {
    fn default() -> Self {
        Self { resume: false, budget: None, checkpoint_interval: Duration::from_secs(600) }
    }
}

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

/// What the loop tells its caller.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Everything is read and built; the first step follows.
    Started {
        /// Trained parameters of the network.
        parameters: usize,
        /// Photographs to train on.
        train: usize,
        /// Pictures of an epoch.
        pictures: usize,
        /// Photographs to validate on.
        valid: usize,
        /// Steps an epoch.
        steps: usize,
        /// Whole epochs done before.
        epochs_done: usize,
        /// Steps of the next epoch done before.
        steps_done: usize,
    },
    /// Steps were taken.
    Step {
        /// 1 for the first.
        epoch: usize,
        /// Steps taken within the epoch.
        step: usize,
        /// Mean loss of the epoch so far.
        loss: f64,
    },
    /// The steps of an epoch are done; the validation begins.
    Validating,
    /// An epoch is done and saved.
    Epoch(&'a Epoch),
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The whole epochs, those of earlier sessions included.
    pub history: Vec<Epoch>,
    /// Whether it stopped before the last epoch, on request or out of time.
    pub stopped: bool,
}

/// Trains a network and keeps everything in the run folder.
///
/// `observe` is told of each event and stops the run, everything saved, by returning `Break`. A run
/// that is stopped, or killed, and resumed gives on the CPU the same bytes as one that was not.
///
/// # Errors
///
/// When the settings, the cache or the folder do not fit, a file cannot be written, or training
/// diverges: then the state of the last good checkpoint is kept.
pub fn train(
    config: &Config,
    folder: &Path,
    session: &Session,
    device: &Device,
    observe: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Outcome> {
    let started = Instant::now();
    config.check()?;
    let device = on_candle(device);
    let cache = Cache::open(&config.data)?;
    let photos = Arc::new(Dataset::read(&cache, &config.train_split, config.train_photos)?);
    let held_out = validation::read(&cache, &config.valid_split, config.valid_photos)?;
    let valid = held_out.iter().map(|split| split.photos.len()).sum();

    let parameters = Parameters::new(config.seed);
    let network =
        model::build(&config.network, &config.network_config, parameters.builder(device))?;
    let recipe = config.recipe.as_ref();
    fits_stride(network.stride(), recipe.map_or(photos.size(), |recipe| recipe.size))?;
    if let Some(path) = &config.initial {
        parameters.load(path)?;
    }
    let objective = Objective::new(recipe, network.bin_centers(), &photos);
    let groups = recipe.map(Recipe::groups).unwrap_or_default();
    let mut adam = Adam::new(parameters.trained(), config.learning_rate)?.with_groups(groups);
    let run = Run::open(folder, config, cache.sha256(), photos.mean_chroma(), session.resume)?;
    let decay = recipe.map_or(0.0, |recipe| recipe.average);
    let mut average = Average::new(&parameters, decay)?;
    let mut progress = run.restore(&parameters, &mut adam, &mut average)?.unwrap_or_default();

    let pictures = photos.epoch_length(config.epoch_photos);
    let steps = pictures.div_ceil(config.batch);
    let mut pace = Pace::new(started, session);
    let begins = Event::Started {
        parameters: parameters.trained().values().map(|var| var.elem_count()).sum(),
        train: photos.len(),
        pictures,
        valid,
        steps,
        epochs_done: progress.epoch,
        steps_done: progress.step,
    };
    let mut stop = observe(begins).is_break();
    let mut cycle = progress.cycle(config, steps);
    while progress.epoch < config.epochs && !stop && cycle < 1.0 {
        let order = order(&photos, config, progress.epoch);
        let rest = &order[order.len().min(progress.step * config.batch)..];
        let mut losses = Vec::new();
        for planes in loader::batches(&photos, rest, config.batch, recipe) {
            let count = planes.count;
            let batch = planes.batch(device)?;
            let (loss, gradients) =
                step::gradients(network.as_ref(), &objective, &batch, config.precision)?;
            if let Some(recipe) = recipe {
                adam.set_learning_rate(
                    config.learning_rate * progress.rate(recipe, config.epochs, cycle),
                );
            }
            adam.step(|var| gradients.get(var))?;

            losses.push((loss, count));
            progress.step += 1;
            progress.optimizer_steps += 1;
            if let Some(average) = &mut average {
                average.update(&parameters, progress.optimizer_steps)?;
            }
            if losses.len() < reading_interval(device) && progress.step < steps {
                continue;
            }
            let taken = losses.len();
            progress.add_losses(&mut losses)?;
            progress.seconds += pace.steps_taken(taken);
            cycle = progress.cycle(config, steps);
            let (epoch, step, loss) = (progress.epoch + 1, progress.step, progress.mean_loss());
            stop = observe(Event::Step { epoch, step, loss }).is_break() || pace.is_over(taken);
            if stop || cycle >= 1.0 {
                break;
            }
            if pace.is_checkpoint_due() {
                run.save_last(&parameters, &adam, average.as_ref(), &progress)?;
                pace.saved();
            }
        }
        stop = stop || pace.is_over(valid.div_ceil(config.batch));
        if stop {
            run.save_last(&parameters, &adam, average.as_ref(), &progress)?;
            break;
        }

        stop = observe(Event::Validating).is_break();
        average.iter_mut().try_for_each(|average| average.swap(&parameters))?;
        let (measures, splits) =
            validation::validate(network.as_ref(), &held_out, config.batch, recipe, device)?;
        average.iter_mut().try_for_each(|average| average.swap(&parameters))?;
        progress.seconds += pace.validated();
        let epoch = progress.finish_epoch(config, measures, splits)?;
        if epoch.best {
            run.save_best(&parameters, average.as_ref(), &progress)?;
        }
        run.save_last(&parameters, &adam, average.as_ref(), &progress)?;
        run.save_log(&progress)?;
        pace.saved();
        stop = stop || observe(Event::Epoch(&epoch)).is_break() || pace.is_over(1);
    }
    let stopped = progress.epoch < config.epochs && cycle < 1.0;
    Ok(Outcome { stopped, history: progress.history })
}

/// The pictures of an epoch in their order.
fn order(photos: &Dataset, config: &Config, epoch: usize) -> Vec<Item> {
    let Config { seed, flip, epoch_photos, recipe, .. } = config;
    match recipe {
        Some(_) => photos.varied(*seed, epoch, *flip, *epoch_photos),
        None => photos.shuffled(*seed, epoch, *flip, *epoch_photos),
    }
}

/// Steps between two readings of the loss. A reading waits for the device, which on CUDA runs
/// behind; on the CPU it costs nothing.
fn reading_interval(device: &candle_core::Device) -> usize {
    if device.is_cuda() { 10 } else { 1 }
}

fn fits_stride(stride: usize, size: usize) -> Result<()> {
    if size.is_multiple_of(stride) {
        return Ok(());
    }
    Err(Error::Train(format!(
        "the network needs pictures of a multiple of {stride} pixels, the cache has {size}"
    )))
}

/// How fast steps go, when the time is over, and when a checkpoint is due.
struct Pace {
    started: Instant,
    budget: Option<Duration>,
    checkpoint_interval: Duration,
    checkpoint: Instant,
    mark: Instant,
    step_seconds: f64,
}

impl Pace {
    fn new(started: Instant, session: &Session) -> Self {
        let Session { budget, checkpoint_interval, .. } = *session;
        let now = Instant::now();
        Self { started, budget, checkpoint_interval, checkpoint: now, mark: now, step_seconds: 0.0 }
    }

    /// Seconds that the last steps took.
    fn steps_taken(&mut self, steps: usize) -> f64 {
        let seconds = self.lap();
        self.step_seconds = seconds / steps as f64;
        seconds
    }

    /// Seconds that the validation took.
    fn validated(&mut self) -> f64 {
        self.lap()
    }

    fn saved(&mut self) {
        self.checkpoint = Instant::now();
        self.lap();
    }

    fn is_checkpoint_due(&self) -> bool {
        self.checkpoint.elapsed() >= self.checkpoint_interval
    }

    /// Whether so many more steps would go over the budget, with half as much again for the
    /// unforeseen. A step of validation takes no longer than one of training.
    fn is_over(&self, steps: usize) -> bool {
        let needed = self.started.elapsed().as_secs_f64() + 1.5 * self.step_seconds * steps as f64;
        self.budget.is_some_and(|budget| needed > budget.as_secs_f64())
    }

    fn lap(&mut self) -> f64 {
        let seconds = self.mark.elapsed().as_secs_f64();
        self.mark = Instant::now();
        seconds
    }
}

#[cfg(test)]
mod tests;
