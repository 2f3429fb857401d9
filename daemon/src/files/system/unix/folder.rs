//! An open folder, and what lies below it by system calls that start at it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use super::filesystem;
use crate::files::folder::{Entry, FileId, Kind, Refused};
use crate::files::stamp::Stamp;

/// What a file is opened with, so that neither a pipe nor a terminal in its place does harm.
pub(super) const CAREFUL: OFlags =
    OFlags::NONBLOCK.union(OFlags::NOCTTY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Of a folder that only its contents are asked of; on Linux that needs no right to list it.
#[cfg(target_os = "linux")]
const HANDLE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const HANDLE: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// An open folder.
#[derive(Debug)]
pub(in crate::files) struct Handle(OwnedFd);

impl Handle {
    /// Opens a folder, through whatever links its path has.
    pub(in crate::files) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(fs::open(path, HANDLE, Mode::empty())?))
    }

    /// The folder `below`, reached through no link; this one, where that is empty.
    pub(in crate::files) fn folder(&self, below: &Path) -> io::Result<Self> {
        Ok(Self(self.open_below(below, HANDLE, Mode::empty())?))
    }

    /// Opens a file to read it, no matter its kind, reached through no link.
    pub(in crate::files) fn file(&self, below: &Path) -> io::Result<File> {
        Ok(self.open_below(below, OFlags::RDONLY | CAREFUL, Mode::empty())?.into())
    }

    /// Creates a file that only this user may read and write, where nothing lies.
    pub(in crate::files) fn create_file(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | CAREFUL;
        Ok(self.open_below(name.as_ref(), flags, Mode::from(0o600))?.into())
    }

    /// What lies under a name in it.
    pub(in crate::files) fn entry(&self, name: &OsStr) -> io::Result<Entry> {
        Ok(entry_of(&fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    pub(in crate::files) fn id(&self) -> io::Result<FileId> {
        Ok(entry_of(&fs::fstat(&self.0)?).id)
    }

    /// Name of its file system, if that is one of a network or of a program.
    pub(in crate::files) fn foreign_file_system(&self) -> io::Result<Option<&'static str>> {
        filesystem::of_handle(&self.0)
    }

    /// Names of what lies in it.
    pub(in crate::files) fn names(
        &self,
    ) -> io::Result<impl Iterator<Item = io::Result<OsString>> + use<>> {
        let entries = fs::Dir::new(self.open_to_list()?)?;
        let name = |entry: fs::DirEntry| OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
        let names = entries.map(move |entry| entry.map(name).map_err(io::Error::from));
        Ok(names.filter(|name| !matches!(name, Ok(name) if name == "." || name == "..")))
    }

    pub(in crate::files) fn create_folder(&self, name: &OsStr) -> io::Result<()> {
        Ok(fs::mkdirat(&self.0, name, Mode::from(0o777))?)
    }

    /// Renames without replacing anything, in one step; `false`: the file system has no way to.
    pub(in crate::files) fn rename_in_one_step(
        &self,
        name: &OsStr,
        to: &Self,
        new_name: &OsStr,
    ) -> io::Result<bool> {
        if self.rename_noreplace(name, to, new_name)? {
            return Ok(true);
        }
        match fs::linkat(&self.0, name, &to.0, new_name, AtFlags::empty()) {
            Ok(()) => self.remove(name).map(|()| true),
            Err(error @ (Errno::EXIST | Errno::XDEV | Errno::NOENT)) => Err(error.into()),
            // Of file systems without links, such as FAT.
            Err(_) => Ok(false),
        }
    }

    /// The same by a call for that alone, which takes what is written meanwhile with it.
    pub(in crate::files) fn rename_noreplace(
        &self,
        name: &OsStr,
        to: &Self,
        new_name: &OsStr,
    ) -> io::Result<bool> {
        match fs::renameat_with(&self.0, name, &to.0, new_name, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(true),
            Err(error) if is_unknown(error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Renames, whatever lies under the new name.
    pub(in crate::files) fn rename(
        &self,
        name: &OsStr,
        to: &Self,
        new_name: &OsStr,
    ) -> io::Result<()> {
        Ok(fs::renameat(&self.0, name, &to.0, new_name)?)
    }

    /// Removes the file or link under a name.
    pub(in crate::files) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Waits until its names are on disk.
    pub(in crate::files) fn sync(&self) -> io::Result<()> {
        match fs::fsync(self.open_to_list()?) {
            // Some network file systems cannot sync folders: fsync(2).
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn open_to_list(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(fs::openat(&self.0, ".", flags, Mode::empty())?)
    }

    fn open_below(&self, below: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
        match open_by_kernel(&self.0, below, flags, mode) {
            Err(Errno::NOSYS | Errno::PERM) => open_by_hand(&self.0, below, flags, mode),
            Err(Errno::LOOP) => Err(io::Error::other(Refused::Link)),
            opened => Ok(opened?),
        }
    }
}

#[allow(
    clippy::allow_attributes,
    clippy::useless_conversion,
    clippy::unnecessary_cast,
    clippy::cast_possible_wrap,
    reason = "the types differ between systems"
)]
fn entry_of(stat: &Stat) -> Entry {
    let id = FileId { device: stat.st_dev as u64, inode: stat.st_ino as u64 };
    let time = |seconds: i64, nanoseconds: i64| seconds * 1_000_000_000 + nanoseconds;
    let stamp = Stamp {
        size: stat.st_size,
        modified: time(stat.st_mtime, stat.st_mtime_nsec as i64),
        changed: time(stat.st_ctime, stat.st_ctime_nsec as i64),
    };
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Folder,
        FileType::Symlink => Kind::Link,
        _ => Kind::Other,
    };
    Entry { id, stamp, kind }
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
            let is_link = found.is_ok_and(|stat| entry_of(&stat).is_link());
            if is_link { io::Error::other(Refused::Link) } else { error.into() }
        })
    };
    let mut reached = fs::openat(folder.as_fd(), ".", HANDLE, Mode::empty())?;
    for name in below.parent().into_iter().flat_map(Path::components) {
        reached = step(&reached, name.as_os_str(), HANDLE, Mode::empty())?;
    }
    step(&reached, below.file_name().unwrap_or(OsStr::new(".")), flags, mode)
}

/// Creates a folder by its path.
pub(in crate::files) fn create(path: &Path) -> io::Result<()> {
    Ok(fs::mkdirat(CWD, path, Mode::from(0o777))?)
}

/// What file systems and kernels answer that do not know a flag: renameat2(2).
pub(super) fn is_unknown(error: Errno) -> bool {
    [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP].contains(&error)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::files::folder::{is_absent, is_link};

    #[test]
    fn no_link_is_followed_by_kernel_and_by_hand() {
        type Way = fn(&Handle, &str) -> io::Result<OwnedFd>;
        let by_kernel: Way = |folder, path| {
            folder.open_below(Path::new(path), OFlags::RDONLY | CAREFUL, Mode::empty())
        };
        let by_hand: Way = |folder, path| {
            let flags = OFlags::RDONLY | CAREFUL;
            open_by_hand(&folder.0, Path::new(path), flags, Mode::empty())
        };
        let at = tempfile::tempdir().unwrap();
        let root = at.path().join("root");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        std::fs::create_dir(at.path().join("elsewhere")).unwrap();
        std::fs::write(root.join("sub/a"), "inside").unwrap();
        std::fs::write(at.path().join("elsewhere/a"), "outside").unwrap();
        symlink("sub", root.join("near")).unwrap();
        symlink("../elsewhere", root.join("far")).unwrap();
        symlink("../../elsewhere/a", root.join("sub/link")).unwrap();
        let folder = Handle::open(&root).unwrap();
        for way in [by_kernel, by_hand] {
            assert!(way(&folder, "sub/a").is_ok());
            for link in ["near/a", "far/a", "sub/link", "far"] {
                let refused = way(&folder, link).unwrap_err();
                assert!(is_link(&refused), "{link}: {refused}");
            }
            assert!(is_absent(&way(&folder, "sub/none").unwrap_err()));
        }
    }
}
