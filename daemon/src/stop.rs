//! Ctrl-C and SIGTERM: the first asks to stop, the second ends the program at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::TERM_SIGNALS;
use signal_hook::flag;

use crate::exit::Exit;

/// Whether somebody asked to stop, or to begin anew with settings read again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop {
    asked: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

impl Stop {
    /// Starts to listen to SIGINT, SIGTERM and SIGQUIT.
    pub(crate) fn on_signals() -> io::Result<Self> {
        let stop = Self::default();
        for &signal in TERM_SIGNALS {
            // In this order: at the first signal the flag is not set yet.
            flag::register_conditional_shutdown(signal, Exit::STOPPED.into(), stop.asked.clone())?;
            flag::register(signal, stop.asked.clone())?;
        }
        Ok(stop)
    }

    /// Whether jobs in hand are to be given up.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Set to ask that no new job begins, and that those in hand are finished.
    pub(crate) fn reload(&self) -> &Arc<AtomicBool> {
        &self.reload
    }

    pub(crate) fn is_reload_asked(&self) -> bool {
        self.reload.load(Ordering::Relaxed)
    }
}
