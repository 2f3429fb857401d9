//! The program while it watches, started with short waits.

use std::process::Command;

pub(crate) use polychromify_test_support::daemon::{Daemon, PATIENCE, ledger, until};

use crate::folder::Folder;
use crate::weights;

/// `watch` from `in` to `out` with the small weights, quick to take files.
pub(crate) const QUICK: [&str; 8] =
    ["watch", "in", "--output", "out", "--stability-delay", "50ms", "--weights", weights::TINY];

/// Starts it in a folder, with `in` made, and waits until it watches.
pub(crate) fn watch(folder: &Folder, arguments: &[&str]) -> Daemon {
    watch_by(folder, arguments, |_| {})
}

/// The same, with a command that is changed first.
pub(crate) fn watch_by(
    folder: &Folder,
    arguments: &[&str],
    change: impl FnOnce(&mut Command),
) -> Daemon {
    std::fs::create_dir_all(folder.path("in")).unwrap();
    let mut command = folder.command(QUICK.into_iter().chain(arguments.iter().copied()));
    command.env_remove("JOURNAL_STREAM");
    change(&mut command);
    let mut daemon = Daemon::spawn(command);
    daemon.wait_for("watching");
    daemon
}
