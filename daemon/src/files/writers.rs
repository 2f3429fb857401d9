//! Who has a file open for writing.
//!
//! Told by `/proc`, as far as this user may look: not of other users' processes unless it is root,
//! and not of other machines. So no writer found is no proof that there is none.

use std::fs;
use std::path::Path;

use crate::files::folder::FileId;

/// Bits of `flags` in `/proc/PID/fdinfo/FD`: fcntl.h.
const ACCESS_MODE: u32 = 0o3;
const PATH_ONLY: u32 = 0o10_000_000;

/// Number of a process that has a file open for writing, if one is found.
pub(crate) fn writer_of(file: FileId) -> Option<u32> {
    let processes = fs::read_dir("/proc").ok()?.filter_map(Result::ok);
    let mut numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.find(|process| writes(*process, file).unwrap_or(false))
}

/// Whether a process has a file open for writing; `None`: it may not be looked at, or has ended.
fn writes(process: u32, file: FileId) -> Option<bool> {
    let folder = Path::new("/proc").join(process.to_string());
    for entry in fs::read_dir(folder.join("fdinfo")).ok()? {
        let Ok(entry) = entry else { break };
        let Some(opened) = told(&entry.path()) else { continue };
        if !opened.for_writing || opened.inode.is_some_and(|inode| inode != file.inode) {
            continue;
        }
        let target = FileId::at(&folder.join("fd").join(entry.file_name()));
        if target.is_ok_and(|target| target == file) {
            return Some(true);
        }
    }
    Some(false)
}

struct Opened {
    for_writing: bool,
    /// Told by Linux 5.14 and later.
    inode: Option<u64>,
}

#[expect(clippy::disallowed_methods, reason = "what the kernel tells of a process")]
fn told(path: &Path) -> Option<Opened> {
    let text = fs::read_to_string(path).ok()?;
    let field = |name| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let flags = u32::from_str_radix(field("flags:")?, 8).ok()?;
    Some(Opened {
        for_writing: flags & ACCESS_MODE != 0 && flags & PATH_ONLY == 0,
        inode: field("ino:").and_then(|number| number.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};

    use super::*;

    #[test]
    #[cfg(unix)] // /proc
    fn a_writer_is_found_and_a_reader_is_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.into_temp_path();
        let id = FileId::at(&path).unwrap();
        let reader = File::open(&path).unwrap();
        if !Path::new("/proc/self/fdinfo").is_dir() {
            return;
        }
        assert_eq!(writer_of(id), None);
        let writer = OpenOptions::new().append(true).open(&path).unwrap();
        assert_eq!(writer_of(id), Some(std::process::id()));
        drop((reader, writer));
        assert_eq!(writer_of(id), None);
    }
}
