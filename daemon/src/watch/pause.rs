//! A pause of all work while the output folder cannot be written.

use std::time::{Duration, Instant};

use crate::queue::JobQueue;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// Lets nothing begin for a while, then one job as a trial, and everything once it went well.
#[derive(Debug, Default)]
pub(super) struct Pause {
    until: Option<Instant>,
    /// Length of the last pause; zero: all is well.
    length: Duration,
}

impl Pause {
    /// The output could not be written: begins a pause, or keeps the one that is on. Gives its end.
    pub(super) fn begin(&mut self, queue: &JobQueue, now: Instant) -> Instant {
        if let Some(until) = self.until {
            return until;
        }
        self.length = (self.length * 2).clamp(FIRST, LONGEST);
        queue.allow(Some(0));
        let until = now + self.length;
        self.until = Some(until);
        until
    }

    /// The output could not be written: begins the next pause if one was on.
    pub(super) fn prolong(&mut self, queue: &JobQueue, now: Instant) {
        if !self.length.is_zero() {
            self.begin(queue, now);
        }
    }

    /// Ends the pause with a trial when its time has come.
    pub(super) fn pass(&mut self, queue: &JobQueue, now: Instant) {
        if self.until.is_some_and(|until| until <= now) {
            self.until = None;
            queue.allow(Some(1));
        }
    }

    /// A job ended that could write the output.
    pub(super) fn end(&mut self, queue: &JobQueue) {
        if !self.length.is_zero() && self.until.is_none() {
            self.length = Duration::ZERO;
            queue.allow(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Job;

    fn queue_of(jobs: i64) -> JobQueue {
        let queue = JobQueue::default();
        let path = || std::path::PathBuf::from("a");
        let job =
            || Job { shown: path(), input: path(), below: path(), output: path(), named: false };
        queue.add((0..jobs).map(|id| (id, job())));
        queue
    }

    #[test]
    fn after_a_pause_one_job_is_tried_and_all_go_on_when_it_went_well() {
        let (queue, start, mut pause) = (queue_of(3), Instant::now(), Pause::default());
        let until = pause.begin(&queue, start);
        assert_eq!(pause.begin(&queue, start), until, "two workers fail in one pause");
        pause.pass(&queue, until);
        queue.take().unwrap();
        let second = pause.begin(&queue, until);
        assert_eq!(second - until, 2 * FIRST);
        pause.pass(&queue, second);
        queue.take().unwrap();
        pause.end(&queue);
        queue.take().unwrap();
    }

    #[test]
    fn a_trial_that_fails_prolongs_a_pause_and_begins_none() {
        let (queue, start, mut pause) = (queue_of(2), Instant::now(), Pause::default());
        pause.prolong(&queue, start);
        queue.take().unwrap();
        let until = pause.begin(&queue, start);
        pause.pass(&queue, until);
        queue.take().unwrap();
        pause.prolong(&queue, until);
        assert_eq!(pause.begin(&queue, until) - until, 2 * FIRST, "it is on");
    }
}
