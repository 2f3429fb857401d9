//! Which files are looked at of folders that are watched.

use std::path::{Path, PathBuf};

use crate::files::ignore::Ignore;

/// What is left alone in folders that are watched.
#[derive(Clone, Debug)]
pub(crate) struct LeftAlone {
    pub(crate) ignore: Ignore,
    /// Folders, as absolute paths: that of the originals that were moved away.
    pub(crate) folders: Vec<PathBuf>,
}

impl LeftAlone {
    /// Whether a path below a root is left alone, as far as its last name tells.
    pub(crate) fn has(&self, root: &Path, below: &Path) -> bool {
        self.ignore.matches(below) || self.lies_in_folder(root, below)
    }

    /// Whether a path below a root is left alone, by any of its names.
    pub(crate) fn has_any_of(&self, root: &Path, below: &Path) -> bool {
        self.ignore.matches_any(below) || self.lies_in_folder(root, below)
    }

    fn lies_in_folder(&self, root: &Path, below: &Path) -> bool {
        let path = root.join(below);
        self.folders.iter().any(|folder| path.starts_with(folder))
    }
}

/// The folders that are watched, and what is left alone in them.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// As absolute paths, free of symbolic links.
    pub(crate) roots: Vec<PathBuf>,
    pub(crate) left_alone: LeftAlone,
}

impl Watched {
    /// Whether a file, by its absolute path, is one of those that are looked at.
    pub(crate) fn has(&self, path: &Path) -> bool {
        let is_looked_at = |root: &PathBuf| match path.strip_prefix(root) {
            Ok(below) => !self.left_alone.has_any_of(root, below),
            Err(_) => false,
        };
        self.roots.iter().any(is_looked_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_elsewhere_and_files_that_are_left_alone_are_not_watched() {
        let ignore = Ignore::new(&[".*", "drafts/"]).unwrap();
        let left_alone = LeftAlone { ignore, folders: vec!["/scans/done".into()] };
        let watched = Watched { roots: vec!["/scans".into(), "/more".into()], left_alone };
        for path in ["/scans/a.png", "/scans/box/drafts/a.png", "/more/done/a.png"] {
            assert!(watched.has(Path::new(path)), "{path}");
        }
        for path in [
            "/masters/a.png",
            "/scans2/a.png",
            "/scans/done/a.png",
            "/scans/drafts/a.png",
            "/more/.hidden/a.png",
        ] {
            assert!(!watched.has(Path::new(path)), "{path}");
        }
    }
}
