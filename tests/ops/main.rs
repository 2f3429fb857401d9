//! End-to-end tests of operating `polychromify watch`: how it is configured, what it tells, and
//! how it gets on with the system around it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_methods, reason = "tests make and change files of their own")]

use polychromify_test_support::{folder, pictures, weights};

/// Flags, environment, file and defaults.
mod configuration;
/// The program while it watches.
mod daemon;
/// The command after each result.
mod hook;
/// The log's forms.
mod logging;
/// Figures for Prometheus.
mod metrics;
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
