//! Trains and measures networks. The landscapes of `../shared`, from photographs to weights:
//!
//! ```sh
//! polychromify-train prepare ../shared/landscapes --table ../shared/landscapes/photos.tsv \
//!     --split train,valid --output target/landscapes.cache
//! polychromify-train fit --network conv_dense --data target/landscapes.cache --output target/run
//! polychromify-train fit --resume --output target/run    # goes on after Ctrl-C, kill or --budget
//! polychromify-train evaluate --weights target/run/best.safetensors \
//!     --photos ../shared/landscapes --table ../shared/landscapes/photos.tsv --split test
//! ```
//!
//! Exit codes: 0 all done, 1 some photographs failed or training diverged, 2 could not start.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use polychromify_core::device::DeviceChoice;
use polychromify_core::train::{self, BestBy, Config, Event, PrepareSettings, Session};
use polychromify_core::{Device, Error, Result, model};
use serde_json::Value;

/// Large tensors come and go with every step; glibc's allocator maps each anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Trains and measures the networks of Polychromify.
#[derive(Parser)]
#[command(name = "polychromify-train", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Prepare(Prepare),
    Fit(Box<Fit>),
}

/// Read photographs once, into one file of small ones with their splits.
#[derive(Args)]
struct Prepare {
    /// Folder of photographs (JPEG, PNG, TIFF).
    photos: PathBuf,
    /// Tab-separated table with the columns `file`, relative to PHOTOS or to the table, and
    /// `split`. Without it all photographs below PHOTOS are taken: 20 % test, of the rest 20 %
    /// valid, the others train, drawn by the seed.
    #[arg(long, value_name = "TSV")]
    table: Option<PathBuf>,
    /// The file to write, such as `photos.cache`; one that is there is replaced.
    #[arg(long, value_name = "CACHE")]
    output: PathBuf,
    /// Splits to take [default: all].
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    split: Vec<String>,
    /// Height and width that photographs are squeezed to, in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 128)]
    size: usize,
    /// Seed of the draw without a table.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads [default: one a core].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    jobs: usize,
}

/// Train a network on a cache of photographs.
///
/// With --resume the settings come from the run folder, and --epochs may raise their number. The
/// same command line repeated, --resume included, begins a run or goes on with it.
#[derive(Args)]
struct Fit {
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
    /// Splits to train on [default: train].
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    train_split: Option<Vec<String>>,
    /// Splits that choose the best epoch [default: valid].
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    valid_split: Option<Vec<String>>,
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
    /// auto, cpu or cuda.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

#[derive(Clone, Copy, ValueEnum)]
enum Best {
    Mse,
    Accuracy,
}

fn main() -> ExitCode {
    env_logger::init();
    let done = match Cli::parse().command {
        Command::Prepare(arguments) => prepare(&arguments),
        Command::Fit(arguments) => fit(&arguments),
    };
    done.unwrap_or_else(|error| {
        say(&format!("polychromify-train: {error}"));
        ExitCode::from(2)
    })
}

fn prepare(arguments: &Prepare) -> Result<ExitCode> {
    let settings = PrepareSettings {
        photos: arguments.photos.clone(),
        table: arguments.table.clone(),
        splits: arguments.split.clone(),
        size: arguments.size,
        seed: arguments.seed,
        jobs: arguments.jobs,
        output: arguments.output.clone(),
    };
    let bar = bar("{bar:30} {pos}/{len} photos, {per_sec}, {eta} left");
    let index = train::prepare(&settings, &mut |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    })?;
    bar.finish_and_clear();
    for failure in &index.failures {
        say(&failure.reason);
    }
    let splits: Vec<String> =
        index.splits().into_iter().map(|(split, count)| format!("{split} {count}")).collect();
    let (failed, output) = (index.failures.len(), arguments.output.display());
    say(&format!("{output}: {} photos; {failed} failed", splits.join(", ")));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn fit(arguments: &Fit) -> Result<ExitCode> {
    let config = run_config(arguments)?;
    let session = Session {
        resume: arguments.resume,
        budget: arguments.budget.map(minutes).transpose()?,
        checkpoint_interval: minutes(arguments.checkpoint)?,
    };
    let device = Device::open(arguments.device)?;
    say(&format!("{} on {}", config.network, device.name()));

    let stop = stop_on_signals()?;
    let mut report = Report::new(&config);
    let outcome = train::train(&config, &arguments.output, &session, &device, &mut |event| {
        report.show(event);
        if stop.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    report.bar.finish_and_clear();
    let outcome = match outcome {
        Err(error) if report.started => {
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
    }
    Ok(ExitCode::SUCCESS)
}

/// The settings of a run: those of its folder or the recipe's, changed by what was given.
fn run_config(arguments: &Fit) -> Result<Config> {
    let saved = if arguments.resume { Config::read(&arguments.output)? } else { None };
    let mut config = match (saved, &arguments.network, &arguments.data) {
        (Some(saved), _, _) => saved,
        (None, Some(network), Some(data)) => {
            let default = model::default_config(network).unwrap_or(Value::Null);
            Config::new(network, default, data)
        }
        (None, ..) => {
            let run = arguments.output.display();
            let text = format!("{run}: holds no run; --network and --data begin one");
            return Err(Error::Train(text));
        }
    };
    if let Some(text) = &arguments.config {
        config.network_config = read_network_config(text)?;
    }
    set(&mut config.network, &arguments.network);
    set(&mut config.data, &arguments.data);
    set(&mut config.epochs, &arguments.epochs);
    set(&mut config.batch, &arguments.batch);
    set(&mut config.learning_rate, &arguments.learning_rate);
    set(&mut config.seed, &arguments.seed);
    set(&mut config.train_split, &arguments.train_split);
    set(&mut config.valid_split, &arguments.valid_split);
    config.flip |= arguments.flip;
    let best_by = arguments.best_by.map(|best| match best {
        Best::Mse => BestBy::Mse,
        Best::Accuracy => BestBy::Accuracy,
    });
    set(&mut config.best_by, &best_by);
    let words: Vec<String> = std::env::args().skip(1).collect();
    config.command = format!("polychromify-train {}", words.join(" "));
    Ok(config)
}

fn set<T: Clone>(field: &mut T, given: &Option<T>) {
    if let Some(given) = given {
        field.clone_from(given);
    }
}

fn read_network_config(text: &str) -> Result<Value> {
    let json = if text.trim_start().starts_with('{') {
        text.to_owned()
    } else {
        std::fs::read_to_string(text).map_err(Error::io(Path::new(text), "read"))?
    };
    let parsed = serde_json::from_str(&json);
    parsed.map_err(|error| Error::Train(format!("--config {text}: not JSON: {error}")))
}

fn minutes(minutes: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(60.0 * minutes)
        .map_err(|_| Error::Train(format!("{minutes} is not a number of minutes")))
}

/// Set by Ctrl-C or a request to end: the loop stops after its step. A second one ends at once,
/// which loses what was done since the last checkpoint and breaks nothing.
fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| Error::Train(format!("cannot watch for signals: {error}")))?;
    }
    Ok(stop)
}

/// Shows a run: a bar on a terminal, and a line for each epoch everywhere.
struct Report {
    bar: ProgressBar,
    epochs: usize,
    steps: usize,
    photos: usize,
    started: bool,
    /// When and at which step of all epochs this session began.
    begin: (Instant, usize),
}

impl Report {
    fn new(config: &Config) -> Self {
        let bar = bar("{prefix} {bar:30} step {pos}/{len}, {msg}");
        let epochs = config.epochs;
        let begin = (Instant::now(), 0);
        Self { bar, epochs, steps: 0, photos: 0, started: false, begin }
    }

    fn show(&mut self, event: Event<'_>) {
        match event {
            Event::Started { parameters, train, valid, steps, epochs_done, steps_done } => {
                (self.steps, self.photos, self.started) = (steps, train, true);
                self.begin = (Instant::now(), epochs_done * steps + steps_done);
                self.bar.set_length(steps as u64);
                let mut text = format!(
                    "{parameters} parameters; {train} photos to train on, {valid} to validate on"
                );
                if self.begin.1 > 0 {
                    text += &format!("; goes on after {epochs_done} epochs and {steps_done} steps");
                }
                self.say(&text);
            }
            Event::Step { epoch, step, loss } => {
                let (rate, left) = self.pace((epoch - 1) * self.steps + step);
                self.bar.set_prefix(format!("epoch {epoch}/{}", self.epochs));
                self.bar.set_position(step as u64);
                self.bar.set_message(format!("loss {loss:.5}, {rate:.1} photos/s, {left} left"));
                if self.bar.is_hidden() && step % (self.steps / 4).max(1) == 0 && step < self.steps
                {
                    say(&format!(
                        "epoch {epoch}/{}, step {step}/{}: loss {loss:.5}, {rate:.1} photos/s, {left} left",
                        self.epochs, self.steps
                    ));
                }
            }
            Event::Validating => self.bar.set_message("validating"),
            Event::Epoch(row) => {
                let train::Epoch { epoch, train_loss, valid_loss, valid_accuracy, .. } = row;
                let best = if row.best { ", best so far" } else { "" };
                self.say(&format!(
                    "epoch {epoch}/{}: train mse {train_loss:.5}, valid mse {valid_loss:.5}, \
                     accuracy {valid_accuracy:.4}, {:.0} s{best}",
                    self.epochs, row.seconds
                ));
            }
        }
    }

    /// Photographs a second in this session, and the time left, after `step` of all epochs.
    fn pace(&self, step: usize) -> (f64, indicatif::HumanDuration) {
        let (begin, first) = self.begin;
        let seconds = begin.elapsed().as_secs_f64() / (step - first) as f64;
        let left = seconds * (self.epochs * self.steps).saturating_sub(step) as f64;
        let photos = self.photos as f64 / self.steps as f64;
        (photos / seconds, indicatif::HumanDuration(Duration::from_secs_f64(left)))
    }

    fn say(&self, text: &str) {
        self.bar.suspend(|| say(text));
    }
}

/// A bar on a terminal, nothing elsewhere.
fn bar(template: &str) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    ProgressBar::with_draw_target(None, target).with_style(style)
}

#[expect(clippy::print_stderr, reason = "messages of a command-line program")]
fn say(text: &str) {
    eprintln!("{text}");
}
