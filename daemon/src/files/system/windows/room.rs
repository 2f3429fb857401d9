//! How much is left of a disk.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::files::room::Space;

/// Of the disk that `path` is on.
pub(in crate::files) fn at(path: &Path) -> io::Result<Space> {
    let told = fs4::statvfs(path)?;
    Ok(Space { total: told.total_space(), free: told.available_space() })
}

/// Of the disk that an open file is on, which lies at `path`.
pub(in crate::files) fn of(_: &File, path: &Path) -> io::Result<Space> {
    at(path.parent().unwrap_or(path))
}
