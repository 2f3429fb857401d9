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

mod command;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use polychromify_core::internals::import::{self, Imported};
use polychromify_core::internals::model;
use polychromify_core::internals::ops::Precision;
use polychromify_core::internals::weights::{Header, Integers, average, save, save_half};
use polychromify_core::{Arithmetic, Device, DeviceChoice, Error, Result, Weights};
use polychromify_train::photos::list_photos;
use polychromify_train::train::{self, BestBy, Config, PrepareSettings, Recipe, Session};
use polychromify_train::{Allocator, calibrate, evaluate};
use serde_json::{Value, json};

use command::report::{Report, bar, say};
use command::{compare, tune};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Freed memory that training keeps for the next step, in bytes: one of 32 photographs of
/// Polychromify needs 4.3 GB, in blocks that the validation's last batch asks for in other sizes.
const KEPT_BYTES: usize = 8 << 30;

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
    Preview(Preview),
    Fit(Box<Fit>),
    Tune(tune::Tune),
    Evaluate(Evaluate),
    Compare(compare::Compare),
    Export(Export),
    Checkpoint(Checkpoint),
    Import(Import),
}

/// Read photographs once, into one file of small ones with their splits.
#[derive(Args)]
struct Prepare {
    /// Folder of photographs (JPEG, PNG, TIFF, WebP).
    photos: PathBuf,
    /// Tab-separated table with the columns `file`, relative to PHOTOS or to the table, `split` and,
    /// if photographs are to be drawn more or less often than others, `weight`. Without it all photographs below PHOTOS are taken: 20 % test, of the rest 20 %
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

/// Write a sheet of pictures as a recipe makes them: as the network sees them, and what is true beside.
#[derive(Args)]
struct Preview {
    /// Cache that `prepare` wrote.
    #[arg(long, value_name = "CACHE")]
    data: PathBuf,
    /// Splits to show pictures of.
    #[arg(long, value_name = "A,B", value_delimiter = ',', default_value = "train")]
    split: Vec<String>,
    /// Changes to the recipe of `vivid`: JSON or a file of it.
    #[arg(long, value_name = "JSON|FILE")]
    recipe: Option<String>,
    /// Pictures on the sheet.
    #[arg(long, value_name = "N", default_value_t = 24)]
    count: usize,
    /// Seed of the draw.
    #[arg(long, default_value_t = 0)]
    seed: usize,
    /// The file to write.
    #[arg(long, value_name = "PNG")]
    output: PathBuf,
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
    /// Changes to the network's recipe, the document's where it has none of its own: JSON or a file
    /// of it, such as '{"size": 64, "minutes": 17}'.
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

/// Measure weights over photographs, with gray and sepia beside them.
#[derive(Args)]
struct Evaluate {
    /// Weights: a name or a file [default: the built-in ones].
    #[arg(long, value_name = "NAME|FILE")]
    weights: Option<String>,
    /// Folder of photographs.
    #[arg(long, value_name = "DIR")]
    photos: PathBuf,
    /// Tab-separated table with the columns `file`, relative to DIR or to the table, and `split`.
    /// Without it all photographs below DIR are measured.
    #[arg(long, value_name = "TSV")]
    table: Option<PathBuf>,
    /// Split of the table to measure.
    #[arg(long, default_value = "test")]
    split: String,
    /// Measure with so many of each photograph's own colors given as hints, such as 0,1,5,20,100, in
    /// place of the panel with its baselines.
    #[arg(long, value_name = "N,N", value_delimiter = ',', conflicts_with = "sheet")]
    hints: Vec<usize>,
    /// Print one JSON object in place of the table.
    #[arg(long)]
    json: bool,
    /// Also write a PNG of some photographs: gray, predicted and original side by side.
    #[arg(long, value_name = "PNG")]
    sheet: Option<PathBuf>,
    /// Photographs on the sheet, evenly spaced through the set.
    #[arg(long, value_name = "N", default_value_t = 24, requires = "sheet")]
    count: usize,
    /// auto, cpu or cuda.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// f32, bf16, or integers where the weights hold them [default: integers where the weights hold
    /// them, else f32].
    #[arg(long, value_name = "NAME", conflicts_with = "hints")]
    precision: Option<Arithmetic>,
}

/// Write weights anew: in half precision, for release, with the network's dials turned.
#[derive(Args)]
struct Export {
    /// Weights: a name or a file; several are averaged, with the description of the last.
    #[arg(long, value_name = "NAME|FILE", required = true)]
    weights: Vec<String>,
    /// Shares of several weights in their mean, such as 0.25,0.75 [default: equal ones].
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    shares: Vec<f64>,
    /// The file to write, such as `weights/vivid.safetensors`; one that is there is replaced.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Changes to the network's configuration: JSON or a file of it, such as '{"sharpness": 2}';
    /// what it leaves out stays.
    #[arg(long, value_name = "JSON|FILE")]
    config: Option<String>,
    /// Further facts about the training, kept in the file: JSON or a file of it.
    #[arg(long, value_name = "JSON|FILE")]
    training: Option<String>,
    /// Also write what predictions in integers need, found on the photographs of --calibrate.
    #[arg(long, requires = "calibrate")]
    integers: bool,
    /// Folder of training photographs whose activations give the ranges of integers.
    #[arg(long, value_name = "DIR", requires = "integers")]
    calibrate: Option<PathBuf>,
    /// Tab-separated table of these photographs, as for `evaluate`; its split `train` is taken, or
    /// the one named by --split.
    #[arg(long, value_name = "TSV", requires = "calibrate")]
    table: Option<PathBuf>,
    /// Split of the table to calibrate on.
    #[arg(long, default_value = "train", requires = "table")]
    split: String,
    /// Photographs to calibrate on, evenly spaced through the split.
    #[arg(long, value_name = "N", default_value_t = 256, requires = "calibrate")]
    count: usize,
}

/// Keep a run for another machine: weights and their running average in half precision, without the
/// optimizer's moments, and beside them settings, log and curves. `fit --initial FILE` in a new run
/// folder goes on from it at the same place of the schedule. The run may go on meanwhile.
#[derive(Args)]
struct Checkpoint {
    /// The run folder.
    #[arg(long, value_name = "RUN")]
    run: PathBuf,
    /// The folder to write, such as `weights/runs/vivid-people`; files that are there are replaced.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
}

/// Turn published PyTorch weights into a weights file: `colorization_release_v2-9b330a0b.pth` for
/// eccv16, `siggraph17-df00044c.pth` for siggraph17.
#[derive(Args)]
struct Import {
    /// A state (a dictionary of tensors) that PyTorch saved, in its zip format or the older one.
    file: PathBuf,
    /// Network that it is for: eccv16 or siggraph17.
    #[arg(long, value_name = "NAME")]
    network: String,
    /// The file to write; one that is there is replaced.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Changes to the network's configuration: JSON or a file of it, such as '{"temperature": 1}';
    /// what it leaves out is as the published weights need it.
    #[arg(long, value_name = "JSON|FILE")]
    config: Option<String>,
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
        Command::Preview(arguments) => preview(&arguments),
        Command::Fit(arguments) => fit(&arguments),
        Command::Tune(arguments) => tune::tune(&arguments),
        Command::Evaluate(arguments) => evaluate(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Export(arguments) => export(&arguments),
        Command::Checkpoint(arguments) => checkpoint(&arguments),
        Command::Import(arguments) => import(&arguments),
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

fn preview(arguments: &Preview) -> Result<ExitCode> {
    let Preview { data, split, count, seed, output, .. } = arguments;
    let recipe = recipe(Recipe::default(), arguments.recipe.as_ref())?;
    let time = train::preview(data, split, &recipe, [*count, *seed], output)?;
    say(&format!("{}: {time:.2} ms a picture on one thread", output.display()));
    Ok(ExitCode::SUCCESS)
}

fn fit(arguments: &Fit) -> Result<ExitCode> {
    Allocator::keep(KEPT_BYTES);
    let config = run_config(arguments)?;
    let session = Session {
        resume: arguments.resume,
        budget: arguments.budget.map(minutes).transpose()?,
        checkpoint_interval: minutes(arguments.checkpoint)?,
    };
    let device = Device::open(arguments.device)?;
    let stop = stop_on_signals()?;
    let mut report = Report::new(&config, &device);
    let outcome = train::train(&config, &arguments.output, &session, &device, &mut |event| {
        report.show(event);
        if stop.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
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
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the result of the command")]
fn evaluate(arguments: &Evaluate) -> Result<ExitCode> {
    let Evaluate { photos, table, split, .. } = arguments;
    let weights = match &arguments.weights {
        Some(name) => Weights::find(name, Weights::user_folder().as_deref())?,
        None => Weights::default_weights()?,
    };
    let device = Device::open(arguments.device)?;
    let photos = list_photos(photos, table.as_deref(), split)?;
    let bar = bar("{bar:30} {pos}/{len} photos, {per_sec}, {eta} left");
    let mut observe = |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    };
    let (json, table, failures) = if arguments.hints.is_empty() {
        let report =
            evaluate::evaluate(&weights, &device, arguments.precision, &photos, &mut observe)?;
        (json!(report), report.to_string(), report.failures)
    } else {
        let counts = &arguments.hints;
        let report = evaluate::evaluate_hinted(&weights, &device, &photos, counts, &mut observe)?;
        (json!(report), report.to_string(), report.failures)
    };
    bar.finish_and_clear();
    for failure in &failures {
        say(failure);
    }
    if arguments.json {
        println!("{json}");
    } else {
        print!("{table}");
    }
    if let Some(path) = &arguments.sheet {
        let chosen = evaluate::spaced(&photos, arguments.count);
        let sheet = evaluate::comparison_sheet(&[weights], &device, &chosen)?;
        compare::save(&sheet, path)?;
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn export(arguments: &Export) -> Result<ExitCode> {
    let Export { weights: names, shares, .. } = arguments;
    let equal = vec![1.0 / names.len() as f64; names.len()];
    let shares = if shares.is_empty() { &equal } else { shares };
    if shares.len() != names.len() {
        let (shares, names) = (shares.len(), names.len());
        return Err(Error::Train(format!("{names} weights are named, and {shares} shares")));
    }
    let find = |name: &String| Weights::find(name, Weights::user_folder().as_deref());
    let parts = names.iter().map(find).zip(shares).map(|(weights, share)| Ok((weights?, *share)));
    let parts: Vec<(Weights, f64)> = parts.collect::<Result<_>>()?;
    let tensors = average(&parts)?;
    let (weights, _) = parts.last().expect("one is required");
    let config = changed(weights.config(), arguments.config.as_ref())?;
    let mut training = weights.training().clone();
    let epochs = training["epochs"].as_u64().map_or(usize::MAX, |epochs| epochs as usize);
    let minutes = names.last().and_then(|name| train::minutes_of_run(Path::new(name), epochs));
    if let (Value::Object(training), Some(minutes)) = (&mut training, minutes) {
        training.insert("minutes".to_owned(), json!((10.0 * minutes).round() / 10.0));
    }
    let mut training = changed(&training, arguments.training.as_ref())?;
    if let (Value::Object(training), [_, _, ..]) = (&mut training, parts.as_slice()) {
        let part =
            |(weights, share): &(Weights, f64)| json!({"sha256": weights.sha256(), "share": share});
        training.insert("mean_of".to_owned(), parts.iter().map(part).collect());
    }
    let (network, sepia) = (weights.network(), weights.sepia());
    let header = Header { network, config: &config, training: &training, sepia, integers: None };
    save_half(&arguments.output, &tensors, header)?;
    // What does not fit the network is better refused here than where the file is used.
    let written = Weights::read(&arguments.output)?;
    model::open(&written, &Device::open(DeviceChoice::Cpu)?)?;
    if arguments.integers {
        // Of the weights as they are read: rounded to half precision.
        let integers = calibrated(arguments, &written)?;
        save_half(&arguments.output, &tensors, Header { integers: Some(&integers), ..header })?;
    }
    Ok(ExitCode::SUCCESS)
}

fn checkpoint(Checkpoint { run, output }: &Checkpoint) -> Result<ExitCode> {
    let pictures = train::write_portable(run, output)?;
    say(&format!("{}/checkpoint.safetensors: {pictures} pictures seen", output.display()));
    Ok(ExitCode::SUCCESS)
}

/// What predictions of the weights in integers need.
fn calibrated(arguments: &Export, weights: &Weights) -> Result<Integers> {
    let folder = arguments.calibrate.as_deref().unwrap_or(Path::new("."));
    let photos = list_photos(folder, arguments.table.as_deref(), &arguments.split)?;
    let bar = bar("{bar:30} {pos}/{len} photos, {per_sec}, {eta} left");
    let integers =
        calibrate(weights, &evaluate::spaced(&photos, arguments.count), &mut |done, all| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        });
    bar.finish_and_clear();
    integers
}

fn import(arguments: &Import) -> Result<ExitCode> {
    let Import { file, network, output, config } = arguments;
    let changes = config.as_deref().map(read_network_config).transpose()?;
    let Imported { tensors, config, training } = import::import(file, network, changes.as_ref())?;
    // The photographs that they were trained on are not known here.
    save(output, &tensors, network, &config, &training, [0.0; 2])?;
    model::open(&Weights::read(output)?, &Device::open(DeviceChoice::Cpu)?)?;
    Ok(ExitCode::SUCCESS)
}

/// The settings of a run: those of its folder or the recipe's, changed by what was given.
fn run_config(arguments: &Fit) -> Result<Config> {
    let saved = if arguments.resume { Config::read(&arguments.output)? } else { None };
    let mut config = match (saved, &arguments.network, &arguments.data) {
        (Some(saved), _, _) => saved,
        (None, Some(network), Some(data)) => {
            let config = match &arguments.config {
                Some(text) => read_network_config(text)?,
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
        config.network_config = read_network_config(text)?;
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
        let own = config.recipe.clone().unwrap_or_else(Recipe::document);
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

/// A recipe with some of its entries changed: by JSON or a file of it.
fn recipe(own: Recipe, changes: Option<&String>) -> Result<Recipe> {
    let recipe = serde_json::from_value(changed(&json!(own), changes)?);
    let text = changes.map_or("", String::as_str);
    recipe.map_err(|error| Error::Train(format!("--recipe {text}: {error}")))
}

/// The command as it was given.
fn command_line() -> String {
    let words: Vec<String> = std::env::args().skip(1).collect();
    format!("polychromify-train {}", words.join(" "))
}

fn set<T: Clone>(field: &mut T, given: Option<&T>) {
    if let Some(given) = given {
        field.clone_from(given);
    }
}

/// JSON with some of its entries changed: by JSON or a file of it.
fn changed(value: &Value, changes: Option<&String>) -> Result<Value> {
    let mut value = value.clone();
    let Some(text) = changes else { return Ok(value) };
    match (&mut value, read_network_config(text)?) {
        (Value::Object(value), Value::Object(changes)) => value.extend(changes),
        (value, changes) => *value = changes,
    }
    Ok(value)
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
