//! Whether anything is to be done about a file that was found.

use crate::error::Result;
use crate::files::fingerprint::Stamp;
use crate::job::{self, JobContext};
use crate::ledger::InputState;
use crate::plan::Job;
use crate::policy::Redo;

/// Whether nothing is to be done about a file: by the ledger of the watched folder, or by that of
/// a batch, which keeps the input's stamp with the result.
pub(super) fn is_settled(context: &JobContext, job: &Job, stamp: &Stamp) -> Result<bool> {
    Ok(input_state(context, job, stamp)? == InputState::Settled
        || context.done_by_times(job)?.is_some())
}

/// Writes the sidecar of a result of an earlier run, if sidecars are asked for.
pub(super) fn complete(context: &JobContext, job: &Job) -> Result<()> {
    if context.policy.sidecar
        && let Some((result, _)) = context.done_by_times(job)?
    {
        context.keep_sidecar(&job.output, &result);
    }
    Ok(())
}

/// What the ledger says of a file. One that is done is new if it is to be made anew.
pub(super) fn input_state(context: &JobContext, job: &Job, stamp: &Stamp) -> Result<InputState> {
    let ledger = &context.ledger;
    let input_state = ledger.input_state(job, stamp, &context.recipe_of(&job.output))?;
    if input_state == InputState::New
        || context.policy.redo != Redo::Older
        || !ledger.is_done(job)?
    {
        return Ok(input_state);
    }
    let Some(result) = ledger.result(&job.output)? else { return Ok(input_state) };
    let recipe = context.treatment(&job.output, &result.content)?.recipe;
    let is_older = job::staleness(&result, &recipe).is_some();
    Ok(if is_older { InputState::New } else { input_state })
}
