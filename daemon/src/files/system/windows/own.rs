//! Files of our own by their paths, opened through no link under their names. Their rights are those that
//! their folder gives.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;

use super::folder::{self, again, look, no_link};
use crate::files::folder::{Refused, is_absent};
use crate::files::system::{names, told};

/// What other systems let all do who may; of no meaning here.
pub(in crate::files) const FOR_ALL: u32 = 0o666;

const BACKUP_SEMANTICS: u32 = 0x0200_0000; // so that a folder in its place is told as one: winbase.h

/// Opens a file to read it.
pub(in crate::files) fn open(path: &Path) -> io::Result<File> {
    no_link(path)?;
    checked(
        again(|| OpenOptions::new().read(true).custom_flags(BACKUP_SEMANTICS).open(path))?,
        path,
    )
}

/// Creates a file where nothing lies.
pub(in crate::files) fn create(path: &Path, _: u32) -> io::Result<File> {
    names::check(path.file_name().unwrap_or_default())?;
    again(|| OpenOptions::new().write(true).create_new(true).open(path))
}

/// Opens a file to read and write it, created if it is missing.
pub(in crate::files) fn open_or_create(path: &Path) -> io::Result<File> {
    match no_link(path) {
        Err(error) if is_absent(&error) => {}
        there => there?,
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    checked(again(|| options.open(path))?, path)
}

/// Refuses what was opened through a link that came into its place meanwhile.
fn checked(file: File, path: &Path) -> io::Result<File> {
    let is_it = told::id_of(&file)? == told::id_of(&look(path)?)?;
    if is_it { Ok(file) } else { Err(io::Error::other(Refused::Link)) }
}

/// Opens a file of others to read it, through whatever links its path has. Others may read, write,
/// rename and delete it meanwhile.
pub(in crate::files) fn open_theirs(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(BACKUP_SEMANTICS).open(path)
}

/// Whether an open file has one name alone.
pub(in crate::files) fn has_one_name(file: &File, _: &Metadata) -> io::Result<bool> {
    Ok(winapi_util::file::information(file)?.number_of_links() == 1)
}

/// Removes a file; it may be missing.
pub(in crate::files) fn remove(path: &Path) -> io::Result<()> {
    match folder::remove(path) {
        Err(error) if is_absent(&error) => Ok(()),
        removed => removed,
    }
}

/// Creates the folder of a ledger.
pub(in crate::files) fn create_hidden_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

/// Swaps two files: Windows cannot.
pub(in crate::files) fn exchange(one: &Path, _: &Path) -> io::Result<bool> {
    one.symlink_metadata()?;
    Ok(false)
}
