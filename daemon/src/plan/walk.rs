//! Photographs in a folder and the folders below it.

use std::io;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::plan::names::{self, Naming};

/// What a folder holds, as paths below it.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) photographs: Vec<PathBuf>,
    /// Of films: files that may be frames.
    pub(super) frames: Vec<PathBuf>,
    pub(super) unreadable: Vec<(PathBuf, io::Error)>,
    /// Photographs but for a space or a dot at the ends of their names.
    pub(super) misnamed: Vec<PathBuf>,
    pub(super) ignored: usize,
}

/// Folders that hold thumbnails, trash or resource forks of other programs and no photographs.
const FOREIGN_FOLDERS: &[&str] = &["@eaDir", "__MACOSX", "$RECYCLE.BIN", "lost+found"];

/// Walks `root`, which is free of symbolic links, in byte-wise order of names.
///
/// Links to folders are not followed, links to files only where they stay below `root`.
pub(super) fn walk(root: &Path, naming: Naming) -> Found {
    let mut found = Found::default();
    let below = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_path_buf();
    let entries = WalkDir::new(root).sort_by_file_name().into_iter();
    for entry in entries.filter_entry(|entry| entry.depth() == 0 || !is_foreign(entry)) {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) if naming.wants(entry.path()) && is_reached(&entry, root) => {
                found.photographs.push(below(entry.path()));
            }
            Ok(entry) if naming.takes_frame(entry.path()) && is_reached(&entry, root) => {
                found.frames.push(below(entry.path()));
            }
            Ok(entry) if entry.file_type().is_file() && names::is_misnamed(entry.path()) => {
                found.misnamed.push(below(entry.path()));
            }
            Ok(_) => found.ignored += 1,
            Err(error) => {
                let path = error.path().map(below).unwrap_or_default();
                let source = error.into_io_error();
                let source = source.unwrap_or_else(|| io::Error::other("a loop of links"));
                found.unreadable.push((path, source));
            }
        }
    }
    found
}

/// Hidden files (among them temporary files of rsync, Syncthing and this program, and macOS'
/// `._` files) and folders of other programs.
fn is_foreign(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    name.starts_with('.')
        || name.starts_with("~syncthing~")
        || (entry.file_type().is_dir() && FOREIGN_FOLDERS.contains(&&*name))
}

/// Whether it is a file below `root`.
fn is_reached(entry: &DirEntry, root: &Path) -> bool {
    if !entry.file_type().is_symlink() {
        return entry.file_type().is_file();
    }
    let target = entry.path().canonicalize();
    target.is_ok_and(|target| target.starts_with(root) && target.is_file())
}

#[cfg(test)]
#[cfg(unix)] // links are made as POSIX does
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn photographs_are_found_by_extension_in_byte_order() {
        let at = tempfile::tempdir().unwrap();
        let root = at.path().canonicalize().unwrap();
        for name in [
            "b.jpg",
            "a.TIFF",
            "Z.png",
            "x.jpg/inner.jpe",
            "sub/c.JFIF",
            "notes.txt",
            "Thumbs.db",
            ".hidden.jpg",
            "._b.jpg",
            ".trash/d.jpg",
            "@eaDir/e.jpg",
            "f.jpg.part",
            "g.jpg ",
        ] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = walk(&root, Naming::Photographs(None));
        let names: Vec<_> = found.photographs.iter().map(|p| p.display().to_string()).collect();
        assert_eq!(names, ["Z.png", "a.TIFF", "b.jpg", "sub/c.JFIF", "x.jpg/inner.jpe"]);
        assert_eq!(found.misnamed, [PathBuf::from("g.jpg ")]);
        assert_eq!(found.ignored, 3);
    }

    #[test]
    fn links_are_followed_only_to_files_of_the_same_folder() {
        let at = tempfile::tempdir().unwrap();
        let root = at.path().canonicalize().unwrap().join("root");
        fs::create_dir(&root).unwrap();
        fs::write(at.path().join("outside.jpg"), "").unwrap();
        fs::write(root.join("inside.jpg"), "").unwrap();
        symlink("../outside.jpg", root.join("away.jpg")).unwrap();
        symlink("inside.jpg", root.join("near.jpg")).unwrap();
        symlink("gone.jpg", root.join("broken.jpg")).unwrap();
        symlink(".", root.join("loop")).unwrap();
        let names: Vec<_> = walk(&root, Naming::Photographs(None)).photographs;
        assert_eq!(names, [PathBuf::from("inside.jpg"), PathBuf::from("near.jpg")]);
    }
}
