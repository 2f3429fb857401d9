//! A folder by its handle: what lies below it is reached without leaving it, whatever is renamed or
//! linked meanwhile.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::files::stamp::Stamp;
use crate::files::system::folder::{self as system, Handle};
use crate::files::system::told;

/// Device and number of a file: two names with the same lead to one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

impl FileId {
    /// Of an open file, whose metadata these are.
    pub(crate) fn of(file: &File, metadata: &Metadata) -> io::Result<Self> {
        told::id(file, metadata)
    }

    /// Of what a path leads to.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        told::id_at(path)
    }
}

/// What lies under a name; a symbolic link is one, and not what it leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) id: FileId,
    pub(crate) stamp: Stamp,
    pub(super) kind: Kind,
}

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    Link,
    Other,
}

impl Entry {
    pub(crate) fn is_file(&self) -> bool {
        self.kind == Kind::File
    }

    pub(crate) fn is_folder(&self) -> bool {
        self.kind == Kind::Folder
    }

    pub(crate) fn is_link(&self) -> bool {
        self.kind == Kind::Link
    }
}

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder {
    handle: Handle,
    path: PathBuf,
}

impl Folder {
    /// Opens a folder, through whatever links its path has.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { handle: Handle::open(path)?, path: path.to_path_buf() })
    }

    /// Opens a folder by its absolute path, unless there is a link in it by now.
    pub(crate) fn open_without_links(path: &Path) -> io::Result<Self> {
        let (top, below) = from_top(path);
        Self::open(top)?.folder(below)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder `below`, reached through no link.
    pub(crate) fn folder(&self, below: &Path) -> io::Result<Self> {
        Ok(Self { handle: self.handle.folder(inside(below)?)?, path: self.path.join(below) })
    }

    /// The folder `below`, reached through links only where they lead to a folder below this one.
    pub(crate) fn folder_through_links(&self, below: &Path) -> io::Result<Self> {
        match self.folder(below) {
            Err(error) if is_link(&error) => self.folder(&self.real(below)?),
            found => found,
        }
    }

    /// The folder that `below` lies in, and its name there.
    pub(crate) fn parent_of<'p>(&self, below: &'p Path) -> io::Result<(Self, &'p OsStr)> {
        match (below.parent(), below.file_name()) {
            (Some(parent), Some(name)) => Ok((self.folder(parent)?, name)),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// Opens a file to read it, no matter its kind, reached through no link.
    pub(crate) fn file(&self, below: impl AsRef<Path>) -> io::Result<File> {
        self.handle.file(inside(below.as_ref())?)
    }

    /// Creates a file that only this user may read and write, where nothing lies.
    pub(crate) fn create_file(&self, name: &OsStr) -> io::Result<File> {
        self.handle.create_file(inside(name.as_ref())?.as_os_str())
    }

    /// What lies `below`, reached through no link; `None`: nothing.
    pub(crate) fn entry(&self, below: impl AsRef<Path>) -> io::Result<Option<Entry>> {
        let found = (|| {
            let (parent, name) = self.parent_of(below.as_ref())?;
            parent.handle.entry(name)
        })();
        match found {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What lies `below`; where that is a link, or reached through one, what it leads to, if that
    /// lies below this folder.
    pub(crate) fn entry_through_links(&self, below: &Path) -> io::Result<Option<Entry>> {
        match self.entry(below) {
            Ok(Some(entry)) if entry.is_link() => self.entry(self.real(below)?),
            Err(error) if is_link(&error) => self.entry(self.real(below)?),
            found => found,
        }
    }

    /// The path that `below` leads to, below this folder and free of links.
    fn real(&self, below: &Path) -> io::Result<PathBuf> {
        let root = self.path.canonicalize()?;
        let real = self.path.join(below).canonicalize()?;
        real.strip_prefix(&root).map(Path::to_path_buf).map_err(|_| leads_out())
    }

    /// What this folder itself is.
    pub(crate) fn id(&self) -> io::Result<FileId> {
        self.handle.id()
    }

    /// Name of its file system, if that is one of a network or of a program.
    pub(crate) fn foreign_file_system(&self) -> io::Result<Option<&'static str>> {
        self.handle.foreign_file_system()
    }

    /// Names of what lies in it.
    pub(crate) fn names(&self) -> io::Result<impl Iterator<Item = io::Result<OsString>> + use<>> {
        self.handle.names()
    }

    /// Creates the folder `below` with those above it, as far as they are missing, each synced.
    /// Links are followed only where they lead to a folder below this one; else nothing is created.
    pub(crate) fn create_folders(&self, below: &Path) -> io::Result<Self> {
        let mut folder = self.folder(Path::new(""))?;
        let mut reached = PathBuf::new();
        for name in below.components() {
            reached.push(name);
            folder = match self.folder_through_links(&reached) {
                Err(error) if is_missing(&error) => {
                    match folder.handle.create_folder(name.as_os_str()) {
                        Ok(()) => folder.sync()?,
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {} // by another job
                        Err(error) => return Err(error),
                    }
                    self.folder_through_links(&reached)?
                }
                found => found?,
            };
        }
        Ok(folder)
    }

    /// Renames without replacing anything, in a way that also serves where file systems know none
    /// for that: `name` is one that only its own job uses.
    pub(crate) fn rename_own_to_free(
        &self,
        name: &OsStr,
        to: &Self,
        new_name: &OsStr,
    ) -> io::Result<()> {
        if self.rename_in_one_step(name, to, new_name)? {
            return Ok(());
        }
        self.check_and_rename(name, to, new_name)
    }

    /// The same where the file system has a way to do it in one step; `false`: it has none.
    pub(super) fn rename_in_one_step(
        &self,
        name: &OsStr,
        to: &Self,
        new_name: &OsStr,
    ) -> io::Result<bool> {
        self.handle.rename_in_one_step(name, &to.handle, new_name)
    }

    /// Renames without replacing anything: `new_name` is one that only its own job uses, and what
    /// is written to `name` meanwhile goes with it.
    pub(crate) fn rename_to_own(
        &self,
        name: &OsStr,
        to: &Self,
        new_name: &OsStr,
    ) -> io::Result<()> {
        if self.handle.rename_noreplace(name, &to.handle, new_name)? {
            return Ok(());
        }
        self.check_and_rename(name, to, new_name)
    }

    pub(super) fn check_and_rename(
        &self,
        name: &OsStr,
        to: &Self,
        new_name: &OsStr,
    ) -> io::Result<()> {
        if to.entry(new_name)?.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.handle.rename(name, &to.handle, new_name)
    }

    /// Removes the file or link under a name.
    pub(crate) fn remove(&self, name: &OsStr) -> io::Result<()> {
        self.handle.remove(name)
    }

    /// Waits until its names are on disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.handle.sync()
    }
}

/// A path that does not lead out of the folder that it starts at.
fn inside(below: &Path) -> io::Result<&Path> {
    let is_inside = below.components().all(|part| matches!(part, Component::Normal(_)));
    if is_inside { Ok(below) } else { Err(leads_out()) }
}

/// An absolute path from the top of its disk on.
pub(super) fn from_top(path: &Path) -> (&Path, &Path) {
    let top = path.ancestors().last().unwrap_or(path);
    (top, path.strip_prefix(top).unwrap_or(path))
}

/// Creates a folder by its path, where nothing lies.
pub(super) fn create(path: &Path) -> io::Result<()> {
    system::create(path)
}

/// Creates a folder by its path with those above it, as far as they are missing, each synced.
pub(crate) fn create_all(path: &Path) -> io::Result<()> {
    let mut missing = Vec::new();
    let mut existing = path;
    while !existing.as_os_str().is_empty() && !existing.is_dir() {
        missing.push(existing);
        existing = existing.parent().unwrap_or(Path::new(""));
    }
    for path in missing.into_iter().rev() {
        match create(path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => continue,
            Err(error) => return Err(error),
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        Folder::open(parent.unwrap_or(Path::new(".")))?.sync()?;
    }
    Ok(())
}

/// Whether nothing lies under a name.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// Why a path below a folder is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("a symbolic link is in the way")]
    Link,
    #[error("it leads out of its folder")]
    LeadsOut,
}

/// Whether a path was not followed because of a symbolic link in it.
pub(crate) fn is_link(error: &io::Error) -> bool {
    is_refused(error, Refused::Link)
}

/// Whether a path leads out of its folder.
pub(crate) fn is_leading_out(error: &io::Error) -> bool {
    is_refused(error, Refused::LeadsOut)
}

fn is_refused(error: &io::Error, reason: Refused) -> bool {
    error.get_ref().and_then(|error| error.downcast_ref()) == Some(&reason)
}

fn leads_out() -> io::Error {
    io::Error::other(Refused::LeadsOut)
}

#[cfg(test)]
#[cfg(unix)] // links are made as POSIX does
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// `root/sub/a`, `root/near -> sub`, `root/far -> ../elsewhere`, `elsewhere/a`.
    fn folders() -> (tempfile::TempDir, Folder) {
        let at = tempfile::tempdir().unwrap();
        let root = at.path().canonicalize().unwrap().join("root");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::create_dir(at.path().join("elsewhere")).unwrap();
        fs::write(root.join("sub/a"), "inside").unwrap();
        fs::write(at.path().join("elsewhere/a"), "outside").unwrap();
        symlink("sub", root.join("near")).unwrap();
        symlink("../elsewhere", root.join("far")).unwrap();
        symlink("../../elsewhere/a", root.join("sub/link")).unwrap();
        let folder = Folder::open(&root).unwrap();
        (at, folder)
    }

    #[test]
    fn no_link_is_followed_and_nothing_leads_out() {
        let (_at, folder) = folders();
        assert!(folder.file("sub/a").is_ok());
        for link in ["near/a", "far/a", "sub/link", "far"] {
            let refused = folder.file(link).unwrap_err();
            assert!(is_link(&refused), "{link}: {refused}");
        }
        for path in ["../elsewhere/a", "sub/../../elsewhere/a", "/etc/hostname"] {
            assert!(is_leading_out(&folder.file(path).unwrap_err()), "{path}");
        }
    }

    #[test]
    fn links_are_followed_only_where_they_stay_inside() {
        let (at, folder) = folders();
        assert!(folder.folder_through_links(Path::new("near")).is_ok());
        let refused = folder.folder_through_links(Path::new("far")).unwrap_err();
        assert!(is_leading_out(&refused), "{refused}");
        symlink(at.path().canonicalize().unwrap().join("root/sub"), folder.path().join("absolute"))
            .unwrap();
        let found = folder.entry_through_links(Path::new("absolute/a")).unwrap().unwrap();
        assert!(found.is_file());
        assert!(folder.entry_through_links(Path::new("sub/link")).is_err());
    }

    #[test]
    fn folders_are_created_inside_and_nothing_is_created_outside() {
        let (at, folder) = folders();
        folder.create_folders(Path::new("x/y")).unwrap();
        folder.create_folders(Path::new("near/z")).unwrap();
        assert!(folder.path().join("x/y").is_dir() && folder.path().join("sub/z").is_dir());
        let refused = folder.create_folders(Path::new("far/new")).unwrap_err();
        assert!(is_leading_out(&refused), "{refused}");
        assert!(!at.path().join("elsewhere/new").exists());
    }

    #[test]
    fn a_folder_is_not_opened_through_a_link_in_its_path() {
        let (_at, folder) = folders();
        assert!(Folder::open_without_links(&folder.path().join("sub")).is_ok());
        let refused = Folder::open_without_links(&folder.path().join("near")).unwrap_err();
        assert!(is_link(&refused), "{refused}");
    }
}
