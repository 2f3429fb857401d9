//! Hands each event of the watched folder to all who want to know: log, figures, hook, systemd.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use log::LevelFilter;
use signal_hook::consts::SIGHUP;
use signal_hook::flag;

use super::prepared::{Current, Prepared};
use super::teller;
use crate::config::{Config, Entry};
use crate::error::Result;
use crate::hook::{Hook, Hooks};
use crate::job::Outcome;
use crate::ledger::{Due, Ledger};
use crate::metrics::Counters;
use crate::plan;
use crate::report;
use crate::stop::Stop;
use crate::systemd::{self, Watchdog};
use crate::watch::event::{Observer, WatchEvent};

/// Reads the configuration again when SIGHUP asks for it.
pub(super) struct Reload {
    asked: Arc<AtomicBool>,
    arguments: Vec<OsString>,
    /// What -v or -q asks for.
    level: Option<LevelFilter>,
    ready: Option<Prepared>,
}

impl Reload {
    pub(super) fn on_signal(
        arguments: Vec<OsString>,
        level: Option<LevelFilter>,
    ) -> io::Result<Self> {
        let asked = Arc::default();
        flag::register(SIGHUP, Arc::clone(&asked))?;
        Ok(Self { asked, arguments, level, ready: None })
    }

    /// The configuration that is to come into force.
    pub(super) fn take_ready(&mut self) -> Option<Prepared> {
        let next = self.ready.take()?;
        log::set_max_level(self.level.unwrap_or(next.config.watch.log_level));
        Some(next)
    }

    /// Prepares the configuration anew if that was asked for. Gives whether there is one.
    fn poll(&mut self, before: &[Entry], current: &Current) -> bool {
        if !self.asked.swap(false, Ordering::Relaxed) {
            return false;
        }
        systemd::reloading();
        self.ready = None; // it may hold what the next one needs
        match Config::load(&self.arguments).and_then(|config| Prepared::new(config, Some(current)))
        {
            Ok(next) => {
                teller::tell_changes(before, &next.config.entries());
                self.ready = Some(next);
                true
            }
            Err(error) => {
                log::error!("the configuration stays as it was: {error}");
                systemd::ready();
                false
            }
        }
    }
}

/// Listens to one run of the watched folder.
pub(super) struct Service<'a> {
    /// The output folder, absolute.
    folder: PathBuf,
    /// The output folder as the user wrote it.
    output: PathBuf,
    metrics: Option<SocketAddr>,
    json: bool,
    hook: Option<Hook>,
    entries: Vec<Entry>,
    watchdog: Watchdog,
    reload: &'a mut Reload,
    hooks: &'a Hooks,
    counters: &'a Counters,
    stop: &'a Stop,
}

impl<'a> Service<'a> {
    pub(super) fn new(
        prepared: &Prepared,
        folder: &Path,
        reload: &'a mut Reload,
        hooks: &'a Hooks,
        counters: &'a Counters,
        stop: &'a Stop,
    ) -> Self {
        let watch = &prepared.config.watch;
        let hook = watch.hook.clone().map(|command| Hook { command, timeout: watch.hook_timeout });
        Self {
            folder: folder.to_path_buf(),
            output: prepared.settings.output.clone(),
            metrics: watch.metrics,
            json: watch.json,
            hook,
            entries: prepared.config.entries(),
            watchdog: Watchdog::new(),
            reload,
            hooks,
            counters,
            stop,
        }
    }
}

impl Service<'_> {
    /// Calls the hook for what an earlier run left due.
    pub(super) fn call_due_hooks(&self, ledger: &Ledger) -> Result<()> {
        ledger.expect_hooks(self.hook.is_some())?;
        if let Some(hook) = &self.hook {
            for due in ledger.hooks_due()? {
                self.hooks.call(hook, &self.folder, due);
            }
        }
        Ok(())
    }

    /// What a hook is called for: a job that is done, or failed for good.
    fn due(&self, input: &Path, output: &Path, outcome: &Outcome) -> Option<Due> {
        let (failure, facts) = match outcome {
            Outcome::Done(facts) => (None, facts),
            Outcome::Failed(reason, facts) => (Some(reason.clone()), facts),
            _ => return None,
        };
        Some(Due {
            output: output.strip_prefix(&self.output).unwrap_or(output).to_path_buf(),
            input: plan::identity(input).unwrap_or_else(|_| input.to_path_buf()),
            failure,
            milliseconds: facts.seconds.map(|seconds| (seconds * 1000.0) as i64),
            content: facts.sha256_input.clone(),
            sha256: facts.sha256_output.clone(),
        })
    }
}

impl Observer for Service<'_> {
    fn tell(&mut self, event: &WatchEvent<'_>) {
        teller::tell(event);
        self.counters.count(event);
        match event {
            WatchEvent::Ready => systemd::ready(),
            WatchEvent::Began { .. } => self.watchdog.worked(),
            WatchEvent::Ended { input, output, outcome } => {
                self.watchdog.worked();
                if self.json {
                    report::print_outcome(input, Some(output), outcome);
                }
                if let (Some(hook), Some(due)) = (&self.hook, self.due(input, output, outcome)) {
                    self.hooks.call(hook, &self.folder, due);
                }
            }
            WatchEvent::Alive { waiting, queued, running, bands } => {
                self.watchdog.alive(*running > 0, *bands);
                let sums = self.counters.sums();
                systemd::status(&format!(
                    "{running} in work, {queued} queued, {waiting} settling; since the start {sums}"
                ));
                let current = Current { folder: &self.folder, metrics: self.metrics };
                if self.reload.poll(&self.entries, &current) {
                    self.stop.reload().store(true, Ordering::Relaxed);
                }
            }
            _ => {}
        }
    }
}
