//! A folder by its handle: what lies below it is reached without leaving it, whatever is renamed or
//! linked meanwhile.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use crate::files::filesystem;
use crate::files::stamp::Stamp;

/// What a file is opened with, so that neither a pipe nor a terminal in its place does harm.
pub(super) const CAREFUL: OFlags =
    OFlags::NONBLOCK.union(OFlags::NOCTTY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Of a folder that only its contents are asked of; on Linux that needs no right to list it.
#[cfg(target_os = "linux")]
const HANDLE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const HANDLE: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Device and number of a file: two names with the same lead to one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

impl FileId {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// What lies under a name; a symbolic link is one, and not what it leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) id: FileId,
    pub(crate) stamp: Stamp,
    kind: FileType,
}

impl Entry {
    #[allow(
        clippy::allow_attributes,
        clippy::useless_conversion,
        clippy::unnecessary_cast,
        clippy::cast_possible_wrap,
        reason = "the types differ between systems"
    )]
    fn of(stat: &Stat) -> Self {
        let id = FileId { device: stat.st_dev as u64, inode: stat.st_ino as u64 };
        let time = |seconds: i64, nanoseconds: i64| seconds * 1_000_000_000 + nanoseconds;
        let stamp = Stamp {
            size: stat.st_size,
            modified: time(stat.st_mtime, stat.st_mtime_nsec as i64),
            changed: time(stat.st_ctime, stat.st_ctime_nsec as i64),
        };
        Self { id, stamp, kind: FileType::from_raw_mode(stat.st_mode) }
    }

    pub(crate) fn is_file(&self) -> bool {
        self.kind.is_file()
    }

    pub(crate) fn is_folder(&self) -> bool {
        self.kind.is_dir()
    }

    pub(crate) fn is_link(&self) -> bool {
        self.kind.is_symlink()
    }
}

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder {
    handle: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// Opens a folder, through whatever links its path has.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let handle = fs::open(path, HANDLE, Mode::empty())?;
        Ok(Self { handle, path: path.to_path_buf() })
    }

    /// Opens a folder by its absolute path, unless there is a link in it by now.
    pub(crate) fn open_without_links(path: &Path) -> io::Result<Self> {
        let top = Self::open(Path::new("/"))?;
        top.folder(path.strip_prefix("/").unwrap_or(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder `below`, reached through no link.
    pub(crate) fn folder(&self, below: &Path) -> io::Result<Self> {
        let handle = self.open_below(below, HANDLE, Mode::empty())?;
        Ok(Self { handle, path: self.path.join(below) })
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
            _ => Err(Errno::INVAL.into()),
        }
    }

    /// Opens a file, no matter its kind, reached through no link.
    pub(crate) fn file(&self, below: impl AsRef<Path>, flags: OFlags) -> io::Result<File> {
        Ok(self.open_below(below.as_ref(), flags | CAREFUL, Mode::empty())?.into())
    }

    /// Creates a file, where nothing lies.
    pub(crate) fn create_file(&self, name: &OsStr, mode: Mode) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | CAREFUL;
        Ok(self.open_below(name.as_ref(), flags, mode)?.into())
    }

    /// What lies `below`, reached through no link; `None`: nothing.
    pub(crate) fn entry(&self, below: impl AsRef<Path>) -> io::Result<Option<Entry>> {
        let found = (|| {
            let (parent, name) = self.parent_of(below.as_ref())?;
            Ok(Entry::of(&fs::statat(&parent.handle, name, AtFlags::SYMLINK_NOFOLLOW)?))
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
        Ok(Entry::of(&fs::fstat(&self.handle)?).id)
    }

    /// Name of its file system, if that is one of a network or of a program.
    pub(crate) fn foreign_file_system(&self) -> io::Result<Option<&'static str>> {
        filesystem::of_handle(&self.handle)
    }

    /// Names of what lies in it.
    pub(crate) fn names(&self) -> io::Result<impl Iterator<Item = io::Result<OsString>> + use<>> {
        let entries = fs::Dir::new(self.open_to_list()?)?;
        let name = |entry: fs::DirEntry| OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
        let names = entries.map(move |entry| entry.map(name).map_err(io::Error::from));
        Ok(names.filter(|name| !matches!(name, Ok(name) if name == "." || name == "..")))
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
                    match fs::mkdirat(&folder.handle, name.as_os_str(), Mode::from(0o777)) {
                        Ok(()) => folder.sync()?,
                        Err(Errno::EXIST) => {} // by another job
                        Err(error) => return Err(error.into()),
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
        match self.rename_noreplace(name, to, new_name) {
            Err(error) if is_unknown(&error) => {}
            done => return done.map(|()| true),
        }
        match fs::linkat(&self.handle, name, &to.handle, new_name, AtFlags::empty()) {
            Ok(()) => self.remove(name).map(|()| true),
            Err(error @ (Errno::EXIST | Errno::XDEV | Errno::NOENT)) => Err(error.into()),
            // Of file systems without links, such as FAT.
            Err(_) => Ok(false),
        }
    }

    /// Renames without replacing anything: `new_name` is one that only its own job uses, and what
    /// is written to `name` meanwhile goes with it.
    pub(crate) fn rename_to_own(&self, name: &OsStr, new_name: &OsStr) -> io::Result<()> {
        match self.rename_noreplace(name, self, new_name) {
            Err(error) if is_unknown(&error) => self.check_and_rename(name, self, new_name),
            done => done,
        }
    }

    fn rename_noreplace(&self, name: &OsStr, to: &Self, new_name: &OsStr) -> io::Result<()> {
        let flags = RenameFlags::NOREPLACE;
        Ok(fs::renameat_with(&self.handle, name, &to.handle, new_name, flags)?)
    }

    pub(super) fn check_and_rename(
        &self,
        name: &OsStr,
        to: &Self,
        new_name: &OsStr,
    ) -> io::Result<()> {
        if to.entry(new_name)?.is_some() {
            return Err(Errno::EXIST.into());
        }
        Ok(fs::renameat(&self.handle, name, &to.handle, new_name)?)
    }

    /// Removes the file or link under a name.
    pub(crate) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(fs::unlinkat(&self.handle, name, AtFlags::empty())?)
    }

    /// Waits until its names are on disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match fs::fsync(self.open_to_list()?) {
            // Some network file systems cannot sync folders: fsync(2).
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn open_to_list(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(fs::openat(&self.handle, ".", flags, Mode::empty())?)
    }

    fn open_below(&self, below: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        if below.components().any(|part| !matches!(part, Component::Normal(_))) {
            return Err(leads_out());
        }
        let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
        match open_by_kernel(&self.handle, below, flags, mode) {
            Err(Errno::NOSYS | Errno::PERM) => open_by_hand(&self.handle, below, flags, mode),
            Err(Errno::LOOP) => Err(io::Error::other(Refused::Link)),
            opened => Ok(opened?),
        }
    }
}

#[cfg(target_os = "linux")]
fn open_by_kernel(
    folder: &OwnedFd,
    below: &Path,
    flags: OFlags,
    mode: Mode,
) -> rustix::io::Result<OwnedFd> {
    use rustix::fs::ResolveFlags;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    fs::openat2(folder, below, flags, mode, resolve)
}

#[cfg(not(target_os = "linux"))]
fn open_by_kernel(_: &OwnedFd, _: &Path, _: OFlags, _: Mode) -> rustix::io::Result<OwnedFd> {
    Err(Errno::NOSYS)
}

/// For kernels before Linux 5.6 and sandboxes that do not let openat2(2) through.
fn open_by_hand(folder: &OwnedFd, below: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    let step = |folder: &OwnedFd, name: &OsStr, flags: OFlags, mode: Mode| {
        let opened = fs::openat(folder, name, flags | OFlags::NOFOLLOW, mode);
        opened.map_err(|error| {
            let found = fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
            let is_link = found.is_ok_and(|stat| Entry::of(&stat).is_link());
            if is_link { io::Error::other(Refused::Link) } else { error.into() }
        })
    };
    let mut reached = fs::openat(folder.as_fd(), ".", HANDLE, Mode::empty())?;
    for name in below.parent().into_iter().flat_map(Path::components) {
        reached = step(&reached, name.as_os_str(), HANDLE, Mode::empty())?;
    }
    step(&reached, below.file_name().unwrap_or(OsStr::new(".")), flags, mode)
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
        match fs::mkdirat(CWD, path, Mode::from(0o777)) {
            Ok(()) => {}
            Err(Errno::EXIST) if path.is_dir() => continue,
            Err(error) => return Err(error.into()),
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
enum Refused {
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

/// What file systems and kernels answer that do not know a flag: renameat2(2).
pub(crate) fn is_unknown(error: &io::Error) -> bool {
    [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP]
        .iter()
        .any(|unknown| error.raw_os_error() == Some(unknown.raw_os_error()))
}

#[cfg(test)]
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
    fn no_link_is_followed_and_nothing_leads_out_by_kernel_and_by_hand() {
        type Way = fn(&Folder, &str) -> io::Result<OwnedFd>;
        let by_kernel: Way = |folder, path| {
            folder.open_below(Path::new(path), OFlags::RDONLY | CAREFUL, Mode::empty())
        };
        let by_hand: Way = |folder, path| {
            let flags = OFlags::RDONLY | CAREFUL;
            open_by_hand(&folder.handle, Path::new(path), flags, Mode::empty())
        };
        let (_at, folder) = folders();
        for way in [by_kernel, by_hand] {
            assert!(way(&folder, "sub/a").is_ok());
            for link in ["near/a", "far/a", "sub/link", "far"] {
                let refused = way(&folder, link).unwrap_err();
                assert!(is_link(&refused), "{link}: {refused}");
            }
            assert!(is_absent(&way(&folder, "sub/none").unwrap_err()));
        }
        for path in ["../elsewhere/a", "sub/../../elsewhere/a", "/etc/hostname"] {
            assert!(is_leading_out(&by_kernel(&folder, path).unwrap_err()), "{path}");
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
