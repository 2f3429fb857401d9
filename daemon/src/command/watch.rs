//! `polychromify watch`: the program around the watched folder.
//!
//! It reads the configuration, starts the log, and runs `watch::run` for as long as that
//! configuration holds. SIGHUP has it read the configuration again: one that does not fit is
//! refused with the reason, and the work goes on as before.

use std::ffi::OsString;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::MultiProgress;
use log::LevelFilter;
use polychromify_core::Hints;

use crate::cli::LogFormat;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::film::FilmContext;
use crate::job::{ContentClaims, JobContext};
use crate::ledger::{self, Ledger, StoreError};
use crate::limits;
use crate::report;
use crate::service::hook::Hooks;
use crate::service::logging::{self, Form};
use crate::service::metrics::Counters;
use crate::service::observer::Service;
use crate::service::prepared::{Current, HeldResources, Prepared};
use crate::service::reload::{self, Reload};
use crate::service::{priority, systemd};
use crate::stop::Stop;
use crate::watch::{self, Ended};

/// How long a server that is away is waited for at a time, so that a request to stop is heeded soon.
const HASTE: Duration = Duration::from_secs(1);

/// Runs the command. `level` is what -v or -q asks for.
///
/// # Errors
///
/// When watching cannot start; failures of single inputs are logged and recorded.
pub(crate) fn run(level: Option<LevelFilter>) -> Result<Exit> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let config = match Config::load(&arguments) {
        Ok(config) => config,
        Err(error) => {
            logging::start(Form::Terminal(MultiProgress::new()), LevelFilter::Info);
            return Err(error);
        }
    };
    if config.watch.print_config {
        config.print().lines().for_each(report::print_line);
        return Ok(Exit::AllDone);
    }
    let form = match config.watch.log_format {
        LogFormat::Json => Form::Json,
        LogFormat::Text if logging::is_journal() => Form::Journal,
        LogFormat::Text => Form::Text,
    };
    logging::start(form, level.unwrap_or(config.watch.log_level));
    let stop = Stop::on_signals().map_err(Error::Signals)?;
    let signals = reload::listen()?;
    // Before any thread starts: threads inherit it.
    priority::lower(config.watch.nice, config.watch.io_class);

    let reload = Reload::start(signals, arguments, stop.clone());
    let hooks = Hooks::start();
    let counters = Counters::new(hooks.failures());
    let mut held = None;
    let ended = watch_on(config, level, &mut held, &reload, &hooks, &counters, &stop);
    systemd::stopping();
    hooks.finish(); // while the output folder is ours
    ended?;
    log::info!("stopped: {}", counters.sums());
    Ok(Exit::Stopped)
}

/// Watches by one configuration after the other until the program is asked to stop.
fn watch_on(
    config: Config,
    level: Option<LevelFilter>,
    held: &mut Option<HeldResources>,
    reload: &Reload,
    hooks: &Hooks,
    counters: &Counters,
    stop: &Stop,
) -> Result<()> {
    let mut prepared = Prepared::new(config, None)?;
    while watch(prepared, held, reload, hooks, counters, stop)? == Ended::Reload
        && let Some(next) = reload.next()
    {
        stop.reload().store(false, Ordering::Relaxed);
        log::set_max_level(level.unwrap_or(next.config.watch.log_level));
        prepared = next;
    }
    Ok(())
}

/// Watches by one configuration until it is replaced, or the program is asked to stop.
fn watch(
    mut prepared: Prepared,
    held: &mut Option<HeldResources>,
    reload: &Reload,
    hooks: &Hooks,
    counters: &Counters,
    stop: &Stop,
) -> Result<Ended> {
    let before = held.as_ref().map(|held| held.folder.clone());
    let ours = prepared.hold(held.take(), counters)?;
    let mut service = Service::new(&prepared, &ours.folder, hooks, counters);
    let Prepared { config, settings, policy, model, .. } = prepared;
    let arguments = &config.watch;
    log::info!("{} at a time, on {} with {}", settings.jobs, model.device, model.weights);
    let context = JobContext {
        model,
        ledger: ours.ledger,
        folder: ours.folder.clone(),
        hints: Hints::default(),
        limits: limits::of_each(arguments.coloring.memory, settings.jobs),
        time_limit: arguments.coloring.time_limit,
        bands: AtomicU64::new(0),
        policy,
        claims: ContentClaims::default(),
        stop: stop.clone(),
        film: arguments.films.then(|| FilmContext::watched(arguments)),
    };
    if settings.jobs > 0 {
        context.ledger.join(&context.model.recipe)?;
    }
    if before.as_ref() == Some(&ours.folder) {
        // Hooks that are due are in the queue already.
        context.ledger.expect_hooks(arguments.hook.is_some())?;
    } else {
        service.call_due_hooks(&context.ledger)?;
    }
    reload.comes_into_force(Current {
        folder: ours.folder.clone(),
        ledger: arguments.ledger.clone(),
        metrics: arguments.metrics,
        entries: config.entries(),
    });
    let ended = watch::run(&settings, &context, &mut service, stop);
    leave(&context.ledger, stop)?;
    *held = Some(HeldResources { ledger: context.ledger, ..ours });
    ended
}

/// Counts this process among the workers of a shared ledger no longer. A server that is away is waited for,
/// unless the program is to stop: what it has taken goes back then as its leases run out.
fn leave(ledger: &Ledger, stop: &Stop) -> Result<()> {
    let end = Instant::now() + ledger::PATIENCE;
    let _hasty = ledger::wait_at_most(HASTE);
    let mut told = false;
    loop {
        let Err(error) = ledger.leave() else { return Ok(()) };
        let is_away =
            matches!(&error, Error::Ledger { source: StoreError::Unreachable { .. }, .. });
        if stop.is_asked() {
            log::warn!("{error}");
            return Ok(());
        }
        if !is_away || Instant::now() >= end {
            return Err(error);
        }
        if !mem::replace(&mut told, true) {
            log::warn!("{error}; waiting for it");
        }
    }
}
