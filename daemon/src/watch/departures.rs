//! Originals that are to go: each waits for a while, and longer each time that it cannot go.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::files::departure::Way;
use crate::job::JobContext;
use crate::plan::Job;
use crate::policy::Retries;

/// How many times longer than to be colored an original must stand still to go. Whoever feeds a
/// scanner by hand may pause longer than the one, and what is written after the other would be lost.
const TIMES_LONGER: u32 = 6;

/// A wait that nobody lives to see the end of is as good as a year.
const LONGEST: Duration = Duration::from_secs(365 * 86400);

/// Originals that are to go, by the names of their results.
#[derive(Debug)]
pub(super) struct Departures {
    waiting: HashMap<PathBuf, Departure>,
    /// The input that is on its way. The next one follows when it is gone, or stays.
    leaving: Option<PathBuf>,
    orders: Option<Sender<Order>>,
    waits: Retries,
    /// Folders that were told as away.
    away: HashSet<PathBuf>,
}

/// An original that is to go now, and where it was last seen.
pub(super) type Order = (Job, Way);

#[derive(Debug)]
struct Departure {
    job: Job,
    /// Where its original was when it came to be one.
    way: Way,
    due: Instant,
    tries: u32,
    /// Whether it was not found when it was last tried, and may be away with its folder.
    is_away: bool,
    /// Why it stays, as it was told.
    told: Option<String>,
}

impl Departures {
    /// Originals go [`TIMES_LONGER`] after what they stand still to be colored, at the soonest.
    pub(super) fn new(stability_delay: Duration) -> Self {
        let delay = stability_delay.saturating_mul(TIMES_LONGER).min(LONGEST);
        let longest_delay = Retries::default().longest_delay.max(delay);
        let waits = Retries { first_delay: delay, longest_delay, ..Retries::default() };
        Self { waiting: HashMap::new(), leaving: None, orders: None, waits, away: HashSet::new() }
    }

    /// What [`work`] is to be given.
    pub(super) fn start(&mut self) -> Receiver<Order> {
        let (orders, receiver) = mpsc::channel();
        self.orders = Some(orders);
        receiver
    }

    /// Lets no other original go.
    pub(super) fn close(&mut self) {
        self.orders = None;
    }

    /// The original of a new result is to go. Its folder is there, and so it is known by now what became
    /// of others that were not found in it.
    pub(super) fn begin(&mut self, job: Job, now: Instant) {
        let folder = job.input.parent();
        let is_beside =
            |other: &&mut Departure| other.is_away && other.job.input.parent() == folder;
        self.waiting.values_mut().filter(is_beside).for_each(|other| other.due = now);
        let (way, due) = (Way::to(&job.original()), now + self.waits.delay(1));
        let departure = Departure { job, way, due, tries: 0, is_away: false, told: None };
        self.waiting.insert(departure.job.output.clone(), departure);
    }

    /// The original of a result is to go, unless it waits for that already.
    pub(super) fn resume(&mut self, job: Job, now: Instant) {
        if !self.contains(&job.output) {
            self.begin(job, now);
        }
    }

    pub(super) fn contains(&self, output: &Path) -> bool {
        self.waiting.contains_key(output)
    }

    /// Whether an input is on its way.
    pub(super) fn is_leaving(&self, input: &Path) -> bool {
        self.leaving.as_deref() == Some(input)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.leaving.is_none()
    }

    /// Lets the next original go that is due, unless `is_busy` tells that there is work to do at it.
    pub(super) fn go(&mut self, now: Instant, is_busy: impl Fn(&Path) -> bool) {
        let (Some(orders), None) = (&self.orders, &self.leaving) else { return };
        let due = self.waiting.values_mut().filter(|departure| departure.due <= now);
        for departure in due {
            if is_busy(&departure.job.input) {
                departure.due = now + self.waits.delay(1);
            } else if orders.send((departure.job.clone(), departure.way.clone())).is_ok() {
                self.leaving = Some(departure.job.input.clone());
                return;
            }
        }
    }

    /// When the next original is due, unless one is on its way.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let idle = self.orders.is_some() && self.leaving.is_none();
        self.waiting.values().map(|departure| departure.due).min().filter(|_| idle)
    }

    /// An original went, or stays for now. That a folder is away is told once, however many were to go
    /// from it.
    pub(super) fn ended(&mut self, job: &Job, gone: Result<()>, now: Instant) {
        self.leaving = None;
        let away = match &gone {
            Err(Error::OriginalsAway { folder }) => Some(folder),
            _ => None,
        };
        if away.is_none() {
            self.away.retain(|folder| !job.shown.starts_with(folder));
        }
        let Err(error) = &gone else {
            self.waiting.remove(&job.output);
            return;
        };
        let Some(departure) = self.waiting.get_mut(&job.output) else { return };
        departure.tries += 1;
        departure.due = now + self.waits.delay(departure.tries);
        departure.is_away = away.is_some();
        if let Some(folder) = away {
            if self.away.insert(folder.clone()) {
                log::warn!("{error}");
            }
            return;
        }
        let reason = error.reason(&job.shown);
        if departure.told.as_ref() != Some(&reason) {
            log::warn!("{}: done; the original stays for now: {reason}", job.shown.display());
            departure.told = Some(reason);
        }
    }
}

/// Lets originals go, one after the other; `tell` learns why one stays.
pub(super) fn work(context: &JobContext, orders: Receiver<Order>, tell: impl Fn(Job, Result<()>)) {
    for (job, way) in orders {
        let gone = catch_unwind(AssertUnwindSafe(|| context.let_original_go(&job, &way)))
            .unwrap_or(Err(Error::Panicked)); // what it says was logged
        tell(job, gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn job() -> Job {
        let path = || PathBuf::from("a.tif");
        Job { shown: path(), input: path(), below: path(), output: path(), named: false }
    }

    fn departures() -> (Departures, Receiver<Order>, Instant) {
        let (mut departures, start) = (Departures::new(5 * SECOND), Instant::now());
        let orders = departures.start();
        departures.begin(job(), start);
        (departures, orders, start)
    }

    #[test]
    fn an_original_goes_after_its_delay_unless_there_is_work_at_it() {
        let (mut departures, orders, start) = departures();
        departures.go(start + 29 * SECOND, |_| false);
        assert!(orders.try_recv().is_err(), "too soon");
        departures.go(start + 30 * SECOND, |_| true);
        assert!(orders.try_recv().is_err(), "it is colored anew");
        departures.go(start + 60 * SECOND, |_| false);
        assert_eq!(orders.try_recv().unwrap().0, job());
        assert!(departures.is_leaving(Path::new("a.tif")));
        departures.ended(&job(), Ok(()), start + 60 * SECOND);
        assert!(departures.is_idle() && !departures.contains(Path::new("a.tif")));
    }

    #[test]
    fn an_original_that_cannot_go_waits_longer_each_time_and_is_not_forgotten() {
        let (mut departures, orders, start) = departures();
        let (mut now, mut waits) = (start + 30 * SECOND, Vec::new());
        for _ in 0..5 {
            departures.go(now, |_| false);
            orders.try_recv().unwrap();
            let in_use = Error::InUse { path: "a.tif".into(), process: 1 };
            departures.ended(&job(), Err(in_use), now);
            departures.resume(job(), now); // it was looked at again: nothing new
            let due = departures.next_due().unwrap();
            waits.push((due - now).as_secs());
            now = due;
        }
        assert_eq!(waits, [30, 60, 120, 240, 300]);
    }
}
