//! How much is left of a disk.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{StatVfs, fstatvfs, statvfs};

use crate::files::room::Space;

/// Of the disk that `path` is on.
pub(in crate::files) fn at(path: &Path) -> io::Result<Space> {
    Ok(space(&statvfs(path)?))
}

/// Of the disk that an open file is on.
pub(in crate::files) fn of(file: &File, _: &Path) -> io::Result<Space> {
    Ok(space(&fstatvfs(file)?))
}

fn space(told: &StatVfs) -> Space {
    Space {
        total: told.f_blocks.saturating_mul(told.f_frsize),
        free: told.f_bavail.saturating_mul(told.f_frsize),
    }
}
