//! What becomes of an original whose result is there: it stays, moves or is deleted.
//!
//! It goes only after its result was read back whole, and only if it still is what was colored. The
//! ledger says `due` before anything is done to it and `leaving` until it is gone, so that what a crash
//! leaves is finished at the next start.

use crate::error::{Error, Result};
use crate::files::departure::{self, Destination, Known, Way};
use crate::files::publish::{self, Place};
use crate::job::context::JobContext;
use crate::ledger::{Original, Published};
use crate::plan::{self, Job};
use crate::policy::OnSuccess;

fn is_to_go(result: &Published) -> bool {
    matches!(result.original, Original::Due | Original::Leaving)
}

impl JobContext {
    /// Lets an original stay that was to go by the settings of an earlier run, if it is to stay now.
    pub(super) fn keep_original(&self, job: &Job, result: &Published) {
        if self.policy.lets_go(&job.input) || !is_to_go(result) {
            return;
        }
        if let Err(error) = self.let_stay(job, result, &Way::default()) {
            log::warn!("{}: done; the original stays: {error}", job.shown.display());
        }
    }

    fn let_stay(&self, job: &Job, result: &Published, way: &Way) -> Result<()> {
        let original = job.original();
        // Nothing was done yet to one that is due, wherever it is by now.
        let has_gone = result.original == Original::Leaving && departure::is_gone(&original, way)?;
        if has_gone {
            return self.ledger.set_original(&job.output, Original::Gone);
        }
        departure::put_back(&original)?;
        self.ledger.set_original(&job.output, Original::Kept)
    }

    /// Moves or deletes the original of a result, if that is what is asked for. It was last seen at the
    /// end of a way.
    ///
    /// # Errors
    ///
    /// Why it stays for now; that may be tried again.
    pub(crate) fn let_original_go(&self, job: &Job, way: &Way) -> Result<()> {
        let Some(result) = self.ledger.result(&job.output)? else { return Ok(()) };
        if !is_to_go(&result) {
            return Ok(());
        }
        let lets_go = self.policy.lets_go(&job.input);
        let destination = match &self.policy.on_success {
            OnSuccess::Delete if lets_go => Destination::Nowhere,
            OnSuccess::Move(folder) if lets_go => {
                let real = plan::resolve(folder)?; // as it is by now
                if real.starts_with(&self.folder) || self.folder.starts_with(&real) {
                    return Err(Error::MovesIntoOutput { folder: folder.clone() });
                }
                Destination::Folder { folder, below: &job.below }
            }
            _ => return self.let_stay(job, &result, way),
        };
        let known = Known { content: &result.content, stamp: result.source, way };
        let begin = || {
            self.verify(job, &result)?;
            self.ledger.set_original(&job.output, Original::Leaving)
        };
        let (original, stop) = (job.original(), &self.stop);
        let state = match departure::let_go(&original, known, destination, &begin, stop) {
            Ok(()) => Original::Gone,
            Err(reason @ Error::LinkStays { .. }) => {
                log::warn!("{reason}");
                Original::Kept
            }
            Err(reason) => {
                // As before: where a crash saw it leaving, another may have its name by now. While it may
                // lie aside that is not forgotten.
                if departure::is_in_place(&original) {
                    self.ledger.set_original(&job.output, result.original)?;
                }
                return Err(reason);
            }
        };
        self.ledger.set_original(&job.output, state)
    }

    /// Reads a result back whole.
    fn verify(&self, job: &Job, result: &Published) -> Result<()> {
        let path = self.folder.join(&job.output);
        match publish::inspect_result(&path, Some(result), false)? {
            Place::Ours => Ok(()),
            _ => Err(Error::Edited { path }),
        }
    }
}
