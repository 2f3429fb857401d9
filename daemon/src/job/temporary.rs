//! The file that a result is written to before it has its name.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::publish;
use crate::stop::Stop;

/// A temporary file, removed when dropped unless it was published.
#[derive(Debug)]
pub(super) struct Temporary(Option<PathBuf>);

impl Temporary {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(Some(path))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.as_deref().expect("taken only when published or dropped")
    }

    /// The file has its final name.
    pub(super) fn publish(mut self) {
        self.0 = None;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.take().map(|path| publish::remove(&path)) {
            log::warn!("{error}; the next run into this folder removes it");
        }
    }
}

/// A writer that fails once the program is asked to stop: encoding ends at the next write.
pub(super) struct StoppableWriter<'a, W> {
    inner: W,
    stop: &'a Stop,
}

impl<'a, W> StoppableWriter<'a, W> {
    pub(super) fn new(inner: W, stop: &'a Stop) -> Self {
        Self { inner, stop }
    }

    pub(super) fn get_ref(&self) -> &W {
        &self.inner
    }
}

impl<W: Write> Write for StoppableWriter<'_, W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.stop.is_asked() {
            return Err(io::Error::other("stopped on request"));
        }
        self.inner.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Seek> Seek for StoppableWriter<'_, W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
