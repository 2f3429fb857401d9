//! What becomes of a job that failed: it is tried again, or recorded as failed.

use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::error::{Error, Fault, Result};
use crate::job::context::JobContext;
use crate::job::outcome::{JobDetails, Outcome, SkipReason};
use crate::ledger::StoreError;
use crate::plan::Job;
use crate::policy::Retries;

/// Time between two attempts to record a result.
const RECORDING_INTERVAL: Duration = Duration::from_millis(500);

/// Whether another worker has the job by now.
fn is_lost(error: &Error) -> bool {
    matches!(error, Error::Ledger { source: StoreError::LeaseLost, .. })
}

impl JobContext {
    /// Records a failure, and says what follows from it.
    pub(super) fn settle_failure(
        &self,
        id: i64,
        job: &Job,
        error: &Error,
        details: JobDetails,
    ) -> Outcome {
        let reason = error.reason(&job.shown);
        if is_lost(error) {
            return Outcome::Lost;
        }
        let (outcome, recorded) = if self.stop.is_asked() {
            (Outcome::Stopped, self.ledger.requeue(id, 0))
        } else if self.ledger.is_shared() && self.is_cut_off(job, error) {
            (Outcome::Blocked(reason), self.ledger.requeue(id, 0))
        } else {
            match (self.policy.retries, error.fault(&job.shown, &self.folder)) {
                (None, _) | (Some(_), Fault::Lasting) => self.give_up(id, reason, details),
                (Some(_), Fault::Gone) => {
                    let gone = SkipReason::Gone;
                    let recorded = self.ledger.lose(id, &gone.to_string());
                    (Outcome::Skipped(gone, details), recorded)
                }
                (Some(_), Fault::Output) => (Outcome::Blocked(reason), self.ledger.requeue(id, 0)),
                (Some(retries), Fault::Incomplete) => {
                    self.try_again(id, reason, details, retries, retries.most_damaged)
                }
                (Some(retries), Fault::Passing) => {
                    self.try_again(id, reason, details, retries, retries.most)
                }
            }
        };
        match recorded {
            Ok(()) => outcome,
            // Where another one has it by now, it is that one's doing that this one could not go on.
            Err(error) if is_lost(&error) => Outcome::Lost,
            Err(error) => {
                log::warn!("{}: its end is not recorded: {error}", job.shown.display());
                match outcome {
                    Outcome::Stopped => outcome,
                    _ if self.policy.retries.is_some() => Outcome::Blocked(error.to_string()),
                    _ => outcome,
                }
            }
        }
    }

    /// Whether it is this machine that does not reach folders or ledger: others may, and so the job is
    /// theirs. A share that is not mounted is an empty folder, or none.
    fn is_cut_off(&self, job: &Job, error: &Error) -> bool {
        let root = job.input.ancestors().nth(job.below.components().count());
        let is_empty = |root: &Path| root.read_dir().map_or(true, |mut all| all.next().is_none());
        error.fault(&job.shown, &self.folder) == Fault::Output
            || !self.ledger.is_there(&self.folder)
            || root.is_none_or(is_empty)
    }

    /// Does what must not fail once a result has its name, again and again while it fails: as long
    /// as the ledger cannot be written, no other job could be done either. Without retries, or
    /// when it is asked to stop, the next start makes up for it.
    pub(super) fn retry_until_recorded(
        &self,
        job: &Job,
        mut action: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        let mut told = false;
        loop {
            let Err(error) = action() else { return Ok(()) };
            if self.policy.retries.is_none() || self.stop.is_asked() || is_lost(&error) {
                return Err(error);
            }
            if !told {
                log::warn!("{}: done, but not recorded yet: {error}", job.shown.display());
                told = true;
            }
            thread::sleep(RECORDING_INTERVAL);
        }
    }

    fn give_up(&self, id: i64, reason: String, details: JobDetails) -> (Outcome, Result<()>) {
        let recorded = self.ledger.fail(id, &reason);
        (Outcome::Failed(reason, details), recorded)
    }

    fn try_again(
        &self,
        id: i64,
        reason: String,
        details: JobDetails,
        retries: Retries,
        most: u32,
    ) -> (Outcome, Result<()>) {
        let tries = match self.ledger.tries(id) {
            Ok(tries) => tries + 1,
            Err(error) => return (Outcome::Blocked(error.to_string()), Err(error)),
        };
        if tries >= most {
            return self.give_up(id, reason, details);
        }
        let delay = retries.delay(tries);
        let recorded = self.ledger.postpone(id, &reason, tries, delay);
        (Outcome::Postponed { reason, tries, delay }, recorded)
    }
}
