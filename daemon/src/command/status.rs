//! `polychromify status`: what the ledger of an output folder knows.

use serde_json::{Value, json};

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
    let made = ledger.made_alike()?;
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
            "made": made.iter().map(|alike| json!({
                "software": alike.software,
                "weights": alike.weights,
                "weights_sha256": alike.weights_sha256,
                "settings": serde_json::from_str::<Value>(&alike.settings).unwrap_or_default(),
                "results": alike.results,
            })).collect::<Vec<_>>(),
        }));
        return Ok(Exit::AllDone);
    }
    report::print_line(&format!(
        "{} done, {} skipped, {} failed, {} queued; {rate} a minute lately",
        counts.done, counts.skipped, counts.failed, counts.queued
    ));
    if made.len() > 1 {
        for (index, alike) in made.iter().enumerate() {
            let software = alike.software.as_deref().unwrap_or("an older version");
            let hash = alike.weights_sha256.get(..8).unwrap_or_default();
            let weights = alike.weights.as_deref().unwrap_or("weights");
            let (results, settings) = (alike.results, &alike.settings);
            let latest = if index == 0 { "latest" } else { "before" };
            report::print_line(&format!(
                "{latest}: {results} by {software} with {weights} {hash}, {settings}"
            ));
        }
        report::print_line("`polychromify batch INPUT --redo-older` makes all of them alike");
    }
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
