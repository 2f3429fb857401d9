//! `polychromify status`: what the ledger of an output folder knows.

use serde_json::json;

use crate::cli::Status;
use crate::config;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::report;

/// Runs the command.
pub(crate) fn run(arguments: &Status) -> Result<Exit> {
    let output = config::output(&arguments.at)?;
    let ledger = Ledger::read(&output)?.ok_or(Error::NoLedger { folder: output })?;
    let counts = ledger.counts()?;
    let rate = (ledger.rate_per_minute()? * 10.0).round() / 10.0;
    let (running, failures) = (ledger.running()?, ledger.failures()?);
    if arguments.json {
        let running: Vec<_> = running.iter().map(|path| path.to_string_lossy()).collect();
        let failures: Vec<_> = failures
            .iter()
            .map(|failure| {
                json!({
                    "input": failure.input.to_string_lossy(),
                    "reason": failure.reason,
                    "tries": failure.tries,
                    "last_try": failure.last_try,
                })
            })
            .collect();
        report::print_json(&json!({
            "done": counts.done, "failed": counts.failed, "queued": counts.queued,
            "skipped": counts.skipped, "rate_per_minute": rate, "running": running,
            "failures": failures,
        }));
        return Ok(Exit::AllDone);
    }
    report::print_line(&format!(
        "{} done, {} skipped, {} failed, {} queued; {rate} a minute lately",
        counts.done, counts.skipped, counts.failed, counts.queued
    ));
    for path in &running {
        report::print_line(&format!("running: {}", path.display()));
    }
    for failure in &failures {
        let (input, reason, tries) = (failure.input.display(), &failure.reason, failure.tries);
        report::print_line(&format!("failed: {input}: {reason} (tried {tries}x)"));
    }
    for failure in ledger.hook_failures()? {
        let (input, reason) = (failure.input.display(), &failure.reason);
        report::print_line(&format!("hook failed: {input}: {reason}"));
    }
    Ok(Exit::AllDone)
}
