//! How long a file may take.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{Error, Result};

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
    /// [`Error::Limit`] of the file at `path` once the time is over.
    pub fn check(&self, path: &Path) -> Result<()> {
        match self.0 {
            Some((end, time)) if Instant::now() >= end => {
                let reason = format!("takes longer than {}", in_words(time));
                Err(Error::Limit { path: path.into(), reason })
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
        let path = Path::new("a.tif");
        Deadline::NEVER.check(path).unwrap();
        Deadline::after(Duration::MAX).check(path).unwrap();
        Deadline::after(Duration::from_secs(3600)).check(path).unwrap();
        let error = Deadline::after(Duration::ZERO).check(path).unwrap_err();
        assert_eq!(error.to_string(), "a.tif: over the limit: takes longer than 0 s");
    }

    #[test]
    fn times_are_told_as_people_say_them() {
        let told = [86400, 5400, 90].map(|seconds| in_words(Duration::from_secs(seconds)));
        assert_eq!(told, ["24 h", "90 min", "90 s"]);
    }
}
