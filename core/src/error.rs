//! What can go wrong, split by whose fault it is.

use std::io;
use std::path::{Path, PathBuf};

/// Result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error that names the file and the reason, in one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write a file.
    #[error("{}: cannot {doing}: {source}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What was being done, to follow "cannot": "open", "read", "write".
        doing: &'static str,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The operating system refused to write a result.
    #[error("{}: cannot write the result: {source}", path.display())]
    Write {
        /// The source of the result, which has no path yet.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The file is not an image of a format that is read.
    #[error("{}: not an image: {reason}", path.display())]
    NotAnImage {
        /// File.
        path: PathBuf,
        /// What was found in place of an image.
        reason: String,
    },
    /// The file is truncated or otherwise broken.
    #[error("{}: damaged: {reason}", path.display())]
    Damaged {
        /// File.
        path: PathBuf,
        /// What is broken.
        reason: String,
    },
    /// The file is valid, and of a kind that is not handled.
    #[error("{}: not supported: {reason}", path.display())]
    Unsupported {
        /// File.
        path: PathBuf,
        /// The feature that is missing.
        reason: String,
    },
    /// The file asks for more than the limits allow.
    #[error("{}: over the limit: {reason}", path.display())]
    Limit {
        /// File.
        path: PathBuf,
        /// The limit and the value that exceeds it.
        reason: String,
    },
    /// The network has no second mind to ask for.
    #[error("these weights have one coloring only; `vivid` has variants")]
    NoAlternatives,
    /// A weights file or name does not fit.
    #[error("weights {name}: {reason}")]
    Weights {
        /// File or name, as the user gave it.
        name: String,
        /// Why it is refused.
        reason: String,
    },
    /// A hints file does not fit.
    #[error("hints {}: {reason}", path.display())]
    Hints {
        /// File.
        path: PathBuf,
        /// Why it is refused.
        reason: String,
    },
    /// The device asked for is not there.
    #[error("device {name}: {reason}")]
    Device {
        /// Device asked for.
        name: &'static str,
        /// Why it cannot be used.
        reason: String,
    },
    /// A training run, data set or its settings do not fit.
    #[error("{0}")]
    Train(String),
    /// The caller asked to stop.
    #[error("stopped on request")]
    Cancelled,
    /// A tensor operation failed.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

impl Error {
    /// Wraps an operating system's error, to be used with `map_err`.
    pub fn io(path: impl AsRef<Path>, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { path, doing, source }
    }

    /// Names the file of an image's error, to be used with `map_err`.
    pub fn in_image(path: impl AsRef<Path>) -> impl FnOnce(polychromify_image::Error) -> Self {
        use polychromify_image::Error as Image;
        let path = path.as_ref().to_path_buf();
        move |error| match error {
            Image::Read(source) => Self::Io { path, doing: "read", source },
            Image::Write(source) => Self::Write { path, source },
            Image::NotAnImage(reason) => Self::NotAnImage { path, reason },
            Image::Damaged(reason) => Self::Damaged { path, reason },
            Image::Unsupported(reason) => Self::Unsupported { path, reason },
            Image::Limit(reason) => Self::Limit { path, reason },
            Image::Stopped => Self::Cancelled,
        }
    }
}
