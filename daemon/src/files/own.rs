//! Files of our own: results, locks, temporary files, manifests.
//!
//! Their folder may be one that others write to. So none is opened through a link under its name,
//! none that others can foretell is written to, and what is new takes nobody's place.

use std::fs::{File, Metadata};
use std::io::{self, Write as _};
use std::path::Path;

use crate::error::{Error, Result};
use crate::files::folder::{self, Folder, is_absent, is_link};
use crate::files::system::own::{self as system, FOR_ALL};
use crate::files::system::told;

/// Opens a file of ours to read it.
pub(crate) fn open(path: &Path) -> Result<File> {
    let file = system::open(path).map_err(|error| refuse(path, "open", error))?;
    let metadata = file.metadata().map_err(Error::io(path, "read"))?;
    if metadata.is_file() { Ok(file) } else { Err(Error::NotOwnFile { path: path.into() }) }
}

/// Creates a file where nothing lies.
pub(crate) fn create_new(path: &Path) -> Result<File> {
    create(path, FOR_ALL)
}

/// Creates a file where nothing lies, with these rights as far as the user's mask lets.
pub(crate) fn create(path: &Path, mode: u32) -> Result<File> {
    system::create(path, mode).map_err(Error::io(path, "create"))
}

/// Creates a file under a name that others can foretell, in place of what an interrupted run left
/// there: the name is removed, and nothing that it leads to is written to.
pub(crate) fn create_anew(path: &Path) -> Result<File> {
    remove(path)?;
    create_new(path)
}

/// Opens a lock file of ours, created if it is missing.
pub(crate) fn lock_file(path: &Path) -> Result<File> {
    let file = system::open_or_create(path).map_err(|error| refuse(path, "open", error))?;
    let metadata = file.metadata().map_err(Error::io(path, "read"))?;
    // Another name of the same file would be somebody else's.
    let has_one_name = system::has_one_name(&file, &metadata).map_err(Error::io(path, "read"))?;
    if metadata.is_file() && has_one_name {
        Ok(file)
    } else {
        Err(Error::NotOwnFile { path: path.into() })
    }
}

fn refuse(path: &Path, doing: &'static str, error: io::Error) -> Error {
    if is_link(&error) {
        Error::NotOwnFile { path: path.into() }
    } else {
        Error::io(path, doing)(error)
    }
}

/// The rights of a file.
pub(crate) fn rights(metadata: &Metadata) -> u32 {
    told::rights(metadata)
}

/// Rights of a result of a file with the rights `of_source`: the same for group and others, none to
/// execute, and the user may always write.
pub(crate) fn mode_like(of_source: u32) -> u32 {
    (of_source & 0o066) | 0o600
}

/// Writes a new file, synced.
pub(crate) fn write_new(path: &Path, content: &[u8]) -> Result<()> {
    write_new_with(path, content, FOR_ALL)
}

/// Writes a new file with these rights as far as the user's mask lets, synced.
pub(crate) fn write_new_with(path: &Path, content: &[u8], mode: u32) -> Result<()> {
    let mut file = create(path, mode)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(Error::io(path, "write"))
}

/// Removes a file that may be there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    system::remove(path).map_err(Error::io(path, "remove"))
}

/// Removes a folder that may be there, with all that is in it; no link is followed.
pub(crate) fn remove_folder(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if !is_absent(&error) => Err(Error::io(path, "remove")(error)),
        _ => Ok(()),
    }
}

/// Creates a folder with those above it, as far as they are missing, each synced.
pub(crate) fn create_all(path: &Path) -> Result<()> {
    folder::create_all(path).map_err(Error::io(path, "create"))
}

/// Creates a folder where nothing lies.
pub(crate) fn create_folder(path: &Path) -> Result<()> {
    folder::create(path).map_err(Error::io(path, "create"))
}

/// Creates an output folder, and in it the folder `hidden` of the ledger, each synced.
pub(crate) fn create_output(folder: &Path, hidden: &Path) -> Result<()> {
    create_all(folder)?;
    match system::create_hidden_folder(hidden) {
        Ok(()) => sync_folder(folder),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && hidden.is_dir() => Ok(()),
        Err(error) => Err(Error::io(hidden, "create")(error)),
    }
}

/// Creates the folders of `output` below `root`, synced, and refuses those that lead out of it
/// before anything is created.
pub(crate) fn create_folders(root: &Path, output: &Path) -> Result<()> {
    let below = output.parent().unwrap_or(Path::new(""));
    let created = Folder::open(root).and_then(|root| root.create_folders(below));
    created.map(drop).map_err(|source| {
        let path = root.join(below);
        if folder::is_leading_out(&source) {
            Error::OutsideOutput { path }
        } else {
            Error::io(&path, "create")(source)
        }
    })
}

/// Renames without replacing anything.
pub(crate) fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (place(from)?, place(to)?);
    from.0.rename_own_to_free(from.1, &to.0, to.1)
}

/// Renames without replacing anything, if the file system has a way to do that in one step; `false`:
/// it has none.
pub(crate) fn rename_in_one_step(from: &Path, to: &Path) -> io::Result<bool> {
    let (from, to) = (place(from)?, place(to)?);
    from.0.rename_in_one_step(from.1, &to.0, to.1)
}

/// Renames unless something lies under the new name when it is looked at.
pub(crate) fn check_and_rename(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (place(from)?, place(to)?);
    from.0.check_and_rename(from.1, &to.0, to.1)
}

/// Renames without replacing anything; `to` is a name that only its own job uses.
pub(crate) fn rename_to_own(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (place(from)?, place(to)?);
    from.0.rename_to_own(from.1, &to.0, to.1)
}

/// Swaps two files; `false`: the file system cannot.
pub(crate) fn exchange(one: &Path, other: &Path) -> io::Result<bool> {
    system::exchange(one, other)
}

fn place(path: &Path) -> io::Result<(Folder, &std::ffi::OsStr)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok((Folder::open(parent.unwrap_or(Path::new(".")))?, name))
}

/// Waits until the names in a folder are on disk.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    Folder::open(folder).and_then(|folder| folder.sync()).map_err(Error::io(folder, "sync"))
}

/// Whether a path leads to a regular file, and to none through a link under its name.
pub(crate) fn is_file(path: &Path) -> Result<bool> {
    match path.symlink_metadata() {
        Ok(metadata) => Ok(metadata.is_file()),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(Error::io(path, "read")(error)),
    }
}
