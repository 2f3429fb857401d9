//! `--dry-run`: the same decisions as a run's, and nothing written.

use polychromify_core::Scan;
use polychromify_core::scan::Limits;

use crate::cli::Batch;
use crate::error::Result;
use crate::fingerprint;
use crate::job::{DONE_ALREADY, Decision, Facts, LEFT_EDITED, Outcome, decide};
use crate::ledger::Ledger;
use crate::plan::{Job, Plan};
use crate::report::Report;
use crate::settings::Recipe;

const WOULD_BE_COLORED: &str = "dry run: would be colored";

/// Tells what a run would do, writing nothing: headers are read, and the ledger if there is one.
pub(super) fn rehearse(
    arguments: &Batch,
    plan: &Plan,
    recipe: &Recipe,
    limits: &Limits,
    report: &mut Report,
) -> Result<()> {
    let ledger = Ledger::read(&plan.folder)?;
    let mut colored = 0;
    for job in &plan.jobs {
        let outcome = rehearse_one(arguments, plan, recipe, limits, ledger.as_ref(), job)
            .unwrap_or_else(|error| Outcome::Failed(error.reason(&job.shown), Facts::default()));
        let output = super::shown(arguments, job);
        if matches!(&outcome, Outcome::Skipped(reason, _) if reason == WOULD_BE_COLORED) {
            log::info!("{}: would be colored, to {}", job.shown.display(), output.display());
            colored += 1;
        }
        report.tell(&job.shown, Some(&output), &outcome);
    }
    log::info!("dry run: {colored} would be colored; nothing was written");
    Ok(())
}

fn rehearse_one(
    arguments: &Batch,
    plan: &Plan,
    recipe: &Recipe,
    limits: &Limits,
    ledger: Option<&Ledger>,
    job: &Job,
) -> Result<Outcome> {
    let mut facts = Facts::default();
    let content = fingerprint::sha256(&job.shown)?;
    facts.sha256_input = Some(content.clone());
    let known = ledger.map(|ledger| ledger.result(&job.output)).transpose()?.flatten();
    let path = plan.folder.join(&job.output);
    let reason = match decide(job, &content, recipe, arguments.force, &path, known)? {
        Decision::Color(_) => {
            let scan = Scan::open(&job.shown, limits)?;
            (facts.width, facts.height) = (Some(scan.info().width), Some(scan.info().height));
            WOULD_BE_COLORED
        }
        Decision::Keep(result) => {
            facts.of_result(&result);
            DONE_ALREADY
        }
        Decision::LeaveEdited => LEFT_EDITED,
    };
    Ok(Outcome::Skipped(reason.to_owned(), facts))
}
