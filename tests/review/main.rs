//! `polychromify review`, end to end: by a plain HTTP client, and by a real browser.
//!
//! Where chromium-driver is missing the tests in a browser print that they skip, unless
//! `POLYCHROMIFY_READERS` is set, as it is by `scripts/test` once all programs are there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_methods, reason = "tests make and change files of their own")]

use polychromify_test_support::{daemon, folder, pictures, weights};

/// The page by keyboard, by a screen reader, on a tablet.
mod accessible;
/// The page in a real browser: judged and mended as an archivist does it.
mod browser;
/// A plain client of the page's server.
mod client;
/// Lists, verdicts, tables.
mod judging;
/// Pictures, tiles, and looks at other settings.
mod looking;
/// Results that are made again with settings of their own.
mod making;
/// The page of thousands of results.
mod many;
/// How fast the page of many results is, and what its views look like.
mod measure;
/// The page of a collection, opened in a real browser.
mod page;
/// Requests that are refused, and the page that still answers.
mod safety;
/// Shots of films.
mod shots;
/// A real browser without a window.
mod webdriver;
