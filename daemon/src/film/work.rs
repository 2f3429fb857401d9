//! The folder in which a film's finished shots wait: what a crash leaves of them serves the next run.
//!
//! A shot's file has its name once it is whole and on the disk, so the names alone tell what is done.
//! The folder's name tells of what film, weights and settings it is.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use polychromify_core::hexadecimal;

use crate::error::{Error, Result};
use crate::files::{names, own};
use crate::ledger;

/// Below the ledger's folder.
const FOLDER: &str = "films";

/// Letters of a hash that tell films apart.
const LETTERS: usize = 16;

/// The work folder of one film.
#[derive(Debug)]
pub(crate) struct Work {
    folder: PathBuf,
}

/// A shot that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shot {
    /// Its first frame.
    pub(super) first: u64,
    pub(super) frames: u64,
}

impl Shot {
    pub(super) fn name(self) -> String {
        format!("{:012}-{:012}.mkv", self.first, self.frames)
    }

    fn of_name(name: &str) -> Option<Self> {
        let (first, frames) = name.strip_suffix(".mkv")?.split_once('-')?;
        let shot = Self { first: first.parse().ok()?, frames: frames.parse().ok()? };
        (shot.frames > 0 && shot.name() == name).then_some(shot)
    }
}

impl Work {
    /// Opens the work folder of a film whose result belongs at `output` below `root`, made of
    /// `ingredients`. What lies there for the same result of other ingredients goes.
    pub(super) fn open(root: &Path, output: &Path, ingredients: &[&str]) -> Result<Self> {
        let films = root.join(ledger::FOLDER).join(FOLDER);
        let name = format!("{}-{}", of_output(output), hash(ingredients));
        own::create_all(&films)?;
        for other in of_result(&films, output)? {
            if other != name {
                own::remove_folder(&films.join(other))?;
            }
        }
        let folder = films.join(name);
        own::create_all(&folder)?;
        let work = Self { folder };
        for name in work.names()? {
            if Shot::of_name(&name).is_none() {
                own::remove(&work.path(&name))?;
            }
        }
        Ok(work)
    }

    /// Removes what there is for a result at `output` below `root`.
    pub(crate) fn remove(root: &Path, output: &Path) -> Result<()> {
        let films = root.join(ledger::FOLDER).join(FOLDER);
        for name in of_result(&films, output)? {
            own::remove_folder(&films.join(name))?;
        }
        Ok(())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The shots that are there without a gap from the first frame on.
    pub(super) fn shots(&self) -> Result<Vec<Shot>> {
        let mut found: Vec<Shot> =
            self.names()?.iter().filter_map(|name| Shot::of_name(name)).collect();
        found.sort_unstable_by_key(|shot| shot.first);
        let mut next = 0;
        found.retain(|shot| {
            let follows = shot.first == next;
            next += if follows { shot.frames } else { 0 };
            follows
        });
        Ok(found)
    }

    /// Gives a shot its name that was written to `temporary`, once it is on the disk.
    pub(super) fn keep(&self, temporary: &Path, shot: Shot) -> Result<()> {
        sync(temporary)?;
        let path = self.path(&shot.name());
        own::remove(&path)?; // of a run that cut the film elsewhere
        own::rename_to_free(temporary, &path).map_err(Error::io(&path, "write"))?;
        own::sync_folder(&self.folder)
    }

    /// A name for a file in it that nobody can foretell.
    pub(super) fn temporary(&self, name: &str) -> PathBuf {
        names::temporary_name(&self.path(name))
    }

    fn names(&self) -> Result<Vec<String>> {
        list(&self.folder)
    }
}

/// Waits until a file of ours is on the disk.
pub(super) fn sync(path: &Path) -> Result<()> {
    own::open(path)?.sync_all().map_err(Error::io(path, "sync"))
}

fn list(folder: &Path) -> Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if crate::files::folder::is_absent(&error) => return Ok(Vec::new()),
        entries => entries.map_err(Error::io(folder, "read"))?,
    };
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect::<std::io::Result<_>>().map_err(Error::io(folder, "read"))
}

fn of_result(films: &Path, output: &Path) -> Result<Vec<String>> {
    let start = format!("{}-", of_output(output));
    let names = list(films)?.into_iter();
    Ok(names.filter(|name| name.starts_with(&start)).collect())
}

fn of_output(output: &Path) -> String {
    hash(&[&output.to_string_lossy()])
}

fn hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hexadecimal(&hasher.finalize())[..LETTERS].to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn open(root: &Path, ingredients: &[&str]) -> Work {
        Work::open(root, Path::new("a.mkv"), ingredients).unwrap()
    }

    #[test]
    #[cfg(unix)] // films
    fn shots_count_up_to_the_first_gap() {
        let at = tempfile::tempdir().unwrap();
        let work = open(at.path(), &["a"]);
        for (first, frames) in [(0, 10), (10, 5), (20, 1)] {
            let temporary = work.temporary("shot");
            fs::write(&temporary, "x").unwrap();
            work.keep(&temporary, Shot { first, frames }).unwrap();
        }
        let done = [Shot { first: 0, frames: 10 }, Shot { first: 10, frames: 5 }];
        assert_eq!(work.shots().unwrap(), done);
        assert_eq!(open(at.path(), &["a"]).shots().unwrap(), done);
    }

    #[test]
    fn half_written_files_go_and_so_does_what_is_of_another_recipe() {
        let at = tempfile::tempdir().unwrap();
        let work = open(at.path(), &["a"]);
        fs::write(work.temporary("shot"), "half").unwrap();
        fs::write(work.path(&Shot { first: 0, frames: 1 }.name()), "whole").unwrap();
        let work = open(at.path(), &["a"]);
        assert_eq!(work.names().unwrap().len(), 1);
        assert!(open(at.path(), &["b"]).shots().unwrap().is_empty());
        assert!(!work.folder.exists());
        Work::remove(at.path(), Path::new("a.mkv")).unwrap();
        assert_eq!(list(&at.path().join(".polychromify/films")).unwrap(), [""; 0]);
    }
}
