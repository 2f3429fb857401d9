//! `polychromify batch`: plans, then lets workers take jobs until none is left.

mod rehearsal;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;

use directories::ProjectDirs;
use indicatif::MultiProgress;
use polychromify_core::scan::Limits;
use polychromify_core::{Colorizer, Device, Hints, Weights};

use crate::cli::{Batch, BordersChoice};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::fingerprint;
use crate::job::{self, Facts, Outcome, Studio, Style};
use crate::ledger::{self, Ledger};
use crate::lock::Lock;
use crate::plan::{self, Job, Plan};
use crate::recover;
use crate::report::Report;
use crate::settings::Settings;
use crate::stop::Stop;

/// Most pixels of a scan. The largest archive scans have a few hundred megapixels; a file that
/// claims more than this is refused before it takes hours.
const MOST_PIXELS: u64 = 4_000_000_000;

/// Runs the command.
///
/// # Errors
///
/// When the run cannot start; failures of single inputs are reported and counted.
pub(crate) fn run(arguments: &Batch, progress: &MultiProgress) -> Result<Exit> {
    let stop = Stop::on_signals().map_err(Error::Signals)?;
    let plan = plan::plan(&arguments.inputs, &arguments.output, arguments.format)?;
    let (hints, hints_sha256) = read_hints(arguments, plan.jobs.len())?;
    let weights = find_weights(arguments.weights.as_deref())?;
    let device = Device::open(arguments.device.choice())?;
    let colorizer = Colorizer::open(&weights, &device)?;
    let recipe = Settings::new(arguments, hints_sha256).recipe(weights.sha256());
    let workers = workers(arguments, plan.jobs.len());
    let limits = Limits { pixels: MOST_PIXELS, memory: arguments.memory / workers as u64 };

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
        rehearsal::rehearse(arguments, &plan, &recipe, &limits, &mut report)?;
    } else {
        let (_lock, ledger) = open_output(&plan.folder)?;
        let studio = Studio {
            colorizer,
            ledger,
            folder: plan.folder.clone(),
            recipe,
            weights: weights.name().to_owned(),
            hints,
            style: Style {
                format: arguments.format.format(),
                saturation: arguments.saturation,
                quality: arguments.quality,
                max_side: arguments.max_side,
                keep_borders: arguments.borders == BordersChoice::Keep,
            },
            limits,
            force: arguments.force,
            stop: stop.clone(),
        };
        let (photographs, name) = (plan.jobs.len(), weights.name());
        let s = if photographs == 1 { "" } else { "s" };
        log::info!(
            "{photographs} photograph{s}, {workers} at a time, on {} with {name}",
            device.name()
        );
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

fn find_weights(name: Option<&str>) -> Result<Weights> {
    let Some(name) = name else { return Ok(Weights::default_weights()?) };
    let folder =
        ProjectDirs::from("", "", "Polychromify").map(|user| user.data_dir().join("weights"));
    Ok(Weights::find(name, folder.as_deref())?)
}

fn workers(arguments: &Batch, photographs: usize) -> usize {
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let wanted = arguments.jobs.map_or_else(cores, |jobs| jobs.get().into());
    wanted.min(photographs.max(1))
}

/// Creates and locks the output folder, and settles what an earlier run left.
fn open_output(folder: &Path) -> Result<(Lock, Ledger)> {
    let hidden = folder.join(ledger::FOLDER);
    std::fs::create_dir_all(&hidden).map_err(Error::io(&hidden, "create"))?;
    let lock = Lock::take(&hidden.join("lock"), folder)?;
    let ledger = Ledger::open(folder)?;
    let unsettled = recover::recover(&ledger, folder)?;
    if unsettled > 0 {
        log::info!("{}: an earlier run was interrupted; going on", folder.display());
    }
    Ok((lock, ledger))
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
    let queue: Vec<(i64, Job)> = ids.into_iter().zip(jobs).collect();
    let next = AtomicUsize::new(0);
    let (sender, outcomes) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..workers.min(queue.len()) {
            let sender = sender.clone();
            scope.spawn(|| work(studio, &queue, &next, sender));
        }
        drop(sender);
        for (index, outcome) in outcomes {
            let job: &Job = &queue[index].1;
            report.tell(&job.shown, Some(&shown(arguments, job)), &outcome);
        }
    });
    Ok(())
}

/// Takes jobs and does them until there is none, or the program is asked to stop.
fn work(
    studio: &Studio,
    queue: &[(i64, Job)],
    next: &AtomicUsize,
    outcomes: Sender<(usize, Outcome)>,
) {
    while !studio.stop.is_asked() {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some((id, job)) = queue.get(index) else { break };
        if outcomes.send((index, studio.perform(*id, job))).is_err() {
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
