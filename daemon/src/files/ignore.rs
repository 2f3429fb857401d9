//! Names that are left alone: hidden files, unfinished downloads, thumbnails, trash.

use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::error::{Error, Result};

/// Names that programs give to what is no photograph yet, or never will be: hidden files (among
/// them those that rsync, Syncthing and this program write to), downloads, thumbnails and trash.
pub(crate) const IGNORED: &[&str] = &[
    ".*",
    "~$*",
    "~syncthing~*",
    "*.part",
    "*.partial",
    "*.filepart",
    "*.crdownload",
    "*.tmp",
    "Thumbs.db",
    "desktop.ini",
    "@eaDir",
    "#recycle",
    "__MACOSX",
    "$RECYCLE.BIN",
    "lost+found",
];

/// Globs, in any case: of names, or of paths below the input folder where they hold a `/`.
#[derive(Clone, Debug)]
pub(crate) struct Ignore {
    names: GlobSet,
    paths: GlobSet,
}

impl Ignore {
    pub(crate) fn new(globs: &[impl AsRef<str>]) -> Result<Self> {
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for glob in globs.iter().map(AsRef::as_ref) {
            let wrong = |error: globset::Error| Error::Glob {
                glob: glob.to_owned(),
                reason: error.kind().to_string(),
            };
            let trimmed = glob.trim_matches('/');
            let parsed = GlobBuilder::new(trimmed)
                .case_insensitive(true)
                .literal_separator(true)
                .build()
                .map_err(wrong)?;
            if glob.contains('/') {
                paths.add(parsed)
            } else {
                names.add(parsed)
            };
        }
        let built = |set: &GlobSetBuilder| {
            set.build().map_err(|error| Error::Glob {
                glob: error.glob().unwrap_or_default().to_owned(),
                reason: error.kind().to_string(),
            })
        };
        Ok(Self { names: built(&names)?, paths: built(&paths)? })
    }

    /// Whether the last name of `below`, a path below its input folder, is left alone.
    pub(crate) fn matches(&self, below: &Path) -> bool {
        let name = below.file_name().map(Path::new);
        name.is_some_and(|name| self.names.is_match(name)) || self.paths.is_match(below)
    }

    /// Whether a path below its input folder, or any folder that it lies in, is left alone.
    pub(crate) fn matches_any(&self, below: &Path) -> bool {
        below.ancestors().any(|path| path.file_name().is_some() && self.matches(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_temporary_names_of_other_programs_are_left_alone() {
        let ignore = Ignore::new(IGNORED).unwrap();
        for name in [
            ".syncthing.scan.tif.tmp",
            "~syncthing~scan.tif.tmp",
            ".scan.tif.Xy1Z9a",
            "scan.tif.part",
            "scan.tif.filepart",
            "scan.jpg.crdownload",
            "._scan.tif",
            ".DS_Store",
            "THUMBS.DB",
            "desktop.ini",
            ".stfolder",
            ".stversions",
            "@eaDir",
            ".Trashes",
            "__MACOSX",
        ] {
            assert!(ignore.matches(Path::new(name)), "{name}");
            assert!(ignore.matches_any(&Path::new("a").join(name).join("scan.tif")), "{name}");
        }
        for name in ["scan.tif", "SCAN.TIF", "part.jpg", "a.part.jpg", "Müller (2).jpeg"] {
            assert!(!ignore.matches_any(&Path::new("a").join(name)), "{name}");
        }
    }

    #[test]
    fn a_glob_with_a_slash_is_a_path_below_the_input() {
        let ignore = Ignore::new(&["drafts/", "a/*.png", "**/done/*"]).unwrap();
        for path in ["drafts/x.jpg", "a/x.png", "b/c/done/x.jpg"] {
            assert!(ignore.matches_any(Path::new(path)), "{path}");
        }
        for path in ["b/drafts/x.jpg", "a/b/x.png", "x.png"] {
            assert!(!ignore.matches_any(Path::new(path)), "{path}");
        }
        assert!(Ignore::new(&["[a"]).unwrap_err().to_string().contains("[a"));
    }
}
