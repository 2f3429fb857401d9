//! `polychromify-train fit`: a run, begun or gone on with.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use polychromify_core::internals::model;
use polychromify_core::internals::ops::Precision;
use polychromify_core::{Device, DeviceChoice, Error, Result};
use polychromify_train::Allocator;
use polychromify_train::train::{self, BestBy, Config, Recipe, Session};
use serde_json::Value;

use super::report::{Report, say};
use super::session::{KEPT_BYTES, STOPPED, Stop, minutes};
use super::settings::{command_line, read_json, recipe, set};

/// Train a network on a cache of photographs.
///
/// With --resume the settings come from the run folder, and --epochs may raise their number. The
/// same command line repeated, --resume included, begins a run or goes on with it.
#[derive(Args)]
pub(crate) struct Fit {
    /// Network to train, such as `conv_dense`.
    #[arg(long, value_name = "NAME", required_unless_present = "resume")]
    network: Option<String>,
    /// Configuration of the network: JSON or a file of it [default: the network's own].
    #[arg(long, value_name = "JSON|FILE")]
    config: Option<String>,
    /// Cache that `prepare` wrote.
    #[arg(long, value_name = "CACHE", required_unless_present = "resume")]
    data: Option<PathBuf>,
    /// Run folder: config.json, log.csv, curves.svg, last/, best.safetensors.
    #[arg(long, value_name = "RUN")]
    output: PathBuf,
    /// Go on with the run in the folder, bit for bit as if it had not stopped.
    #[arg(long)]
    resume: bool,
    /// Passes over the training photographs [default: 25].
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Photographs a step [default: 32].
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Step size of Adam [default: 0.001].
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,
    /// Seed of weights, order and mirroring [default: 0].
    #[arg(long)]
    seed: Option<u64>,
    /// Changes to the network's recipe, or to the plain one (mean squared error at a fixed rate)
    /// where it has none of its own: JSON or a file of it, such as '{"size": 64, "minutes": 17}'.
    #[arg(long, value_name = "JSON|FILE")]
    recipe: Option<String>,
    /// Weights file to begin with, as far as its tensors' names are the network's. From one that
    /// `checkpoint` wrote the run goes on at its place of the schedule.
    #[arg(long, value_name = "FILE")]
    initial: Option<PathBuf>,
    /// Splits to train on [default: train].
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    train_split: Option<Vec<String>>,
    /// Splits that choose the best epoch [default: valid].
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    valid_split: Option<Vec<String>>,
    /// Train on so many photographs, evenly spaced through their splits [default: all].
    #[arg(long, value_name = "N")]
    train_photos: Option<usize>,
    /// Validate on so many photographs, evenly spaced through their splits [default: all].
    #[arg(long, value_name = "N")]
    valid_photos: Option<usize>,
    /// Draw so many photographs an epoch, by their weights [default: each once, or as many as there
    /// are by their weights where the table has any].
    #[arg(long, value_name = "N")]
    epoch_photos: Option<usize>,
    /// Mirror each photograph with equal chances in each epoch.
    #[arg(long)]
    flip: bool,
    /// What makes an epoch the best one: the least error, or the greatest accuracy, which swings
    /// from epoch to epoch [default: mse].
    #[arg(long, value_name = "MEASURE")]
    best_by: Option<Best>,
    /// Stop after so many minutes with everything saved.
    #[arg(long, value_name = "MINUTES")]
    budget: Option<f64>,
    /// Minutes between checkpoints within an epoch; each epoch ends with one.
    #[arg(long, value_name = "MINUTES", default_value_t = 10.0)]
    checkpoint: f64,
    /// What convolutions multiply in: f32, or bf16 on processors with AVX-512 BF16, where it is
    /// nearly twice as fast [default: f32].
    #[arg(long, value_name = "f32|bf16")]
    precision: Option<Precision>,
    /// auto, cpu or cuda.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

#[derive(Clone, Copy, ValueEnum)]
enum Best {
    Mse,
    Accuracy,
}

/// Runs the command.
pub(crate) fn fit(arguments: &Fit) -> Result<ExitCode> {
    Allocator::keep(KEPT_BYTES);
    let config = run_config(arguments)?;
    let session = Session {
        resume: arguments.resume,
        budget: arguments.budget.map(minutes).transpose()?,
        checkpoint_interval: minutes(arguments.checkpoint)?,
    };
    let device = Device::open(arguments.device)?;
    let stop = Stop::on_signals()?;
    let mut report = Report::new(&config, &device);
    let outcome = train::train(&config, &arguments.output, &session, &device, &mut |event| {
        report.show(event);
        stop.asked()
    });
    report.finish();
    let outcome = match outcome {
        Err(error) if report.has_begun() => {
            say(&format!("polychromify-train: {error}"));
            return Ok(ExitCode::FAILURE);
        }
        outcome => outcome?,
    };
    let run = arguments.output.display();
    if let Some(best) = outcome.history.iter().rfind(|epoch| epoch.best) {
        let (epoch, mse, accuracy) = (best.epoch, best.valid_loss, best.valid_accuracy);
        say(&format!(
            "{run}/best.safetensors: epoch {epoch}, validation mse {mse:.5}, accuracy {accuracy:.4}"
        ));
    }
    if outcome.stopped {
        say(&format!("stopped, everything saved; `fit --resume --output {run}` goes on"));
        return Ok(ExitCode::from(STOPPED));
    }
    Ok(ExitCode::SUCCESS)
}

/// The settings of a run: those of its folder or the recipe's, changed by what was given.
fn run_config(arguments: &Fit) -> Result<Config> {
    let saved = if arguments.resume { train::read_config(&arguments.output)? } else { None };
    let mut config = match (saved, &arguments.network, &arguments.data) {
        (Some(saved), _, _) => saved,
        (None, Some(network), Some(data)) => {
            let config = match &arguments.config {
                Some(text) => read_json(text)?,
                None => model::default_config(network).unwrap_or(Value::Null),
            };
            Config::new(network, config, data)
        }
        (None, ..) => {
            let run = arguments.output.display();
            let text = format!("{run}: holds no run; --network and --data begin one");
            return Err(Error::Train(text));
        }
    };
    if let Some(text) = &arguments.config {
        config.network_config = read_json(text)?;
    }
    set(&mut config.network, arguments.network.as_ref());
    set(&mut config.data, arguments.data.as_ref());
    set(&mut config.epochs, arguments.epochs.as_ref());
    set(&mut config.batch, arguments.batch.as_ref());
    set(&mut config.learning_rate, arguments.learning_rate.as_ref());
    set(&mut config.seed, arguments.seed.as_ref());
    set(&mut config.train_split, arguments.train_split.as_ref());
    set(&mut config.valid_split, arguments.valid_split.as_ref());
    config.train_photos = arguments.train_photos.or(config.train_photos);
    config.valid_photos = arguments.valid_photos.or(config.valid_photos);
    config.epoch_photos = arguments.epoch_photos.or(config.epoch_photos);
    set(&mut config.precision, arguments.precision.as_ref());
    config.flip |= arguments.flip;
    if arguments.recipe.is_some() {
        let own = config.recipe.clone().unwrap_or_else(Recipe::plain);
        config.recipe = Some(recipe(own, arguments.recipe.as_ref())?);
    }
    if arguments.initial.is_some() {
        config.initial.clone_from(&arguments.initial);
    }
    let best_by = arguments.best_by.map(|best| match best {
        Best::Mse => BestBy::Mse,
        Best::Accuracy => BestBy::Accuracy,
    });
    set(&mut config.best_by, best_by.as_ref());
    config.command = command_line();
    Ok(config)
}
