//! `polychromify review`, end to end: a plain HTTP client in the place of a browser.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_methods, reason = "tests make and change files of their own")]

use polychromify_test_support::{daemon, folder, pictures, weights};

/// A client of the page's server.
mod client;
/// Lists, verdicts, tables.
mod judging;
/// Pictures, tiles, and looks at other settings.
mod looking;
/// Results that are made again with settings of their own.
mod making;
/// Requests that are refused, and the page that still answers.
mod safety;
