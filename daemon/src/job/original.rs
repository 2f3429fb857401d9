//! What becomes of an original whose result is there: it stays, moves or is deleted.
//!
//! It goes only after its result was read back whole, and only if it still is what was colored. The
//! ledger says `due` before anything is done to it and `leaving` until it is gone, so that what a crash
//! leaves is finished at the next start.

use crate::error::{Error, Result};
use crate::files::departure::{self, Destination, Known};
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
        let kept = departure::put_back(&job.original())
            .and_then(|_| self.ledger.set_original(&job.output, Original::Kept));
        if let Err(error) = kept {
            log::warn!("{}: done; the original stays: {error}", job.shown.display());
        }
    }

    /// Moves or deletes the original of a result, if that is what is asked for.
    ///
    /// # Errors
    ///
    /// Why it stays for now; that may be tried again.
    pub(crate) fn let_original_go(&self, job: &Job) -> Result<()> {
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
            _ => {
                self.keep_original(job, &result);
                return Ok(());
            }
        };
        self.verify(job, &result)?;
        let known = Known { content: &result.content, stamp: result.source };
        let begin = || self.ledger.set_original(&job.output, Original::Leaving);
        let (original, stop) = (job.original(), &self.stop);
        let original = match departure::let_go(&original, known, destination, &begin, stop) {
            Ok(()) => Original::Gone,
            Err(reason @ Error::LinkStays { .. }) => {
                log::warn!("{reason}");
                Original::Kept
            }
            Err(reason) => {
                // As before: where a crash saw it leaving, another may have its name by now.
                self.ledger.set_original(&job.output, result.original)?;
                return Err(reason);
            }
        };
        self.ledger.set_original(&job.output, original)
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
