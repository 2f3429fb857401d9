//! `polychromify film`: films, one after the other.

use std::borrow::Cow;
use std::ops::ControlFlow::{Break, Continue};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use indicatif::MultiProgress;
use polychromify_core::{FilmSettings, Hints};

use crate::cli::Film;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::film::{self, FilmContext, Guidance};
use crate::job::{
    ContentClaims, Decision, JobContext, JobDetails, Outcome, SkipReason, Step, Treatment, decide,
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
    let films = plan.jobs.len() + plan.sequences.len();
    let mut film = FilmContext {
        codec: arguments.codec,
        settings: FilmSettings { saturation, steadiness, reference: None },
        guidance: guidance(arguments, plan)?,
        alone: true,
        allow_gaps: arguments.allow_gaps,
        rate: arguments.rate,
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
    let (device, weights) = (&context.model.device, &context.model.weights);
    let s = if films == 1 { "" } else { "s" };
    log::info!("{films} film{s}, on {device} with {weights}");
    let jobs = jobs(arguments, plan);
    let ids = if writes_results {
        let queued = jobs.iter().map(|(job, _)| (job.as_ref(), None));
        context.ledger.enqueue(queued, &context.model.recipe)?
    } else {
        vec![0; jobs.len()]
    };
    for (id, (job, frames)) in ids.into_iter().zip(&jobs) {
        if stop.is_asked() {
            break;
        }
        let film = (job.as_ref(), *frames);
        let outcome = match arguments {
            Film { dry_run: true, .. } => dry_run(&context, film),
            Film { preview: true, .. } => preview(&context, film),
            _ => perform(&context, id, film),
        };
        report.tell(&job.shown, Some(&arguments.output.join(&job.output)), &outcome);
    }
    for sequence in plan.sequences.iter().filter(|sequence| !sequence.is_dpx()) {
        if stop.is_asked() {
            break;
        }
        let outcome = color_sequence(&context, arguments, sequence);
        report.tell(&sequence.shown, Some(&arguments.output.join(&sequence.list)), &outcome);
    }
    Ok(())
}

/// Reads what guides the colors; frames are those of a single film.
fn guidance(arguments: &Film, plan: &Plan) -> Result<Guidance> {
    let films = plan.jobs.len() + plan.sequences.len();
    if films > 1 && (!arguments.keyframe.is_empty() || arguments.hints.is_some()) {
        return Err(Error::FramesOfMany { found: films });
    }
    Guidance::read(arguments, plan.sequences.iter().any(|sequence| !sequence.is_dpx()))
}

/// A film, and its frames where they are files.
type OneFilm<'a> = (&'a Job, Option<&'a Sequence>);

/// All that become films.
fn jobs<'a>(arguments: &Film, plan: &'a Plan) -> Vec<(Cow<'a, Job>, Option<&'a Sequence>)> {
    let naming = Naming::Films(arguments.codec.extension());
    let whole = plan.jobs.iter().map(|job| (Cow::Borrowed(job), None));
    let of_frames = plan.sequences.iter().filter(|sequence| sequence.is_dpx());
    let of_frames = of_frames.map(|frames| (Cow::Owned(frames.as_film(naming)), Some(frames)));
    whole.chain(of_frames).collect()
}

fn policy(arguments: &Film) -> Result<Policy> {
    Ok(Policy {
        redo: match (arguments.force, arguments.redo_older) {
            (true, _) => Redo::All,
            (false, true) => Redo::Older,
            (false, false) => Redo::Nothing,
        },
        sidecar: true,
        strict: arguments.strict,
        time: policy::fixed_time()?,
        ..Policy::default()
    })
}

fn perform(context: &JobContext, id: i64, (job, frames): OneFilm<'_>) -> Outcome {
    match frames {
        Some(frames) => context.perform_frames(id, job, frames),
        None => context.perform(id, job),
    }
}

fn color_sequence(context: &JobContext, arguments: &Film, sequence: &Sequence) -> Outcome {
    let film = context.film.as_ref().expect("set for all films");
    let mut details = JobDetails::default();
    if arguments.preview {
        let written = context.preview_sequence(film, sequence, &mut details);
        return previewed(context, &sequence.shown, written, details);
    }
    if !arguments.dry_run {
        return context.color_sequence(film, sequence);
    }
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
fn dry_run(context: &JobContext, film: OneFilm<'_>) -> Outcome {
    let (job, mut details) = (film.0, JobDetails::default());
    match would(context, film, &mut details) {
        Ok(Continue(())) => {
            log::info!("{}: would be colored", job.shown.display());
            Outcome::Skipped(SkipReason::DryRun, details)
        }
        Ok(Break(reason)) => Outcome::Skipped(reason, details),
        Err(error) => Outcome::Failed(error.reason(&job.shown), details),
    }
}

/// Writes a sheet of a film's shots.
fn preview(context: &JobContext, film: OneFilm<'_>) -> Outcome {
    let mut details = JobDetails::default();
    let settings = context.film.as_ref().expect("set for all films");
    let written = context.preview_film(settings, film, &mut details);
    previewed(context, &film.0.shown, written, details)
}

/// How it ended to write a sheet.
fn previewed(
    context: &JobContext,
    shown: &Path,
    written: Step<PathBuf>,
    details: JobDetails,
) -> Outcome {
    match written {
        Ok(Continue(sheet)) => {
            log::info!("{}: {}", shown.display(), sheet.display());
            film::tell_times(shown, &details.shown_at);
            Outcome::Done(details)
        }
        Ok(Break(reason)) => Outcome::Skipped(reason, details),
        Err(_) if context.stop.is_asked() => Outcome::Stopped,
        Err(error) => Outcome::Failed(error.reason(shown), details),
    }
}

fn would(context: &JobContext, film: OneFilm<'_>, details: &mut JobDetails) -> Step<()> {
    let (job, frames) = film;
    let content = context.content(job, frames)?;
    details.sha256_input = Some(content.clone());
    let (known, path) = (context.ledger.result(&job.output)?, context.folder.join(&job.output));
    let Treatment { recipe, redo, .. } = &context.treatment(&job.output, &content)?;
    Ok(match decide(job, &content, recipe, *redo, &path, known)? {
        Decision::Color(_) => {
            let settings = context.film.as_ref().expect("set for all films");
            context.look_at_film(settings, film, details)?
        }
        Decision::Keep(result) => {
            details.of_result(&result);
            Break(done_already(&result, recipe))
        }
        Decision::LeaveEdited => Break(SkipReason::ResultEdited),
    })
}
