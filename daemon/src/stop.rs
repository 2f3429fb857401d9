//! Ctrl-C and SIGTERM: the first asks to stop, the second ends the program at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::TERM_SIGNALS;
use signal_hook::flag;

use crate::exit::Exit;

/// Whether somebody asked to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Starts to listen to SIGINT, SIGTERM and SIGQUIT.
    pub(crate) fn on_signals() -> io::Result<Self> {
        let stop = Self::default();
        for &signal in TERM_SIGNALS {
            // In this order: at the first signal the flag is not set yet.
            flag::register_conditional_shutdown(signal, Exit::STOPPED.into(), stop.0.clone())?;
            flag::register(signal, stop.0.clone())?;
        }
        Ok(stop)
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
