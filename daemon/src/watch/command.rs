//! `polychromify watch`, as typed: settings from flags, then the watching itself.

use indicatif::MultiProgress;
use polychromify_core::Hints;

use crate::cli::{OnSuccessName, Watch};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::ignore::IGNORED;
use crate::job::{Care, Contents, Studio};
use crate::plan;
use crate::report::Report;
use crate::setup::{self, Means};
use crate::stop::Stop;
use crate::watch;
use crate::watch::event::{Observer, WatchEvent};
use crate::watch::settings::{Noticing, OnSuccess, Retries, WatchSettings};

/// Runs the command.
///
/// # Errors
///
/// When watching cannot start; failures of single inputs are told and recorded.
pub(crate) fn run(arguments: &Watch, progress: &MultiProgress) -> Result<Exit> {
    let stop = Stop::on_signals().map_err(Error::Signals)?;
    let settings = settings(arguments);
    let folder = plan::resolve(&settings.output)?;
    watch::check(&settings, &folder)?;
    let means = Means::open(&arguments.coloring, None)?;
    let (_lock, ledger) = setup::open_output(&folder)?;
    log::info!("{} at a time, on {} with {}", settings.jobs, means.device, means.weights);
    let studio = Studio {
        colorizer: means.colorizer,
        ledger,
        folder,
        recipe: means.recipe,
        weights: means.weights,
        hints: Hints::default(),
        style: means.style,
        limits: setup::limits(&arguments.coloring, settings.jobs),
        force: false,
        care: Care {
            retries: Some(settings.retries),
            on_success: settings.on_success.clone(),
            duplicates: settings.duplicates,
        },
        contents: Contents::default(),
        stop: stop.clone(),
    };
    let mut teller = Teller { report: Report::new(progress, arguments.json) };
    watch::run(&settings, &studio, &mut teller, &stop)?;
    teller.report.finish(0);
    Ok(Exit::Stopped)
}

/// What the flags say.
fn settings(arguments: &Watch) -> WatchSettings {
    let own = arguments.ignore.iter().cloned();
    WatchSettings {
        inputs: arguments.inputs.clone(),
        output: arguments.output.clone(),
        stability_delay: arguments.stability_delay,
        rescan: arguments.rescan,
        noticing: if arguments.poll.is_some() { Noticing::Poll } else { Noticing::Auto },
        poll_interval: arguments.poll.unwrap_or(watch::POLL_INTERVAL),
        ignore: IGNORED.iter().map(ToString::to_string).chain(own).collect(),
        empty_patience: arguments.empty_patience,
        on_success: match (arguments.on_success, &arguments.move_to) {
            (OnSuccessName::Move, Some(folder)) => OnSuccess::Move(folder.clone()),
            (OnSuccessName::Delete, _) => OnSuccess::Delete,
            _ => OnSuccess::Keep,
        },
        duplicates: arguments.duplicates.choice(),
        retries: Retries {
            most: arguments.tries,
            first_delay: arguments.retry_delay,
            ..Retries::default()
        },
        jobs: setup::workers(&arguments.coloring),
    }
}

/// Tells events on the log, and outcomes as `batch` does.
struct Teller<'a> {
    report: Report<'a>,
}

impl Observer for Teller<'_> {
    fn tell(&mut self, event: &WatchEvent<'_>) {
        match event {
            WatchEvent::Ended { input, output, outcome } => {
                self.report.tell(input, Some(output), outcome);
            }
            WatchEvent::Watching { folder, polled: None } => {
                log::info!("{}: watched by events", folder.display());
            }
            WatchEvent::Watching { folder, polled: Some((interval, reason)) } => {
                let (folder, seconds) = (folder.display(), interval.as_secs_f64());
                log::info!("{folder}: polled every {seconds} s: {reason}");
            }
            WatchEvent::Unreadable { path, reason } => log::warn!("{}: {reason}", path.display()),
            WatchEvent::Gone { folder } => {
                log::warn!("{}: the watched folder is gone; waiting for it", folder.display());
            }
            WatchEvent::Back { folder } => {
                log::info!("{}: the watched folder is there again", folder.display());
            }
            WatchEvent::Overflow => log::warn!("events were lost; looking through all folders"),
            WatchEvent::Ready => log::info!("ready"),
            WatchEvent::Stopping => log::info!("stopping"),
            other => log::trace!("{other:?}"),
        }
    }
}
