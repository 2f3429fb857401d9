//! Bounds on what one file may ask for: pixels, memory and time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::{Error, Result};

/// Bounds on what one file may ask for.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most pixels (width times height).
    pub pixels: u64,
    /// Bytes that may be held for a file: decoded samples that are kept between the two passes, what a
    /// format which cannot be read in bands needs, metadata, lists of strips.
    pub memory: u64,
    /// When reading it fails. It is looked at in every loop over what a file tells.
    pub deadline: Deadline,
    /// Set when reading is to be given up; looked at as the deadline.
    pub stop: Option<Arc<AtomicBool>>,
}

impl Limits {
    /// Bounds on pixels and on bytes of memory, with all the time there is.
    pub const fn new(pixels: u64, memory: u64) -> Self {
        Self { pixels, memory, deadline: Deadline::NEVER, stop: None }
    }

    /// To be asked again and again while a file is in work.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] when it is to be given up, [`Error::Limit`] once the time is over.
    pub fn check_time(&self) -> Result<()> {
        if self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return Err(Error::Stopped);
        }
        self.deadline.check()
    }

    /// Refuses `what` of a result if it takes more than the memory.
    pub(crate) fn check_memory(&self, what: &str, bytes: u64) -> Result<()> {
        if bytes > self.memory {
            let most = self.memory;
            return Err(Error::Limit(format!("{what} takes {bytes} bytes, the limit is {most}")));
        }
        Ok(())
    }
}

/// When a file must be done with; by default never.
#[derive(Clone, Copy, Debug, Default)]
pub struct Deadline(Option<(Instant, Duration)>);

impl Deadline {
    /// A file may take all the time there is.
    pub const NEVER: Self = Self(None);

    /// So much time from now on.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now().checked_add(time).map(|end| (end, time)))
    }

    /// To be asked again and again while a file is in work.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] once the time is over.
    pub fn check(&self) -> Result<()> {
        match self.0 {
            Some((end, time)) if Instant::now() >= end => {
                Err(Error::Limit(format!("takes longer than {}", in_words(time))))
            }
            _ => Ok(()),
        }
    }
}

fn in_words(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds > 0 && seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds > 0 && seconds % 60 == 0 => format!("{} min", seconds / 60),
        _ => format!("{} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_time_and_no_more() {
        Deadline::NEVER.check().unwrap();
        Deadline::after(Duration::MAX).check().unwrap();
        Deadline::after(Duration::from_secs(3600)).check().unwrap();
        let error = Deadline::after(Duration::ZERO).check().unwrap_err();
        assert_eq!(error.to_string(), "over the limit: takes longer than 0 s");
    }

    #[test]
    fn times_are_told_as_people_say_them() {
        let told = [86400, 5400, 90].map(|seconds| in_words(Duration::from_secs(seconds)));
        assert_eq!(told, ["24 h", "90 min", "90 s"]);
    }
}
