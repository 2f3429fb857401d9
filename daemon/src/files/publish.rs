//! Results appear whole or not at all, and replace nothing that is not ours.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::fingerprint;
pub(crate) use crate::files::folder::is_absent;
pub(crate) use crate::files::names::{LONGEST_NAME, hidden_name, temporary_name};
use crate::files::own;
pub(crate) use crate::files::own::{
    create_folders, remove, rename_to_free, sync_folder, write_new,
};
use crate::ledger::Published;

/// What lies under a final name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing.
    Free,
    /// The result that the ledger knows, unchanged.
    Ours,
    /// The ledger's result, changed by somebody, or something else in its place.
    Edited,
    /// Something that the ledger does not know.
    Foreign,
}

/// Looks at a final name. `known` is the ledger's record of it; `trust_times` takes equal size
/// and time for equal content, which is enough to leave a file alone, not to replace it.
pub(crate) fn inspect_result(
    path: &Path,
    known: Option<&Published>,
    trust_times: bool,
) -> Result<Place> {
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(source) if is_absent(&source) => return Ok(Place::Free),
        Err(source) => return Err(Error::io(path, "read")(source)),
    };
    let Some(known) = known else { return Ok(Place::Foreign) };
    if !metadata.is_file() || metadata.len().cast_signed() != known.size {
        return Ok(Place::Edited);
    }
    let times_agree = fingerprint::Stamp::of(&metadata).modified == known.modified;
    if (trust_times && times_agree) || fingerprint::sha256(path)? == known.sha256 {
        return Ok(Place::Ours);
    }
    Ok(Place::Edited)
}

/// Whether a name is longer than the file system takes, so that nothing lies under it.
pub(crate) fn is_too_long(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidFilename
}

/// Does something while no other process gives a result the same name.
pub(crate) type Alone<'a> = &'a dyn Fn(&dyn Fn() -> Result<()>) -> Result<()>;

/// Where no other process works on the output folder.
pub(crate) const ALONE_ANYWAY: Alone<'static> = &|action| action();

/// Renames `temporary` to `path`, which is free, or holds `replaced` unchanged. `alone` is asked where
/// the file system has no way to do that in one step.
pub(crate) fn rename(
    temporary: &Path,
    path: &Path,
    replaced: Option<&Published>,
    alone: Alone,
) -> Result<()> {
    match (inspect_result(path, replaced, false)?, replaced) {
        (Place::Free, _) => appear(temporary, path, alone),
        (Place::Ours, Some(known)) => {
            replace(temporary, path, &|sha256| sha256 == known.sha256, alone)
        }
        (Place::Edited, _) => Err(Error::Edited { path: path.to_path_buf() }),
        (Place::Ours | Place::Foreign, _) => Err(Error::Occupied { path: path.to_path_buf() }),
    }
}

fn appear(temporary: &Path, path: &Path, alone: Alone) -> Result<()> {
    let named = |renamed: io::Result<()>| {
        renamed.map_err(|source| {
            if source.kind() == io::ErrorKind::AlreadyExists {
                Error::Occupied { path: path.to_path_buf() }
            } else {
                Error::io(path, "write")(source)
            }
        })
    };
    match own::rename_in_one_step(temporary, path) {
        Ok(false) => alone(&|| named(own::check_and_rename(temporary, path))),
        renamed => named(renamed.map(drop)),
    }
}

/// Gives `temporary` the name `path`, where a file of ours lies, as its SHA-256 tells. What lies
/// there is taken out first and looked at then, so that an edit of the last moment is not lost.
pub(crate) fn replace(
    temporary: &Path,
    path: &Path,
    is_ours: &dyn Fn(&str) -> bool,
    alone: Alone,
) -> Result<()> {
    match own::exchange(temporary, path) {
        Ok(true) => {}
        Ok(false) => return alone(&|| replace_by_hand(temporary, path, is_ours)),
        Err(error) if is_absent(&error) => return appear(temporary, path, alone),
        Err(error) => return Err(Error::io(path, "write")(error)),
    }
    match check(temporary, path, is_ours) {
        Ok(()) => {
            // The new one has its name, so this is no failure.
            if let Err(error) = remove(temporary) {
                log::warn!("{error}");
            }
            Ok(())
        }
        Err(reason) => {
            if let Err(error) = own::exchange(temporary, path) {
                let kept = replaced_name(temporary);
                log::error!("{}: an edit of it is now {}: {error}", path.display(), kept.display());
                rename_to_free(temporary, &kept).map_err(Error::io(&kept, "write"))?;
            }
            Err(reason)
        }
    }
}

/// For file systems that cannot swap names, such as NFS: for a moment nothing lies there.
fn replace_by_hand(temporary: &Path, path: &Path, is_ours: &dyn Fn(&str) -> bool) -> Result<()> {
    take_out(path, &replaced_name(temporary), is_ours, &|| appear(temporary, path, ALONE_ANYWAY))
}

/// Removes a file of ours that nobody changed. Until it is known to be that, it lies at `aside`, a
/// name that only its own job uses.
pub(crate) fn remove_unchanged(path: &Path, aside: &Path, sha256: &str) -> Result<()> {
    take_out(path, aside, &|found| found == sha256, &|| Ok(()))
}

/// Takes a file of ours out, and lets go of it once `then` went well; else puts it back.
fn take_out(
    path: &Path,
    aside: &Path,
    is_ours: &dyn Fn(&str) -> bool,
    then: &dyn Fn() -> Result<()>,
) -> Result<()> {
    match own::rename_to_own(path, aside) {
        Err(error) if is_absent(&error) => return then(),
        renamed => renamed.map_err(Error::io(path, "replace"))?,
    }
    if let Err(reason) = check(aside, path, is_ours).and_then(|()| then()) {
        rename_to_free(aside, path).map_err(Error::io(aside, "put back"))?;
        return Err(reason);
    }
    if let Err(error) = remove(aside) {
        log::warn!("{error}");
    }
    Ok(())
}

fn check(at: &Path, path: &Path, is_ours: &dyn Fn(&str) -> bool) -> Result<()> {
    let edited = || Error::Edited { path: path.to_path_buf() };
    match fingerprint::sha256(at) {
        Ok(sha256) if is_ours(&sha256) => Ok(()),
        Ok(_) | Err(Error::NotOwnFile { .. }) => Err(edited()),
        Err(error) => Err(error),
    }
}

/// Where the file that `temporary` replaces lies until it is known that nobody changed it.
pub(crate) fn replaced_name(temporary: &Path) -> PathBuf {
    let mut name = OsString::from(temporary);
    name.push(".old");
    name.into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_new_name_takes_a_free_place_and_leaves_a_taken_one() {
        let at = tempfile::tempdir().unwrap();
        let (temporary, path) = (at.path().join("t"), at.path().join("p"));
        fs::write(&temporary, "new").unwrap();
        appear(&temporary, &path, ALONE_ANYWAY).unwrap();
        assert!(!temporary.exists());
        fs::write(&temporary, "newer").unwrap();
        assert!(matches!(appear(&temporary, &path, ALONE_ANYWAY), Err(Error::Occupied { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    #[cfg(unix)] // links are made as POSIX does
    fn a_dangling_link_is_not_a_free_name() {
        let at = tempfile::tempdir().unwrap();
        let (temporary, path) = (at.path().join("t"), at.path().join("p"));
        fs::write(&temporary, "new").unwrap();
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        assert!(appear(&temporary, &path, ALONE_ANYWAY).is_err());
    }

    type Way = fn(&Path, &Path, &dyn Fn(&str) -> bool) -> Result<()>;
    const WAYS: [Way; 2] = [
        |temporary, path, is_ours| replace(temporary, path, is_ours, ALONE_ANYWAY),
        replace_by_hand,
    ];

    #[test]
    fn what_is_replaced_is_looked_at_once_nobody_else_reaches_it() {
        for way in WAYS {
            let at = tempfile::tempdir().unwrap();
            let (temporary, path) = (at.path().join("t"), at.path().join("p"));
            fs::write(&temporary, "new").unwrap();
            fs::write(&path, "edited after it was looked at").unwrap();
            let ours = fingerprint::sha256_of(b"ours");
            let refused = way(&temporary, &path, &|sha256| sha256 == ours);
            assert!(matches!(refused, Err(Error::Edited { .. })));
            assert_eq!(fs::read(&path).unwrap(), b"edited after it was looked at");
            assert_eq!(fs::read(&temporary).unwrap(), b"new");

            fs::write(&path, "ours").unwrap();
            way(&temporary, &path, &|sha256| sha256 == ours).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"new");
            assert_eq!(fs::read_dir(at.path()).unwrap().count(), 1);
        }
    }

    #[test]
    #[cfg(unix)] // links are made as POSIX does
    fn a_link_in_the_place_of_our_file_stays() {
        for way in WAYS {
            let at = tempfile::tempdir().unwrap();
            let (temporary, path) = (at.path().join("t"), at.path().join("p"));
            fs::write(&temporary, "new").unwrap();
            fs::write(at.path().join("victim"), "ours").unwrap();
            std::os::unix::fs::symlink("victim", &path).unwrap();
            let ours = fingerprint::sha256_of(b"ours");
            assert!(way(&temporary, &path, &|sha256| sha256 == ours).is_err());
            assert!(path.is_symlink());
            assert_eq!(fs::read(at.path().join("victim")).unwrap(), b"ours");
        }
    }

    #[test]
    fn what_is_taken_out_may_lie_in_another_folder_until_it_goes() {
        let at = tempfile::tempdir().unwrap();
        let (folder, path) = (at.path().join("hidden"), at.path().join("p"));
        fs::create_dir(&folder).unwrap();
        for content in ["first", "second"] {
            let temporary = folder.join("t");
            fs::write(&temporary, content).unwrap();
            let known = fingerprint::sha256_of(b"first");
            replace_by_hand(&temporary, &path, &|sha256| sha256 == known).unwrap();
            assert_eq!(fs::read(&path).unwrap(), content.as_bytes());
        }
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_somebody_changed_is_not_removed() {
        let at = tempfile::tempdir().unwrap();
        let (path, aside) = (at.path().join("p"), at.path().join("aside"));
        fs::write(&path, "edited").unwrap();
        let ours = fingerprint::sha256_of(b"ours");
        assert!(matches!(remove_unchanged(&path, &aside, &ours), Err(Error::Edited { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"edited");
        fs::write(&path, "ours").unwrap();
        remove_unchanged(&path, &aside, &ours).unwrap();
        assert_eq!(fs::read_dir(at.path()).unwrap().count(), 0);
    }

    #[test]
    #[cfg(unix)] // links are made as POSIX does
    fn folders_that_lead_out_of_the_output_are_refused_before_anything_is_created() {
        let at = tempfile::tempdir().unwrap();
        let root = at.path().canonicalize().unwrap().join("out");
        fs::create_dir(&root).unwrap();
        create_folders(&root, Path::new("a/b/c.jpg")).unwrap();
        assert!(root.join("a/b").is_dir());
        std::os::unix::fs::symlink("..", root.join("away")).unwrap();
        let refused = create_folders(&root, Path::new("away/new/c.jpg"));
        assert!(matches!(refused, Err(Error::OutsideOutput { .. })));
        assert!(!at.path().join("new").exists());
    }
}
