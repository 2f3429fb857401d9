//! End-to-end tests of `polychromify watch`: the binary itself, on folders that are written to.
//!
//! Most run twice, by events alone and by polling alone. They wait for conditions, and never judge
//! by how long something took.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

/// Colors that are there already; options of coloring from the configuration file.
mod colors;
/// A program that watches, while a test writes into its folder.
mod daemon;
/// A C library that makes system calls fail.
mod faults;
/// Folders that tests run in, and what a run gave.
#[expect(dead_code, reason = "shared with tests/cli")]
#[path = "../cli/folder.rs"]
mod folder;
/// Kill and stop: nothing is lost, nothing half done.
mod interruption;
/// What the ledger remembers: restart, failures, duplicates, a second instance.
mod memory;
/// A disk that is nearly full.
#[path = "../cli/mount.rs"]
mod mount;
/// Bursts, folders, renames, overflow: nothing is missed, nothing is done twice.
mod noticing;
/// Originals that move or are deleted.
mod originals;
/// Pictures made in the test.
#[expect(dead_code, reason = "shared with tests/cli")]
#[path = "../cli/pictures.rs"]
mod pictures;
/// Files that are written slowly, in pieces, under other names: taken when they are whole.
mod readiness;
/// Ten thousand files, and how long the program itself takes.
mod scale;
/// A full disk, a read-only output, files that cannot be read.
mod trouble;
/// Small seeded weights.
#[expect(dead_code, reason = "shared with tests/cli")]
#[path = "../cli/weights.rs"]
mod weights;
