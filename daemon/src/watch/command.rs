//! Settings of a watched folder, from the options of `polychromify watch`.

use std::path::Path;

use crate::cli::{OnSuccessName, Watch};
use crate::files::ignore::IGNORED;
use crate::model;
use crate::watch;
use crate::watch::settings::{Noticing, OnSuccess, Retries, WatchSettings};

/// What the options say; `output` is theirs.
pub(crate) fn settings(arguments: &Watch, output: &Path) -> WatchSettings {
    let own = arguments.ignore.iter().cloned();
    WatchSettings {
        inputs: arguments.inputs.clone(),
        output: output.to_path_buf(),
        stability_delay: arguments.stability_delay,
        rescan: arguments.rescan,
        noticing: if arguments.poll.is_some() { Noticing::Poll } else { Noticing::Auto },
        poll_interval: arguments.poll.unwrap_or(watch::POLL_INTERVAL),
        ignore: IGNORED.iter().map(ToString::to_string).chain(own).collect(),
        empty_patience: arguments.empty_patience,
        on_success: match (arguments.on_success, &arguments.move_to) {
            (OnSuccessName::Move, Some(folder)) => OnSuccess::Move(folder.clone()),
            (OnSuccessName::Delete, _) => OnSuccess::Delete,
            _ => OnSuccess::Keep,
        },
        duplicates: arguments.duplicates.choice(),
        retries: Retries {
            most: arguments.tries,
            first_delay: arguments.retry_delay,
            ..Retries::default()
        },
        jobs: model::workers(&arguments.coloring),
    }
}
