//! A look through a folder and all below it.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use crate::files::fingerprint::Stamp;
use crate::files::folder::{self, Folder};
use crate::files::originals::OriginalPath;
use crate::files::watched::LeftAlone;
use crate::job::SkipReason;
use crate::plan::names;

/// What is looked for, and what is left out.
#[derive(Debug)]
pub(super) struct Filter {
    /// Whether films are wanted beside photographs.
    pub(super) films: bool,
    pub(super) left_alone: LeftAlone,
}

/// What lies at a path.
#[derive(Debug)]
pub(super) enum PathKind {
    /// A folder of this device.
    Folder(u64),
    /// A regular file that is wanted by its name, or a link to one below the same root.
    Wanted(Stamp),
    /// A regular file that is a photograph but for a space or a dot at the end of its name.
    Misnamed,
    /// Something that is not looked at, or nothing.
    Other,
}

/// One thing that a look through a folder finds.
#[derive(Debug)]
pub(super) enum Found {
    /// A folder, below the root, and its device; its contents come after it.
    Folder(PathBuf, u64),
    /// A file that is wanted, below the root.
    Wanted(PathBuf, Stamp),
    /// A folder or file that is not looked at, below the root, and why.
    LeftOut(PathBuf, String),
    /// A folder or file that could not be looked at, below the root, and why.
    Failed(PathBuf, io::Error),
}

/// Whether what could not be looked at may be another time, with nothing changed at its path: where file
/// descriptors were used up, or a share did not answer.
pub(super) fn may_pass(error: &io::Error) -> bool {
    let lasts = matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::InvalidInput
    );
    !lasts && !folder::is_link(error) && !folder::is_leading_out(error)
}

impl Filter {
    /// Whether a name is one of those that are wanted.
    fn wants(&self, below: &Path) -> bool {
        names::is_photograph(below) || self.films && names::is_film(below)
    }

    /// Looks at one path below `root`, which is free of symbolic links. A folder that is one, or is
    /// reached through one, is not looked into.
    pub(super) fn classify(&self, root: &Path, below: &Path) -> io::Result<PathKind> {
        let folder = Folder::open(root)?;
        match (below.parent(), below.file_name()) {
            (Some(parent), Some(name)) => {
                self.classify_in(&folder.folder(parent)?, name, root, below)
            }
            _ => Ok(PathKind::Folder(folder.id()?.device)),
        }
    }

    /// Looks at the file `name` in a folder, which is `below` the root.
    fn classify_in(
        &self,
        folder: &Folder,
        name: &OsStr,
        root: &Path,
        below: &Path,
    ) -> io::Result<PathKind> {
        let Some(entry) = folder.entry(name)? else { return Err(io::ErrorKind::NotFound.into()) };
        if entry.is_folder() {
            return Ok(PathKind::Folder(entry.id.device));
        }
        if !self.wants(below) {
            let misnamed = entry.is_file() && names::is_misnamed(below);
            return Ok(if misnamed { PathKind::Misnamed } else { PathKind::Other });
        }
        if entry.is_link() {
            return match Folder::open(root)?.entry_through_links(below) {
                Ok(Some(target)) if target.is_file() => Ok(PathKind::Wanted(target.stamp)),
                Err(error) if may_pass(&error) => Err(error),
                _ => Ok(PathKind::Other),
            };
        }
        Ok(if entry.is_file() { PathKind::Wanted(entry.stamp) } else { PathKind::Other })
    }

    /// Stamp of the file at `below`, if it is still one that is wanted. Opening a file makes network
    /// file systems ask their server for its size and time, which they otherwise keep for a while.
    ///
    /// # Errors
    ///
    /// When it could not be looked at, and may be another time.
    pub(super) fn stamp(
        &self,
        root: &Path,
        below: &Path,
        ask_server: bool,
    ) -> io::Result<Option<Stamp>> {
        let stamp = match self.classify(root, below) {
            Ok(PathKind::Wanted(stamp)) => stamp,
            Err(error) if may_pass(&error) => return Err(error),
            _ => return Ok(None),
        };
        if !ask_server {
            return Ok(Some(stamp));
        }
        let original = OriginalPath::in_folder(root.join(below), root, below.to_path_buf());
        let opened = original.open().and_then(|opened| opened.stamp());
        Ok(Some(opened.unwrap_or(stamp))) // what stands in the way is found out by the job
    }
}

/// A look through a folder, in order of names, folder after folder.
#[derive(Debug)]
pub(super) struct Sweep {
    root: PathBuf,
    /// Folders to be looked through, below the root.
    folders: Vec<PathBuf>,
    /// Told as found, to be listed next.
    listed_next: Option<PathBuf>,
    found: VecDeque<Found>,
}

impl Sweep {
    /// A look through the folder `below` a root that is free of symbolic links.
    pub(super) fn new(root: &Path, below: PathBuf) -> Self {
        let (folders, found) = (vec![below], VecDeque::new());
        Self { root: root.to_path_buf(), folders, listed_next: None, found }
    }

    /// The next thing found. A folder is listed only when the thing after it is asked for, so
    /// that whoever watches it by then misses nothing.
    pub(super) fn next(&mut self, filter: &Filter) -> Option<Found> {
        loop {
            if let Some(folder) = self.listed_next.take() {
                self.list(&folder, filter);
            }
            if let Some(found) = self.found.pop_front() {
                return Some(found);
            }
            let below = self.folders.pop()?;
            match filter.classify(&self.root, &below) {
                Ok(PathKind::Folder(device)) => {
                    self.listed_next = Some(below.clone());
                    return Some(Found::Folder(below, device));
                }
                Ok(_) => {}
                Err(error) => self.fail(below, error),
            }
        }
    }

    fn list(&mut self, folder: &Path, filter: &Filter) {
        let opened = Folder::open(&self.root).and_then(|root| root.folder(folder));
        let listed = opened.and_then(|opened| Ok((opened.names()?, opened)));
        let (entries, opened) = match listed {
            Ok(listed) => listed,
            Err(error) => return self.fail(folder.to_path_buf(), error),
        };
        let mut names = Vec::new();
        for name in entries {
            match name {
                Ok(name) => names.push(name),
                Err(error) => {
                    self.fail(folder.to_path_buf(), error);
                    break;
                }
            }
        }
        names.sort();
        let mut folders = Vec::new();
        for name in names {
            let below = folder.join(&name);
            if filter.left_alone.has(&self.root, &below) {
                continue;
            }
            match filter.classify_in(&opened, &name, &self.root, &below) {
                Ok(PathKind::Folder(_)) => folders.push(below),
                Ok(PathKind::Wanted(stamp)) => {
                    self.found.push_back(Found::Wanted(below, stamp));
                }
                Ok(PathKind::Misnamed) => {
                    let reason = SkipReason::Misnamed.to_string();
                    self.found.push_back(Found::LeftOut(below, reason));
                }
                Ok(PathKind::Other) => {}
                Err(error) => self.fail(below, error),
            }
        }
        self.folders.extend(folders.into_iter().rev());
    }

    /// What went away in between is no failure.
    fn fail(&mut self, below: PathBuf, error: io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            self.found.push_back(Found::Failed(below, error));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::files::ignore::{IGNORED, Ignore};

    fn filter(films: bool, folders: Vec<PathBuf>) -> Filter {
        let left_alone = LeftAlone { ignore: Ignore::new(IGNORED).unwrap(), folders };
        Filter { films, left_alone }
    }

    fn sweep(root: &Path, filter: &Filter) -> Vec<String> {
        let mut sweep = Sweep::new(root, PathBuf::new());
        let mut found = Vec::new();
        while let Some(thing) = sweep.next(filter) {
            found.push(match thing {
                Found::Folder(below, _) => format!("{}/", below.display()),
                Found::Wanted(below, _) => below.display().to_string(),
                Found::LeftOut(below, _) => format!("left out: {}", below.display()),
                Found::Failed(below, error) => format!("{}: {error}", below.display()),
            });
        }
        found
    }

    #[test]
    fn photographs_and_folders_are_found_in_order_and_others_are_not() {
        let at = tempfile::tempdir().unwrap();
        let root = at.path().canonicalize().unwrap().join("root");
        for name in [
            "b.jpg",
            "A.TIF",
            "f.mov",
            "sub/c.png",
            "x.txt",
            ".h.jpg",
            "@eaDir/b.jpg",
            "done/d.jpg",
            "e.jpg ",
        ] {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), "").unwrap();
        }
        fs::write(at.path().join("outside.jpg"), "").unwrap();
        symlink("../outside.jpg", root.join("away.jpg")).unwrap();
        symlink("b.jpg", root.join("near.jpg")).unwrap();
        symlink("..", root.join("loop")).unwrap();
        let excluded = vec![root.join("done")];
        assert_eq!(
            sweep(&root, &filter(false, excluded.clone())),
            ["/", "A.TIF", "b.jpg", "left out: e.jpg ", "near.jpg", "sub/", "sub/c.png"]
        );
        assert!(sweep(&root, &filter(true, excluded)).contains(&"f.mov".to_owned()));
    }

    #[test]
    fn a_folder_is_listed_after_it_was_told() {
        let at = tempfile::tempdir().unwrap();
        let root = at.path().canonicalize().unwrap();
        let filter = filter(false, Vec::new());
        let mut sweep = Sweep::new(&root, PathBuf::new());
        assert!(matches!(sweep.next(&filter), Some(Found::Folder(..))));
        fs::write(root.join("late.jpg"), "").unwrap();
        assert!(matches!(sweep.next(&filter), Some(Found::Wanted(..))));
    }
}
