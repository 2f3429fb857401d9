//! `polychromify work`: does the jobs that others put into a ledger in PostgreSQL.

use std::sync::atomic::AtomicU64;

use indicatif::MultiProgress;
use polychromify_core::Hints;

use crate::cli::Work;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::job::{ContentClaims, JobContext};
use crate::limits;
use crate::model::OpenedModel;
use crate::output;
use crate::plan;
use crate::policy::{self, Policy, Redo, Retries};
use crate::queue::JobQueue;
use crate::report::Report;
use crate::stop::Stop;
use crate::workers::{self, Feed};

/// Runs the command.
///
/// # Errors
///
/// When it cannot start; failures of single inputs are reported and recorded.
pub(crate) fn run(arguments: &Work, progress: &MultiProgress) -> Result<Exit> {
    let stop = Stop::on_signals().map_err(Error::Signals)?;
    let folder = plan::resolve(&arguments.output)?;
    let model = OpenedModel::open(&arguments.coloring, None)?;
    let workers = limits::workers(arguments.coloring.jobs);
    let (_held, ledger) = output::open_shared(&folder, &arguments.ledger)?;
    ledger.join(&model.recipe)?;
    log::info!("{workers} at a time, on {} with {}", model.device, model.weights);
    let feed = Feed::endless(vec![model.recipe.clone()]);
    let context = JobContext {
        model,
        ledger,
        folder,
        hints: Hints::default(),
        limits: limits::of_each(arguments.coloring.memory, workers),
        time_limit: arguments.coloring.time_limit,
        bands: AtomicU64::new(0),
        policy: Policy {
            retries: Some(Retries::default()),
            redo: if arguments.coloring.redo_older { Redo::Older } else { Redo::Nothing },
            strict: arguments.coloring.strict,
            sidecar: arguments.coloring.sidecar,
            time: policy::fixed_time()?,
            ..Policy::default()
        },
        claims: ContentClaims::default(),
        stop,
        film: None,
    };
    let mut report = Report::new(progress, arguments.json);
    let queue = JobQueue::default();
    workers::run(&context, &queue, workers, Some(&feed), &mut |ended| {
        if let Some((job, outcome)) = ended {
            report.tell(&job.shown, Some(&context.folder.join(&job.output)), &outcome);
        }
    })?;
    context.ledger.leave()?;
    report.finish(0);
    Ok(Exit::Stopped)
}
