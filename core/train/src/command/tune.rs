//! `polychromify-train tune`: studies, network after network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, ValueEnum};
use polychromify_core::internals::ops::Precision;
use polychromify_core::{Device, DeviceChoice, Error, Result};
use polychromify_train::Allocator;
use polychromify_train::train::{self, Config, Event, Findings, Member, Session, Study, Trained};

use super::report::{Report, say};
use super::session::{KEPT_BYTES, STOPPED, Stop, minutes};
use super::settings::{command_line, set};

/// Train each network of a study (Ghiotto 2021) by the same recipe, and compare them.
///
/// Networks that are trained already are passed over, and one that was stopped goes on, so the same
/// command repeated goes through the whole study. A table (CSV and Markdown) and a plot of the
/// validation accuracy by epoch are written after each network.
#[derive(Args)]
pub(crate) struct Tune {
    /// The tuning variants v1 to v5 of the convolutional dense family, or the networks v0 to v3 of
    /// the model selection and CNN. The two share their folder: v2 takes part in both.
    #[arg(long, value_name = "STUDY", default_value = "variants")]
    study: Choice,
    /// Cache that `prepare` wrote.
    #[arg(long, value_name = "CACHE")]
    data: PathBuf,
    /// Folder with a run folder for each network, and the tables and plots.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Passes over the training photographs [default: 25].
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Photographs a step [default: 32].
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Photographs to train on, evenly spaced through split `train` [default: all].
    #[arg(long, value_name = "N")]
    train_photos: Option<usize>,
    /// Photographs to validate on, evenly spaced through split `valid` [default: all].
    #[arg(long, value_name = "N")]
    valid_photos: Option<usize>,
    /// Seed of weights and order [default: 0].
    #[arg(long)]
    seed: Option<u64>,
    /// Stop after so many minutes with everything saved; the table still has every network that was
    /// begun.
    #[arg(long, value_name = "MINUTES")]
    budget: Option<f64>,
    /// Minutes between checkpoints within an epoch; each epoch ends with one.
    #[arg(long, value_name = "MINUTES", default_value_t = 10.0)]
    checkpoint: f64,
    /// What convolutions multiply in: f32, or bf16 on processors with AVX-512 BF16 [default: what a
    /// network's run began with; f32 for a new one].
    #[arg(long, value_name = "f32|bf16")]
    precision: Option<Precision>,
    /// auto, cpu or cuda.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

#[derive(Clone, Copy, ValueEnum)]
enum Choice {
    Variants,
    Networks,
}

/// Runs the command.
#[expect(clippy::print_stdout, reason = "the result of the command")]
pub(crate) fn tune(arguments: &Tune) -> Result<ExitCode> {
    Allocator::keep(KEPT_BYTES);
    let study = match arguments.study {
        Choice::Variants => Study::Variants,
        Choice::Networks => Study::Networks,
    };
    let device = Device::open(arguments.device)?;
    let (started, budget) = (Instant::now(), arguments.budget.map(minutes).transpose()?);
    let stop = Stop::on_signals()?;
    let mut findings = Findings { study, trained: Vec::new() };
    let (mut failed, mut over) = (false, false);
    for member in study.members() {
        let folder = arguments.output.join(member.folder);
        let mut config = adjusted(member.config(&arguments.data), arguments);
        let begun = train::read_config(&folder)?;
        if over && begun.is_none() {
            continue;
        }
        if let (None, Some(begun)) = (arguments.precision, begun) {
            config.precision = begun.precision;
        }
        let session = Session {
            resume: true,
            budget: budget.map(|budget| budget.saturating_sub(started.elapsed())),
            checkpoint_interval: minutes(arguments.checkpoint)?,
        };
        let run = run(member, &config, &folder, &session, &device, &stop)?;
        failed |= run.failed;
        findings.trained.push(run.trained);
        write(&findings, &arguments.output)?;
        if run.stopped && !over {
            say("stopped, everything saved; the same command goes on");
        }
        over |= run.stopped;
        if stop.asked().is_break() {
            break;
        }
    }
    print!("{findings}");
    let is_whole = !over && findings.trained.len() == study.members().len();
    Ok(match (failed, is_whole) {
        (true, _) => ExitCode::FAILURE,
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::from(STOPPED),
    })
}

/// How far a network of the study came.
struct Run {
    trained: Trained,
    stopped: bool,
    failed: bool,
}

/// Trains a network of the study. One that diverges is a finding, too, with the epochs that it had; the
/// others are trained all the same.
fn run(
    member: Member,
    config: &Config,
    folder: &Path,
    session: &Session,
    device: &Device,
    stop: &Stop,
) -> Result<Run> {
    say(&format!("{}: {}", folder.display(), member.label));
    let mut report = Report::new(config, device);
    let mut parameters = 0;
    let outcome = train::train(config, folder, session, device, &mut |event| {
        if let Event::Started { parameters: count, .. } = event {
            parameters = count;
        }
        report.show(event);
        stop.asked()
    });
    report.finish();
    let (history, stopped, failed) = match outcome {
        Err(error) if report.has_begun() => {
            say(&format!("polychromify-train: {error}"));
            (train::read_history(folder)?, false, true)
        }
        outcome => outcome.map(|outcome| (outcome.history, outcome.stopped, false))?,
    };
    let Config { precision, epochs, .. } = *config;
    Ok(Run { trained: Trained { member, parameters, precision, epochs, history }, stopped, failed })
}

/// The settings with what was given on the command line.
fn adjusted(mut config: Config, arguments: &Tune) -> Config {
    set(&mut config.epochs, arguments.epochs.as_ref());
    set(&mut config.batch, arguments.batch.as_ref());
    set(&mut config.seed, arguments.seed.as_ref());
    set(&mut config.precision, arguments.precision.as_ref());
    config.train_photos = arguments.train_photos.or(config.train_photos);
    config.valid_photos = arguments.valid_photos.or(config.valid_photos);
    config.command = command_line();
    config
}

/// Writes the tables and the plot.
fn write(findings: &Findings, folder: &Path) -> Result<()> {
    let name = findings.study.name();
    let files = [("csv", findings.csv()), ("md", findings.to_string()), ("svg", findings.plot()?)];
    for (extension, text) in files {
        let path = folder.join(format!("{name}.{extension}"));
        let written = fs::write(&path, text);
        written
            .map_err(|error| Error::Train(format!("{}: cannot write: {error}", path.display())))?;
    }
    Ok(())
}
