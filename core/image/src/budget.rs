//! What a file may still take while it is read: memory and time.
//!
//! All that a file can make large is drawn from one budget before it is allocated, and an allocation
//! that the system refuses is an error: an abort would take all other photographs in work with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, Limits, Result};

/// Most bytes of metadata that are carried, however much memory there is.
const MOST_METADATA: u64 = 64 << 20;
/// As much is carried however little memory there is: less than a decoder needs for itself.
const LEAST_METADATA: u64 = 1 << 20;

/// How often metadata are held at most: as read, for the result, as a block of its format, and while that
/// is made and written.
const COPIES: u64 = 6;

/// The limits of a file, and how much of its memory is drawn. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    limits: Limits,
    drawn: Arc<AtomicU64>,
}

/// Memory that was drawn from a budget, given back when this is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Drawn {
    bytes: u64,
    drawn: Arc<AtomicU64>,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { limits: limits.clone(), drawn: Arc::default() }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Bytes that are not drawn.
    pub(crate) fn left(&self) -> u64 {
        self.limits.memory.saturating_sub(self.drawn.load(Ordering::Relaxed))
    }

    /// Draws the memory for `what` of a file, or refuses the file.
    pub(crate) fn draw(&self, what: &str, bytes: u64) -> Result<Drawn> {
        if bytes > self.left() {
            let Limits { memory, .. } = self.limits;
            let others = memory - self.left();
            let beside = if others > 0 { format!(" beside {others} bytes") } else { String::new() };
            let reason = format!("{what} takes {bytes} bytes{beside}, the limit is {memory}");
            return Err(Error::Limit(reason));
        }
        Ok(self.draw_anyway(bytes))
    }

    /// Draws memory whether there is enough or not: of small things that are bounded otherwise.
    pub(crate) fn draw_anyway(&self, bytes: u64) -> Drawn {
        self.drawn.fetch_add(bytes, Ordering::Relaxed);
        Drawn { bytes, drawn: self.drawn.clone() }
    }

    /// Draws what metadata and a color profile of so many bytes take until a result is written.
    pub(crate) fn draw_metadata(&self, bytes: usize, profile: usize) -> Drawn {
        // Tables of a profile are held as floats, too.
        self.draw_anyway(COPIES * bytes as u64 + 2 * COPIES * profile as u64)
    }

    /// Most bytes of metadata that may be carried.
    pub(crate) fn metadata_room(&self) -> usize {
        (self.left() / COPIES).clamp(LEAST_METADATA, MOST_METADATA) as usize
    }

    /// To be asked within every loop over what a file tells.
    pub(crate) fn check_time(&self) -> Result<()> {
        self.limits.check_time()
    }

    /// Why something failed: that the time is over, or what is given.
    pub(crate) fn time_or(&self, error: impl FnOnce() -> Error) -> Error {
        self.check_time().err().unwrap_or_else(error)
    }
}

impl Drawn {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives all but so many bytes back.
    pub(crate) fn shrink(&mut self, bytes: u64) {
        let given_back = self.bytes.saturating_sub(bytes);
        self.drawn.fetch_sub(given_back, Ordering::Relaxed);
        self.bytes -= given_back;
    }
}

impl Drop for Drawn {
    fn drop(&mut self) {
        self.drawn.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// An empty list with room for `count` items, or the error that the system has no memory for them.
pub(crate) fn room_for<T>(count: usize) -> Result<Vec<T>> {
    let mut list = Vec::new();
    list.try_reserve_exact(count).map_err(|_| no_memory(count.saturating_mul(size_of::<T>())))?;
    Ok(list)
}

/// A list of `count` items, or the error that the system has no memory for them.
pub(crate) fn filled<T: Clone>(value: T, count: usize) -> Result<Vec<T>> {
    let mut list = room_for(count)?;
    list.resize(count, value);
    Ok(list)
}

/// A copy of bytes, or the error that the system has no memory for it.
pub(crate) fn copied(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut copy = room_for(bytes.len())?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// Fails where the system has no memory for what a library will ask for, which does not ask politely.
pub(crate) fn check_room(bytes: u64) -> Result<()> {
    room_for::<u8>(usize::try_from(bytes).unwrap_or(usize::MAX)).map(drop)
}

/// The machine's want, not the file's fault: it may be tried again.
pub(crate) fn no_memory(bytes: usize) -> Error {
    let reason = format!("the machine has no {bytes} bytes of memory left for it");
    Error::Read(std::io::Error::new(std::io::ErrorKind::OutOfMemory, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_missing_until_it_is_given_back() {
        let budget = Budget::new(&Limits::new(1, 100));
        let mut first = budget.draw("a", 70).unwrap();
        let error = budget.clone().draw("the scan", 40).unwrap_err().to_string();
        let expected = "over the limit: the scan takes 40 bytes beside 70 bytes, the limit is 100";
        assert_eq!(error, expected);
        first.shrink(20);
        assert_eq!(budget.left(), 80);
        drop(first);
        drop(budget.draw("b", 100).unwrap());
        assert_eq!(budget.left(), 100);
    }

    #[test]
    fn memory_that_the_machine_does_not_have_is_an_error() {
        let error = filled(0_u8, isize::MAX as usize).unwrap_err();
        assert!(error.to_string().starts_with("cannot read: the machine has no"), "{error}");
        check_room(u64::MAX).unwrap_err();
    }
}
