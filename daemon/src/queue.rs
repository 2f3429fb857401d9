//! The queue that the workers of a batch or of a watched folder take jobs from.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::plan::Job;

/// Jobs for workers.
#[derive(Debug, Default)]
pub(crate) struct JobQueue {
    state: Mutex<State>,
    changed: Condvar,
    taken: Condvar,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<(i64, Job)>,
    running: usize,
    closed: bool,
    /// No further job comes.
    complete: bool,
    /// Jobs that may begin; `None`: any number.
    allowed: Option<usize>,
}

impl JobQueue {
    /// Adds jobs with their numbers in the ledger.
    pub(crate) fn add(&self, jobs: impl IntoIterator<Item = (i64, Job)>) {
        self.lock().jobs.extend(jobs);
        self.changed.notify_all();
    }

    /// Adds a job that comes before all others.
    pub(crate) fn add_first(&self, id: i64, job: Job) {
        self.lock().jobs.push_front((id, job));
        self.changed.notify_all();
    }

    /// No further job comes: workers end when the queue is empty.
    pub(crate) fn complete(&self) {
        self.lock().complete = true;
        self.changed.notify_all();
    }

    /// The next job, once there is one; `None` when the worker is to end.
    pub(crate) fn take(&self) -> Option<(i64, Job)> {
        let mut state = self.lock();
        loop {
            if state.closed || (state.complete && state.jobs.is_empty()) {
                return None;
            }
            if state.allowed != Some(0)
                && let Some(job) = state.jobs.pop_front()
            {
                self.taken.notify_all();
                state.running += 1;
                state.allowed = state.allowed.map(|allowed| allowed - 1);
                return Some(job);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until fewer jobs than this are in the queue, for this long at most.
    pub(crate) fn wait_for_room(&self, jobs: usize, patience: Duration) {
        let is_full = |state: &mut State| state.jobs.len() >= jobs && !state.closed;
        // Who waits looks anew in any case.
        let _ = self.taken.wait_timeout_while(self.lock(), patience, is_full);
    }

    /// A job that was taken has ended.
    pub(crate) fn end(&self) {
        self.lock().running -= 1;
    }

    /// Lets no job begin, one as a trial, or any number.
    pub(crate) fn allow(&self, jobs: Option<usize>) {
        self.lock().allowed = jobs;
        self.changed.notify_all();
    }

    /// Lets workers end: jobs in hand are finished, no other begins.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
        self.taken.notify_all();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Jobs in the queue and in work.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        (state.jobs.len(), state.running)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
