//! What can be wrong with an image, without its path: whoever has one adds it.

use std::io;

/// Result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What is wrong with an image, split by whose fault it is, in one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused to read.
    #[error("cannot read: {0}")]
    Read(io::Error),
    /// The operating system refused to write the result.
    #[error("cannot write the result: {0}")]
    Write(io::Error),
    /// Not an image of a format that is read: what was found in its place.
    #[error("not an image: {0}")]
    NotAnImage(String),
    /// Truncated or otherwise broken: what is.
    #[error("damaged: {0}")]
    Damaged(String),
    /// Valid, and of a kind that is not handled: the feature that is missing.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// Asks for more than the limits allow: the limit, and the value that exceeds it.
    #[error("over the limit: {0}")]
    Limit(String),
    /// The caller asked to stop.
    #[error("stopped on request")]
    Stopped,
}

impl Error {
    /// The same error with its reason in other words.
    #[must_use]
    pub fn map_reason(self, words: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::NotAnImage(reason) => Self::NotAnImage(words(reason)),
            Self::Damaged(reason) => Self::Damaged(words(reason)),
            Self::Unsupported(reason) => Self::Unsupported(words(reason)),
            Self::Limit(reason) => Self::Limit(words(reason)),
            error @ (Self::Read(_) | Self::Write(_) | Self::Stopped) => error,
        }
    }

    /// What a failure to read is: the operating system's, or one of ours that came through a reader.
    pub(crate) fn reading(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(ours) => ours,
            Err(error) => Self::Read(error),
        }
    }
}

impl From<Error> for io::Error {
    /// To go through a reader, and to be taken out of its error again.
    fn from(error: Error) -> Self {
        io::Error::other(error)
    }
}

pub(crate) fn damaged(reason: impl ToString) -> Error {
    Error::Damaged(reason.to_string())
}

pub(crate) fn unsupported(reason: impl ToString) -> Error {
    Error::Unsupported(reason.to_string())
}
