//! What a watched folder is set to: filled by flags, and by whatever else configures the program.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of `polychromify watch`, apart from those that decide how results look.
#[derive(Clone, Debug)]
pub(crate) struct WatchSettings {
    /// Folders that are watched, with everything below them, as the user wrote them.
    pub(crate) inputs: Vec<PathBuf>,
    /// Folder of the results and of the ledger, as the user wrote it.
    pub(crate) output: PathBuf,
    /// How long size and time of a file must stand still before it is taken.
    pub(crate) stability_delay: Duration,
    /// How often all folders are looked through besides events; zero: at the start only.
    pub(crate) rescan: Duration,
    /// Whether files are noticed by events or by looking again and again.
    pub(crate) noticing: Noticing,
    /// How often polled folders are looked through.
    pub(crate) poll_interval: Duration,
    /// Globs of names, or of paths below the input where they hold a `/`, that are left alone.
    pub(crate) ignore: Vec<String>,
    /// How long an empty file may wait for its content before it fails.
    pub(crate) empty_patience: Duration,
    /// What becomes of an original whose result is there.
    pub(crate) on_success: OnSuccess,
    /// What becomes of a file whose content has a result already, under another name.
    pub(crate) duplicates: Duplicates,
    /// When a failed file is tried again.
    pub(crate) retries: Retries,
    /// Photographs in work at the same time.
    pub(crate) jobs: usize,
}

/// How files are noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Noticing {
    /// By events, and by polling on file systems that are known to send none.
    #[default]
    Auto,
    /// By polling only.
    Poll,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
