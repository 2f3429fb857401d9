//! End-to-end tests of many workers at one ledger in PostgreSQL, with a server of the test's own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_methods, reason = "tests make and change files of their own")]

use polychromify_test_support::{daemon, faults, folder, pictures, postgres, strace, weights};

/// Connections that are encrypted.
mod encrypted;
/// Workers that die, sleep, or lose what they work with.
mod failing;
/// What a ledger in PostgreSQL is asked, and what it refuses.
mod ledger;
/// Workers that die or sleep at one step of a job.
mod steps;
/// Workers at work together.
mod together;
/// Folders that are watched.
mod watched;
/// Workers as processes of a test.
mod workers;
