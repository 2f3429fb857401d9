//! What the system tells of a file.

use std::fs::{File, Metadata};
use std::io;
use std::os::windows::fs::{FileExt, MetadataExt};
use std::path::Path;

use crate::files::folder::FileId;
use crate::files::stamp::Stamp;

/// 1601, from where Windows counts time by 100 ns, to 1970.
const TO_1970: i64 = 116_444_736_000_000_000;

/// The time at which a file was created stands for that of its last change: a copy that keeps the
/// time of its source tells by it that it is new.
pub(in crate::files) fn stamp(metadata: &Metadata) -> Stamp {
    let since_1970 = |time: u64| (time.cast_signed() - TO_1970).saturating_mul(100);
    let modified = since_1970(metadata.last_write_time());
    let changed = modified.max(since_1970(metadata.creation_time()));
    Stamp { size: metadata.len().cast_signed(), modified, changed }
}

/// Of an open file.
pub(in crate::files) fn id(file: &File, _: &Metadata) -> io::Result<FileId> {
    id_of(file)
}

pub(super) fn id_of(file: &File) -> io::Result<FileId> {
    let told = winapi_util::file::information(file)?;
    Ok(FileId { device: told.volume_serial_number(), inode: told.file_index() })
}

/// Of what a path leads to.
pub(in crate::files) fn id_at(path: &Path) -> io::Result<FileId> {
    super::own::open_theirs(path).and_then(|file| id_of(&file))
}

/// The rights of a file: those that its folder gives.
pub(in crate::files) fn rights(_: &Metadata) -> u32 {
    super::own::FOR_ALL
}

/// Reads from a place on, wherever others read.
pub(in crate::files) fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    file.seek_read(buffer, at)
}
