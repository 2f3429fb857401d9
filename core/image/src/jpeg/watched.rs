//! The bytes of a stream for the library's decoder: once the time is over they are at their end, so that
//! a picture of many scans is not decoded for nobody.

use zune_core::bytestream::{ZByteIoError, ZByteReaderTrait, ZCursor, ZSeekFrom};

use crate::budget::Budget;

/// Reads between two looks at the time; most are of some bytes.
const READS: u32 = 1 << 12;

/// Bytes that end with the time.
pub(crate) struct Watched<'a> {
    bytes: ZCursor<&'a [u8]>,
    budget: &'a Budget,
    /// Reads until the next look at the time.
    left: u32,
}

impl<'a> Watched<'a> {
    pub(crate) fn new(bytes: &'a [u8], budget: &'a Budget) -> Self {
        Self { bytes: ZCursor::new(bytes), budget, left: READS }
    }

    #[inline(always)]
    fn watch(&mut self) {
        self.left -= 1;
        if self.left == 0 {
            self.look();
        }
    }

    #[cold]
    fn look(&mut self) {
        self.left = READS;
        if self.budget.check_time().is_err() {
            let _ = self.bytes.z_seek(ZSeekFrom::End(0)); // always there
        }
    }
}

impl ZByteReaderTrait for Watched<'_> {
    #[inline(always)]
    fn read_byte_no_error(&mut self) -> u8 {
        self.watch();
        self.bytes.read_byte_no_error()
    }

    #[inline(always)]
    fn read_exact_bytes(&mut self, buf: &mut [u8]) -> Result<(), ZByteIoError> {
        self.watch();
        self.bytes.read_exact_bytes(buf)
    }

    #[inline(always)]
    fn read_bytes(&mut self, buf: &mut [u8]) -> Result<usize, ZByteIoError> {
        self.watch();
        self.bytes.read_bytes(buf)
    }

    #[inline(always)]
    fn peek_bytes(&mut self, buf: &mut [u8]) -> Result<usize, ZByteIoError> {
        self.bytes.peek_bytes(buf)
    }

    #[inline(always)]
    fn peek_exact_bytes(&mut self, buf: &mut [u8]) -> Result<(), ZByteIoError> {
        self.bytes.peek_exact_bytes(buf)
    }

    #[inline(always)]
    fn z_seek(&mut self, from: ZSeekFrom) -> Result<u64, ZByteIoError> {
        self.bytes.z_seek(from)
    }

    #[inline(always)]
    fn is_eof(&mut self) -> Result<bool, ZByteIoError> {
        self.bytes.is_eof()
    }

    #[inline(always)]
    fn z_position(&mut self) -> Result<u64, ZByteIoError> {
        self.bytes.z_position()
    }

    fn read_remaining(&mut self, sink: &mut Vec<u8>) -> Result<usize, ZByteIoError> {
        self.bytes.read_remaining(sink)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::Limits;

    #[test]
    fn bytes_end_soon_after_somebody_asked_to_stop() {
        let stop = Arc::new(AtomicBool::new(false));
        let budget = Budget::new(&Limits { stop: Some(stop.clone()), ..Limits::new(1, 1) });
        let bytes = [7; 3 * READS as usize];
        let mut watched = Watched::new(&bytes, &budget);
        let read = |watched: &mut Watched<'_>| watched.read_exact_bytes(&mut [0]).is_ok();
        assert!((0..=READS).all(|_| read(&mut watched)));
        stop.store(true, Ordering::Relaxed);
        let more = (0..2 * READS).take_while(|_| read(&mut watched)).count();
        assert!(more < READS as usize, "{more}");
    }
}
