//! `polychromify batch`: plans, then lets workers take jobs until none is left.

mod rehearsal;

use std::path::PathBuf;
use std::sync::mpsc::{self, Sender};
use std::thread;

use indicatif::MultiProgress;
use polychromify_core::Hints;

use crate::cli::Batch;
use crate::crew::Crew;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::fingerprint;
use crate::job::{self, Care, Contents, Facts, Outcome, Studio};
use crate::plan::{self, Job, Plan};
use crate::report::Report;
use crate::setup::{self, Means};
use crate::stop::Stop;

/// Runs the command.
///
/// # Errors
///
/// When the run cannot start; failures of single inputs are reported and counted.
pub(crate) fn run(arguments: &Batch, progress: &MultiProgress) -> Result<Exit> {
    let stop = Stop::on_signals().map_err(Error::Signals)?;
    let plan = plan::plan(&arguments.inputs, &arguments.output, arguments.coloring.format)?;
    let (hints, hints_sha256) = read_hints(arguments, plan.jobs.len())?;
    let means = Means::open(&arguments.coloring, hints_sha256)?;
    let workers = setup::workers(&arguments.coloring).min(plan.jobs.len().max(1));
    let limits = setup::limits(&arguments.coloring, workers);

    let mut report = Report::new(progress, arguments.json);
    for (path, error) in &plan.unreadable {
        let reason = error.reason(path);
        report.tell(path, None, &Outcome::Failed(reason, Facts::default()));
    }
    if plan.ignored > 0 {
        log::debug!("{} other files are ignored", plan.ignored);
    }
    if plan.jobs.is_empty() {
        for input in &arguments.inputs {
            log::warn!("{}: no photographs found (JPEG, PNG or TIFF)", input.display());
        }
    } else if arguments.dry_run {
        rehearsal::rehearse(arguments, &plan, &means.recipe, &limits, &mut report)?;
    } else {
        let (_lock, ledger) = setup::open_output(&plan.folder)?;
        let (photographs, weights, device) = (plan.jobs.len(), &means.weights, &means.device);
        let s = if photographs == 1 { "" } else { "s" };
        log::info!("{photographs} photograph{s}, {workers} at a time, on {device} with {weights}");
        let studio = Studio {
            colorizer: means.colorizer,
            ledger,
            folder: plan.folder.clone(),
            recipe: means.recipe,
            weights: means.weights,
            hints,
            style: means.style,
            limits,
            force: arguments.force,
            care: Care::default(),
            contents: Contents::default(),
            stop: stop.clone(),
        };
        color_all(&studio, arguments, &plan, workers, &mut report)?;
    }

    let told = report.done + report.skipped + report.failed;
    let queued = ((plan.jobs.len() + plan.unreadable.len()) as u64).saturating_sub(told);
    let failed = report.failed;
    report.finish(queued);
    Ok(match (stop.is_asked() && queued > 0, failed) {
        (true, _) => Exit::Stopped,
        (false, 0) => Exit::AllDone,
        (false, _) => Exit::SomeFailed,
    })
}

fn read_hints(arguments: &Batch, photographs: usize) -> Result<(Hints, Option<String>)> {
    match &arguments.hints {
        None => Ok((Hints::default(), None)),
        Some(_) if photographs > 1 => Err(Error::HintsForMany { found: photographs }),
        Some(path) => Ok((Hints::read(path)?, Some(fingerprint::sha256(path)?))),
    }
}

fn color_all(
    studio: &Studio,
    arguments: &Batch,
    plan: &Plan,
    workers: usize,
    report: &mut Report,
) -> Result<()> {
    let mut jobs = Vec::with_capacity(plan.jobs.len());
    report.start_bar(plan.jobs.len());
    for job in &plan.jobs {
        match finished(studio, arguments, job)? {
            Some(outcome) => report.tell(&job.shown, Some(&shown(arguments, job)), &outcome),
            None => jobs.push(job.clone()),
        }
    }
    let ids = studio.ledger.enqueue(&jobs, &studio.recipe)?;
    let crew = Crew::default();
    let workers = workers.min(jobs.len());
    crew.add(ids.into_iter().zip(jobs));
    crew.complete();
    let (sender, outcomes) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..workers {
            let sender = sender.clone();
            scope.spawn(|| work(studio, &crew, sender));
        }
        drop(sender);
        for (job, outcome) in outcomes {
            report.tell(&job.shown, Some(&shown(arguments, &job)), &outcome);
        }
    });
    Ok(())
}

/// Takes jobs and does them until there is none, or the program is asked to stop.
fn work(studio: &Studio, crew: &Crew, outcomes: Sender<(Job, Outcome)>) {
    while !studio.stop.is_asked()
        && let Some((id, job)) = crew.take()
    {
        let outcome = studio.perform(id, &job);
        crew.end();
        if outcomes.send((job, outcome)).is_err() {
            break;
        }
    }
}

/// The outcome of a job that shows by its times to be done already.
fn finished(studio: &Studio, arguments: &Batch, job: &Job) -> Result<Option<Outcome>> {
    if arguments.force {
        return Ok(None);
    }
    let result = job::is_done_by_times(&studio.ledger, &studio.folder, job, &studio.recipe)?;
    Ok(result.map(|result| {
        let mut facts = Facts::default();
        facts.of_result(&result);
        Outcome::Skipped(job::DONE_ALREADY.to_owned(), facts)
    }))
}

/// The result's path as the user would write it.
fn shown(arguments: &Batch, job: &Job) -> PathBuf {
    arguments.output.join(&job.output)
}
