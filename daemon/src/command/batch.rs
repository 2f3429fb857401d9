//! `polychromify batch`: plans, then lets workers take jobs until none is left.

mod dry_run;
mod estimate;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use indicatif::MultiProgress;
use polychromify_core::{Deadline, Hints};

use crate::cli::Batch;
use crate::command::manifest::{self, Chosen};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::files::originals::OriginalPath;
use crate::job::{ContentClaims, JobContext, JobDetails, Outcome, SkipReason};
use crate::ledger::{KNOWN_AT_ONCE, Known, Ledger};
use crate::limits;
use crate::model::OpenedModel;
use crate::output;
use crate::plan::{self, Job, Naming, Plan};
use crate::policy::{self, Policy, Redo};
use crate::queue::JobQueue;
use crate::report::Report;
use crate::stop::Stop;
use crate::workers::{self, Feed, ROUND};

/// Runs the command.
///
/// # Errors
///
/// When the run cannot start; failures of single inputs are reported and counted.
pub(crate) fn run(arguments: &Batch, progress: &MultiProgress) -> Result<Exit> {
    let stop = Stop::on_signals().map_err(Error::Signals)?;
    let mut plan = plan::plan(
        &arguments.inputs,
        &arguments.output,
        Naming::Photographs(arguments.coloring.format),
    )?;
    let (hints, hints_sha256) = read_hints(arguments, plan.jobs.len())?;
    if plan.jobs.is_empty() {
        for input in &arguments.inputs {
            log::warn!("{}: no photographs found (JPEG, PNG or TIFF)", input.display());
        }
    }
    if let Some(shard) = arguments.shard {
        plan.keep(shard);
    }
    let policy = policy(arguments)?;
    let model = OpenedModel::open(&arguments.coloring, hints_sha256)?;

    let mut manifest_failed = false;
    let mut report = Report::new(progress, arguments.json);
    tell_left_out(&plan, &mut report);
    if plan.ignored > 0 {
        log::debug!("{} other files are ignored", plan.ignored);
    }
    if !plan.jobs.is_empty() {
        let workers = limits::workers(arguments.coloring.jobs).min(plan.jobs.len());
        let (_lock, ledger) = if arguments.dry_run {
            (
                None,
                Ledger::find(&plan.folder, arguments.ledger.as_ref())?
                    .map_or_else(Ledger::in_memory, Ok)?,
            )
        } else {
            let (lock, ledger) = match (arguments.shard, &arguments.ledger) {
                (Some(shard), _) => output::open_shard(&plan.folder, shard)?,
                (None, Some(address)) => output::open_shared(&plan.folder, address)?,
                (None, None) => output::open(&plan.folder)?,
            };
            (Some(lock), ledger)
        };
        let context = JobContext {
            model,
            ledger,
            folder: plan.folder.clone(),
            hints,
            limits: limits::of_each(arguments.coloring.memory, workers),
            time_limit: arguments.coloring.time_limit,
            bands: AtomicU64::new(0),
            policy,
            claims: ContentClaims::default(),
            stop: stop.clone(),
            film: None,
        };
        if arguments.only_rejected {
            keep_rejected(&mut plan, &context.ledger)?;
        }
        if arguments.dry_run {
            dry_run::dry_run(arguments, &plan, &context, workers, &mut report);
        } else {
            context.ledger.join(&context.model.recipe)?;
            let colored = color_all(&context, arguments, &plan, workers, &mut report);
            context.ledger.leave()?;
            colored?;
            report.elsewhere = elsewhere(&context, &plan, &report)?;
            manifest_failed = arguments.manifest && !write_manifest(&context, arguments);
        }
    }

    let told = report.done + report.skipped + report.failed + report.elsewhere;
    let planned = plan.jobs.len() + plan.refused.len() + plan.misnamed.len();
    let queued = (planned as u64).saturating_sub(told);
    let failed = report.failed;
    report.finish(queued);
    Ok(match (stop.is_asked() && queued > 0, failed) {
        (true, _) => Exit::Stopped,
        (false, 0) if !manifest_failed => Exit::AllDone,
        (false, _) => Exit::SomeFailed,
    })
}

/// How many of a plan other workers at the same ledger did.
fn elsewhere(context: &JobContext, plan: &Plan, report: &Report) -> Result<u64> {
    if !context.ledger.is_shared() {
        return Ok(0);
    }
    let open = context.ledger.open_outputs()?;
    let ended = plan.jobs.iter().filter(|job| !open.contains(&job.output)).count();
    let left_out = plan.refused.len() + plan.misnamed.len();
    let told = report.done + report.skipped + report.failed;
    Ok((ended as u64 + left_out as u64).saturating_sub(told))
}

/// Leaves of a plan what was rejected.
fn keep_rejected(plan: &mut Plan, ledger: &Ledger) -> Result<()> {
    let rejected = ledger.rejected()?;
    plan.jobs.retain(|job| rejected.contains(&job.output));
    log::info!("{} of them were rejected", plan.jobs.len());
    Ok(())
}

/// Tells of what is not colored, and why.
fn tell_left_out(plan: &Plan, report: &mut Report) {
    for (path, error) in &plan.refused {
        let reason = error.reason(path);
        report.tell(path, None, &Outcome::Failed(reason, JobDetails::default()));
    }
    for path in &plan.misnamed {
        let outcome = Outcome::Skipped(SkipReason::Misnamed, JobDetails::default());
        report.tell(path, None, &outcome);
    }
}

fn policy(arguments: &Batch) -> Result<Policy> {
    Ok(Policy {
        redo: match (arguments.force, arguments.coloring.redo_older || arguments.only_rejected) {
            (true, _) => Redo::All,
            (false, true) => Redo::Older,
            (false, false) => Redo::Nothing,
        },
        strict: arguments.coloring.strict,
        sidecar: arguments.coloring.sidecar,
        time: policy::fixed_time()?,
        ..Policy::default()
    })
}

fn read_hints(arguments: &Batch, photographs: usize) -> Result<(Hints, Option<String>)> {
    match &arguments.hints {
        None => Ok((Hints::default(), None)),
        Some(_) if photographs > 1 => Err(Error::HintsForMany { found: photographs }),
        Some(path) => {
            let file = OriginalPath::named(path.clone(), plan::identity(path)?).open()?;
            let sha256 = file.sha256(&Stop::default(), Deadline::NEVER)?;
            Ok((Hints::read(path)?, Some(sha256)))
        }
    }
}

fn color_all(
    context: &JobContext,
    arguments: &Batch,
    plan: &Plan,
    workers: usize,
    report: &mut Report,
) -> Result<()> {
    let (photographs, model) = (plan.jobs.len(), &context.model);
    let s = if photographs == 1 { "" } else { "s" };
    let (device, weights) = (&model.device, &model.weights);
    log::info!("{photographs} photograph{s}, {workers} at a time, on {device} with {weights}");
    report.start_bar(photographs);
    let jobs = unfinished(context, arguments, plan, report)?;
    if jobs.is_empty() {
        return Ok(());
    }
    let ids = context.ledger.enqueue(jobs.iter().map(|job| (job, None)), &context.model.recipe)?;
    let queue = &JobQueue::default();
    let workers = workers.min(jobs.len());
    let mut asked = Asked::of(&jobs);
    let feed = context.ledger.is_shared().then(|| Feed::of_plan(context, &jobs));
    if feed.is_none() {
        queue.add(ids.into_iter().zip(jobs));
        queue.complete();
    }
    workers::run(context, queue, workers, feed.as_ref(), &mut |ended| {
        if let Some((job, outcome)) = ended {
            asked.in_hand.remove(&job.output);
            report.tell(&job.shown, Some(&arguments.output.join(&job.output)), &outcome);
        }
        if feed.is_none() {
            asked.take(context, queue);
        }
    })
}

/// What of a plan is not done already; tells of what is.
fn unfinished(
    context: &JobContext,
    arguments: &Batch,
    plan: &Plan,
    report: &mut Report,
) -> Result<Vec<Job>> {
    let mut unfinished = Vec::with_capacity(plan.jobs.len());
    for some in plan.jobs.chunks(KNOWN_AT_ONCE) {
        let mut known = context.ledger.known_of(some.iter().map(|job| job.output.as_path()))?;
        for job in some {
            match finished(context, job, known.remove(&job.output))? {
                Some(outcome) => {
                    report.tell(&job.shown, Some(&arguments.output.join(&job.output)), &outcome);
                }
                None => unfinished.push(job.clone()),
            }
        }
    }
    Ok(unfinished)
}

/// Jobs that somebody asks for while a run goes on.
struct Asked {
    /// Results of jobs in the queue or in work.
    in_hand: HashSet<PathBuf>,
    /// What the ledger was when it was last asked.
    changes: Option<i64>,
    next: Instant,
}

impl Asked {
    fn of(jobs: &[Job]) -> Self {
        let in_hand = jobs.iter().map(|job| job.output.clone()).collect();
        Self { in_hand, changes: None, next: Instant::now() }
    }

    /// Puts what is asked for before all else that is queued. What comes too late for this run is made
    /// by the page itself.
    fn take(&mut self, context: &JobContext, queue: &JobQueue) {
        if Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + ROUND;
        let ledger = &context.ledger;
        let asked = ledger.foreign_changes().and_then(|changes| {
            let is_same = self.changes.replace(changes) == Some(changes);
            if is_same { Ok(Vec::new()) } else { ledger.asked() }
        });
        for (id, job) in asked.unwrap_or_default().into_iter().rev() {
            if self.in_hand.insert(job.output.clone()) {
                queue.add_first(id, job);
            } else {
                self.changes = None; // it is looked at again
            }
        }
    }
}

/// Writes the manifests of what is done so far; gives whether that went well.
fn write_manifest(context: &JobContext, arguments: &Batch) -> bool {
    match manifest::write(&context.ledger, &context.ledger, &context.folder, Chosen::All) {
        Ok(sums) => {
            manifest::tell(&sums, &arguments.output);
            true
        }
        Err(error) => {
            log::error!("{error}");
            false
        }
    }
}

/// The outcome of a job that shows by its times to be done already.
fn finished(context: &JobContext, job: &Job, known: Option<Known>) -> Result<Option<Outcome>> {
    let Some(known) = known else { return Ok(None) };
    Ok(context.known_done_by_times(job, known)?.map(|(result, reason)| {
        context.keep_sidecar(&job.output, &result);
        let mut details = JobDetails::default();
        details.of_result(&result);
        Outcome::Skipped(reason, details)
    }))
}
