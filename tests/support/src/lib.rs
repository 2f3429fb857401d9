//! What the end-to-end tests share: folders, pictures, small weights and a daemon that watches.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]
#![expect(
    clippy::new_without_default,
    clippy::return_self_not_must_use,
    reason = "a test's steps, in the order of the test"
)]
#![expect(missing_docs, reason = "short functions whose names say what they do")]

/// A program that watches a folder, while a test writes into it.
pub mod daemon;
/// A C library that makes system calls fail, or answer otherwise.
pub mod faults;
/// Folders that tests run in, and what a run gave.
pub mod folder;
/// A disk that is nearly full, and a folder that is mounted twice.
pub mod mount;
/// Pictures and profiles made in the test.
pub mod pictures;
/// A PostgreSQL server of a test's own.
#[cfg(unix)]
pub mod postgres;
/// What another program reads from the same file.
pub mod second_opinion;
/// Programs whose system calls fail, wait, or end in signals.
pub mod strace;
/// Small seeded weights.
pub mod weights;
