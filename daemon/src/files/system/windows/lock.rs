//! The number of the process that holds a lock file: in a file beside it, because nobody else can read
//! one that is locked.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::files::own;

/// Writes this process's number beside a lock file that it holds.
pub(in crate::files) fn sign(_: &File, path: &Path) -> io::Result<()> {
    let mut file = own::create_anew(&beside(path)).map_err(io::Error::other)?;
    writeln!(file, "{}", std::process::id())
}

/// What is written of the holder.
pub(in crate::files) fn signature(path: &Path) -> Option<String> {
    let mut text = String::new();
    own::open(&beside(path)).ok()?.take(64).read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned())
}

/// Whether somebody has the lock.
pub(in crate::files) fn is_held(path: &Path, _: u32) -> bool {
    let tried = own::lock_file(path).map(|file| file.try_lock_shared());
    matches!(tried, Ok(Err(TryLockError::WouldBlock)))
}

fn beside(path: &Path) -> PathBuf {
    path.with_extension("process")
}
