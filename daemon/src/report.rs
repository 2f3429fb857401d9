//! What a run says: failures on stderr, JSON lines on stdout, a progress bar on a terminal.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use log::Level;
use serde_json::{Value, json};

use crate::job::{Outcome, SkipReason};
use crate::printable;

/// Collects the outcomes of a run and tells them.
pub(crate) struct Report<'a> {
    progress: &'a MultiProgress,
    bar: ProgressBar,
    json: bool,
    started: Instant,
    pub(crate) done: u64,
    pub(crate) skipped: u64,
    pub(crate) failed: u64,
    /// What other workers at the same ledger did.
    pub(crate) elsewhere: u64,
    /// What a dry run expects of all.
    pub(crate) estimate: Option<Value>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(progress: &'a MultiProgress, json: bool) -> Self {
        let (started, bar) = (Instant::now(), ProgressBar::hidden());
        Self {
            progress,
            bar,
            json,
            started,
            done: 0,
            skipped: 0,
            failed: 0,
            elsewhere: 0,
            estimate: None,
        }
    }

    /// Shows a progress bar over `total` photographs if stderr is a terminal.
    pub(crate) fn start_bar(&mut self, total: usize) {
        if log::max_level() < Level::Info || !io::stderr().is_terminal() {
            return;
        }
        let template = "{bar:30} {pos}/{len} photographs, {rate} a minute, {eta} left {msg}";
        let style = ProgressStyle::with_template(template).expect("a constant that is valid");
        let style = style.with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            // A bar that cannot be drawn is no reason to stop.
            let _ = write!(out, "{:.1}", state.per_sec() * 60.0);
        });
        self.bar = self.progress.add(ProgressBar::new(total as u64).with_style(style));
        self.bar.enable_steady_tick(Duration::from_millis(500));
    }

    /// Tells how one input ended.
    pub(crate) fn tell(&mut self, input: &Path, output: Option<&Path>, outcome: &Outcome) {
        self.bar.inc(1);
        match outcome {
            Outcome::Done(details) => {
                self.done += 1;
                let seconds = details.seconds.unwrap_or_default();
                log::debug!("{}: done in {seconds:.1} s", input.display());
            }
            Outcome::Skipped(reason @ SkipReason::HasColors(_), _) => {
                self.skipped += 1;
                log::info!("{}: skipped: {reason}", input.display());
            }
            Outcome::Skipped(reason @ SkipReason::Misnamed, _) => {
                self.skipped += 1;
                log::warn!("{}: {reason}", input.display());
            }
            Outcome::Skipped(reason, _) => {
                self.skipped += 1;
                log::debug!("{}: skipped: {reason}", input.display());
            }
            Outcome::Failed(reason, _) => {
                self.failed += 1;
                log::error!("{}: {reason}", input.display());
                if self.failed == 1 {
                    self.bar.set_message("(some failed)");
                }
            }
            Outcome::Postponed { reason, .. } | Outcome::Blocked(reason) => {
                log::warn!("{}: {reason}; it stays in the queue", input.display());
            }
            Outcome::Lost => log::warn!("{}: left to another worker", input.display()),
            Outcome::Stopped => {}
        }
        if self.json {
            self.progress.suspend(|| print_outcome(input, output, outcome));
        }
    }

    /// Ends the run; `queued` inputs were not reached.
    pub(crate) fn finish(self, queued: u64) {
        self.bar.finish_and_clear();
        let seconds = self.started.elapsed().as_secs_f64();
        let (done, skipped, failed) = (self.done, self.skipped, self.failed);
        if self.json {
            let mut summary = json!({
                "done": done, "skipped": skipped, "failed": failed, "queued": queued,
                "seconds": rounded(seconds),
            });
            if let Some(estimate) = self.estimate {
                summary["estimate"] = estimate;
            }
            if self.elsewhere > 0 {
                summary["elsewhere"] = self.elsewhere.into();
            }
            print_json(&json!({"summary": summary}));
        }
        let count = |number: u64, of: &str| match number {
            0 => String::new(),
            number => format!(", {number} {of}"),
        };
        let (left, elsewhere) = (count(queued, "left"), count(self.elsewhere, "done elsewhere"));
        log::info!(
            "{done} done, {skipped} skipped, {failed} failed{elsewhere}{left} in {seconds:.1} s"
        );
    }
}

/// One input's line of `--json` on stdout, if it has ended for good.
pub(crate) fn print_outcome(input: &Path, output: Option<&Path>, outcome: &Outcome) {
    let (status, reason, details) = match outcome {
        Outcome::Done(details) => ("done", None, details),
        Outcome::Skipped(reason, details) => ("skipped", Some(reason.to_string()), details),
        Outcome::Failed(reason, details) => ("failed", Some(reason.clone()), details),
        Outcome::Postponed { .. } | Outcome::Blocked(_) | Outcome::Stopped | Outcome::Lost => {
            return;
        }
    };
    let mut line = json!({
        "input": input.to_string_lossy(),
        "output": output.map(Path::to_string_lossy),
        "status": status,
        "reason": reason,
        "seconds": details.seconds.map(rounded),
        "width": details.width,
        "height": details.height,
        "sha256_input": details.sha256_input,
        "sha256_output": details.sha256_output,
        // `null` where it was not looked at.
        "toned": details.toning.map(|toning| json!({
            "verdict": toning.verdict.to_string(),
            "confidence": rounded(toning.confidence.into()),
        })),
        "notices": details.notices,
    });
    if !details.shown_at.is_empty() {
        line["shown_at"] = json!(details.shown_at);
    }
    if let Some(estimate) = details.estimate {
        line["estimated_seconds"] = rounded(estimate.seconds).into();
        line["estimated_bytes"] = estimate.bytes.into();
    }
    print_json(&line);
}

/// To three places.
fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// Milliseconds since 1970 as ISO 8601, UTC, in whole seconds.
pub(crate) fn timestamp(milliseconds: i64) -> String {
    let time = jiff::Timestamp::from_second(milliseconds.div_euclid(1000)).unwrap_or_default();
    time.to_string()
}

/// One JSON value as a line on stdout.
pub(crate) fn print_json(value: &Value) {
    print(&printable::json(&value.to_string()));
}

/// One line on stdout.
pub(crate) fn print_line(text: &str) {
    print(&printable::line(text));
}

/// A reader that went away does not end the work.
fn print(line: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
        log::debug!("cannot write to stdout: {error}");
    }
}
