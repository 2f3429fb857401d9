//! Whose fault a failure is, which decides whether it is tried again.

use std::io;
use std::path::Path;

use polychromify_core::Error as CoreError;

use crate::error::Error;

/// What stands in the way of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The input is not there any more.
    Gone,
    /// The input reads as damaged, or changed while it was read: it may still be growing.
    Incomplete,
    /// The input, or the machine, does not serve for now.
    Passing,
    /// The output folder or the ledger cannot be written: no job of any input can be done.
    Output,
    /// Another try would end the same way.
    Lasting,
}

impl Error {
    /// What this failure of a job says, whose input is `input` and whose output folder `folder`.
    pub(crate) fn fault(&self, input: &Path, folder: &Path) -> Fault {
        match self {
            Self::Ledger { .. } => Fault::Output,
            Self::Io { path, source, .. } => io_fault(path, source, input, folder),
            Self::SourceChanged { .. } | Self::Panicked => Fault::Incomplete,
            Self::ReadBack { .. } => Fault::Passing,
            Self::Film { refusal, .. } if refusal.may_be_growing() => Fault::Incomplete,
            Self::Core(error) => match error {
                CoreError::Write { source, .. } => output(source),
                CoreError::Io { path, source, .. } => io_fault(path, source, input, folder),
                CoreError::Damaged { .. } | CoreError::NotAnImage { .. } => Fault::Incomplete,
                CoreError::Tensor(_) => Fault::Passing,
                _ => Fault::Lasting,
            },
            _ => Fault::Lasting,
        }
    }
}

fn io_fault(path: &Path, error: &io::Error, input: &Path, folder: &Path) -> Fault {
    if path == input {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Fault::Gone,
            io::ErrorKind::UnexpectedEof => Fault::Incomplete,
            _ => Fault::Passing,
        }
    } else if path.starts_with(folder) {
        output(error)
    } else {
        Fault::Passing
    }
}

/// A failure to write. A name that is too long, or a folder where a file is in the way, concerns
/// one job; a disk that is full, gone or read-only concerns them all.
fn output(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::InvalidFilename
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::FileTooLarge
        | io::ErrorKind::AlreadyExists => Fault::Lasting,
        _ => Fault::Output,
    }
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    use rustix::io::Errno;

    use super::*;

    #[cfg(unix)]
    fn fault(path: &str, errno: Errno) -> Fault {
        let error = Error::io(path, "open")(errno.into());
        error.fault(Path::new("/in/a.tif"), Path::new("/out"))
    }

    #[test]
    #[cfg(unix)] // numbers of its errors
    fn a_locked_file_is_tried_again_and_a_full_disk_concerns_all() {
        for locked in [Errno::BUSY, Errno::ACCESS, Errno::AGAIN, Errno::STALE, Errno::IO] {
            assert_eq!(fault("/in/a.tif", locked), Fault::Passing, "{locked}");
        }
        for trouble in [Errno::NOSPC, Errno::ROFS, Errno::DQUOT, Errno::ACCESS, Errno::IO] {
            assert_eq!(fault("/out/.a.tif.tmp", trouble), Fault::Output, "{trouble}");
        }
        assert_eq!(fault("/in/a.tif", Errno::NOENT), Fault::Gone);
        assert_eq!(fault("/out/x", Errno::NAMETOOLONG), Fault::Lasting);
    }

    #[test]
    fn a_damaged_file_may_be_growing_and_a_kind_that_is_not_handled_stays_so() {
        let core = |error| Error::Core(error).fault(Path::new("/in/a.tif"), Path::new("/out"));
        let (path, reason) = (Path::new("/in/a.tif").into(), String::new());
        assert_eq!(core(CoreError::Damaged { path, reason }), Fault::Incomplete);
        let (path, reason) = (Path::new("/in/a.tif").into(), String::new());
        assert_eq!(core(CoreError::Unsupported { path, reason }), Fault::Lasting);
    }
}
