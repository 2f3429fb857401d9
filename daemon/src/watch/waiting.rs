//! Files that were noticed and are waited for: to stand still, to be filled, to be tried again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::files::fingerprint::Stamp;
use crate::plan::Job;

/// Files that are waited for, by their absolute paths.
#[derive(Debug)]
pub(super) struct Waiting {
    files: HashMap<PathBuf, File>,
    delay: Duration,
    empty_patience: Duration,
}

#[derive(Debug)]
struct File {
    job: Job,
    stamp: Stamp,
    /// When the file was last seen to change.
    changed: Instant,
    /// When it is looked at next.
    due: Instant,
    /// Whether it was told that its end is waited for.
    told: bool,
}

impl Waiting {
    /// Files must stand still for `delay`, and may stay empty or without their end for
    /// `empty_patience`.
    pub(super) fn new(delay: Duration, empty_patience: Duration) -> Self {
        Self { files: HashMap::new(), delay, empty_patience }
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    pub(super) fn contains(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }

    /// An event told that something is written to a file, or it was found. The wait begins anew.
    pub(super) fn touch(&mut self, job: &Job, stamp: Stamp, now: Instant) {
        let due = now + self.delay;
        let file = File { job: job.clone(), stamp, changed: now, due, told: false };
        self.files.insert(job.input.clone(), file);
    }

    /// A look through the folders found a file with this stamp. The wait begins anew if it changed.
    pub(super) fn find(&mut self, job: &Job, stamp: Stamp, now: Instant) {
        match self.files.get(&job.input) {
            Some(file) if file.stamp == stamp => {}
            _ => self.touch(job, stamp, now),
        }
    }

    /// Lets a file that failed wait at least until `due`; what was noticed since goes before.
    pub(super) fn postpone(&mut self, job: Job, stamp: Stamp, now: Instant, due: Instant) {
        let input = job.input.clone();
        self.files.entry(input).or_insert(File { job, stamp, changed: now, due, told: false });
    }

    /// Files to be looked at, the longest-waiting first.
    pub(super) fn due(&self, now: Instant) -> Vec<PathBuf> {
        let due = self.files.iter().filter(|(_, file)| file.due <= now);
        let mut due: Vec<_> = due.map(|(path, file)| (file.due, path)).collect();
        due.sort();
        due.into_iter().map(|(_, path)| path.clone()).collect()
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.files.values().map(|file| file.due).min()
    }

    /// A due file has this stamp, or is not there: gives its job if it stood still, and is neither
    /// empty nor, as far as `is_unfilled` tells, without its end.
    pub(super) fn poll(
        &mut self,
        path: &Path,
        stamp: Option<Stamp>,
        now: Instant,
        is_unfilled: impl FnOnce(&Job) -> bool,
    ) -> Option<(Job, Stamp)> {
        let file = self.files.get_mut(path)?;
        let Some(stamp) = stamp else {
            self.files.remove(path);
            return None;
        };
        if file.stamp != stamp {
            (file.stamp, file.changed) = (stamp, now);
            file.due = now + self.delay;
            return None;
        }
        let has_patience = now < file.changed + self.empty_patience;
        if has_patience && (stamp.size == 0 || is_unfilled(&file.job)) {
            if stamp.size > 0 && !std::mem::replace(&mut file.told, true) {
                let name = file.job.shown.display();
                log::info!("{name}: ends in empty rows; waits for them within --empty-patience");
            }
            let seldom = self.delay.max(Duration::from_secs(5));
            file.due = (now + seldom).min(file.changed + self.empty_patience);
            return None;
        }
        self.files.remove(path).map(|file| (file.job, stamp))
    }

    /// Looks at a file again after its delay: it cannot be taken now.
    pub(super) fn defer(&mut self, job: Job, stamp: Stamp, now: Instant) {
        let due = now + self.delay.max(Duration::from_millis(100));
        self.postpone(job, stamp, now, due);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn job() -> Job {
        let path = || PathBuf::from("a.tif");
        Job { shown: path(), input: path(), below: path(), output: path(), named: false }
    }

    fn stamp(size: i64, modified: i64) -> Stamp {
        Stamp { size, modified, changed: modified }
    }

    /// A waiting list of 5 seconds' delay with one file, and its start.
    fn one(size: i64) -> (Waiting, Instant) {
        let start = Instant::now();
        let mut waiting = Waiting::new(5 * SECOND, 60 * SECOND);
        waiting.touch(&job(), stamp(size, 1), start);
        (waiting, start)
    }

    fn poll(waiting: &mut Waiting, stamp: Stamp, now: Instant) -> bool {
        let due = waiting.due(now);
        due.iter().any(|path| waiting.poll(path, Some(stamp), now, |_| false).is_some())
    }

    #[test]
    fn a_file_is_taken_once_it_stood_still() {
        let (mut waiting, start) = one(9);
        assert!(!poll(&mut waiting, stamp(9, 1), start + 4 * SECOND), "too soon");
        assert!(poll(&mut waiting, stamp(9, 1), start + 5 * SECOND));
        assert_eq!(waiting.len(), 0);
    }

    #[test]
    fn a_file_that_grows_or_is_written_in_place_begins_its_wait_anew() {
        for other in [stamp(10, 1), stamp(9, 2)] {
            let (mut waiting, start) = one(9);
            assert!(!poll(&mut waiting, other, start + 5 * SECOND));
            assert!(!poll(&mut waiting, other, start + 9 * SECOND));
            assert!(poll(&mut waiting, other, start + 10 * SECOND));
        }
    }

    #[test]
    fn an_event_begins_the_wait_anew_even_where_the_times_stand_still() {
        let (mut waiting, start) = one(9);
        waiting.touch(&job(), stamp(9, 1), start + 4 * SECOND);
        assert!(!poll(&mut waiting, stamp(9, 1), start + 8 * SECOND));
        assert!(poll(&mut waiting, stamp(9, 1), start + 9 * SECOND));
    }

    #[test]
    fn finding_the_same_file_again_does_not_begin_the_wait_anew() {
        let (mut waiting, start) = one(9);
        waiting.find(&job(), stamp(9, 1), start + 4 * SECOND);
        assert!(poll(&mut waiting, stamp(9, 1), start + 5 * SECOND));
    }

    #[test]
    fn an_empty_file_waits_for_its_content_and_is_taken_after_a_long_time() {
        let (mut waiting, start) = one(0);
        assert!(!poll(&mut waiting, stamp(0, 1), start + 59 * SECOND));
        assert!(poll(&mut waiting, stamp(0, 1), start + 60 * SECOND));
    }

    #[test]
    fn a_file_without_its_end_waits_for_it_even_where_the_times_stand_still() {
        let (mut waiting, start) = one(9);
        let mut poll = |second: u32, is_unfilled: bool| {
            let now = start + second * SECOND;
            let due = waiting.due(now);
            due.iter()
                .any(|path| waiting.poll(path, Some(stamp(9, 1)), now, |_| is_unfilled).is_some())
        };
        assert!(!poll(5, true) && !poll(10, true), "its end is missing");
        assert!(poll(15, false), "it came");
        let (mut waiting, start) = one(9);
        let path = waiting.due(start + 60 * SECOND).remove(0);
        assert!(waiting.poll(&path, Some(stamp(9, 1)), start + 60 * SECOND, |_| true).is_some());
    }

    #[test]
    fn a_file_that_went_away_is_not_waited_for() {
        let (mut waiting, start) = one(9);
        let path = waiting.due(start + 5 * SECOND).remove(0);
        assert!(waiting.poll(&path, None, start + 5 * SECOND, |_| false).is_none());
        assert_eq!(waiting.len(), 0);
    }

    #[test]
    fn a_failed_file_waits_out_its_delay_unless_it_changes() {
        let (mut waiting, start) = (Waiting::new(5 * SECOND, 60 * SECOND), Instant::now());
        waiting.postpone(job(), stamp(9, 1), start, start + 40 * SECOND);
        assert!(!poll(&mut waiting, stamp(9, 1), start + 39 * SECOND));
        waiting.find(&job(), stamp(10, 2), start + 39 * SECOND);
        assert!(!poll(&mut waiting, stamp(10, 2), start + 43 * SECOND));
        assert!(poll(&mut waiting, stamp(10, 2), start + 44 * SECOND));
    }
}
