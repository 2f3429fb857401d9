//! End-to-end tests of `polychromify`: the binary itself, on files made in the test.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_methods, reason = "tests make and change files of their own")]

use polychromify_test_support::{daemon, folder, mount, pictures, weights};

/// Bad inputs: one line with file and reason, and the rest goes on.
mod bad_input;
/// Colors that are there, negatives, color spaces of results, the visible mark.
mod colors;
/// The command line: refusals before anything starts, exit codes, JSON.
mod command_line;
/// Delivered folders: manifests, bags, and what `verify` says of them.
mod delivery;
/// Colors that are the same on every machine.
mod everywhere;
/// Kill, Ctrl-C and a second instance: nothing is lost, nothing half done.
mod interruption;
/// Names that archives have, and Windows has not.
#[cfg(unix)]
mod names;
/// What is left out or assumed.
mod notices;
/// TIFFs of several pages.
mod pages;
/// The results' pixels: lightness kept, label, independence of how they were made.
mod pixels;
/// What results tell of their making, and what is made anew.
mod provenance;
/// Running again: what is skipped, redone, and never replaced.
mod rerun;
/// A collection divided among several runs at once.
mod shards;
/// Links and files of others in the output folder, and rights, as POSIX has them.
#[cfg(unix)]
mod strangers;
/// What Windows does in a way of its own.
#[cfg(windows)]
mod windows;
