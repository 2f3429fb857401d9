//! What is done around the coloring of a photograph: redone, retried, moved away.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;

use crate::error::{Error, Result};
use crate::files::watched::Watched;

/// What is done around the coloring; by default what `batch` does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    /// When a failed job is tried again; `None`: it is not.
    pub(crate) retries: Option<Retries>,
    pub(crate) on_success: OnSuccess,
    /// What `on_success` is for; `None`: nothing.
    pub(crate) watched: Option<Watched>,
    pub(crate) duplicates: Duplicates,
    pub(crate) redo: Redo,
    /// Whether an input fails whose metadata would be lost, or whose profile is ignored.
    pub(crate) strict: bool,
    /// Whether what the label says is written beside each result.
    pub(crate) sidecar: bool,
    /// The time that results carry in place of the present one, in milliseconds since 1970.
    pub(crate) time: Option<i64>,
}

impl Policy {
    /// Whether an original is to move or to be deleted once its result is there: not where it lies
    /// elsewhere than in what is watched, whoever asked for its result.
    pub(crate) fn lets_go(&self, input: &Path) -> bool {
        self.on_success != OnSuccess::Keep
            && self.watched.as_ref().is_some_and(|watched| watched.has(input))
    }
}

/// What is made again though its result is there and unchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Redo {
    /// Nothing of the same content.
    #[default]
    Nothing,
    /// What was made with other weights or settings, or by an older program.
    Older,
    /// Everything, also in the place of other inputs' results.
    All,
}

/// What becomes of an original once its result is synced and read back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnSuccess {
    /// It stays where it is.
    #[default]
    Keep,
    /// It moves below this folder, to the same path as below its input folder.
    Move(PathBuf),
    /// It is deleted.
    Delete,
}

/// What becomes of a file whose content has a result under another name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Duplicates {
    /// Each name gets its own result.
    #[default]
    Each,
    /// It is left out, and recorded as skipped.
    Skip,
}

/// How often and when a job that failed is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retries {
    /// Tries of a file that cannot be read for now (locked, no permission, input/output error).
    pub(crate) most: u32,
    /// Tries of a file that reads as damaged: it may still be growing.
    pub(crate) most_damaged: u32,
    /// Wait after the first failure; it doubles with each further one.
    pub(crate) first_delay: Duration,
    /// Longest wait.
    pub(crate) longest_delay: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            most: 10,
            most_damaged: 3,
            first_delay: Duration::from_secs(5),
            longest_delay: Duration::from_secs(300),
        }
    }
}

impl Retries {
    /// Wait after this many failed tries, at least 1.
    pub(crate) fn delay(&self, tries: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(tries.saturating_sub(1));
        self.first_delay.saturating_mul(doubled).min(self.longest_delay)
    }
}

/// The time that results are to carry in place of the present one, in milliseconds since 1970:
/// <https://reproducible-builds.org/specs/source-date-epoch/>.
pub(crate) fn fixed_time() -> Result<Option<i64>> {
    let Some(text) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let seconds = text.to_str().and_then(|text| text.parse::<i64>().ok());
    let milliseconds = seconds.filter(|&s| s >= 0).and_then(|seconds| seconds.checked_mul(1000));
    match milliseconds {
        Some(milliseconds) => Ok(Some(milliseconds)),
        None => Err(Error::SourceDate { found: text.to_string_lossy().into_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let retries = Retries::default();
        let seconds = |tries| retries.delay(tries).as_secs();
        assert_eq!([1, 2, 3, 4].map(seconds), [5, 10, 20, 40]);
        assert_eq!([8, 100, u32::MAX].map(seconds), [300; 3]);
    }
}
