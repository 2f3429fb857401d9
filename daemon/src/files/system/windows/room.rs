//! How much is left of a disk.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::files::room::Space;

/// Longest path that the disk of is asked for, in bytes: a longer one has a folder above it on the same.
const LONGEST: usize = 240;

/// Of the disk that `path` is on.
pub(in crate::files) fn at(path: &Path) -> io::Result<Space> {
    let above = path.ancestors().find(|above| above.as_os_str().len() <= LONGEST);
    let told = fs4::statvfs(above.unwrap_or(path))?;
    Ok(Space { total: told.total_space(), free: told.available_space() })
}

/// Of the disk that an open file is on, which lies at `path`.
pub(in crate::files) fn of(_: &File, path: &Path) -> io::Result<Space> {
    at(path.parent().unwrap_or(path))
}
