//! Files of our own by their paths, opened through no link under their names.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{self, CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::folder::{CAREFUL, is_unknown};
use crate::files::folder::Refused;

/// Reading and writing for all that the user's mask lets.
pub(in crate::files) const FOR_ALL: u32 = 0o666;

/// The ledger's folder tells names and hashes of all photographs, also of those that only some may
/// see: nothing for those who are neither the user nor of the folder's group.
const NOT_FOR_OTHERS: u32 = 0o770;

/// Opens a file to read it.
pub(in crate::files) fn open(path: &Path) -> io::Result<File> {
    let opened = fs::openat(CWD, path, OFlags::RDONLY | CAREFUL, Mode::empty());
    opened.map(File::from).map_err(no_link)
}

/// Creates a file where nothing lies, with these rights as far as the user's mask lets.
pub(in crate::files) fn create(path: &Path, mode: u32) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | CAREFUL;
    Ok(fs::openat(CWD, path, flags, Mode::from_raw_mode(mode as _)).map(File::from)?)
}

/// Opens a file to read and write it, created if it is missing.
pub(in crate::files) fn open_or_create(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | CAREFUL;
    let opened = fs::openat(CWD, path, flags, Mode::from_raw_mode(FOR_ALL as _));
    opened.map(File::from).map_err(no_link)
}

fn no_link(error: Errno) -> io::Error {
    if error == Errno::LOOP { io::Error::other(Refused::Link) } else { error.into() }
}

/// Opens a file of others to read it, through whatever links its path has; a pipe must not hold this
/// up.
pub(in crate::files) fn open_theirs(path: &Path) -> io::Result<File> {
    let careful = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(careful).open(path)
}

/// Whether an open file, whose metadata these are, has one name alone.
#[expect(clippy::unnecessary_wraps, reason = "the metadata tells it here")]
pub(in crate::files) fn has_one_name(_: &File, metadata: &Metadata) -> io::Result<bool> {
    Ok(metadata.nlink() == 1)
}

/// Removes a file; it may be missing.
pub(in crate::files) fn remove(path: &Path) -> io::Result<()> {
    match fs::unlink(path) {
        Ok(()) | Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Creates the folder of a ledger.
pub(in crate::files) fn create_hidden_folder(path: &Path) -> io::Result<()> {
    Ok(fs::mkdir(path, Mode::from_raw_mode(NOT_FOR_OTHERS as _))?)
}

/// Swaps two files; `false`: the file system cannot.
pub(in crate::files) fn exchange(one: &Path, other: &Path) -> io::Result<bool> {
    match fs::renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(error) if is_unknown(error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
