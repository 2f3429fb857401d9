//! `polychromify film`: films, one after the other.

use std::ops::ControlFlow::{Break, Continue};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use indicatif::MultiProgress;
use polychromify_core::{Deadline, FilmSettings, Hints};

use crate::cli::Film;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::film::refusal::Refusal;
use crate::film::{self, FilmContext, Guidance, Work};
use crate::job::{
    ContentClaims, Decision, JobContext, JobDetails, Outcome, SkipReason, Step, decide,
    done_already,
};
use crate::ledger::Ledger;
use crate::model::OpenedModel;
use crate::plan::{self, Job, Naming, Plan, Sequence};
use crate::policy::{self, Policy, Redo};
use crate::report::Report;
use crate::stop::Stop;
use crate::{limits, output};

/// Runs the command.
///
/// # Errors
///
/// When the run cannot start; failures of single inputs are reported and counted.
pub(crate) fn run(arguments: &Film, progress: &MultiProgress) -> Result<Exit> {
    let stop = Stop::on_signals().map_err(Error::Signals)?;
    let naming = Naming::Films(arguments.codec.extension());
    let plan = plan::plan(&arguments.inputs, &arguments.output, naming)?;
    film::are_there()?;
    let mut report = Report::new(progress, arguments.json);
    for (path, error) in &plan.refused {
        let outcome = Outcome::Failed(error.reason(path), JobDetails::default());
        report.tell(path, None, &outcome);
    }
    if plan.jobs.is_empty() && plan.sequences.is_empty() {
        for input in &arguments.inputs {
            log::warn!("{}: no films found", input.display());
        }
    } else {
        color(arguments, &plan, progress, &stop, &mut report)?;
    }
    let told = report.done + report.skipped + report.failed;
    let planned = plan.jobs.len() + plan.sequences.len() + plan.refused.len();
    let queued = (planned as u64).saturating_sub(told);
    let failed = report.failed;
    report.finish(queued);
    Ok(match (stop.is_asked() && queued > 0, failed) {
        (true, _) => Exit::Stopped,
        (false, 0) => Exit::AllDone,
        (false, _) => Exit::SomeFailed,
    })
}

fn color(
    arguments: &Film,
    plan: &Plan,
    progress: &MultiProgress,
    stop: &Stop,
    report: &mut Report,
) -> Result<()> {
    let (saturation, steadiness) = (arguments.saturation, arguments.steadiness);
    let mut film = FilmContext {
        codec: arguments.codec,
        settings: FilmSettings { saturation, steadiness, reference: None },
        guidance: guidance(arguments, plan.jobs.len() + plan.sequences.len())?,
        allow_gaps: arguments.allow_gaps,
        progress: progress.clone(),
    };
    let model = OpenedModel::open_for_films(arguments, &film)?;
    film.learn(&model.colorizer)?;
    let writes_results = !arguments.dry_run && !arguments.preview;
    let (_lock, ledger) = if writes_results {
        let (lock, ledger) = output::open(&plan.folder)?;
        (Some(lock), ledger)
    } else {
        (None, Ledger::read(&plan.folder)?.map_or_else(Ledger::in_memory, Ok)?)
    };
    let context = JobContext {
        model,
        ledger,
        folder: plan.folder.clone(),
        hints: Hints::default(),
        limits: limits::of_each(None, limits::workers(None)),
        time_limit: Duration::MAX,
        bands: AtomicU64::new(0),
        policy: policy(arguments)?,
        claims: ContentClaims::default(),
        stop: stop.clone(),
        film: Some(film),
    };
    let (films, device, weights) =
        (plan.jobs.len() + plan.sequences.len(), &context.model.device, &context.model.weights);
    let s = if films == 1 { "" } else { "s" };
    log::info!("{films} film{s}, on {device} with {weights}");
    let ids = if writes_results {
        context.ledger.enqueue(plan.jobs.iter().map(|job| (job, None)), &context.model.recipe)?
    } else {
        vec![0; plan.jobs.len()]
    };
    for (id, job) in ids.into_iter().zip(&plan.jobs) {
        if stop.is_asked() {
            break;
        }
        let outcome = match arguments {
            Film { dry_run: true, .. } => dry_run(&context, job),
            Film { preview: true, .. } => preview(&context, job),
            _ => perform(&context, id, job),
        };
        report.tell(&job.shown, Some(&arguments.output.join(&job.output)), &outcome);
    }
    for sequence in &plan.sequences {
        if stop.is_asked() {
            break;
        }
        let outcome = color_sequence(&context, arguments, sequence);
        report.tell(&sequence.shown, Some(&arguments.output.join(&sequence.list)), &outcome);
    }
    Ok(())
}

/// Reads what guides the colors; frames are those of a single film.
fn guidance(arguments: &Film, films: usize) -> Result<Guidance> {
    if films > 1 && (!arguments.keyframes.is_empty() || arguments.hints.is_some()) {
        return Err(Error::FramesOfMany { found: films });
    }
    Guidance::read(arguments)
}

fn policy(arguments: &Film) -> Result<Policy> {
    Ok(Policy {
        redo: match (arguments.force, arguments.redo_older) {
            (true, _) => Redo::All,
            (false, true) => Redo::Older,
            (false, false) => Redo::Nothing,
        },
        sidecar: true,
        time: policy::fixed_time()?,
        ..Policy::default()
    })
}

/// Colors a film. Its shots go when nothing is left to do for it.
fn perform(context: &JobContext, id: i64, job: &Job) -> Outcome {
    let outcome = context.perform(id, job);
    if matches!(outcome, Outcome::Done(_) | Outcome::Skipped(..))
        && let Err(error) = Work::remove(&context.folder, &job.output)
    {
        log::warn!("{error}");
    }
    outcome
}

fn color_sequence(context: &JobContext, arguments: &Film, sequence: &Sequence) -> Outcome {
    let film = context.film.as_ref().expect("set for all films");
    if arguments.preview {
        let refusal = Refusal::SequencePreview.to_string();
        return Outcome::Failed(refusal, JobDetails::default());
    }
    if !arguments.dry_run {
        return context.color_sequence(film, sequence);
    }
    let mut details = JobDetails::default();
    match context.asked_of_sequence(film, sequence, &mut details) {
        Ok(Continue(missing)) => {
            let frames = sequence.frames.len() - missing;
            log::info!("{}: {frames} frames would be colored", sequence.shown.display());
            Outcome::Skipped(SkipReason::DryRun, details)
        }
        Ok(Break(reason)) => Outcome::Skipped(reason, details),
        Err(error) => Outcome::Failed(error.reason(&sequence.shown), details),
    }
}

/// Says what would be done of a film.
fn dry_run(context: &JobContext, job: &Job) -> Outcome {
    let mut details = JobDetails::default();
    match would(context, job, &mut details) {
        Ok(Continue(())) => {
            log::info!("{}: would be colored", job.shown.display());
            Outcome::Skipped(SkipReason::DryRun, details)
        }
        Ok(Break(reason)) => Outcome::Skipped(reason, details),
        Err(error) => Outcome::Failed(error.reason(&job.shown), details),
    }
}

/// Writes a sheet of a film's shots.
fn preview(context: &JobContext, job: &Job) -> Outcome {
    let mut details = JobDetails::default();
    let film = context.film.as_ref().expect("set for all films");
    match context.preview_film(film, job, &mut details) {
        Ok(Continue(sheet)) => {
            log::info!("{}: {}", job.shown.display(), sheet.display());
            Outcome::Done(details)
        }
        Ok(Break(reason)) => Outcome::Skipped(reason, details),
        Err(_) if context.stop.is_asked() => Outcome::Stopped,
        Err(error) => Outcome::Failed(error.reason(&job.shown), details),
    }
}

fn would(context: &JobContext, job: &Job, details: &mut JobDetails) -> Step<()> {
    let content = job.original().open()?.sha256(&context.stop, Deadline::NEVER)?;
    details.sha256_input = Some(content.clone());
    let (known, path) = (context.ledger.result(&job.output)?, context.folder.join(&job.output));
    let (recipe, redo) = (&context.model.recipe, context.policy.redo);
    Ok(match decide(job, &content, recipe, redo, &path, known)? {
        Decision::Color(_) => context.look_at_film(job, details)?,
        Decision::Keep(result) => {
            details.of_result(&result);
            Break(done_already(&result, recipe))
        }
        Decision::LeaveEdited => Break(SkipReason::ResultEdited),
    })
}
