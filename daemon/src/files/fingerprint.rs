//! Telling whether a file is still the one that was read: SHA-256, and the cheap stamp before it.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use polychromify_core::{Deadline, hexadecimal};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::stop::{Stop, Stoppable};

/// Size and times of a file. Equal stamps mean equal content, where [`Stamp::is_settled`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stamp {
    /// Bytes.
    pub(crate) size: i64,
    /// Last change of the content, nanoseconds since 1970.
    pub(crate) modified: i64,
    /// Last change of content or attributes, nanoseconds since 1970. No program can set it.
    pub(crate) changed: i64,
}

/// Coarsest time of a file system in use: FAT keeps 2 seconds.
const COARSEST: Duration = Duration::from_secs(2);

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len().cast_signed(),
            modified: metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
            changed: metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec(),
        }
    }

    /// Whether a change after `read_at` would show in the times. A file written in the same tick
    /// of its file system's clock could change again and keep its stamp.
    pub(crate) fn is_settled(&self, read_at: SystemTime) -> bool {
        let latest = self.modified.max(self.changed).max(0);
        let latest = UNIX_EPOCH + Duration::from_nanos(latest.cast_unsigned());
        latest + COARSEST < read_at
    }
}

/// Stamp of the file that `path` leads to.
pub(crate) fn stamp(path: &Path) -> Result<Stamp> {
    let metadata = std::fs::metadata(path).map_err(Error::io(path, "read"))?;
    Ok(Stamp::of(&metadata))
}

/// SHA-256 of a file in lower-case hexadecimal.
pub(crate) fn sha256(path: &Path) -> Result<String> {
    sha256_unless(path, &Stop::default(), Deadline::NEVER)
}

/// SHA-256 of a file in lower-case hexadecimal; an error once the program is asked to stop, or the
/// file's time is over.
pub(crate) fn sha256_unless(path: &Path, stop: &Stop, deadline: Deadline) -> Result<String> {
    let file = File::open(path).map_err(Error::io(path, "open"))?;
    let mut reader = Stoppable::new(file, stop);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        deadline.check().map_err(polychromify_core::Error::in_image(path))?;
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hexadecimal(&hasher.finalize())),
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io(path, "read")(error)),
        }
    }
}

/// SHA-256 of bytes in lower-case hexadecimal.
pub(crate) fn sha256_of(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            sha256_of(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_stamp_younger_than_the_coarsest_clock_is_not_trusted() {
        let stamp = Stamp { size: 1, modified: 5_000_000_000, changed: 4_000_000_000 };
        assert!(!stamp.is_settled(UNIX_EPOCH + Duration::from_secs(6)));
        assert!(stamp.is_settled(UNIX_EPOCH + Duration::from_secs(8)));
    }
}
