//! `polychromify status`: what the ledger of an output folder knows.

use serde_json::{Map, Value, json};

use crate::cli::Status;
use crate::config;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::ledger::{Ledger, Worker};
use crate::report;

/// Runs the command.
pub(crate) fn run(arguments: &Status) -> Result<Exit> {
    let output = config::output(&arguments.at)?;
    let ledger = Ledger::find(&output, arguments.at.ledger.as_ref())?
        .ok_or(Error::NoLedger { folder: output })?;
    if arguments.json {
        report::print_json(&json(&ledger)?);
    } else {
        print(&ledger)?;
    }
    Ok(Exit::AllDone)
}

fn json(ledger: &Ledger) -> Result<Value> {
    let counts = ledger.counts()?;
    let running = ledger.running()?.into_iter().map(|path| path.to_string_lossy().into_owned());
    let failures = ledger.failures()?.into_iter().map(|failure| {
        json!({
            "input": failure.input.to_string_lossy(),
            "reason": failure.reason,
            "tries": failure.tries,
            "last_try": failure.last_try,
        })
    });
    let made = ledger.made_alike()?.into_iter().map(|alike| {
        json!({
            "software": alike.software,
            "weights": alike.weights,
            "weights_sha256": alike.weights_sha256,
            "settings": serde_json::from_str::<Value>(&alike.settings).unwrap_or_default(),
            "results": alike.results,
        })
    });
    let verdicts = ledger.verdict_counts()?;
    let (with_notices, kinds) = ledger.notices()?;
    let kinds: Map<String, Value> =
        kinds.into_iter().map(|(kind, results)| (kind, results.into())).collect();
    let workers = ledger.workers()?.into_iter().map(|worker| {
        json!({
            "host": worker.host, "process": worker.process, "holds": worker.holds,
            "done": worker.done, "rate_per_minute": rounded(worker.rate_per_minute),
        })
    });
    Ok(json!({
        "done": counts.done, "failed": counts.failed, "queued": counts.queued,
        "skipped": counts.skipped, "rate_per_minute": rate(ledger)?,
        "running": running.collect::<Vec<_>>(),
        "workers": workers.collect::<Vec<_>>(),
        "failures": failures.collect::<Vec<_>>(),
        "made": made.collect::<Vec<_>>(),
        "notices": {"results": with_notices, "kinds": kinds},
        "verdicts": {
            "accepted": verdicts.accepted, "rejected": verdicts.rejected,
            "unjudged": verdicts.unjudged,
        },
    }))
}

fn print(ledger: &Ledger) -> Result<()> {
    let (counts, rate) = (ledger.counts()?, rate(ledger)?);
    report::print_line(&format!(
        "{} done, {} skipped, {} failed, {} queued; {rate} a minute lately",
        counts.done, counts.skipped, counts.failed, counts.queued
    ));
    let verdicts = ledger.verdict_counts()?;
    if verdicts.accepted + verdicts.rejected > 0 {
        report::print_line(&format!(
            "{} accepted, {} rejected, {} unjudged",
            verdicts.accepted, verdicts.rejected, verdicts.unjudged
        ));
    }
    let (with_notices, kinds) = ledger.notices()?;
    if with_notices > 0 {
        let s = if with_notices == 1 { "" } else { "s" };
        let kinds: Vec<String> =
            kinds.iter().map(|(kind, results)| format!("{kind} {results}")).collect();
        report::print_line(&format!("{with_notices} result{s} with notices: {}", kinds.join(", ")));
    }
    let made = ledger.made_alike()?;
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
    for worker in ledger.workers()? {
        let Worker { host, process, holds, done, rate_per_minute } = worker;
        let rate = rounded(rate_per_minute);
        report::print_line(&format!(
            "worker {process} on {host}: holds {holds}, {done} done, {rate} a minute"
        ));
    }
    for path in ledger.running()? {
        report::print_line(&format!("running: {}", path.display()));
    }
    for failure in ledger.failures()? {
        let (input, reason, tries) = (failure.input.display(), &failure.reason, failure.tries);
        report::print_line(&format!("failed: {input}: {reason} (tried {tries}x)"));
    }
    for failure in ledger.hook_failures()? {
        let (input, reason) = (failure.input.display(), &failure.reason);
        report::print_line(&format!("hook failed: {input}: {reason}"));
    }
    Ok(())
}

/// Results a minute, rounded.
fn rate(ledger: &Ledger) -> Result<f64> {
    Ok(rounded(ledger.rate_per_minute()?))
}

fn rounded(rate: f64) -> f64 {
    (rate * 10.0).round() / 10.0
}
