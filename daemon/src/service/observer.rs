//! Hands each event of the watched folder to all who want to know: log, figures, hook, systemd.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::job::Outcome;
use crate::ledger::{Due, Ledger};
use crate::plan::Job;
use crate::report;
use crate::service::events;
use crate::service::hook::{Hook, Hooks};
use crate::service::metrics::Counters;
use crate::service::prepared::Prepared;
use crate::service::systemd::{self, Watchdog};
use crate::watch::event::{Observer, WatchEvent};

/// Listens to one run of the watched folder.
pub(crate) struct Service<'a> {
    /// The output folder, absolute.
    folder: PathBuf,
    /// The output folder as the user wrote it.
    output: PathBuf,
    json: bool,
    hook: Option<Hook>,
    watchdog: Watchdog,
    hooks: &'a Hooks,
    counters: &'a Counters,
}

impl<'a> Service<'a> {
    pub(crate) fn new(
        prepared: &Prepared,
        folder: &Path,
        hooks: &'a Hooks,
        counters: &'a Counters,
    ) -> Self {
        let watch = &prepared.config.watch;
        let hook = watch.hook.clone().map(|command| Hook { command, timeout: watch.hook_timeout });
        Self {
            folder: folder.to_path_buf(),
            output: prepared.settings.output.clone(),
            json: watch.json,
            hook,
            watchdog: Watchdog::new(),
            hooks,
            counters,
        }
    }
}

impl Service<'_> {
    /// Calls the hook for what an earlier run left due.
    pub(crate) fn call_due_hooks(&self, ledger: &Ledger) -> Result<()> {
        ledger.expect_hooks(self.hook.is_some())?;
        if let Some(hook) = &self.hook {
            for due in ledger.hooks_due()? {
                self.hooks.call(hook, &self.folder, due);
            }
        }
        Ok(())
    }
}

impl Observer for Service<'_> {
    fn tell(&mut self, event: &WatchEvent<'_>) {
        events::tell(event);
        self.counters.count(event);
        match event {
            WatchEvent::Ready => systemd::ready(),
            WatchEvent::Began { .. } => self.watchdog.worked(),
            WatchEvent::Ended { job, outcome } => {
                self.watchdog.worked();
                if self.json {
                    let output = self.output.join(&job.output);
                    report::print_outcome(&job.shown, Some(&output), outcome);
                }
                if let (Some(hook), Some(due)) = (&self.hook, due(job, outcome)) {
                    self.hooks.call(hook, &self.folder, due);
                }
            }
            WatchEvent::Alive { waiting, queued, running, bands } => {
                self.watchdog.alive(*running > 0, *bands);
                let sums = self.counters.sums();
                systemd::status(&format!(
                    "{running} in work, {queued} queued, {waiting} settling; since the start {sums}"
                ));
            }
            _ => {}
        }
    }
}

/// What a hook is called for: a job that is done, or failed for good.
fn due(job: &Job, outcome: &Outcome) -> Option<Due> {
    let (failure, details) = match outcome {
        Outcome::Done(details) => (None, details),
        Outcome::Failed(reason, details) => (Some(reason.clone()), details),
        _ => return None,
    };
    Some(Due {
        output: job.output.clone(),
        input: job.input.clone(),
        failure,
        milliseconds: details.seconds.map(|seconds| (seconds * 1000.0) as i64),
        content: details.sha256_input.clone(),
        sha256: details.sha256_output.clone(),
    })
}
