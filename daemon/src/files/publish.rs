//! Results appear whole or not at all, and replace nothing that is not ours.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::files::fingerprint;
use crate::ledger::Published;

/// Most bytes of a file name: `NAME_MAX` of Linux.
pub(crate) const LONGEST_NAME: usize = 255;

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
    let metadata = match fs::symlink_metadata(path) {
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

/// Whether nothing lies under a name.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether a name is longer than the file system takes, so that nothing lies under it.
pub(crate) fn is_too_long(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidFilename
}

/// A temporary name beside `output` that no other job of any process uses, with room for `.json`.
pub(crate) fn temporary_name(output: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let suffix = format!(".polychromify-{}-{number}.tmp", std::process::id());
    let name = output.file_name().unwrap_or(OsStr::new("result"));
    output.with_file_name(hidden_name(name, &suffix, LONGEST_NAME - ".json".len()))
}

/// A hidden name of at most `longest` bytes that is made of `name`. One that is too long for that is
/// cut, between letters, and told from others by its SHA-256.
pub(crate) fn hidden_name(name: &OsStr, suffix: &str, longest: usize) -> OsString {
    let (name, room) = (name.as_bytes(), longest - ".".len() - suffix.len());
    let mut hidden = vec![b'.'];
    if name.len() <= room {
        hidden.extend(name);
    } else {
        let hash = &fingerprint::sha256_of(name)[..16];
        let is_letters_start = |&at: &usize| name[at] & 0b1100_0000 != 0b1000_0000;
        let end = (0..=room - hash.len()).rev().find(is_letters_start).unwrap_or(0);
        hidden.extend(&name[..end]);
        hidden.extend(hash.as_bytes());
    }
    hidden.extend(suffix.as_bytes());
    OsString::from_vec(hidden)
}

/// Creates the folders of `output` below `root`, synced, and refuses those that lead out of it.
pub(crate) fn create_folders(root: &Path, output: &Path) -> Result<()> {
    let mut folder = root.to_path_buf();
    for name in output.parent().into_iter().flat_map(Path::components) {
        let parent = folder.clone();
        folder.push(name);
        match fs::create_dir(&folder) {
            Ok(()) => sync_folder(&parent)?,
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(Error::io(&folder, "create")(source)),
        }
    }
    let real = folder.canonicalize().map_err(Error::io(&folder, "read"))?;
    if real.starts_with(root) { Ok(()) } else { Err(Error::OutsideOutput { path: folder }) }
}

/// Renames `temporary` to `path`, which is free, or holds `replaced` unchanged.
pub(crate) fn rename(temporary: &Path, path: &Path, replaced: Option<&Published>) -> Result<()> {
    match inspect_result(path, replaced, false)? {
        Place::Free => rename_to_free(temporary, path).map_err(|source| {
            if source.kind() == io::ErrorKind::AlreadyExists {
                Error::Occupied { path: path.to_path_buf() }
            } else {
                Error::io(path, "write")(source)
            }
        }),
        Place::Ours => fs::rename(temporary, path).map_err(Error::io(path, "write")),
        Place::Edited => Err(Error::Edited { path: path.to_path_buf() }),
        Place::Foreign => Err(Error::Occupied { path: path.to_path_buf() }),
    }
}

/// Renames without replacing anything.
pub(crate) fn rename_to_free(temporary: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, temporary, CWD, path, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // What file systems and kernels answer that do not know the flag: renameat2(2).
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => link_to_free(temporary, path),
        Err(error) => Err(error.into()),
    }
}

fn link_to_free(temporary: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(temporary, path) {
        Ok(()) => {
            // The result has its name, so this is no failure.
            if let Err(error) = fs::remove_file(temporary) {
                log::warn!("{}: cannot remove: {error}", temporary.display());
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) => check_and_rename(temporary, path),
    }
}

/// For file systems without links, such as FAT: the lock of the folder keeps other processes of this program out.
fn check_and_rename(temporary: &Path, path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if is_absent(&error) => fs::rename(temporary, path),
        Err(error) => Err(error),
    }
}

/// Waits until the names in a folder are on disk.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some network file systems cannot sync folders: fsync(2), EINVAL.
        Err(source) if source.raw_os_error() != Some(Errno::INVAL.raw_os_error()) => {
            Err(Error::io(folder, "sync")(source))
        }
        _ => Ok(()),
    }
}

/// Writes a new file, synced.
pub(crate) fn write_new(path: &Path, content: &[u8]) -> Result<()> {
    let write = || {
        let mut file = File::create_new(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(Error::io(path, "write"))
}

/// Removes a file that may be there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(source) if !is_absent(&source) => Err(Error::io(path, "remove")(source)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Way = fn(&Path, &Path) -> io::Result<()>;
    const WAYS: [Way; 3] = [rename_to_free, link_to_free, check_and_rename];

    #[test]
    fn every_way_to_rename_takes_a_free_name_and_leaves_a_taken_one() {
        for way in WAYS {
            let at = tempfile::tempdir().unwrap();
            let (temporary, path) = (at.path().join("t"), at.path().join("p"));
            fs::write(&temporary, "new").unwrap();
            way(&temporary, &path).unwrap();
            assert!(!temporary.exists());
            fs::write(&temporary, "newer").unwrap();
            assert_eq!(way(&temporary, &path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&path).unwrap(), b"new");
        }
    }

    #[test]
    fn a_dangling_link_is_not_a_free_name() {
        for way in WAYS {
            let at = tempfile::tempdir().unwrap();
            let (temporary, path) = (at.path().join("t"), at.path().join("p"));
            fs::write(&temporary, "new").unwrap();
            std::os::unix::fs::symlink("nowhere", &path).unwrap();
            assert!(way(&temporary, &path).is_err());
        }
    }

    #[test]
    fn temporary_names_are_hidden_short_enough_and_beside_the_result() {
        for letter in ["x", "ü", "写"] {
            let long = format!("sub/{}.jpg", letter.repeat(251 / letter.len()));
            let first = temporary_name(Path::new(&long));
            assert_eq!(first.parent(), Some(Path::new("sub")));
            let name = first.file_name().unwrap();
            assert!(name.len() <= 250 && name.as_bytes()[0] == b'.');
            assert!(name.to_str().is_some(), "cut within a letter");
            assert_ne!(first, temporary_name(Path::new(&long)));
        }
    }

    #[test]
    fn hidden_names_of_long_names_that_begin_alike_differ() {
        let name = |end: char| OsString::from("ü".repeat(125) + &String::from(end));
        let hidden = |end| hidden_name(&name(end), ".leaving", LONGEST_NAME);
        assert_eq!(hidden('a'), hidden('a'));
        assert_ne!(hidden('a'), hidden('b'));
        assert_eq!(hidden_name(OsStr::new("a"), ".leaving", LONGEST_NAME), ".a.leaving");
    }

    #[test]
    fn folders_that_lead_out_of_the_output_are_refused() {
        let at = tempfile::tempdir().unwrap();
        let root = at.path().canonicalize().unwrap().join("out");
        fs::create_dir(&root).unwrap();
        create_folders(&root, Path::new("a/b/c.jpg")).unwrap();
        assert!(root.join("a/b").is_dir());
        std::os::unix::fs::symlink("..", root.join("away")).unwrap();
        let refused = create_folders(&root, Path::new("away/c.jpg"));
        assert!(matches!(refused, Err(Error::OutsideOutput { .. })));
    }
}
