//! Names of results.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use polychromify_core::scan::Format;

use crate::error::{Error, Result};
use crate::plan::Job;

const JPEG: &[&str] = &["jpg", "jpeg", "jpe", "jfif"];
const PNG: &[&str] = &["png"];
const TIFF: &[&str] = &["tif", "tiff"];
const WEBP: &[&str] = &["webp"];

/// Whether a name ends like a photograph's, in any case.
pub(crate) fn is_photograph(path: &Path) -> bool {
    [JPEG, PNG, TIFF, WEBP].iter().any(|extensions| has_extension(path, extensions))
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

/// Refuses results that are equal, equal but for case, or one the folder of another: whether
/// those are different files depends on the file system.
pub(super) fn refuse_collisions(jobs: &[Job]) -> Result<()> {
    let fold = |path: &Path| path.to_string_lossy().to_lowercase();
    let mut files = HashMap::new();
    for job in jobs {
        if let Some(first) = files.insert(fold(&job.output), job) {
            return Err(collision(first, job));
        }
    }
    for job in jobs {
        for folder in job.output.ancestors().skip(1) {
            if let Some(first) = files.get(&fold(folder)) {
                return Err(collision(first, job));
            }
        }
    }
    Ok(())
}

fn collision(first: &Job, second: &Job) -> Error {
    Error::SameResult {
        first: first.shown.clone(),
        second: second.shown.clone(),
        result: first.output.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str, format: Option<Format>) -> String {
        result(Path::new(path), format).display().to_string()
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

    fn collide(outputs: &[&str]) -> bool {
        let jobs: Vec<Job> = outputs
            .iter()
            .map(|output| Job {
                shown: output.into(),
                input: output.into(),
                below: output.into(),
                output: output.into(),
            })
            .collect();
        refuse_collisions(&jobs).is_err()
    }

    #[test]
    fn results_that_are_equal_but_for_case_collide() {
        assert!(collide(&["a/x.jpg", "a/x.jpg"]));
        assert!(collide(&["a/x.jpg", "A/X.JPG"]));
        assert!(collide(&["Ä.png", "ä.png"]));
        assert!(!collide(&["a/x.jpg", "b/x.jpg", "a/x.jpg.jpg"]));
    }

    #[test]
    fn a_result_cannot_be_the_folder_of_another() {
        assert!(collide(&["x.jpg", "x.jpg/y.jpg"]));
        assert!(collide(&["X.JPG/sub/y.jpg", "x.jpg"]));
    }
}
