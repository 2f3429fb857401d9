//! Makes what was asked for, unless another process works on the output folder: then that one does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::Review;
use crate::error::Error;
use crate::files::lock::Lock;
use crate::job::Outcome;
use crate::ledger;
use crate::output;
use crate::plan::Job;
use crate::workers;

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
    if context.ledger.is_shared() {
        return make_as_worker(review);
    }
    let (_lock, _) = output::open(&review.folder)?;
    // What others did until now is done.
    for (id, job) in context.ledger.asked()? {
        if context.stop.is_asked() {
            break;
        }
        make(review, id, &job);
    }
    Ok(())
}

/// The same by a ledger that workers share, if none of them is there.
fn make_as_worker(review: &Review) -> Result<(), Error> {
    let context = &review.context;
    if !context.ledger.workers()?.is_empty() {
        return Ok(());
    }
    context.ledger.join(&context.model.recipe)?;
    let over = &AtomicBool::new(false);
    let made = thread::scope(|scope| {
        scope.spawn(move || workers::renew(context, over));
        let make_next = || -> Result<bool, Error> {
            let taken = context.ledger.take(1, &[])?; // of all recipes, what is asked for
            for (id, job) in &taken {
                make(review, *id, job);
            }
            Ok(!taken.is_empty() && !context.stop.is_asked())
        };
        let made = loop {
            match make_next() {
                Ok(true) => {}
                ended => break ended.map(drop),
            }
        };
        over.store(true, Ordering::Relaxed);
        made
    });
    context.ledger.leave()?;
    made
}

fn make(review: &Review, id: i64, job: &Job) {
    match review.context.perform(id, job) {
        Outcome::Failed(reason, _) | Outcome::Blocked(reason) => {
            log::warn!("{}: {reason}", job.shown.display());
        }
        Outcome::Skipped(reason, _) => log::info!("{}: {reason}", job.shown.display()),
        _ => log::info!("{}: done", job.shown.display()),
    }
}

/// Whether another process works on the output folder, as far as its lock tells.
pub(super) fn is_elsewhere(review: &Review) -> bool {
    if review.reading.is_shared() {
        return review.reading.workers().is_ok_and(|workers| !workers.is_empty());
    }
    let lock = review.folder.join(ledger::FOLDER).join(output::LOCK);
    Lock::holder(&lock).is_some_and(|holder| holder != std::process::id())
}
