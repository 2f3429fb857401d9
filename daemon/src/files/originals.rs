//! Originals, which are not ours: opened read-only, below their folder, and known again by their
//! device and number.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polychromify_core::{Deadline, Limits, Scan};

use crate::error::{Error, Result};
use crate::files::fingerprint::{self, Stamp};
use crate::files::folder::{FileId, Folder, from_top};
use crate::files::system::{own as system, told};
use crate::stop::Stop;

/// Where an original lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OriginalPath {
    /// As the user wrote it, for messages.
    pub(crate) shown: PathBuf,
    /// Its input folder, absolute; `None`: the user named the file itself, which is opened whatever
    /// links lead to it.
    root: Option<PathBuf>,
    /// Below its input folder, or as an absolute path where it has none.
    below: PathBuf,
}

impl OriginalPath {
    /// The file at `below` in an input folder that is free of links.
    pub(crate) fn in_folder(shown: PathBuf, root: &Path, below: PathBuf) -> Self {
        Self { shown, root: Some(root.to_path_buf()), below }
    }

    /// A file that the user named by itself, as an absolute path.
    pub(crate) fn named(shown: PathBuf, path: PathBuf) -> Self {
        Self { shown, root: None, below: path }
    }

    /// As an absolute path.
    pub(crate) fn path(&self) -> PathBuf {
        self.root.as_deref().unwrap_or(Path::new("")).join(&self.below)
    }

    /// Its own name.
    pub(super) fn name(&self) -> &OsStr {
        self.below.file_name().unwrap_or_default()
    }

    /// The folders on the way to it, from its input folder to the one that it lies in, as absolute paths;
    /// of one that the user named by itself the latter alone.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let folders = self.root.as_ref().map_or(1, |_| self.below.components().count());
        let path = self.path();
        let mut folders: Vec<_> =
            path.ancestors().skip(1).take(folders).map(Path::to_path_buf).collect();
        folders.reverse();
        folders
    }

    /// Opens it to read it: a regular file, reached through links only where they lead to a file
    /// below the same input folder.
    ///
    /// # Errors
    ///
    /// Those of the file system, with the path as the user wrote it.
    pub(crate) fn open(&self) -> Result<OpenOriginal> {
        let (file, id, metadata) = self.try_open().map_err(Error::io(&self.shown, "open"))?;
        let mode = told::rights(&metadata);
        Ok(OpenOriginal { file: Arc::new(file), id, mode, path: self.clone() })
    }

    fn try_open(&self) -> io::Result<(File, FileId, Metadata)> {
        let path = self.path();
        let (file, metadata) = open_carefully(&path)?;
        let opened = FileId::of(&file, &metadata)?;
        let found = match &self.root {
            None => FileId::at(&path)?,
            Some(root) => {
                let entry = Folder::open(root)?.entry_through_links(&self.below)?;
                entry.ok_or(io::ErrorKind::NotFound)?.id
            }
        };
        if opened == found {
            Ok((file, opened, metadata))
        } else {
            Err(io::Error::other("it is being replaced"))
        }
    }

    /// The folder that it lies in, reached through no link, and its name there.
    pub(super) fn place(&self) -> io::Result<(Folder, &OsStr)> {
        let (root, below) = match &self.root {
            Some(root) => (root.as_path(), self.below.as_path()),
            None => from_top(&self.below),
        };
        Folder::open_without_links(root)?.parent_of(below)
    }
}

/// Opens a regular file, where anything may lie: a pipe must not hold this up.
fn open_carefully(path: &Path) -> io::Result<(File, Metadata)> {
    let file = system::open_theirs(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else if metadata.is_file() {
        Ok((file, metadata))
    } else {
        Err(io::Error::other("not a regular file"))
    }
}

/// An original that is open: the same file, whatever takes its name meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct OpenOriginal {
    file: Arc<File>,
    id: FileId,
    /// Its rights.
    pub(crate) mode: u32,
    path: OriginalPath,
}

impl OpenOriginal {
    /// Its stamp as it is now.
    pub(crate) fn stamp(&self) -> Result<Stamp> {
        let metadata = self.file.metadata().map_err(Error::io(&self.path.shown, "read"))?;
        Ok(Stamp::of(&metadata))
    }

    /// Its SHA-256 as it is now.
    pub(crate) fn sha256(&self, stop: &Stop, deadline: Deadline) -> Result<String> {
        fingerprint::sha256_of_all(self.reader(), &self.path.shown, stop, deadline)
    }

    /// As the user wrote it.
    pub(crate) fn shown(&self) -> &Path {
        &self.path.shown
    }

    /// Opens it as a scan.
    pub(crate) fn scan(&self, limits: &Limits) -> Result<Scan> {
        Ok(Scan::read(self.reader(), &self.path.shown, limits)?)
    }

    /// Bytes.
    pub(crate) fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Fills a buffer from a place on.
    pub(crate) fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        Reader { file: Arc::clone(&self.file), at }.read_exact(buffer)
    }

    /// Whether its name still leads to it.
    pub(crate) fn has_its_name(&self) -> Result<bool> {
        Ok(self.path.open()?.id == self.id)
    }

    /// Reads it from the start on, independently of other readers of it.
    fn reader(&self) -> Reader {
        Reader { file: Arc::clone(&self.file), at: 0 }
    }
}

/// A file with a place of its own.
struct Reader {
    file: Arc<File>,
    at: u64,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = told::read_at(&self.file, buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::Current(by) => (self.at, by),
            SeekFrom::End(by) => (self.file.metadata()?.len(), by),
        };
        self.at = from.checked_add_signed(by).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
#[cfg(unix)] // links and pipes are made as POSIX does
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn original(at: &Path, below: &str) -> OriginalPath {
        let root = at.canonicalize().unwrap().join("in");
        OriginalPath::in_folder(Path::new("in").join(below), &root, below.into())
    }

    fn content(original: &OriginalPath) -> Result<String> {
        original.open()?.sha256(&Stop::default(), Deadline::NEVER)
    }

    #[test]
    fn an_original_is_read_below_its_folder_and_never_outside_of_it() {
        let at = tempfile::tempdir().unwrap();
        fs::create_dir_all(at.path().join("in/sub")).unwrap();
        fs::create_dir(at.path().join("elsewhere")).unwrap();
        fs::write(at.path().join("in/sub/a"), "inside").unwrap();
        fs::write(at.path().join("elsewhere/b"), "outside").unwrap();
        symlink("sub/a", at.path().join("in/link")).unwrap();
        symlink("../elsewhere", at.path().join("in/far")).unwrap();
        let inside = fingerprint::sha256_of(b"inside");
        assert_eq!(content(&original(at.path(), "sub/a")).unwrap(), inside);
        assert_eq!(content(&original(at.path(), "link")).unwrap(), inside);
        let refused = content(&original(at.path(), "far/b")).unwrap_err().to_string();
        assert!(refused.contains("in/far/b") && refused.contains("leads out"), "{refused}");
        let path = at.path().canonicalize().unwrap().join("in/far/b");
        let named = OriginalPath::named("far/b".into(), path);
        assert_eq!(content(&named).unwrap(), fingerprint::sha256_of(b"outside"));
    }

    #[test]
    fn a_pipe_in_the_place_of_an_original_holds_nothing_up() {
        let at = tempfile::tempdir().unwrap();
        fs::create_dir(at.path().join("in")).unwrap();
        let pipe = at.path().join("in/a.png");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from(0o600)).unwrap();
        let refused = original(at.path(), "a.png").open().unwrap_err().to_string();
        assert!(refused.contains("in/a.png") && refused.contains("regular"), "{refused}");
    }

    #[test]
    fn an_open_original_stays_the_same_file_and_tells_when_its_name_is_anothers() {
        let at = tempfile::tempdir().unwrap();
        fs::create_dir(at.path().join("in")).unwrap();
        let path = at.path().join("in/a");
        fs::write(&path, "first").unwrap();
        let opened = original(at.path(), "a").open().unwrap();
        assert!(opened.has_its_name().unwrap());
        fs::rename(&path, at.path().join("in/b")).unwrap();
        fs::write(&path, "second").unwrap();
        assert!(!opened.has_its_name().unwrap());
        let content = opened.sha256(&Stop::default(), Deadline::NEVER).unwrap();
        assert_eq!(content, fingerprint::sha256_of(b"first"));
    }
}
