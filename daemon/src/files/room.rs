//! Room on the disk: a result that would take the last of it is given up in time, so that the ledger
//! and other programs can go on.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::files::system::room as system;

/// What is left to others: a hundredth of the disk, and no more than this many bytes.
const MOST_KEPT_FREE: u64 = 256 << 20;

/// Bytes after which it is looked again, at most; others may fill the disk meanwhile.
const STEP: u64 = 16 << 20;

/// How much is left of a disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Space {
    /// Of the whole disk; 0: it does not tell.
    pub(crate) total: u64,
    /// Which this user may still write.
    pub(crate) free: u64,
}

/// What is left of the disk that `path` is on.
pub(crate) fn space(path: &Path) -> io::Result<Space> {
    system::at(path)
}

/// A file that is written to for as long as there is room.
#[derive(Debug)]
pub(crate) struct WithRoom {
    file: File,
    path: PathBuf,
    /// Bytes that may be written before it is looked again.
    unchecked: u64,
}

impl WithRoom {
    /// `path` is the file's.
    pub(crate) fn new(file: File, path: &Path) -> Self {
        Self { file, path: path.to_path_buf(), unchecked: 0 }
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    fn look(&mut self) -> io::Result<()> {
        self.unchecked = match left(system::of(&self.file, &self.path)?) {
            Some(0) => return Err(full()),
            Some(left) => left.min(STEP),
            None => STEP,
        };
        Ok(())
    }
}

/// Refuses where a program that is not ours, which writes to `path`, would take the last of the disk.
pub(crate) fn refuse_full(path: &Path) -> io::Result<()> {
    if left(space(path.parent().unwrap_or(path))?) == Some(0) { Err(full()) } else { Ok(()) }
}

fn full() -> io::Error {
    let full = "No space left on device, but for what is kept free for other programs";
    io::Error::new(io::ErrorKind::StorageFull, full)
}

/// Bytes that may be written; `None`: the file system does not tell.
fn left(Space { total, free }: Space) -> Option<u64> {
    (total > 0).then(|| free.saturating_sub((total / 100).min(MOST_KEPT_FREE)))
}

impl Write for WithRoom {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.unchecked == 0 {
            self.look()?;
        }
        let written = self.file.write(buffer)?;
        self.unchecked = self.unchecked.saturating_sub(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for WithRoom {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundredth_of_the_disk_is_kept_free_and_no_more_than_a_quarter_gigabyte() {
        let left_of =
            |total: u64, free: u64| left(Space { total: total * 1024, free: free * 1024 });
        assert_eq!(left_of(1000, 500), Some(490 * 1024));
        assert_eq!(left_of(1000, 10), Some(0));
        assert_eq!(left_of(1 << 30, 1 << 20), Some((1 << 30) - MOST_KEPT_FREE));
        assert_eq!(left_of(0, 0), None, "it does not tell");
    }

    #[test]
    fn where_there_is_room_all_is_written() {
        refuse_full(&std::env::temp_dir().join("absent")).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let (file, path) = file.into_parts();
        let mut out = WithRoom::new(file, &path);
        out.write_all(&[1; 5000]).unwrap();
        assert_eq!(out.file().metadata().unwrap().len(), 5000);
    }
}
