//! End-to-end tests of `polychromify watch`: the binary itself, on folders that are written to.
//!
//! Most run twice, by events alone and by polling alone. They wait for conditions, and never judge
//! by how long something took.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_methods, reason = "tests make and change files of their own")]

use polychromify_test_support::{daemon, faults, folder, mount, pictures, strace, weights};

/// Folders that are away, or emptied, while originals are to go from them.
mod away;
/// Colors that are there already; options of coloring from the configuration file.
mod colors;
/// Kill and stop: nothing is lost, nothing half done.
mod interruption;
/// What the ledger remembers: restart, failures, duplicates, a second instance.
mod memory;
/// Bursts, folders, renames, overflow: nothing is missed, nothing is done twice.
mod noticing;
/// Originals that move or are deleted.
mod originals;
/// Power loss, at each step of the work.
mod power_loss;
/// Files that are written slowly, in pieces, under other names: taken when they are whole.
mod readiness;
/// Ten thousand files at once.
mod scale;
/// Links, mounts, writers and names of others in the way.
mod strangers;
/// A full disk, a read-only output, files that cannot be read.
mod trouble;
