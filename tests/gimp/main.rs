//! End-to-end tests of `polychromify-gimp`: in the real GIMP, without a window, on files made in
//! the test. They skip, and say so, where there is no GIMP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

/// What else can be asked for: references, variants, borders, negatives, all open images.
mod choices;
/// What is ended in the middle leaves no process behind, and the image as it was.
mod ended;
/// The GIMPs of this machine, and scripts run in them.
mod gimp;
/// Hints that were painted on a layer.
mod hints;
/// Photographs of every kind: with colors, masks, in groups, beyond the canvas, of floats.
mod kinds;
/// What is exported says that its colors are machine-made.
mod label;
/// Selections, groups, offsets: where the colors may go, and where they go.
mod layers;
/// Pictures made in the test, and what they look like.
mod pictures;
/// What each kind of picture becomes, by pixels: the same in each GIMP and in `batch`.
mod pixels;
/// What cannot be colored is refused in words, and left as it was.
mod refused;
/// What GIMP knows of the plug-in.
mod registered;
/// In GIMP's window, on a display of its own.
mod window;
