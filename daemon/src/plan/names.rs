//! Names of results.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use polychromify_core::Format;

const JPEG: &[&str] = &["jpg", "jpeg", "jpe", "jfif"];
const PNG: &[&str] = &["png"];
const TIFF: &[&str] = &["tif", "tiff"];
const WEBP: &[&str] = &["webp"];

const FILMS: &[&str] = &[
    "mkv", "mov", "mp4", "m4v", "avi", "mxf", "mpg", "mpeg", "m2v", "vob", "ts", "m2ts", "mts",
    "webm", "ogv", "wmv", "asf", "flv", "dv", "y4m", "nut", "3gp",
];

/// Which files of a folder are wanted, and what their results are called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Naming {
    /// Photographs; `None`: results have their formats.
    Photographs(Option<Format>),
    /// Films, whose results end with this extension.
    Films(&'static str),
}

impl Naming {
    /// Whether a name in a folder is one of those that are wanted.
    pub(super) fn wants(self, path: &Path) -> bool {
        match self {
            Self::Photographs(_) => is_photograph(path),
            Self::Films(_) => is_film(path),
        }
    }

    /// Whether a name in a folder may be that of a frame of a sequence.
    pub(super) fn takes_frame(self, path: &Path) -> bool {
        matches!(self, Self::Films(_)) && is_frame(path)
    }

    /// Name of the result of `path`.
    pub(super) fn result(self, path: &Path) -> PathBuf {
        match self {
            Self::Photographs(format) => result(path, format),
            Self::Films(extension) => with_extension(path, &[extension]),
        }
    }
}

/// Whether a name ends like a film's, in any case.
pub(crate) fn is_film(path: &Path) -> bool {
    has_extension(path, FILMS)
}

/// Whether a name ends like that of a frame of a sequence, in any case.
pub(super) fn is_frame(path: &Path) -> bool {
    [JPEG, PNG, TIFF].iter().any(|extensions| has_extension(path, extensions))
}

/// Whether a name ends like a photograph's, in any case.
pub(crate) fn is_photograph(path: &Path) -> bool {
    [JPEG, PNG, TIFF, WEBP].iter().any(|extensions| has_extension(path, extensions))
}

/// Whether a name would end like a photograph's without the spaces or dots behind it.
pub(crate) fn is_misnamed(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let trimmed = name.trim_end_matches(|c: char| c.is_whitespace() || c == '.');
    trimmed != name && is_photograph(Path::new(trimmed))
}

/// Name of the result of `path`: its own, with the format's extension appended unless it ends
/// with one of that format's already.
pub(super) fn result(path: &Path, format: Option<Format>) -> PathBuf {
    let extensions = match format {
        None => return path.to_path_buf(),
        Some(Format::Jpeg) => JPEG,
        Some(Format::Png) => PNG,
        Some(Format::Tiff) => TIFF,
        Some(Format::Webp) => WEBP,
    };
    with_extension(path, extensions)
}

fn with_extension(path: &Path, extensions: &[&str]) -> PathBuf {
    if has_extension(path, extensions) {
        return path.to_path_buf();
    }
    let mut name = OsString::from(path);
    name.push(".");
    name.push(extensions[0]);
    name.into()
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().and_then(|extension| extension.to_str()).is_some_and(|extension| {
        extensions.iter().any(|known| known.eq_ignore_ascii_case(extension))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str, format: Option<Format>) -> String {
        result(Path::new(path), format).display().to_string()
    }

    #[test]
    fn names_that_only_seem_to_end_like_a_photographs_are_told_apart() {
        for name in ["a.jpg ", "b/a.TIF.", "a.png\u{a0} "] {
            assert!(is_misnamed(Path::new(name)), "{name}");
        }
        for name in ["a.jpg", "a.jpg.part", "a .txt ", " ", "..."] {
            assert!(!is_misnamed(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn the_extension_is_appended_only_where_the_format_changes() {
        assert_eq!(name("b/scan.TIF", Some(Format::Jpeg)), "b/scan.TIF.jpg");
        assert_eq!(name("scan.jpg", Some(Format::Png)), "scan.jpg.png");
        assert_eq!(name("scan", Some(Format::Tiff)), "scan.tif");
        assert_eq!(name("a.jpeg", Some(Format::Jpeg)), "a.jpeg");
        assert_eq!(name("a.JPG", Some(Format::Jpeg)), "a.JPG");
        assert_eq!(name("a.TIFF", Some(Format::Tiff)), "a.TIFF");
        assert_eq!(name("a.xyz", None), "a.xyz");
    }
}
