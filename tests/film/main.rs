//! End-to-end tests of `polychromify film`, on clips that ffmpeg makes in the test.
//!
//! Where ffmpeg is missing a test prints that it skips, unless `POLYCHROMIFY_READERS` is set, as it is
//! by `scripts/test` once all programs are there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_methods, reason = "tests make and change files of their own")]

use polychromify_test_support::{daemon, folder, pictures, weights};

/// Luma between other samples.
mod arranged;
/// What lies beside the picture.
mod borders;
/// Clips, and what ffmpeg says of a file.
mod clips;
/// The command line: names, what is skipped, copies.
mod command_line;
/// Documents tell what is tested.
mod documented;
/// Sequences of DPX files, which become one film.
mod dpx;
/// Colors that the user gave: a reference, frames, hints.
mod guided;
/// Kill at any moment: it goes on, to the same bytes.
mod interruption;
/// Luma, times, sound and all else that is kept.
mod kept;
/// What is not handled or damaged: a line, and nothing half-made.
mod refused;
/// Frames in RGB: their lightness is kept.
mod rgb;
/// Frames of a folder that are one film.
mod sequences;
/// Films that are dropped into a watched folder.
mod watched;
