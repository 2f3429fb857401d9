//! The file that a result is written to before it has its name.

use std::path::{Path, PathBuf};

use crate::files::own;

/// A temporary file, removed when dropped unless it was published.
#[derive(Debug)]
pub(crate) struct Temporary(Option<PathBuf>);

impl Temporary {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(Some(path))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.as_deref().expect("taken only when published or dropped")
    }

    /// The file has its final name.
    pub(crate) fn publish(mut self) {
        self.0 = None;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.take().map(|path| own::remove(&path)) {
            log::warn!("{error}; the next run into this folder removes it");
        }
    }
}
