//! An input as it was before it was colored, to know whether it still is.

use std::time::SystemTime;

use polychromify_core::{Deadline, Limits, hexadecimal};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::files::fingerprint::Stamp;
use crate::files::originals::OpenOriginal;
use crate::job::context::JobContext;
use crate::plan::{Job, Sequence};
use crate::stop::Stop;

/// An input as it was before it was colored.
pub(crate) struct Input<'a> {
    /// Of several files the first.
    pub(crate) original: OpenOriginal,
    /// SHA-256; of several files that of the list of theirs.
    pub(crate) content: String,
    pub(crate) stamp: Stamp,
    /// When reading it began.
    pub(crate) read_at: SystemTime,
    pub(crate) limits: Limits,
    /// Its files, where they are several.
    frames: Option<&'a Sequence>,
}

impl JobContext {
    /// Reads the input of a job, to know it again.
    pub(super) fn prepare<'a>(&self, job: &Job, frames: Option<&'a Sequence>) -> Result<Input<'a>> {
        let (limits, read_at) = (self.limits_from_now(), SystemTime::now());
        let first = frames.map_or(job, |frames| &frames.frames[0].job);
        let original = first.original().open()?;
        let stamp = original.stamp()?;
        let content = content(&original, frames, &self.stop, limits.deadline)?;
        Ok(Input { original, content, stamp, read_at, limits, frames })
    }

    /// The SHA-256 of a job's input.
    pub(crate) fn content(&self, job: &Job, frames: Option<&Sequence>) -> Result<String> {
        Ok(self.prepare(job, frames)?.content)
    }
}

impl Input<'_> {
    /// Checks that it was all the time what was hashed first, and gives its stamp if that proves as
    /// much next time.
    pub(crate) fn settled(&self, stop: &Stop) -> Result<Option<Stamp>> {
        let Self { original, content, stamp, read_at, frames, .. } = self;
        if frames.is_none() {
            return settled_stamp(original, content, *stamp, *read_at, stop);
        }
        if self::content(original, *frames, stop, Deadline::NEVER)? != *content {
            return Err(Error::SourceChanged { path: original.shown().to_path_buf() });
        }
        Ok(None)
    }
}

/// The SHA-256 of a file, or that of the list of some as `sha256sum` writes it.
fn content(
    original: &OpenOriginal,
    frames: Option<&Sequence>,
    stop: &Stop,
    deadline: Deadline,
) -> Result<String> {
    let Some(sequence) = frames else { return original.sha256(stop, deadline) };
    let mut list = Sha256::new();
    for frame in &sequence.frames {
        let sha256 = frame.job.original().open()?.sha256(stop, deadline)?;
        let name = frame.job.below.file_name().unwrap_or_default().to_string_lossy();
        list.update(format!("{sha256}  {name}\n"));
    }
    Ok(hexadecimal(&list.finalize()))
}

/// Checks that the input was all the time what was hashed first, and gives its stamp if that proves
/// as much next time.
fn settled_stamp(
    original: &OpenOriginal,
    content: &str,
    before: Stamp,
    read_at: SystemTime,
    stop: &Stop,
) -> Result<Option<Stamp>> {
    let is_same = original.sha256(stop, Deadline::NEVER)? == content;
    let after = original.stamp()?;
    // What changed and changed back in between has another time.
    let stood_still = (after.size, after.modified) == (before.size, before.modified);
    if !is_same || !stood_still || !original.has_its_name()? {
        return Err(Error::SourceChanged { path: original.shown().to_path_buf() });
    }
    Ok((after == before && before.is_settled(read_at)).then_some(before))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::files::originals::OriginalPath;

    /// A new file, opened and hashed, and a time at which its stamp has settled.
    fn hashed(path: &Path) -> (OpenOriginal, Stamp, String, SystemTime) {
        fs::write(path, "as hashed").unwrap();
        let opened = OriginalPath::named(path.into(), path.into()).open().unwrap();
        let before = opened.stamp().unwrap();
        let content = opened.sha256(&Stop::default(), Deadline::NEVER).unwrap();
        (opened, before, content, SystemTime::now() + Duration::from_secs(10))
    }

    #[test]
    fn an_input_that_changed_while_it_was_read_is_not_published() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("a.jpg");
        let (opened, before, content, later) = hashed(&path);
        let stamp = |at| settled_stamp(&opened, &content, before, at, &Stop::default());
        assert_eq!(stamp(later).unwrap(), Some(before));
        assert_eq!(stamp(SystemTime::now()).unwrap(), None);

        let changed = || matches!(stamp(later), Err(Error::SourceChanged { .. }));
        fs::rename(&path, at.path().join("b.jpg")).unwrap();
        fs::write(&path, "as hashed").unwrap();
        assert!(changed(), "another file has its name");
        fs::rename(at.path().join("b.jpg"), &path).unwrap();
        assert!(!changed());
        fs::write(&path, "and after").unwrap();
        assert!(changed());
        fs::write(&path, "as hashed").unwrap();
        let modified = UNIX_EPOCH + Duration::from_secs(1);
        fs::File::options().append(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert!(changed(), "it changed and changed back");
    }

    #[test]
    #[cfg(unix)] // elsewhere a file that is open may keep its name until it is closed
    fn an_input_that_vanished_is_named() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("a.jpg");
        let (opened, before, content, later) = hashed(&path);
        fs::remove_file(&path).unwrap();
        let vanished = settled_stamp(&opened, &content, before, later, &Stop::default());
        assert!(vanished.unwrap_err().to_string().contains("a.jpg"));
    }
}
