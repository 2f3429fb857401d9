//! How long a run goes on, and with how much memory.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use polychromify_core::{Error, Result};

/// Freed memory that training keeps for the next step, in bytes: one of 32 photographs of
/// Polychromify needs 4.3 GB, in blocks that the validation's last batch asks for in other sizes.
pub(crate) const KEPT_BYTES: usize = 8 << 30;

/// Exit code of training that stopped before its end, so that a script does not go on with weights that
/// are not finished.
pub(crate) const STOPPED: u8 = 3;

/// A time of so many minutes.
pub(crate) fn minutes(minutes: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(60.0 * minutes)
        .map_err(|_| Error::Train(format!("{minutes} is not a number of minutes")))
}

/// Set by Ctrl-C or a request to end: the loop stops after its step. A second one ends at once,
/// which loses what was done since the last checkpoint and breaks nothing.
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Watches for signals from here on.
    pub(crate) fn on_signals() -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
                .map_err(|error| Error::Train(format!("cannot watch for signals: {error}")))?;
        }
        Ok(Self(stop))
    }

    /// `Break` once it was asked to stop.
    pub(crate) fn asked(&self) -> ControlFlow<()> {
        if self.0.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}
