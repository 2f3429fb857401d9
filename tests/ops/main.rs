//! End-to-end tests of operating `polychromify watch`: how it is configured, what it tells, and
//! how it gets on with the system around it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

/// Flags, environment, file and defaults.
mod configuration;
/// The program while it runs.
mod daemon;
/// Folders that tests run in, and what a run gave.
#[path = "../cli/folder.rs"]
#[expect(dead_code, reason = "shared with the tests of the command line")]
mod folder;
/// The command after each result.
mod hook;
/// The log's forms.
mod logging;
/// Figures for Prometheus.
mod metrics;
/// Pictures made in the test.
#[path = "../cli/pictures.rs"]
#[expect(dead_code, reason = "shared with the tests of the command line")]
mod pictures;
/// Giving way to other programs.
mod priority;
/// SIGHUP.
mod reload;
/// The unit that `scripts/install-service` writes.
mod service;
/// What the ledger tells while the program runs.
mod status;
/// What systemd is told.
mod systemd;
/// Small seeded weights.
#[path = "../cli/weights.rs"]
#[expect(dead_code, reason = "shared with the tests of the command line")]
mod weights;
