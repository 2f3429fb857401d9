//! An open folder, and what lies below it by its path. While a folder is open without leave to delete
//! it, neither it nor a folder above it can be renamed or removed: its path keeps leading to it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::files::folder::{Entry, FileId, Kind, Refused};
use crate::files::system::{filesystem, names, told};

// winnt.h and winbase.h.
const SHARE_READ: u32 = 1;
const SHARE_WRITE: u32 = 2;
const BACKUP_SEMANTICS: u32 = 0x0200_0000; // folders are opened too
const OPEN_REPARSE_POINT: u32 = 0x0020_0000; // a link itself, and not what it leads to
const READ_ATTRIBUTES: u32 = 0x80;

// winerror.h.
const SHARING_VIOLATION: i32 = 32;
const ACCESS_DENIED: i32 = 5;

/// Pauses between tries at what another program stands in the way of for a moment, such as a virus
/// scanner that reads each new file.
const PAUSES: [u64; 7] = [1, 5, 20, 50, 100, 300, 500];

/// An open folder.
#[derive(Debug)]
pub(in crate::files) struct Handle {
    /// It and those above it that were opened with it stay where they are.
    held: Vec<File>,
    /// Its path, free of links.
    real: PathBuf,
}

impl Handle {
    /// Opens a folder, through whatever links its path has.
    pub(in crate::files) fn open(path: &Path) -> io::Result<Self> {
        let real = path.canonicalize()?;
        let held = vec![hold(&real)?];
        // Else a link was put into the path between the two.
        if real.canonicalize()? == real { Ok(Self { held, real }) } else { Err(link()) }
    }

    /// The folder `below`, reached through no link; this one, where that is empty.
    pub(in crate::files) fn folder(&self, below: &Path) -> io::Result<Self> {
        let mut held = self.held.iter().map(File::try_clone).collect::<io::Result<Vec<_>>>()?;
        let mut real = self.real.clone();
        for name in below.components() {
            names::check(name.as_os_str())?;
            real.push(name);
            held.push(hold(&real)?);
        }
        Ok(Self { held, real })
    }

    /// Opens a file to read it, no matter its kind, reached through no link.
    pub(in crate::files) fn file(&self, below: &Path) -> io::Result<File> {
        let (folder, name) = self.place(below)?;
        if name.is_empty() {
            return look(&folder.real);
        }
        let path = folder.path(name)?;
        no_link(&path)?;
        let file = OpenOptions::new().read(true).custom_flags(BACKUP_SEMANTICS).open(&path)?;
        let is_it = told::id_of(&file)? == told::id_of(&look(&path)?)?;
        if is_it { Ok(file) } else { Err(link()) }
    }

    /// Creates a file where nothing lies; the rights are those that the folder gives.
    pub(in crate::files) fn create_file(&self, name: &OsStr) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(self.path(name)?)
    }

    /// What lies under a name in it.
    pub(in crate::files) fn entry(&self, name: &OsStr) -> io::Result<Entry> {
        let found = look(&self.path(name)?)?;
        let metadata = found.metadata()?;
        let id = told::id_of(&found)?;
        Ok(Entry { id, stamp: told::stamp(&metadata), kind: kind(&metadata) })
    }

    pub(in crate::files) fn id(&self) -> io::Result<FileId> {
        told::id_of(self.held.last().ok_or(io::ErrorKind::NotFound)?)
    }

    /// Name of its file system, if that is one of a network.
    #[expect(clippy::unnecessary_wraps, reason = "its path tells it here")]
    pub(in crate::files) fn foreign_file_system(&self) -> io::Result<Option<&'static str>> {
        Ok(filesystem::without_events(&self.real))
    }

    /// Names of what lies in it.
    pub(in crate::files) fn names(
        &self,
    ) -> io::Result<impl Iterator<Item = io::Result<OsString>> + use<>> {
        Ok(fs::read_dir(&self.real)?.map(|entry| Ok(entry?.file_name())))
    }

    pub(in crate::files) fn create_folder(&self, name: &OsStr) -> io::Result<()> {
        fs::create_dir(self.path(name)?)
    }

    /// Renames without replacing anything, in one step. It is on disk then.
    pub(in crate::files) fn rename_in_one_step(
        &self,
        name: &OsStr,
        to: &Self,
        new_name: &OsStr,
    ) -> io::Result<bool> {
        self.rename(name, to, new_name).map(|()| true)
    }

    /// The same.
    pub(in crate::files) fn rename_noreplace(
        &self,
        name: &OsStr,
        to: &Self,
        new_name: &OsStr,
    ) -> io::Result<bool> {
        self.rename_in_one_step(name, to, new_name)
    }

    /// The same: Windows has it anyway.
    pub(in crate::files) fn rename(
        &self,
        name: &OsStr,
        to: &Self,
        new_name: &OsStr,
    ) -> io::Result<()> {
        let (from, to) = (self.path(name)?, to.path(new_name)?);
        again(|| atomicwrites::move_atomic(&from, &to))
    }

    /// Removes the file or link under a name.
    pub(in crate::files) fn remove(&self, name: &OsStr) -> io::Result<()> {
        remove(&self.path(name)?)
    }

    /// Windows has no way to wait for the names in a folder alone. What is renamed is on disk at once,
    /// with all that was done to names before it.
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "elsewhere there is a way")]
    pub(in crate::files) fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn path(&self, name: &OsStr) -> io::Result<PathBuf> {
        names::check(name)?;
        Ok(self.real.join(name))
    }

    /// The folder that `below` lies in, and its name there; empty: this one is meant.
    fn place<'p>(&self, below: &'p Path) -> io::Result<(Self, &'p OsStr)> {
        let name = below.file_name().unwrap_or_default();
        Ok((self.folder(below.parent().unwrap_or(Path::new("")))?, name))
    }
}

/// Opens a folder that is no link, so that it stays where it is.
fn hold(path: &Path) -> io::Result<File> {
    no_link(path)?;
    let mut options = OpenOptions::new();
    options.read(true).share_mode(SHARE_READ | SHARE_WRITE);
    let folder = again(|| options.custom_flags(BACKUP_SEMANTICS | OPEN_REPARSE_POINT).open(path))?;
    match kind(&folder.metadata()?) {
        Kind::Folder => Ok(folder),
        Kind::Link => Err(link()),
        _ => Err(io::ErrorKind::NotADirectory.into()),
    }
}

/// Opens what lies under a name, be it a link, to ask what it is.
pub(super) fn look(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.access_mode(READ_ATTRIBUTES);
    options.custom_flags(BACKUP_SEMANTICS | OPEN_REPARSE_POINT).open(path)
}

/// Refuses a symbolic link or a junction under a name.
pub(super) fn no_link(path: &Path) -> io::Result<()> {
    if path.symlink_metadata()?.is_symlink() { Err(link()) } else { Ok(()) }
}

fn link() -> io::Error {
    io::Error::other(Refused::Link)
}

fn kind(metadata: &Metadata) -> Kind {
    const DEVICE: u32 = 0x40; // FILE_ATTRIBUTE_DEVICE
    if metadata.is_symlink() {
        Kind::Link
    } else if metadata.is_dir() {
        Kind::Folder
    } else if metadata.file_attributes() & DEVICE != 0 {
        Kind::Other
    } else {
        Kind::File
    }
}

/// Creates a folder by its path.
pub(in crate::files) fn create(path: &Path) -> io::Result<()> {
    names::check(path.file_name().unwrap_or_default())?;
    fs::create_dir(path)
}

/// Removes a file or a link.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    again(|| fs::remove_file(path))
}

/// Does something, and again for a while where another program has the file open.
pub(super) fn again<T>(mut action: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for pause in PAUSES {
        match action() {
            Err(error) if is_in_use(&error) => thread::sleep(Duration::from_millis(pause)),
            done => return done,
        }
    }
    action()
}

fn is_in_use(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(SHARING_VIOLATION | ACCESS_DENIED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rename_replaces_nothing_and_says_so() {
        let at = tempfile::tempdir().unwrap();
        fs::write(at.path().join("new"), "new").unwrap();
        fs::write(at.path().join("there"), "there").unwrap();
        let folder = Handle::open(at.path()).unwrap();
        let refused = folder.rename_in_one_step("new".as_ref(), &folder, "there".as_ref());
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(at.path().join("there")).unwrap(), b"there");
        folder.rename_in_one_step("new".as_ref(), &folder, "free".as_ref()).unwrap();
        assert_eq!(fs::read(at.path().join("free")).unwrap(), b"new");
    }

    #[test]
    fn a_folder_that_is_open_keeps_its_name() {
        let at = tempfile::tempdir().unwrap();
        let (here, there) = (at.path().join("here"), at.path().join("there"));
        fs::create_dir(&here).unwrap();
        let folder = Handle::open(&here).unwrap();
        assert!(fs::rename(&here, &there).is_err());
        drop(folder);
        fs::rename(&here, &there).unwrap();
    }

    #[test]
    fn names_that_windows_reads_as_something_else_are_refused() {
        let at = tempfile::tempdir().unwrap();
        let folder = Handle::open(at.path()).unwrap();
        for name in ["NUL", "con.png", "a.png:b", "a.png.", "a.png ", "a?.png", "COM1.tif"] {
            let refused = folder.create_file(name.as_ref()).unwrap_err().to_string();
            assert!(refused.contains("Windows"), "{name}: {refused}");
        }
        folder.create_file("console.png".as_ref()).unwrap();
    }

    #[test]
    fn paths_of_more_than_260_letters_are_reached() {
        let at = tempfile::tempdir().unwrap();
        let mut folder = Handle::open(at.path()).unwrap();
        for _ in 0..3 {
            let name = "x".repeat(120);
            folder.create_folder(name.as_ref()).unwrap();
            folder = folder.folder(name.as_ref()).unwrap();
        }
        folder.create_file("a".as_ref()).unwrap();
        folder.rename_in_one_step("a".as_ref(), &folder, "b".as_ref()).unwrap();
        assert!(folder.entry("b".as_ref()).unwrap().is_file());
        assert!(folder.real.as_os_str().len() > 360);
        folder.remove("b".as_ref()).unwrap();
        assert_eq!(folder.entry("b".as_ref()).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
