//! Folders that photographs are dropped into, watched for months.
//!
//! One thread coordinates ([`watcher`]): it learns of files by events and by looking through the
//! folders, waits until they stand still, puts them into the ledger's queue, and hands them to
//! workers, which do the same [`JobContext::perform`] as `batch`. It keeps nothing that the ledger and
//! the folders could not tell it again after a crash.

mod again;
mod departures;
mod discovery;
pub(crate) mod event;
mod folder_events;
mod input_state;
mod pause;
mod roots;
mod seen;
pub(crate) mod settings;
mod sweep;
mod unfilled;
mod waiting;
mod watcher;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;

use crate::error::Result;
use crate::files::ignore::Ignore;
use crate::files::watched::{LeftAlone, Watched};
use crate::job::JobContext;
use crate::policy::OnSuccess;
use crate::queue::JobQueue;
use crate::settings::Recipe;
use crate::stop::Stop;
use crate::watch::event::Observer;
use crate::watch::settings::WatchSettings;
use crate::watch::watcher::{Message, Watcher};
use crate::workers::{self, Feed};

/// How watching ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// On request; jobs in hand were given up.
    Stopped,
    /// To begin anew with other settings; jobs in hand were finished.
    Reload,
}

/// Checks settings before anything is created, and gives what they have watched; `folder` is the output
/// folder, resolved.
///
/// # Errors
///
/// When an input is no folder, lies in the output folder or the reverse, originals would move into
/// either, or a glob does not parse.
pub(crate) fn check(
    settings: &WatchSettings,
    on_success: &OnSuccess,
    folder: &Path,
) -> Result<Watched> {
    let roots = roots::open(settings, folder)?.into_iter().map(|root| root.real).collect();
    let folders = roots::excluded(settings, on_success, folder)?;
    let left_alone = LeftAlone { ignore: Ignore::new(&settings.ignore)?, folders };
    Ok(Watched { roots, left_alone })
}

/// Watches until `stop` is asked for. The caller holds the lock of the output folder.
///
/// # Errors
///
/// Those of [`check`]. What happens to single files is told to `observer` and recorded in the ledger.
pub(crate) fn run(
    settings: &WatchSettings,
    context: &JobContext,
    observer: &mut dyn Observer,
    stop: &Stop,
) -> Result<Ended> {
    let (queue, over) = (JobQueue::default(), AtomicBool::new(false));
    let (sender, inbox) = mpsc::channel();
    let mut watcher = Watcher::new(settings, context, observer, stop, &queue, inbox, &sender)?;
    let leaving = watcher.departures.start();
    thread::scope(|scope| {
        let departed = sender.clone();
        scope.spawn(move || {
            departures::work(context, leaving, |job, gone| {
                let _ = departed.send(Message::Departed(job, gone));
            });
        });
        if context.ledger.is_shared() && settings.jobs > 0 {
            scope.spawn(|| Feed::endless(recipes(context)).run(context, &queue, settings.jobs));
            scope.spawn(|| workers::renew(context, &over));
        }
        for _ in 0..settings.jobs {
            let sender = sender.clone();
            scope.spawn(|| work(context, &queue, sender));
        }
        drop(sender);
        let closing = Closing(&queue); // workers end even if the coordinator panics
        watcher.watch();
        drop(closing);
        watcher.finish();
        over.store(true, Ordering::Relaxed);
    });
    Ok(if stop.is_asked() { Ended::Stopped } else { Ended::Reload })
}

/// What decides the results of photographs, and those of films.
fn recipes(context: &JobContext) -> Vec<Recipe> {
    let (weights, arithmetic) =
        (&context.model.recipe.weights, context.model.colorizer.arithmetic());
    let films = context.film.as_ref().map(|film| film.recipe(weights, arithmetic));
    [context.model.recipe.clone()].into_iter().chain(films).collect()
}

struct Closing<'a>(&'a JobQueue);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Takes jobs and does them until the queue is closed.
fn work(context: &JobContext, queue: &JobQueue, sender: Sender<Message>) {
    // The coordinator outlives the workers; should it not, nobody reads the messages.
    while let Some((id, job)) = queue.take() {
        let _ = sender.send(Message::Began(job.clone()));
        let outcome = context.perform(id, &job);
        let is_cut_off = workers::is_cut_off(context, &outcome);
        let _ = sender.send(Message::Ended(job, Box::new(outcome)));
        queue.end();
        if is_cut_off {
            workers::leave_to_others(context, queue);
        }
    }
}
