//! What becomes of an original whose result is there: it stays, moves or is deleted.
//!
//! It goes only after its result was read back whole, and only if it still is what was colored:
//! it is first taken aside by a rename, then hashed, so that a photograph that was put in its
//! place in that moment comes back and is not lost. The ledger says `leaving` until it is gone, so
//! that what a crash leaves is finished at the next start.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::fingerprint;
use crate::files::publish::{self, Place};
use crate::job::context::JobContext;
use crate::ledger::{Original, Published};
use crate::plan::Job;
use crate::policy::OnSuccess;

impl JobContext {
    /// Moves or deletes the original of `result`, if that is what is asked for. What fails is
    /// tried again at the next look through all folders.
    pub(crate) fn dispose_original(&self, job: &Job, result: &Published) {
        if result.original != Original::Leaving {
            return;
        }
        let done = match &self.policy.on_success {
            // It was to go by the settings of an earlier run.
            OnSuccess::Keep => put_back(&job.input)
                .and_then(|()| self.ledger.set_original(&job.output, Original::Kept)),
            OnSuccess::Move(folder) => self
                .verify(job, result)
                .and_then(|()| move_below(&job.input, folder, &job.below, &result.content))
                .and_then(|()| self.ledger.set_original(&job.output, Original::Gone)),
            OnSuccess::Delete => self
                .verify(job, result)
                .and_then(|()| delete(&job.input, &result.content))
                .and_then(|()| self.ledger.set_original(&job.output, Original::Gone)),
        };
        if let Err(error) = done {
            log::warn!("{}: done; the original stays for now: {error}", job.shown.display());
        }
    }

    /// Reads a result back whole.
    fn verify(&self, job: &Job, result: &Published) -> Result<()> {
        let path = self.folder.join(&job.output);
        match publish::inspect_result(&path, Some(result), false)? {
            Place::Ours => Ok(()),
            _ => Err(Error::Edited { path }),
        }
    }
}

/// Moves an original with this content to `below` in `folder`, where nothing is replaced. One that
/// is there already, by a move that was interrupted, is good.
fn move_below(input: &Path, folder: &Path, below: &Path, content: &str) -> Result<()> {
    take_back(input, content)?;
    fs::create_dir_all(folder).map_err(Error::io(folder, "create"))?;
    let folder = folder.canonicalize().map_err(Error::io(folder, "read"))?;
    publish::create_folders(&folder, below)?;
    let to = folder.join(below);
    if !exists(input) {
        return Ok(()); // moved before an interruption, or taken by somebody
    }
    if exists(&to) {
        if to.is_file() && fingerprint::sha256(&to)? == content {
            return delete(input, content);
        }
        return Err(Error::Occupied { path: to });
    }
    match publish::rename_to_free(input, &to) {
        Ok(()) => {
            if fingerprint::sha256(&to)? != content {
                publish::rename_to_free(&to, input).map_err(Error::io(&to, "move back"))?;
                return Err(Error::SourceChanged { path: input.to_path_buf() });
            }
            sync_both(input, &to)
        }
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            copy(input, &to, content)?;
            delete(input, content)
        }
        Err(error) => Err(Error::io(&to, "move the original")(error)),
    }
}

/// Copies to another file system, synced, under a name of its own until it is whole.
fn copy(input: &Path, to: &Path, content: &str) -> Result<()> {
    let temporary = beside(to, ".moving");
    publish::remove(&temporary)?; // of a copy that was interrupted
    fs::copy(input, &temporary).map_err(Error::io(&temporary, "write"))?;
    let keep_times = || {
        let modified = fs::metadata(input)?.modified()?;
        let file = File::options().write(true).open(&temporary)?;
        file.set_modified(modified)?;
        file.sync_all()
    };
    keep_times().map_err(Error::io(&temporary, "sync"))?;
    if fingerprint::sha256(&temporary)? != content {
        publish::remove(&temporary)?;
        return Err(Error::SourceChanged { path: input.to_path_buf() });
    }
    publish::rename_to_free(&temporary, to).map_err(Error::io(to, "write"))?;
    publish::sync_folder(parent(to))
}

/// Deletes an original that has this content.
fn delete(input: &Path, content: &str) -> Result<()> {
    take_back(input, content)?;
    if !exists(input) {
        return Ok(());
    }
    let aside = beside(input, ".leaving");
    publish::rename_to_free(input, &aside).map_err(Error::io(input, "take aside"))?;
    take_back(input, content)?;
    if exists(input) {
        return Err(Error::SourceChanged { path: input.to_path_buf() });
    }
    publish::sync_folder(parent(input))
}

/// Settles an original that is taken aside: deleted if it is the one that was colored, else put
/// back under its name.
fn take_back(input: &Path, content: &str) -> Result<()> {
    let aside = beside(input, ".leaving");
    if !exists(&aside) {
        return Ok(());
    }
    if fingerprint::sha256(&aside)? == content {
        return publish::remove(&aside);
    }
    put_back(input)
}

/// Gives an original that is taken aside its name again.
fn put_back(input: &Path) -> Result<()> {
    let aside = beside(input, ".leaving");
    if !exists(&aside) {
        return Ok(());
    }
    publish::rename_to_free(&aside, input).map_err(Error::io(&aside, "put back"))
}

/// A hidden name beside `path` that only its own job uses.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    let suffix = format!(".polychromify{suffix}");
    path.with_file_name(publish::hidden_name(name, &suffix, publish::LONGEST_NAME))
}

fn sync_both(from: &Path, to: &Path) -> Result<()> {
    publish::sync_folder(parent(to))?;
    publish::sync_folder(parent(from))
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(tempfile::TempDir);

    impl At {
        fn new(input: &str) -> Self {
            let at = Self(tempfile::tempdir().unwrap());
            fs::create_dir(at.path("in")).unwrap();
            fs::write(at.path("in/a.jpg"), input).unwrap();
            at
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn move_away(&self, content: &str) -> Result<()> {
            let content = hash(content);
            move_below(&self.path("in/a.jpg"), &self.path("moved"), Path::new("x/a.jpg"), &content)
        }

        fn delete(&self, content: &str) -> Result<()> {
            delete(&self.path("in/a.jpg"), &hash(content))
        }

        fn names(&self, folder: &str) -> Vec<String> {
            let entries = fs::read_dir(self.path(folder)).unwrap();
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
        }
    }

    fn hash(content: &str) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        fingerprint::sha256(file.path()).unwrap()
    }

    #[test]
    fn an_original_moves_to_the_same_path_and_replaces_nothing() {
        let at = At::new("photo");
        at.move_away("photo").unwrap();
        assert_eq!(fs::read(at.path("moved/x/a.jpg")).unwrap(), b"photo");
        assert!(at.names("in").is_empty());
        at.move_away("photo").unwrap(); // again, after a crash before the ledger knew
        fs::write(at.path("in/a.jpg"), "other").unwrap();
        assert!(matches!(at.move_away("other"), Err(Error::Occupied { .. })));
        assert_eq!(fs::read(at.path("moved/x/a.jpg")).unwrap(), b"photo");
        assert_eq!(fs::read(at.path("in/a.jpg")).unwrap(), b"other");
    }

    #[test]
    fn what_took_an_originals_place_stays() {
        let at = At::new("another photograph");
        assert!(matches!(at.move_away("photo"), Err(Error::SourceChanged { .. })));
        assert!(matches!(at.delete("photo"), Err(Error::SourceChanged { .. })));
        assert_eq!(fs::read(at.path("in/a.jpg")).unwrap(), b"another photograph");
        assert_eq!(at.names("in"), ["a.jpg"]);
    }

    #[test]
    fn a_deletion_that_was_interrupted_is_finished_or_undone() {
        let at = At::new("photo");
        fs::rename(at.path("in/a.jpg"), at.path("in/.a.jpg.polychromify.leaving")).unwrap();
        at.delete("photo").unwrap();
        assert!(at.names("in").is_empty());
        fs::write(at.path("in/.a.jpg.polychromify.leaving"), "another photograph").unwrap();
        at.delete("photo").unwrap_err();
        assert_eq!(at.names("in"), ["a.jpg"]);
    }

    #[test]
    fn an_original_with_the_longest_name_leaves() {
        let at = At::new("photo");
        let long = at.path("in").join("x".repeat(251) + ".jpg");
        fs::rename(at.path("in/a.jpg"), &long).unwrap();
        delete(&long, &hash("photo")).unwrap();
        assert!(at.names("in").is_empty());
    }

    #[test]
    fn a_copy_to_another_file_system_is_whole_and_keeps_its_time() {
        let at = At::new("photo");
        let (from, to) = (at.path("in/a.jpg"), at.path("in/copy.jpg"));
        fs::write(at.path("in/.copy.jpg.polychromify.moving"), "of an interruption").unwrap();
        copy(&from, &to, &hash("photo")).unwrap();
        let modified = |path| fs::metadata(path).unwrap().modified().unwrap();
        assert_eq!(modified(&from), modified(&to));
        assert_eq!(at.names("in").len(), 2);
    }
}
