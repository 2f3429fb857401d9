//! How a run is carried out, and what it tells meanwhile.

use std::time::{Duration, Instant};

use super::epoch::Epoch;

/// How a run is carried out; none of it changes the result.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// Whether to go on with the run in the folder, if there is one.
    pub resume: bool,
    /// Time after which it stops with everything saved.
    pub budget: Option<Duration>,
    /// Time between checkpoints within an epoch; each epoch ends with one.
    pub checkpoint_interval: Duration,
}

impl Default for Session {
    fn default() -> Self {
        Self { resume: false, budget: None, checkpoint_interval: Duration::from_secs(600) }
    }
}

/// What the loop tells its caller.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Everything is read and built; the first step follows.
    Started {
        /// Trained parameters of the network.
        parameters: usize,
        /// Photographs to train on.
        train: usize,
        /// Pictures of an epoch.
        pictures: usize,
        /// Photographs to validate on.
        valid: usize,
        /// Steps an epoch.
        steps: usize,
        /// Whole epochs done before.
        epochs_done: usize,
        /// Steps of the next epoch done before.
        steps_done: usize,
    },
    /// Steps were taken.
    Step {
        /// 1 for the first.
        epoch: usize,
        /// Steps taken within the epoch.
        step: usize,
        /// Mean loss of the epoch so far.
        loss: f64,
    },
    /// The steps of an epoch are done; the validation begins.
    Validating,
    /// An epoch is done and saved.
    Epoch(&'a Epoch),
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The whole epochs, those of earlier sessions included.
    pub history: Vec<Epoch>,
    /// Whether it stopped before the last epoch, on request or out of time.
    pub stopped: bool,
}

/// How fast steps go, when the time is over, and when a checkpoint is due.
pub(crate) struct Pace {
    started: Instant,
    budget: Option<Duration>,
    checkpoint_interval: Duration,
    checkpoint: Instant,
    mark: Instant,
    step_seconds: f64,
}

impl Pace {
    pub(crate) fn new(started: Instant, session: &Session) -> Self {
        let Session { budget, checkpoint_interval, .. } = *session;
        let now = Instant::now();
        Self { started, budget, checkpoint_interval, checkpoint: now, mark: now, step_seconds: 0.0 }
    }

    /// Seconds that the last steps took.
    pub(crate) fn steps_taken(&mut self, steps: usize) -> f64 {
        let seconds = self.lap();
        self.step_seconds = seconds / steps as f64;
        seconds
    }

    /// Seconds that the validation took.
    pub(crate) fn validated(&mut self) -> f64 {
        self.lap()
    }

    pub(crate) fn saved(&mut self) {
        self.checkpoint = Instant::now();
        self.lap();
    }

    pub(crate) fn is_checkpoint_due(&self) -> bool {
        self.checkpoint.elapsed() >= self.checkpoint_interval
    }

    /// Whether so many more steps would go over the budget, with half as much again for the
    /// unforeseen. A step of validation takes no longer than one of training.
    pub(crate) fn is_over(&self, steps: usize) -> bool {
        let needed = self.started.elapsed().as_secs_f64() + 1.5 * self.step_seconds * steps as f64;
        self.budget.is_some_and(|budget| needed > budget.as_secs_f64())
    }

    fn lap(&mut self) -> f64 {
        let seconds = self.mark.elapsed().as_secs_f64();
        self.mark = Instant::now();
        seconds
    }
}
