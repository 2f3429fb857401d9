//! Ctrl-C and SIGTERM: the first asks to stop, the second ends the program at once.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit::Exit;

/// Whether somebody asked to stop, or to begin anew with settings read again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop {
    asked: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

impl Stop {
    /// Starts to listen to SIGINT, SIGTERM and SIGQUIT.
    #[cfg(unix)]
    pub(crate) fn on_signals() -> io::Result<Self> {
        use signal_hook::consts::TERM_SIGNALS;
        use signal_hook::flag;

        let stop = Self::default();
        for &signal in TERM_SIGNALS {
            // In this order: at the first signal the flag is not set yet.
            flag::register_conditional_shutdown(signal, Exit::STOPPED.into(), stop.asked.clone())?;
            flag::register(signal, stop.asked.clone())?;
        }
        Ok(stop)
    }

    /// Starts to listen to Ctrl-C, Ctrl-Break, and the end of the console or the session.
    #[cfg(windows)]
    pub(crate) fn on_signals() -> io::Result<Self> {
        let stop = Self::default();
        let asked = stop.asked.clone();
        ctrlc::set_handler(move || {
            if asked.swap(true, Ordering::Relaxed) {
                std::process::exit(Exit::STOPPED.into());
            }
        })
        .map_err(io::Error::other)?;
        Ok(stop)
    }

    /// Whether jobs in hand are to be given up.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Set when it is asked.
    pub(crate) fn asked(&self) -> &Arc<AtomicBool> {
        &self.asked
    }

    /// Set to ask that no new job begins, and that those in hand are finished.
    pub(crate) fn reload(&self) -> &Arc<AtomicBool> {
        &self.reload
    }

    pub(crate) fn is_reload_asked(&self) -> bool {
        self.reload.load(Ordering::Relaxed)
    }
}

/// A reader or writer that fails once the program is asked to stop: what uses it ends with it.
pub(crate) struct Stoppable<'a, T> {
    inner: T,
    stop: &'a Stop,
}

impl<'a, T> Stoppable<'a, T> {
    pub(crate) fn new(inner: T, stop: &'a Stop) -> Self {
        Self { inner, stop }
    }

    pub(crate) fn get_ref(&self) -> &T {
        &self.inner
    }

    fn check(&self) -> io::Result<()> {
        if self.stop.is_asked() { Err(io::Error::other("stopped on request")) } else { Ok(()) }
    }
}

impl<T: Read> Read for Stoppable<'_, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        self.inner.read(buffer)
    }
}

impl<T: Write> Write for Stoppable<'_, T> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.check()?;
        self.inner.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Seek> Seek for Stoppable<'_, T> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
