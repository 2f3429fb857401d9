//! Events of the watched folder as log records, one each.

use std::path::Path;
use std::time::Duration;

use crate::config::Entry;
use crate::job::Outcome;
use crate::watch::event::WatchEvent;

/// Logs an event. Heartbeats are not logged: systemd gets them.
pub(super) fn tell(event: &WatchEvent<'_>) {
    match event {
        WatchEvent::Ready => log::info!("watching"),
        WatchEvent::Watching { folder, polled } => watching(folder, *polled),
        WatchEvent::Scanned { files, waiting, took } => {
            let took = took.as_secs_f64();
            log::debug!(
                "looked through all: {files} photographs, {waiting} settling, in {took:.1} s"
            );
        }
        WatchEvent::LeftOut { path, reason } => log::warn!(file:% = path.display(); "{reason}"),
        WatchEvent::Gone { folder } => {
            log::warn!(file:% = folder.display(); "the folder is gone; waiting for it");
        }
        WatchEvent::Back { folder } => log::info!(file:% = folder.display(); "the folder is back"),
        WatchEvent::Overflow => {
            log::warn!("the system dropped events; looking through all folders");
        }
        WatchEvent::Queued { input } => log::debug!(file:% = input.display(); "queued"),
        WatchEvent::Began { input } => log::debug!(file:% = input.display(); "begun"),
        WatchEvent::Ended { job, outcome } => ended(&job.shown, outcome),
        WatchEvent::Alive { .. } => {}
        WatchEvent::Stopping => log::debug!("stopping"),
    }
}

fn watching(folder: &Path, polled: Option<(Duration, &str)>) {
    match polled {
        None => log::info!(file:% = folder.display(); "watched by events"),
        Some((interval, reason)) => {
            let seconds = interval.as_secs_f64();
            log::info!(file:% = folder.display(); "looked through every {seconds} s: {reason}");
        }
    }
}

fn ended(input: &Path, outcome: &Outcome) {
    let input = input.display();
    match outcome {
        Outcome::Done(details) => {
            let seconds = details.seconds.unwrap_or_default();
            log::info!(file:% = input; "done in {seconds:.1} s");
        }
        Outcome::Skipped(reason, _) => log::info!(file:% = input; "skipped: {reason}"),
        Outcome::Failed(reason, _) => log::error!(file:% = input; "failed: {reason}"),
        Outcome::Postponed { reason, tries, delay } => {
            let delay = delay.as_secs_f64();
            log::warn!(file:% = input; "{reason}; try {tries}, the next in {delay:.0} s");
        }
        Outcome::Blocked(reason) => {
            log::warn!(file:% = input; "{reason}; it stays in the queue");
        }
        Outcome::Lost => log::warn!(file:% = input; "left to another worker"),
        Outcome::Stopped => log::debug!(file:% = input; "given up for now"),
    }
}

/// Logs what a configuration read again changes.
pub(super) fn tell_changes(before: &[Entry], after: &[Entry]) {
    let shown = |entry: &Entry| entry.value.clone().unwrap_or_else(|| "not set".to_owned());
    let mut changes = 0;
    for (old, new) in before.iter().zip(after).filter(|(old, new)| old.value != new.value) {
        changes += 1;
        log::info!("configuration: {} is {}, was {}", new.key, shown(new), shown(old));
        if matches!(new.key.as_str(), "nice" | "io-class" | "log-format") {
            log::warn!("configuration: {} takes effect when the program starts again", new.key);
        }
    }
    if changes == 0 {
        log::info!("configuration: read again, nothing changed");
    }
}
