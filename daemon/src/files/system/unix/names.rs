//! Paths as the bytes that they are.

use std::borrow::Cow;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The bytes of a path.
pub(crate) fn bytes(path: &Path) -> Cow<'_, [u8]> {
    path.as_os_str().as_bytes().into()
}

/// Whether a path leads to a file of this very name.
pub(crate) fn is_plain(_: &Path) -> bool {
    true
}

/// The path of these bytes.
pub(crate) fn path(bytes: Vec<u8>) -> PathBuf {
    OsString::from_vec(bytes).into()
}
