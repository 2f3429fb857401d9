//! Events of the operating system about folders.

use std::collections::HashSet;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode, EventKind, Flag};
use notify::{ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher};

/// What events told since it was last asked for.
#[derive(Debug, Default)]
pub(super) struct Noticed {
    /// Paths at which something happened. Kept as a set: a file that is written to for an hour is
    /// one path.
    pub(super) paths: HashSet<PathBuf>,
    /// Events were lost: anything may have happened anywhere.
    pub(super) overflow: bool,
}

/// Watches single folders; folders below them are to be watched one by one, so that those that
/// are ignored cost no watch.
pub(super) struct FolderEvents {
    watcher: RecommendedWatcher,
    noticed: Arc<Mutex<Noticed>>,
}

/// Why a folder is not watched.
#[derive(Debug)]
pub(super) enum WatchError {
    /// The system grants no more watches.
    Limit,
    /// The folder went away.
    Gone,
    Other(String),
}

impl FolderEvents {
    /// Starts listening; `tell` is called when there is something new.
    pub(super) fn open(tell: impl Fn() + Send + 'static) -> Result<Self, String> {
        let noticed = Arc::new(Mutex::new(Noticed::default()));
        let shared = Arc::clone(&noticed);
        let watcher = notify::recommended_watcher(move |event| {
            if note(&shared, event) {
                tell();
            }
        });
        let watcher = watcher.map_err(|error| error.to_string())?;
        Ok(Self { watcher, noticed })
    }

    /// Watches a folder, and again if it is watched already: that costs little, and mends a watch
    /// that was lost.
    pub(super) fn watch(&mut self, folder: &Path) -> Result<(), WatchError> {
        self.watcher.watch(folder, RecursiveMode::NonRecursive).map_err(|error| match error.kind {
            ErrorKind::MaxFilesWatch => WatchError::Limit,
            ErrorKind::PathNotFound => WatchError::Gone,
            ErrorKind::Io(source) if source.kind() == std::io::ErrorKind::NotFound => {
                WatchError::Gone
            }
            ErrorKind::Io(source) => WatchError::Other(source.to_string()),
            _ => WatchError::Other(error.to_string()),
        })
    }

    /// Ends the watch of a folder that is another one under the same path.
    pub(super) fn forget(&mut self, folder: &Path) {
        if let Err(error) = self.watcher.unwatch(folder) {
            log::trace!("{}: {error}", folder.display());
        }
    }

    pub(super) fn noticed(&self) -> Noticed {
        mem::take(&mut *self.noticed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Notes what an event tells; gives whether there was nothing before it.
fn note(noticed: &Mutex<Noticed>, event: notify::Result<Event>) -> bool {
    let mut noticed = noticed.lock().unwrap_or_else(PoisonError::into_inner);
    let first = noticed.paths.is_empty() && !noticed.overflow;
    match event {
        // Reading is no news: this program does it, too.
        Ok(Event { kind: EventKind::Access(access), .. })
            if access != AccessKind::Close(AccessMode::Write) =>
        {
            return false;
        }
        Ok(event) => {
            noticed.overflow |= event.flag() == Some(Flag::Rescan);
            noticed.paths.extend(event.paths);
        }
        Err(error) => {
            log::warn!("watching: {error}");
            noticed.overflow = true;
        }
    }
    first && (noticed.overflow || !noticed.paths.is_empty())
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, ModifyKind};

    use super::*;

    #[test]
    fn an_overflow_without_a_path_is_noticed() {
        let noticed = Mutex::default();
        assert!(note(&noticed, Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan))));
        assert!(noticed.lock().unwrap().overflow);
    }

    #[test]
    fn many_events_of_a_file_are_one_notice_and_reading_is_none() {
        let noticed = Mutex::default();
        let event = |kind| Ok(Event::new(kind).add_path("a.jpg".into()));
        assert!(!note(&noticed, event(EventKind::Access(AccessKind::Open(AccessMode::Any)))));
        assert!(note(&noticed, event(EventKind::Create(CreateKind::File))));
        assert!(!note(&noticed, event(EventKind::Modify(ModifyKind::Any))));
        assert_eq!(noticed.lock().unwrap().paths.len(), 1);
    }
}
