//! What happens in a watched folder, for whoever logs, counts or reacts to it.

use std::path::Path;
use std::time::Duration;

use crate::job::Outcome;
use crate::plan::Job;

/// One thing that happened.
#[derive(Debug)]
pub(crate) enum WatchEvent<'a> {
    /// The first look through all folders is over: from here on nothing is missed.
    Ready,
    /// A folder is watched by events, or polled at this interval, for this reason.
    Watching { folder: &'a Path, polled: Option<(Duration, &'a str)> },
    /// All folders were looked through: files that are photographs by name, and how many of them
    /// are waited for to stand still.
    Scanned { files: u64, waiting: u64, took: Duration },
    /// A folder or file cannot be looked at; told once until it can again.
    LeftOut { path: &'a Path, reason: &'a str },
    /// An input folder is not there; it is waited for.
    Gone { folder: &'a Path },
    /// An input folder is there again.
    Back { folder: &'a Path },
    /// The system dropped events; all folders are looked through at once.
    Overflow,
    /// A file stood still for long enough and is in the queue.
    Queued { input: &'a Path },
    /// A job has begun.
    Began { input: &'a Path },
    /// A job ended, for now where the outcome is [`Outcome::Postponed`].
    Ended { job: &'a Job, outcome: &'a Outcome },
    /// The program is alive, at least every [`HEARTBEAT`]: files waited for, jobs in the queue and in work,
    /// bands read so far.
    Alive { waiting: usize, queued: usize, running: usize, bands: u64 },
    /// The program was asked to stop; jobs in hand are given up or finished.
    Stopping,
}

/// Longest time between two heartbeats.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(2);

/// Listens to a watched folder.
pub(crate) trait Observer {
    /// Takes note of an event. It is called on the thread that coordinates, and must not block.
    fn tell(&mut self, event: &WatchEvent<'_>);
}
