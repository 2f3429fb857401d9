//! The commands, a file each.

pub(crate) mod batch;
pub(crate) mod doctor;
pub(crate) mod film;
pub(crate) mod manifest;
pub(crate) mod retry;
pub(crate) mod review;
pub(crate) mod shell;
pub(crate) mod status;
pub(crate) mod verify;
#[cfg(unix)]
pub(crate) mod watch;
pub(crate) mod work;

use crate::cli::Command;
use crate::error::{Error, Result};
use crate::ledger::Address;

/// Refuses what was never tried on this system.
pub(crate) fn refuse_untried(command: &Command) -> Result<()> {
    if !cfg!(windows) {
        return Ok(());
    }
    let (what, reason) = match command {
        Command::Watch(_) => {
            ("watch", "it needs signals, which Windows has not; run `batch` again")
        }
        Command::Film(_) => ("film", "ffmpeg was never tried there; color films on Linux"),
        Command::Review(_) => ("review", "its page was never tried there"),
        _ if command.ledger().is_some() => ("a ledger in PostgreSQL", "it was never tried there"),
        _ => return Ok(()),
    };
    Err(Error::NotOnWindows { what, reason })
}

impl Command {
    /// The ledger in PostgreSQL that it is given.
    fn ledger(&self) -> Option<&Address> {
        match self {
            Self::Batch(arguments) => arguments.ledger.as_ref(),
            Self::Work(arguments) => Some(&arguments.ledger),
            Self::Status(arguments) => arguments.at.ledger.as_ref(),
            Self::Retry(arguments) => arguments.at.ledger.as_ref(),
            Self::Review(arguments) => arguments.at.ledger.as_ref(),
            Self::Manifest(arguments) => arguments.at.ledger.as_ref(),
            Self::Doctor(arguments) => arguments.at.ledger.as_ref(),
            Self::Film(_)
            | Self::Watch(_)
            | Self::Verify(_)
            | Self::Completions(_)
            | Self::ManPages(_) => None,
        }
    }
}
