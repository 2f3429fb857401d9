//! Finds photographs: at paths that events name, and by looking through whole folders.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::files::filesystem;
use crate::files::fingerprint::Stamp;
use crate::files::names;
use crate::job::SkipReason;
use crate::plan::names::is_film;
use crate::plan::{Job, Naming};
use crate::watch::event::WatchEvent;
use crate::watch::folder_events::WatchError;
use crate::watch::input_state;
use crate::watch::roots::{self, Root};
use crate::watch::sweep::{Found, PathKind, Sweep, may_pass};
use crate::watch::watcher::Watcher;

const NO_MORE_WATCHES: &str =
    "the system grants no more watches; raise fs.inotify.max_user_watches";

impl Watcher<'_> {
    /// The root that a path lies in, and the path below it.
    pub(super) fn root_of<'p>(&self, path: &'p Path) -> Option<(&Root, &'p Path)> {
        self.roots.iter().find_map(|root| Some((root, path.strip_prefix(&root.real).ok()?)))
    }

    /// Looks at what events named since.
    pub(super) fn take_notice(&mut self) {
        let Some(events) = &self.events else { return };
        let noticed = events.noticed();
        if noticed.overflow {
            self.tell(&WatchEvent::Overflow);
            self.sweep_all();
        }
        for path in noticed.paths {
            self.notice(&path);
        }
    }

    /// Looks at one path at which something happened.
    pub(super) fn notice(&mut self, path: &Path) {
        let Some(index) = self.roots.iter().position(|root| path.starts_with(&root.real)) else {
            return;
        };
        let root = &self.roots[index];
        let Ok(below) = path.strip_prefix(&root.real) else { return };
        if below.as_os_str().is_empty() {
            let before = root.identity;
            self.check_roots();
            // Removed and made again it may have its number again, and nobody watches it.
            if before.is_some() && self.roots[index].identity == before {
                self.sweep_root(index);
            }
        } else if !self.filter.left_alone.has_any_of(&root.real, below) {
            match self.filter.classify(&root.real, below) {
                Ok(PathKind::Wanted(stamp)) => {
                    let job = self.job(root, below.to_path_buf());
                    self.left_out.remove(&job.shown);
                    self.seen.remove(path);
                    self.looked_again.remove(path);
                    self.waiting.touch(&job, stamp, Instant::now());
                }
                Ok(PathKind::Folder(_)) => {
                    self.sweep(index, below.to_path_buf());
                }
                Ok(PathKind::Misnamed) => {
                    let path = root.shown.join(below);
                    self.left_out(path, &SkipReason::Misnamed.to_string());
                }
                Ok(PathKind::Other) => {} // what is waited for is missed when it is due
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => self.failed(index, below, &error),
            }
        }
    }

    fn job(&self, root: &Root, below: PathBuf) -> Job {
        let films = self.context.film.as_ref().filter(|_| is_film(&below));
        let naming = match films {
            Some(film) => Naming::Films(film.codec.extension()),
            None => Naming::Photographs(self.format),
        };
        Job::in_folder(&root.shown, &root.real, below, naming)
    }

    /// Notes that something below a root could not be looked at.
    fn failed(&mut self, index: usize, below: &Path, error: &io::Error) {
        let root = &self.roots[index];
        let (shown, real) = (root.shown.join(below), root.real.join(below));
        self.left_out(shown, &error.to_string());
        if may_pass(error) {
            self.again.add(real, Instant::now());
        }
    }

    /// Looks again at what could not be looked at.
    pub(super) fn look_again(&mut self) {
        for path in self.again.take_due(Instant::now()) {
            self.notice(&path);
        }
    }

    /// When the next look through a folder is due.
    pub(super) fn next_sweep(&self) -> Option<Instant> {
        self.roots.iter().filter_map(|root| root.next_sweep).min()
    }

    /// Looks through the folders whose time has come.
    pub(super) fn sweep_due(&mut self) {
        for root in 0..self.roots.len() {
            if self.roots[root].next_sweep.is_some_and(|next| next <= Instant::now()) {
                self.sweep_root(root);
            }
        }
    }

    /// Looks through all folders, and finishes with originals that are to leave.
    pub(super) fn sweep_all(&mut self) {
        for root in 0..self.roots.len() {
            self.sweep_root(root);
        }
    }

    fn sweep_root(&mut self, index: usize) {
        self.take_up_departures();
        let started = Instant::now();
        let files = self.sweep(index, PathBuf::new());
        self.roots[index].files = files;
        let all: u64 = self.roots.iter().map(|root| root.files).sum();
        if self.seen.len() as u64 > 2 * all + 1000 {
            self.seen.clear(); // most of it is of files that went away
            self.looked_again.clear();
        }
        let (took, waiting) = (started.elapsed(), self.waiting.len() as u64);
        self.tell(&WatchEvent::Scanned { files, waiting, took });
        let root = &mut self.roots[index];
        root.next_sweep = root.interval(self.settings).map(|interval| Instant::now() + interval);
    }

    /// Looks through a folder below a root and gives the number of photographs found.
    fn sweep(&mut self, index: usize, below: PathBuf) -> u64 {
        let mut files = 0;
        let mut sweep = Sweep::new(&self.roots[index].real, below);
        while !self.is_stopping()
            && let Some(found) = sweep.next(&self.filter)
        {
            match found {
                Found::Folder(below, device) => self.watch_folder(index, &below, device),
                Found::Wanted(below, stamp) => {
                    files += 1;
                    self.find(index, below, stamp);
                }
                Found::LeftOut(below, reason) => {
                    let path = self.roots[index].shown.join(below);
                    self.left_out(path, &reason);
                }
                Found::Failed(below, error) => self.failed(index, &below, &error),
            }
            self.heartbeat();
        }
        files
    }

    /// Listens to the events of a folder, unless its root is polled.
    fn watch_folder(&mut self, index: usize, below: &Path, device: u64) {
        let root = &mut self.roots[index];
        let path = root.real.join(below);
        if root.polled.is_none()
            && root.identity.is_some_and(|(of_root, _)| of_root != device)
            && let Some(file_system) = filesystem::without_events(&path)
        {
            root.polled = Some(roots::sends_none(file_system));
            self.tell_how(index);
        }
        if self.roots[index].polled.is_some() {
            return;
        }
        let Some(events) = &mut self.events else { return };
        match events.watch(&path) {
            Ok(()) | Err(WatchError::Gone) => {}
            Err(WatchError::Limit) => {
                self.poll_all(NO_MORE_WATCHES);
                for root in 0..self.roots.len() {
                    self.tell_how(root);
                }
            }
            Err(WatchError::Other(reason)) => {
                let path = self.roots[index].shown.join(below);
                self.left_out(path, &reason);
            }
        }
    }

    /// Tells once that something is not looked at.
    fn left_out(&mut self, path: PathBuf, reason: &str) {
        if self.left_out.insert(path.clone()) {
            self.tell(&WatchEvent::LeftOut { path: &path, reason });
        }
    }

    /// Polls all folders from here on, for this reason.
    pub(super) fn poll_all(&mut self, reason: &str) {
        self.events = None;
        let soon = Instant::now() + self.settings.poll_interval;
        for root in &mut self.roots {
            root.polled.get_or_insert_with(|| reason.to_owned());
            root.next_sweep = Some(root.next_sweep.map_or(soon, |next| next.min(soon)));
        }
    }

    /// Tells how a root is watched.
    pub(super) fn tell_how(&mut self, index: usize) {
        let (folder, polled) = (self.roots[index].shown.clone(), self.roots[index].polled.clone());
        let interval = self.settings.poll_interval;
        let polled = polled.as_deref().map(|reason| (interval, reason));
        self.tell(&WatchEvent::Watching { folder: &folder, polled });
    }

    /// A look through the folders found a photograph.
    fn find(&mut self, index: usize, below: PathBuf, stamp: Stamp) {
        let job = self.job(&self.roots[index], below);
        if !self.left_out.is_empty() {
            self.left_out.remove(&job.shown);
        }
        if self.in_hand.get(&job.input) == Some(&stamp) || self.seen.contains(&job.input, &stamp) {
            return;
        }
        if !self.waiting.contains(&job.input) {
            match input_state::is_settled(self.context, &job, &stamp) {
                Ok(true) => {
                    if let Err(error) = input_state::complete(self.context, &job) {
                        log::warn!("{error}");
                    }
                    return self.seen.insert(&job.input, &stamp);
                }
                Ok(false) => {}
                Err(error) => log::warn!("{error}"),
            }
        }
        self.waiting.find(&job, stamp, Instant::now());
    }

    /// Notices folders that went away, came back, or are others under the same name.
    pub(super) fn check_roots(&mut self) {
        for index in 0..self.roots.len() {
            let root = &self.roots[index];
            let (before, after) = (root.identity, root.found());
            if before == after {
                continue;
            }
            let (folder, real) = (root.shown.clone(), root.real.clone());
            self.roots[index].identity = after;
            self.roots[index].ask_file_system(self.settings, self.events.is_some());
            if let Some(events) = &mut self.events {
                events.forget(&real);
            }
            if after.is_some() {
                self.tell(&WatchEvent::Back { folder: &folder });
                self.sweep_root(index);
            } else {
                self.tell(&WatchEvent::Gone { folder: &folder });
            }
        }
    }

    /// Takes up originals that are to go, where that failed or was interrupted.
    fn take_up_departures(&mut self) {
        let leaving = self.context.ledger.leaving().unwrap_or_else(|error| {
            log::warn!("{error}");
            Vec::new()
        });
        for (output, input) in leaving {
            if self.departures.contains(&output) || !names::is_absolute_and_plain(&input) {
                continue;
            }
            if let Some(job) = self.departing(&input, output) {
                self.departures.resume(job, Instant::now());
            }
        }
    }

    /// The job whose original is to go: by its input, whatever name its result would have today. `None`:
    /// the original lies in no folder that is watched.
    pub(super) fn departing(&self, input: &Path, output: PathBuf) -> Option<Job> {
        let (root, below) = self.root_of(input)?;
        Some(Job { output, ..self.job(root, below.to_path_buf()) })
    }
}
