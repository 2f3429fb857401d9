//! Exit codes of the program.

use std::process::ExitCode;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Every input is done or skipped.
    AllDone,
    /// At least one input failed.
    SomeFailed,
    /// Nothing was started: the arguments, the weights, the device or the output folder do not fit.
    CouldNotStart,
    /// Stopped by Ctrl-C or SIGTERM; 128 + SIGINT, as shells report it.
    Stopped,
}

impl Exit {
    pub(crate) const STOPPED: u8 = 130;

    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::AllDone => 0,
            Self::SomeFailed => 1,
            Self::CouldNotStart => 2,
            Self::Stopped => Self::STOPPED,
        })
    }
}
