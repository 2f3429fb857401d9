//! What could not be looked at and is looked at again.

use std::collections::HashSet;
use std::mem;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Wait before the first of several looks, and longest wait; each is twice the one before.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);

/// Paths that could not be looked at: no event tells when they can.
#[derive(Debug)]
pub(super) struct Again {
    paths: HashSet<PathBuf>,
    due: Instant,
    delay: Duration,
}

impl Default for Again {
    fn default() -> Self {
        Self { paths: HashSet::new(), due: Instant::now(), delay: FIRST }
    }
}

impl Again {
    /// A path could not be looked at.
    pub(super) fn add(&mut self, path: PathBuf, now: Instant) {
        if self.paths.is_empty() {
            self.due = now + self.delay;
        }
        self.paths.insert(path);
    }

    /// What is to be looked at by now.
    pub(super) fn take_due(&mut self, now: Instant) -> HashSet<PathBuf> {
        if self.paths.is_empty() {
            self.delay = FIRST; // the looks before all succeeded
        } else if self.due <= now {
            self.delay = (2 * self.delay).min(LONGEST);
            return mem::take(&mut self.paths);
        }
        HashSet::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_until_a_look_succeeds() {
        let (mut again, mut now) = (Again::default(), Instant::now());
        let mut waits = Vec::new();
        for look in 0..12 {
            if look == 11 {
                assert!(again.take_due(now).is_empty(), "the look before succeeded");
            }
            again.add("a.tif".into(), now);
            again.add("b.tif".into(), now + Duration::from_millis(1));
            assert!(again.take_due(now).is_empty(), "too soon");
            let start = now;
            now = again.due;
            waits.push(now.duration_since(start).as_secs());
            assert_eq!(again.take_due(now).len(), 2);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 1]);
    }
}
