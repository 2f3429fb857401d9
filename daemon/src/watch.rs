//! Folders that photographs are dropped into, watched for months.

pub(crate) mod command;
pub(crate) mod event;
pub(crate) mod settings;

use std::time::Duration;

use crate::error::Result;
use crate::job::Studio;
use crate::plan;
use crate::stop::Stop;
use crate::watch::event::{Observer, WatchEvent};
use crate::watch::settings::WatchSettings;

/// How often folders are polled unless it is set.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_secs(10);

/// How watching ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// On request; jobs in hand were given up.
    Stopped,
    /// To begin anew with other settings; jobs in hand were finished.
    Reload,
}

/// Watches until `stop` is asked for. The caller holds the lock of the output folder.
///
/// # Errors
///
/// When an input is no folder, or lies in the output folder or the reverse; when the ledger cannot
/// be read. What happens to single files is told to `observer` and recorded in the ledger.
pub(crate) fn run(
    settings: &WatchSettings,
    studio: &Studio,
    observer: &mut dyn Observer,
    stop: &Stop,
) -> Result<Ended> {
    let plan = plan::plan(&settings.inputs, &settings.output, crate::cli::FormatChoice::Same)?;
    let ids = studio.ledger.enqueue(&plan.jobs, &studio.recipe)?;
    observer.tell(&WatchEvent::Ready);
    for (id, job) in ids.into_iter().zip(&plan.jobs) {
        let outcome = studio.perform(id, job);
        let output = settings.output.join(&job.output);
        observer.tell(&WatchEvent::Ended { input: &job.shown, output: &output, outcome: &outcome });
    }
    observer.tell(&WatchEvent::Stopping);
    Ok(if stop.is_asked() { Ended::Stopped } else { Ended::Reload })
}
