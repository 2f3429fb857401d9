//! The loop: steps, validations and checkpoints.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use candle_core::Tensor;
use polychromify_core::internals::model::{self, Network};
use polychromify_core::internals::on_candle;
use polychromify_core::{Device, Error, Result};

use super::adam::Adam;
use super::average::Average;
use super::batch::Planes;
use super::cache::Cache;
use super::config::Config;
use super::dataset::{Dataset, Item};
use super::objective::Objective;
use super::parameters::Parameters;
use super::progress::Progress;
use super::recipe::Recipe;
use super::run::Run;
use super::session::{Event, Outcome, Pace, Session};
use super::{loader, step, validation};

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
    let mut trainer = Trainer::new(config, folder, session, device)?;
    let mut stop = observe(trainer.started()).is_break();
    while trainer.is_unfinished() && !stop {
        stop = trainer.steps(observe)? || trainer.is_over_with_validation();
        if stop {
            trainer.save_last()?;
            break;
        }
        stop = trainer.finish_epoch(observe)?;
    }
    Ok(Outcome { stopped: trainer.is_unfinished(), history: trainer.progress.history })
}

/// A run under way.
struct Trainer<'a> {
    config: &'a Config,
    device: &'a candle_core::Device,
    photos: Arc<Dataset>,
    held_out: Vec<validation::Split>,
    network: Box<dyn Network>,
    parameters: Parameters,
    objective: Objective,
    adam: Adam,
    average: Option<Average>,
    run: Run,
    progress: Progress,
    pace: Pace,
    /// Share of the schedule that is done.
    cycle: f64,
}

impl<'a> Trainer<'a> {
    /// Reads and builds everything, and goes on with the run in the folder if there is one.
    fn new(
        config: &'a Config,
        folder: &Path,
        session: &Session,
        device: &'a Device,
    ) -> Result<Self> {
        let started = Instant::now();
        config.check()?;
        let device = on_candle(device);
        let cache = Cache::open(&config.data)?;
        let photos = Arc::new(Dataset::read(&cache, &config.train_split, config.train_photos)?);
        let held_out = validation::read(&cache, &config.valid_split, config.valid_photos)?;

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
        let progress = run.restore(&parameters, &mut adam, &mut average)?.unwrap_or_default();
        let mut trainer = Self {
            config,
            device,
            photos,
            held_out,
            network,
            parameters,
            objective,
            adam,
            average,
            run,
            progress,
            pace: Pace::new(started, session),
            cycle: 0.0,
        };
        trainer.cycle = trainer.progress.cycle(config, trainer.steps_of_epoch());
        // A kill may have come between the last checkpoint and its log.
        if trainer.progress.epoch > 0 {
            trainer.run.save_log(&trainer.progress)?;
        }
        Ok(trainer)
    }

    /// Pictures of an epoch.
    fn pictures(&self) -> usize {
        self.photos.epoch_length(self.config.epoch_photos)
    }

    fn steps_of_epoch(&self) -> usize {
        self.pictures().div_ceil(self.config.batch)
    }

    /// Photographs to validate on.
    fn valid(&self) -> usize {
        self.held_out.iter().map(|split| split.photos.len()).sum()
    }

    fn started(&self) -> Event<'static> {
        Event::Started {
            parameters: self.parameters.trained().values().map(|var| var.elem_count()).sum(),
            train: self.photos.len(),
            pictures: self.pictures(),
            valid: self.valid(),
            steps: self.steps_of_epoch(),
            epochs_done: self.progress.epoch,
            steps_done: self.progress.step,
        }
    }

    /// Whether there is more to do. An epoch whose steps end the schedule is validated still.
    fn is_unfinished(&self) -> bool {
        self.progress.epoch < self.config.epochs && (self.cycle < 1.0 || self.progress.step > 0)
    }

    /// Takes the steps that are left of the epoch, and says whether the run is to stop.
    fn steps(&mut self, observe: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>) -> Result<bool> {
        if self.cycle >= 1.0 {
            return Ok(false);
        }
        let (config, steps) = (self.config, self.steps_of_epoch());
        let order = order(&self.photos, config, self.progress.epoch);
        let rest = &order[order.len().min(self.progress.step * config.batch)..];
        let mut losses = Vec::new();
        for planes in loader::batches(&self.photos, rest, config.batch, config.recipe.as_ref()) {
            losses.push(self.step(planes)?);
            if losses.len() < reading_interval(self.device) && self.progress.step < steps {
                continue;
            }
            let taken = losses.len();
            self.progress.add_losses(&mut losses)?;
            self.progress.seconds += self.pace.steps_taken(taken);
            self.cycle = self.progress.cycle(config, steps);
            let Progress { epoch, step, .. } = self.progress;
            let event = Event::Step { epoch: epoch + 1, step, loss: self.progress.mean_loss() };
            if observe(event).is_break() || self.pace.is_over(taken) {
                return Ok(true);
            }
            if self.cycle >= 1.0 {
                break;
            }
            if self.pace.is_checkpoint_due() {
                self.save_last()?;
                self.pace.saved();
            }
        }
        Ok(false)
    }

    /// Takes a step; returns its loss and the pictures of the batch.
    fn step(&mut self, planes: Planes) -> Result<(Tensor, usize)> {
        let count = planes.count;
        let batch = planes.batch(self.device)?;
        let precision = self.config.precision;
        let (loss, gradients) =
            step::gradients(self.network.as_ref(), &self.objective, &batch, precision)?;
        if let Some(recipe) = &self.config.recipe {
            let rate = self.progress.rate(recipe, self.config.epochs, self.cycle);
            self.adam.set_learning_rate(self.config.learning_rate * rate);
        }
        self.adam.step(|var| gradients.get(var))?;
        self.progress.step += 1;
        self.progress.optimizer_steps += 1;
        if let Some(average) = &mut self.average {
            average.update(&self.parameters, self.progress.optimizer_steps)?;
        }
        Ok((loss, count))
    }

    /// Whether the validation would go over the budget.
    fn is_over_with_validation(&self) -> bool {
        self.pace.is_over(self.valid().div_ceil(self.config.batch))
    }

    /// Validates, saves, and says whether the run is to stop.
    fn finish_epoch(
        &mut self,
        observe: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<bool> {
        let stop = observe(Event::Validating).is_break();
        let Config { batch, recipe, .. } = self.config;
        self.swap()?;
        let (measures, splits) = validation::validate(
            self.network.as_ref(),
            &self.held_out,
            *batch,
            recipe.as_ref(),
            self.device,
        )?;
        self.swap()?;
        self.progress.seconds += self.pace.validated();
        let epoch = self.progress.finish_epoch(self.config, measures, splits)?;
        if epoch.best {
            self.run.save_best(&self.parameters, self.average.as_ref(), &self.progress)?;
        }
        self.save_last()?;
        self.run.save_log(&self.progress)?;
        self.pace.saved();
        Ok(stop || observe(Event::Epoch(&epoch)).is_break() || self.pace.is_over(1))
    }

    /// Exchanges the weights and their running average, if there is one.
    fn swap(&mut self) -> Result<()> {
        let average = &mut self.average;
        Ok(average.iter_mut().try_for_each(|average| average.swap(&self.parameters))?)
    }

    fn save_last(&self) -> Result<()> {
        self.run.save_last(&self.parameters, &self.adam, self.average.as_ref(), &self.progress)
    }
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
