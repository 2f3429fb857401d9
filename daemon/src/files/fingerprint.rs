//! Telling whether a file is still the one that was read: by its SHA-256.

use std::io::{self, Read};
use std::path::Path;

use polychromify_core::{Deadline, hexadecimal};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::files::own;
pub(crate) use crate::files::stamp::Stamp;
use crate::stop::{Stop, Stoppable};

/// Stamp of the file that `path` leads to.
pub(crate) fn stamp(path: &Path) -> Result<Stamp> {
    let metadata = std::fs::metadata(path).map_err(Error::io(path, "read"))?;
    Ok(Stamp::of(&metadata))
}

/// SHA-256 of a file of ours in lower-case hexadecimal.
pub(crate) fn sha256(path: &Path) -> Result<String> {
    sha256_unless(path, &Stop::default(), Deadline::NEVER)
}

/// SHA-256 of a file of ours in lower-case hexadecimal; an error once the program is asked to stop,
/// or the file's time is over.
pub(crate) fn sha256_unless(path: &Path, stop: &Stop, deadline: Deadline) -> Result<String> {
    sha256_of_all(own::open(path)?, path, stop, deadline)
}

/// SHA-256 of what is read up to its end; `path` is where it comes from.
pub(crate) fn sha256_of_all(
    from: impl Read,
    path: &Path,
    stop: &Stop,
    deadline: Deadline,
) -> Result<String> {
    let mut reader = Stoppable::new(from, stop);
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
}
