//! Makes what was asked for, unless another process works on the output folder: then that one does.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::Review;
use crate::error::Error;
use crate::files::lock::Lock;
use crate::job::Outcome;
use crate::ledger;
use crate::output;

/// Time between two looks whether something is asked for that nobody makes.
const ROUND: Duration = Duration::from_secs(1);

/// Wakes the thread that makes results.
#[derive(Default)]
pub(crate) struct Maker {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Maker {
    /// Something may be to do, or the program is to stop.
    pub(crate) fn wake(&self) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(woken, ROUND, |woken| !*woken);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

/// Makes what is asked for until the program is to stop. The output folder is held for that alone.
pub(crate) fn work(review: &Review) {
    let context = &review.context;
    while !context.stop.is_asked() {
        review.maker.wait();
        match make_all(review) {
            Ok(()) | Err(Error::Busy { .. }) => {}
            Err(error) => log::warn!("{error}"),
        }
    }
}

fn make_all(review: &Review) -> Result<(), Error> {
    let context = &review.context;
    if review.reading.asked()?.is_empty() {
        return Ok(());
    }
    let (_lock, _) = output::open(&review.folder)?;
    // What others did until now is done.
    for (id, job) in context.ledger.asked()? {
        if context.stop.is_asked() {
            break;
        }
        match context.perform(id, &job) {
            Outcome::Failed(reason, _) | Outcome::Blocked(reason) => {
                log::warn!("{}: {reason}", job.shown.display());
            }
            Outcome::Skipped(reason, _) => log::info!("{}: {reason}", job.shown.display()),
            _ => log::info!("{}: done", job.shown.display()),
        }
    }
    Ok(())
}

/// Whether another process works on the output folder, as far as its lock tells.
pub(super) fn is_elsewhere(review: &Review) -> bool {
    let lock = review.folder.join(ledger::FOLDER).join(output::LOCK);
    Lock::holder(&lock).is_some_and(|holder| holder != std::process::id())
}
