//! Originals that go once their results are there: moved, or deleted.
//!
//! One that goes is first taken aside by a rename, and looked at then, so that a photograph that is
//! put in its place in that moment comes back and is not lost. Where anything is in doubt it gets its
//! name back, and stays.

mod absence;

use std::ffi::{OsStr, OsString};
use std::fs::{File, FileTimes, Metadata};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use polychromify_core::Deadline;

pub(crate) use self::absence::Way;
use crate::error::{Error, Result};
use crate::files::fingerprint::{self, Stamp};
use crate::files::folder::{self, Entry, FileId, Folder};
use crate::files::names::{LONGEST_NAME, hidden_name};
use crate::files::originals::OriginalPath;
use crate::files::writers;
use crate::stop::{Stop, Stoppable};

/// Where an original goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Destination<'a> {
    Nowhere,
    /// To `below` in `folder`.
    Folder {
        folder: &'a Path,
        below: &'a Path,
    },
}

/// What an original is known by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    /// Its SHA-256.
    pub(crate) content: &'a str,
    /// Its stamp, where that is known.
    pub(crate) stamp: Option<Stamp>,
    /// Where it was last seen.
    pub(crate) way: &'a Way,
}

/// Lets go of an original that still is what is known of it; `begin` is called before anything is done
/// to it, and it stays where that fails. One that surely is not there any more has gone already.
///
/// # Errors
///
/// When somebody has it open for writing, it is a link or another file, or what lies at its
/// destination may be the original itself. It stays then, under its name. Also when it is not found, and
/// may be away with its folder.
pub(crate) fn let_go(
    original: &OriginalPath,
    known: Known<'_>,
    destination: Destination<'_>,
    begin: &dyn Fn() -> Result<()>,
    stop: &Stop,
) -> Result<()> {
    if is_gone(original, known.way)? {
        return Ok(());
    }
    let vanished = || Error::io(&original.shown, "reach")(io::ErrorKind::NotFound.into());
    let leaving = Leaving::find(original, known.content, stop)?.ok_or_else(vanished)?;
    let target = match destination {
        Destination::Nowhere => None,
        Destination::Folder { folder, below } => Some(Target::open(folder, below)?),
    };
    if let Some(aside) = leaving.entry(&leaving.aside)? {
        if !aside.is_file() {
            return Err(Error::NotOwnFile { path: leaving.aside_path() });
        }
        begin()?;
        leaving.go(target.as_ref())?; // it was taken aside before an interruption
        if leaving.entry(&leaving.name)?.is_none() {
            return Ok(());
        }
    }
    let entry = leaving.entry(&leaving.name)?.ok_or_else(vanished)?;
    leaving.check_in_place(entry, known.stamp, target.as_ref())?;
    begin()?;
    let renamed = leaving.folder.rename_to_own(&leaving.name, &leaving.folder, &leaving.aside);
    renamed.map_err(Error::io(&original.shown, "take aside"))?;
    leaving.go(target.as_ref())
}

/// Whether an original surely is not there any more, neither under its name nor taken aside.
///
/// # Errors
///
/// When it is not found, and may be away with its folder.
pub(crate) fn is_gone(original: &OriginalPath, way: &Way) -> Result<bool> {
    absence::is_gone(original, &own_name(original.name(), "leaving"), way)
}

/// Whether something lies under an original's name and nothing is taken aside of it, as far as can be
/// seen.
pub(crate) fn is_in_place(original: &OriginalPath) -> bool {
    let stop = Stop::default();
    let Ok(Some(leaving)) = Leaving::find(original, "", &stop) else { return false };
    matches!(leaving.entry(&leaving.name), Ok(Some(_)))
        && matches!(leaving.entry(&leaving.aside), Ok(None))
}

/// Gives an original that was taken aside before an interruption its name again. Gives whether there
/// was one.
pub(crate) fn put_back(original: &OriginalPath) -> Result<bool> {
    let stop = Stop::default();
    let Some(leaving) = Leaving::find(original, "", &stop)? else { return Ok(false) };
    if leaving.entry(&leaving.aside)?.is_none() {
        return Ok(false);
    }
    leaving.put_back()?;
    Ok(true)
}

/// An original that is about to go.
struct Leaving<'a> {
    original: &'a OriginalPath,
    content: &'a str,
    stop: &'a Stop,
    /// The folder that it lies in.
    folder: Folder,
    name: OsString,
    /// The name under which it is looked at.
    aside: OsString,
}

impl<'a> Leaving<'a> {
    /// `None`: its folder is not there.
    fn find(original: &'a OriginalPath, content: &'a str, stop: &'a Stop) -> Result<Option<Self>> {
        let (folder, name) = match original.place() {
            Err(error) if folder::is_absent(&error) => return Ok(None),
            place => place.map_err(Error::io(&original.shown, "reach"))?,
        };
        let (name, aside) = (name.to_owned(), own_name(name, "leaving"));
        Ok(Some(Self { original, content, stop, folder, name, aside }))
    }

    fn entry(&self, name: &OsStr) -> Result<Option<Entry>> {
        self.folder.entry(name).map_err(Error::io(&self.original.shown, "read"))
    }

    fn aside_path(&self) -> PathBuf {
        self.folder.path().join(&self.aside)
    }

    /// Finds out what can be found out without touching it.
    fn check_in_place(
        &self,
        entry: Entry,
        known: Option<Stamp>,
        target: Option<&Target>,
    ) -> Result<()> {
        let path = || self.original.shown.clone();
        if entry.is_link() {
            return Err(Error::LinkStays { path: path() });
        }
        let file = self.open(&self.name)?;
        let metadata = file.metadata().map_err(Error::io(&self.original.shown, "read"))?;
        if !metadata.is_file() || self.id(&file, &metadata)? != entry.id {
            return Err(Error::SourceChanged { path: path() });
        }
        let now = Stamp::of(&metadata);
        let is_known = |known: Stamp| (known.size, known.modified) == (now.size, now.modified);
        if known.is_some_and(|known| !is_known(known)) {
            return Err(Error::SourceChanged { path: path() });
        }
        self.refuse_writers(entry.id)?;
        target.map_or(Ok(()), |target| target.check(&self.folder, entry.id))
    }

    fn open(&self, name: &OsStr) -> Result<File> {
        self.folder.file(name).map_err(Error::io(&self.original.shown, "open"))
    }

    fn id(&self, file: &File, metadata: &Metadata) -> Result<FileId> {
        FileId::of(file, metadata).map_err(Error::io(&self.original.shown, "read"))
    }

    fn refuse_writers(&self, id: FileId) -> Result<()> {
        match writers::writer_of(id) {
            None => Ok(()),
            Some(process) => Err(Error::InUse { path: self.original.shown.clone(), process }),
        }
    }

    /// Lets go of what is taken aside, or gives it its name back.
    fn go(&self, target: Option<&Target>) -> Result<()> {
        let gone = self.verify().and_then(|(file, id)| match target {
            None => self.remove(id),
            Some(target) => self.move_to(target, &file, id),
        });
        if gone.is_err()
            && let Err(error) = self.put_back()
        {
            log::error!("{error}");
        }
        gone
    }

    /// Checks that what is taken aside is what was colored, and that nobody writes to it.
    fn verify(&self) -> Result<(File, FileId)> {
        let shown = &self.original.shown;
        let changed = || Error::SourceChanged { path: shown.clone() };
        let file = self.open(&self.aside)?;
        let stamp = || file.metadata().map_err(Error::io(shown, "read"));
        let before = stamp()?;
        let id = self.id(&file, &before)?;
        if !before.is_file() {
            return Err(changed());
        }
        if fingerprint::sha256_of_all(&file, shown, self.stop, Deadline::NEVER)? != self.content
            || Stamp::of(&stamp()?) != Stamp::of(&before)
        {
            return Err(changed());
        }
        self.refuse_writers(id)?;
        Ok((file, id))
    }

    fn remove(&self, id: FileId) -> Result<()> {
        if self.entry(&self.aside)?.is_none_or(|entry| entry.id != id) {
            return Err(Error::SourceChanged { path: self.original.shown.clone() });
        }
        let removed = self.folder.remove(&self.aside).and_then(|()| self.folder.sync());
        removed.map_err(Error::io(&self.original.shown, "remove"))
    }

    fn move_to(&self, target: &Target, file: &File, id: FileId) -> Result<()> {
        target.check(&self.folder, id)?;
        let to = target.path();
        if target.entry()?.is_some() {
            // Of a move to another file system that was interrupted.
            return if target.holds_copy(self.content, self.stop)? {
                self.remove(id)
            } else {
                Err(Error::Occupied { path: to })
            };
        }
        match self.folder.rename_own_to_free(&self.aside, &target.folder, &target.name) {
            Ok(()) => self.finish_move(target, id).inspect_err(|_| {
                let back =
                    target.folder.rename_own_to_free(&target.name, &self.folder, &self.aside);
                if let Err(error) = back {
                    log::error!("{}: cannot be moved back: {error}", to.display());
                }
            }),
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                self.copy_to(target, file)?;
                self.remove(id)
            }
            Err(error) => Err(Error::io(&to, "move the original")(error)),
        }
    }

    fn finish_move(&self, target: &Target, id: FileId) -> Result<()> {
        if target.entry()?.is_none_or(|entry| entry.id != id) {
            return Err(Error::SourceChanged { path: self.original.shown.clone() });
        }
        let synced = target.folder.sync().and_then(|()| self.folder.sync());
        synced.map_err(Error::io(target.path(), "sync"))
    }

    /// Copies to another file system, synced, under a name of its own until it is whole.
    fn copy_to(&self, target: &Target, file: &File) -> Result<()> {
        let temporary = own_name(&target.name, "moving");
        let failed = |error| Error::io(target.path(), "write")(error);
        match target.folder.entry(&temporary).map_err(failed)? {
            None => {}
            // Of a copy that was interrupted.
            Some(entry) if entry.is_file() => target.folder.remove(&temporary).map_err(failed)?,
            Some(_) => {
                return Err(Error::NotOwnFile { path: target.folder.path().join(temporary) });
            }
        }
        let written = target.folder.create_file(&temporary);
        let written = written.and_then(|copy| self.fill(file, copy)).map_err(failed);
        let named = written.and_then(|()| {
            if target.content(&temporary, self.stop)? != self.content {
                return Err(Error::SourceChanged { path: self.original.shown.clone() });
            }
            let folder = &target.folder;
            let renamed = folder.rename_own_to_free(&temporary, folder, &target.name);
            renamed.and_then(|()| folder.sync()).map_err(failed)
        });
        if named.is_err()
            && let Err(error) = target.folder.remove(&temporary)
            && !folder::is_absent(&error)
        {
            log::warn!("{}: cannot remove: {error}", target.path().display());
        }
        named
    }

    /// Fills a copy, with the original's rights and times, synced.
    fn fill(&self, file: &File, copy: File) -> io::Result<()> {
        let mut from = Stoppable::new(file, self.stop);
        io::Seek::rewind(&mut from)?;
        let mut out = BufWriter::with_capacity(1 << 20, copy);
        io::copy(&mut from, &mut out)?;
        out.flush()?;
        let (copy, metadata) = (out.get_ref(), file.metadata()?);
        copy.set_permissions(metadata.permissions())?;
        let times = FileTimes::new().set_modified(metadata.modified()?);
        copy.set_times(metadata.accessed().map_or(times, |time| times.set_accessed(time)))?;
        copy.sync_all()
    }

    /// Gives what is taken aside its name, synced, unless something else has it by now.
    fn put_back(&self) -> Result<()> {
        let path = || self.aside_path();
        match self.entry(&self.aside)? {
            None => return Ok(()), // it went
            Some(entry) if entry.is_file() => {}
            Some(_) => return Err(Error::NotOwnFile { path: path() }),
        }
        match self.folder.rename_own_to_free(&self.aside, &self.folder, &self.name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(Error::TakenAside { aside: path(), path: self.original.shown.clone() })
            }
            // Before the ledger forgets that it may lie aside.
            renamed => {
                renamed.and_then(|()| self.folder.sync()).map_err(Error::io(path(), "put back"))
            }
        }
    }
}

/// Where an original moves to.
struct Target {
    folder: Folder,
    name: OsString,
}

impl Target {
    /// Creates the folders of `below` in `folder`, as that is by now.
    fn open(folder: &Path, below: &Path) -> Result<Self> {
        let parent = below.parent().unwrap_or(Path::new(""));
        let opened = || {
            folder::create_all(folder)?;
            let root = Folder::open_without_links(&folder.canonicalize()?)?;
            root.create_folders(parent)
        };
        let opened = opened().map_err(|source| {
            let path = folder.join(parent);
            if folder::is_leading_out(&source) {
                Error::OutsideOutput { path }
            } else {
                Error::io(path, "create")(source)
            }
        })?;
        Ok(Self { folder: opened, name: below.file_name().unwrap_or_default().to_owned() })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    fn entry(&self) -> Result<Option<Entry>> {
        self.folder.entry(&self.name).map_err(Error::io(self.path(), "read"))
    }

    fn content(&self, name: &OsStr, stop: &Stop) -> Result<String> {
        let path = self.path();
        let file = self.folder.file(name).map_err(Error::io(&path, "open"))?;
        fingerprint::sha256_of_all(file, &path, stop, Deadline::NEVER)
    }

    /// Refuses a move into the very folder that the original lies in, and onto what may be the
    /// original itself.
    fn check(&self, from: &Folder, original: FileId) -> Result<()> {
        let read = |source| Error::io(self.path(), "read")(source);
        let (here, there) = (from.id().map_err(read)?, self.folder.id().map_err(read)?);
        let is_foreign = self.folder.foreign_file_system().map_err(read)?.is_some()
            || from.foreign_file_system().map_err(read)?.is_some();
        if may_be_one_folder(here, there, is_foreign) {
            return Err(Error::SameFolder { path: self.folder.path().to_path_buf() });
        }
        match self.entry()? {
            None => Ok(()),
            Some(entry) if entry.is_file() && are_two_files(entry.id, original, is_foreign) => {
                Ok(())
            }
            Some(_) => Err(Error::Occupied { path: self.path() }),
        }
    }

    /// Whether a file of this content lies there; [`Target::check`] tells that it is another one.
    fn holds_copy(&self, content: &str, stop: &Stop) -> Result<bool> {
        Ok(self.content(&self.name, stop)? == content)
    }
}

/// A share that is mounted twice has two devices, and the server's numbers.
fn may_be_one_folder(one: FileId, other: FileId, is_foreign: bool) -> bool {
    one.inode == other.inode && (one.device == other.device || is_foreign)
}

/// Whether two names surely lead to two files. On a network share nothing tells.
fn are_two_files(one: FileId, other: FileId, is_foreign: bool) -> bool {
    one != other && !is_foreign
}

/// A hidden name that only the job of the original `name` uses.
fn own_name(name: &OsStr, purpose: &str) -> OsString {
    hidden_name(name, &format!(".polychromify.{purpose}"), LONGEST_NAME)
}

#[cfg(test)]
#[cfg(unix)] // links and rights are those of POSIX
mod tests;
