//! `polychromify review`, end to end.
//!
//! Where chromium-driver is missing the tests in a browser print that they skip, unless
//! `POLYCHROMIFY_READERS` is set, as it is by `scripts/test` once all programs are there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

/// The page in a real browser.
mod browser;
/// How fast the page is, and what it looks like.
mod measure;
/// A page, opened.
mod page;
/// A browser, driven.
mod webdriver;
