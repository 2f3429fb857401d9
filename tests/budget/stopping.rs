//! Who wants to stop, or whose time is over, is heard within every loop over what a file tells.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use polychromify_image::{Deadline, Error, Limits, Reader, Source};

use crate::files::{empty_pages, gray_png, jpeg, odd_jpeg, png_with, progressive, webp};
use crate::{alone, in_memory, limits, read};

/// Bytes that are read after somebody asked to stop: what is buffered anyway.
const BUFFERED: usize = 128 << 10;

/// Asks to stop once so much was read, and counts what is read after that.
struct Asking {
    bytes: Cursor<Vec<u8>>,
    left: usize,
    stop: Arc<AtomicBool>,
    after: Arc<AtomicUsize>,
}

impl Read for Asking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        if self.stop.load(Ordering::Relaxed) {
            self.after.fetch_add(count, Ordering::Relaxed);
        }
        self.left = self.left.saturating_sub(count);
        if self.left == 0 {
            self.stop.store(true, Ordering::Relaxed);
        }
        Ok(count)
    }
}

impl Seek for Asking {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

#[test]
fn reading_of_metadata_ends_where_it_is_asked_to_stop() {
    let _alone = alone();
    let chunks: Vec<(&[u8; 4], &[u8])> = vec![(b"tEXt", b"Comment\0a"); 100_000];
    for (name, bytes) in [("chunks", png_with(&chunks)), ("pages", empty_pages(60_000))] {
        let (stop, after) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let source = Asking {
            bytes: Cursor::new(bytes),
            left: 200 << 10,
            stop: stop.clone(),
            after: after.clone(),
        };
        let limits = Limits { stop: Some(stop), ..limits(256 << 20) };
        let error = Reader::open(Source::new(source).unwrap(), &limits).err();
        assert!(matches!(error, Some(Error::Stopped)), "{name}: {error:?}");
        let after = after.load(Ordering::Relaxed);
        assert!(after <= BUFFERED, "{name}: {after} bytes");
    }
}

#[test]
fn decoding_ends_where_it_is_asked_to_stop() {
    let _alone = alone();
    let files = [
        ("JPEG", jpeg(600)),
        ("progressive JPEG", progressive(600)),
        ("JPEG of several scans", odd_jpeg()),
        ("PNG", gray_png(600)),
    ];
    for (name, bytes) in files {
        let stop = Arc::new(AtomicBool::new(false));
        let limits = Limits { stop: Some(stop.clone()), ..limits(256 << 20) };
        let (_, header, mut reader) = Reader::open(in_memory(bytes), &limits).unwrap();
        stop.store(true, Ordering::Relaxed);
        let error = read(&header, &mut reader).unwrap_err();
        assert!(matches!(error, Error::Stopped), "{name}: {error}");
    }
}

#[test]
fn no_format_is_opened_when_its_time_is_over() {
    let _alone = alone();
    let limits = Limits { deadline: Deadline::after(Duration::ZERO), ..limits(256 << 20) };
    for bytes in [jpeg(16), gray_png(16), webp(16), empty_pages(2)] {
        let error = Reader::open(in_memory(bytes), &limits).err().unwrap();
        assert_eq!(error.to_string(), "over the limit: takes longer than 0 s");
    }
}
