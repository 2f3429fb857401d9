//! Which folders are watched, and how files in them are noticed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::Watch;
use crate::files::ignore::IGNORED;
use crate::limits;

/// How often folders are polled unless it is set.
const POLL_INTERVAL: Duration = Duration::from_secs(10);

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
    /// Whether folders are polled that send events too.
    pub(crate) poll_all: bool,
    /// How often polled folders are looked through.
    pub(crate) poll_interval: Duration,
    /// Globs of names, or of paths below the input where they hold a `/`, that are left alone.
    pub(crate) ignore: Vec<String>,
    /// How long a file that is empty, or ends in empty rows, waits for its content.
    pub(crate) empty_patience: Duration,
    /// Photographs in work at the same time; none where others do the work.
    pub(crate) jobs: usize,
}

impl WatchSettings {
    /// What the options say; `output` is theirs.
    pub(crate) fn new(arguments: &Watch, output: &Path) -> Self {
        let own = arguments.ignore.iter().cloned();
        Self {
            inputs: arguments.inputs.clone(),
            output: output.to_path_buf(),
            stability_delay: arguments.stability_delay,
            rescan: arguments.rescan,
            poll_all: arguments.poll.is_some(),
            poll_interval: arguments.poll.unwrap_or(POLL_INTERVAL),
            ignore: IGNORED.iter().map(ToString::to_string).chain(own).collect(),
            empty_patience: arguments.empty_patience,
            jobs: if arguments.no_work { 0 } else { limits::workers(arguments.coloring.jobs) },
        }
    }
}
