//! What the system tells of a file.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use crate::files::folder::FileId;
use crate::files::stamp::Stamp;

pub(in crate::files) fn stamp(metadata: &Metadata) -> Stamp {
    Stamp {
        size: metadata.len().cast_signed(),
        modified: metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
        changed: metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec(),
    }
}

/// Of an open file, whose metadata these are.
#[expect(clippy::unnecessary_wraps, reason = "the metadata tells it here")]
pub(in crate::files) fn id(_: &File, metadata: &Metadata) -> io::Result<FileId> {
    Ok(FileId { device: metadata.dev(), inode: metadata.ino() })
}

/// Of what a path leads to.
pub(in crate::files) fn id_at(path: &Path) -> io::Result<FileId> {
    let metadata = path.metadata()?;
    Ok(FileId { device: metadata.dev(), inode: metadata.ino() })
}

/// The rights of a file.
pub(in crate::files) fn rights(metadata: &Metadata) -> u32 {
    metadata.mode()
}

/// Reads from a place on, wherever others read.
pub(in crate::files) fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    file.read_at(buffer, at)
}
