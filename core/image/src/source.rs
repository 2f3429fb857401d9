//! Where an image is read from: a file, or bytes in memory.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use crate::budget::{Budget, Drawn, room_for};
use crate::{Error, Limits, Result};

trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

/// Something that reads and seeks, of which several parts may be read in turns.
#[derive(Clone)]
pub struct Source {
    inner: Arc<Mutex<dyn ReadSeek>>,
    length: u64,
    /// Until when it may be read; `None`: for ever.
    limits: Option<Limits>,
}

impl Source {
    /// Takes what is to be read, from its start to its end as it is now.
    ///
    /// # Errors
    ///
    /// When its length cannot be told.
    pub fn new(mut inner: impl Read + Seek + Send + 'static) -> io::Result<Self> {
        let length = inner.seek(SeekFrom::End(0))?;
        Ok(Self { inner: Arc::new(Mutex::new(inner)), length, limits: None })
    }

    /// Bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The same, of which nothing can be read any more once the time of the limits is over.
    pub(crate) fn within(mut self, limits: &Limits) -> Self {
        self.limits = Some(limits.clone());
        self
    }

    /// A stream of its own that begins at a place.
    pub(crate) fn stream(&self, at: u64) -> Stream {
        Stream { source: self.clone(), at }
    }

    /// All bytes, for a decoder that needs them at once.
    pub(crate) fn read_whole(&self, budget: &Budget) -> Result<(Vec<u8>, Drawn)> {
        let drawn = budget.draw("the file", self.length)?;
        // One more, so that the end is found without growing.
        let mut bytes = room_for(self.length as usize + 1)?;
        self.stream(0).take(self.length).read_to_end(&mut bytes).map_err(Error::reading)?;
        Ok((bytes, drawn))
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(limits) = &self.limits {
            limits.check_time()?;
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.seek(SeekFrom::Start(at))?;
        inner.read(buffer)
    }
}

/// A stream over a [`Source`].
pub(crate) struct Stream {
    source: Source,
    at: u64,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read_at(self.at, buffer)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Stream {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.source.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn streams_of_one_source_do_not_disturb_each_other() {
        let source = Source::new(Cursor::new(b"abcdef".to_vec())).unwrap();
        let (mut first, mut second) = (source.stream(0), source.stream(3));
        let mut bytes = [0; 4];
        first.read_exact(&mut bytes[..1]).unwrap();
        second.read_exact(&mut bytes[1..2]).unwrap();
        first.read_exact(&mut bytes[2..3]).unwrap();
        second.read_exact(&mut bytes[3..]).unwrap();
        assert_eq!((&bytes, source.length()), (b"adbe", 6));
    }
}
