//! The number of the process that holds a lock file, which the file itself has.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use crate::files::own;

/// Writes this process's number into a lock file that it holds.
pub(in crate::files) fn sign(mut file: &File, _: &Path) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

/// What is written of the holder.
pub(in crate::files) fn signature(path: &Path) -> Option<String> {
    let mut text = String::new();
    own::open(path).ok()?.take(64).read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned())
}

/// Whether there is a process of this number.
pub(in crate::files) fn is_held(_: &Path, process: u32) -> bool {
    let Some(id) = process.try_into().ok().and_then(Pid::from_raw) else { return false };
    match test_kill_process(id) {
        Ok(()) => true,
        Err(error) => error != Errno::SRCH,
    }
}
