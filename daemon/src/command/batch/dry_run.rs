//! `--dry-run`: the same decisions as a run's, what it would take, and nothing written.

use std::ops::ControlFlow::{Break, Continue};
use std::path::Path;
use std::time::Duration;

use indicatif::{BinaryBytes, HumanDuration};
use serde_json::json;

use super::estimate::{self, Candidate};
use crate::cli::Batch;
use crate::error::Result;
use crate::files::originals::OpenOriginal;
use crate::job::{
    Decision, Estimate, JobContext, JobDetails, Outcome, SkipReason, Step, Treatment, decide,
    done_already, notices,
};
use crate::plan::{Job, Plan};
use crate::policy::Redo;
use crate::report::Report;

/// Tells what a run would do, writing nothing: headers are read, the ledger if there is one, and a
/// few photographs are colored to nowhere.
pub(super) fn dry_run(
    arguments: &Batch,
    plan: &Plan,
    context: &JobContext,
    workers: usize,
    report: &mut Report,
) {
    let mut candidates = Vec::new();
    let mut outcomes = Vec::with_capacity(plan.jobs.len());
    report.start_bar(plan.jobs.len());
    for job in &plan.jobs {
        if context.stop.is_asked() {
            return;
        }
        let mut details = JobDetails::default();
        outcomes.push(match dry_run_one(context, job, &mut details) {
            Ok(Continue(candidate)) => {
                candidates.push(candidate);
                Outcome::Skipped(SkipReason::DryRun, details)
            }
            Ok(Break(reason)) => Outcome::Skipped(reason, details),
            Err(error) => Outcome::Failed(error.reason(&job.shown), details),
        });
    }
    let workers = workers.min(candidates.len().max(1));
    let estimates = estimate::estimate(context, &candidates, workers);
    let mut told = estimates.iter();
    for (job, mut outcome) in plan.jobs.iter().zip(outcomes) {
        let output = arguments.output.join(&job.output);
        if let Outcome::Skipped(SkipReason::DryRun, details) = &mut outcome {
            details.estimate = told.next().copied();
            log::info!("{}: would be colored, to {}", job.shown.display(), output.display());
        }
        report.tell(&job.shown, Some(&output), &outcome);
    }
    let colored = candidates.len();
    if estimates.is_empty() {
        log::info!("dry run: {colored} would be colored; nothing was written");
    } else {
        tell_estimate(arguments, &plan.folder, &estimates, workers, report);
    }
}

/// Tells what all that would be colored takes.
fn tell_estimate(
    arguments: &Batch,
    folder: &Path,
    estimates: &[Estimate],
    workers: usize,
    report: &mut Report,
) {
    let colored = estimates.len();
    let seconds = estimate::wall_seconds(estimates, workers);
    let bytes: u64 = estimates.iter().map(|estimate| estimate.bytes).sum();
    let free = estimate::free_space(folder);
    report.estimate = Some(json!({
        "seconds": (seconds * 10.0).round() / 10.0,
        "bytes": bytes,
        "free_bytes": free,
        "fits": free.map(|free| bytes <= free),
    }));
    let time = HumanDuration(Duration::from_secs_f64(seconds.max(1.0)));
    let needed = BinaryBytes(bytes);
    log::info!(
        "dry run: {colored} would be colored in about {time}, {workers} at a time, and take about \
         {needed}; nothing was written"
    );
    if let Some(free) = free.filter(|&free| free < bytes) {
        let (folder, free) = (arguments.output.display(), BinaryBytes(free));
        log::warn!("{folder}: results would take about {needed}, and {free} are free there");
    }
}

fn dry_run_one(context: &JobContext, job: &Job, details: &mut JobDetails) -> Step<Candidate> {
    if let Some((result, reason)) = context.done_by_times(job)? {
        details.of_result(&result);
        return Ok(Break(reason));
    }
    let limits = context.limits_from_now();
    let original = job.original().open()?;
    let content = original.sha256(&context.stop, limits.deadline)?;
    details.sha256_input = Some(content.clone());
    let Treatment { recipe, redo, .. } = &context.treatment(&job.output, &content)?;
    let known = context.ledger.result(&job.output)?;
    let path = context.folder.join(&job.output);
    Ok(match decide(job, &content, recipe, *redo, &path, known)? {
        Decision::Color(_) => {
            if *redo != Redo::All && original.scan(&limits)?.is_result() {
                return Ok(Break(SkipReason::OwnResult));
            }
            Continue(candidate(context, job, &original, content, details)?)
        }
        Decision::Keep(result) => {
            details.of_result(&result);
            Break(done_already(&result, recipe))
        }
        Decision::LeaveEdited => Break(SkipReason::ResultEdited),
    })
}

/// Reads the headers of all pages.
fn candidate(
    context: &JobContext,
    job: &Job,
    original: &OpenOriginal,
    content: String,
    details: &mut JobDetails,
) -> Result<Candidate> {
    let mut scan = original.scan(&context.limits_from_now())?;
    let first = scan.info().clone();
    (details.width, details.height) = (Some(first.width), Some(first.height));
    let (mut pixels, mut result_pixels) = (0, 0);
    for page in 0..scan.pages() {
        scan.select(page)?;
        details.notices = notices::of(&scan);
        context.refuse_losses(job, &scan)?;
        let area = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
        let info = scan.info();
        pixels += area((info.width, info.height));
        result_pixels += area(scan.output_size(&context.model.settings.encoding(info.width)));
    }
    let format = context.model.settings.format.unwrap_or(first.format);
    let job = job.clone();
    Ok(Candidate { job, content, format, depth: first.depth, pixels, result_pixels })
}
