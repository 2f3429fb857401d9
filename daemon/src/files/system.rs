//! What systems do with files in ways of their own: the same functions for each of them.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(super) use unix::{folder, lock, own, room, told};
#[cfg(windows)]
pub(super) use windows::{folder, lock, own, room, told};

#[cfg(unix)]
pub(crate) use unix::{filesystem, names};
#[cfg(windows)]
pub(crate) use windows::{filesystem, names};
