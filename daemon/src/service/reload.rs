//! SIGHUP: a thread of its own reads the configuration again and prepares it; the work goes on.

use std::ffi::OsString;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use signal_hook::consts::SIGHUP;
use signal_hook::iterator::Signals;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::service::events;
use crate::service::prepared::{Current, Prepared};
use crate::service::systemd;
use crate::stop::Stop;

/// The thread that prepares configurations.
pub(crate) struct Reload {
    in_force: Sender<Current>,
    next: Receiver<Prepared>,
}

impl Reload {
    /// Listens to `signals`; asks `stop` for a reload once a configuration is ready.
    pub(crate) fn start(signals: Signals, arguments: Vec<OsString>, stop: Stop) -> Self {
        let ((in_force, currents), (sender, next)) = (mpsc::channel(), mpsc::channel());
        thread::spawn(move || prepare(signals, &arguments, &currents, &sender, &stop));
        Self { in_force, next }
    }

    /// Tells the thread what the next configuration is compared with.
    pub(crate) fn comes_into_force(&self, current: Current) {
        if self.in_force.send(current).is_err() {
            log::error!("SIGHUP is not heeded any more: its thread has ended");
        }
    }

    /// The configuration that a reload was asked for.
    pub(crate) fn next(&self) -> Option<Prepared> {
        self.next.try_recv().ok()
    }
}

/// Signals that come before the thread starts are kept for it.
pub(crate) fn listen() -> Result<Signals> {
    Signals::new([SIGHUP]).map_err(Error::Signals)
}

/// Prepares one configuration for each that came into force, so that what the next one may take
/// over is known.
fn prepare(
    mut signals: Signals,
    arguments: &[OsString],
    currents: &Receiver<Current>,
    next: &Sender<Prepared>,
    stop: &Stop,
) {
    while let Ok(current) = currents.recv() {
        for _ in signals.forever() {
            systemd::reloading();
            let prepared =
                Config::load(arguments).and_then(|config| Prepared::new(config, Some(&current)));
            match prepared {
                Ok(prepared) => {
                    events::tell_changes(&current.entries, &prepared.config.entries());
                    if next.send(prepared).is_err() {
                        return; // the program ends
                    }
                    stop.reload().store(true, Ordering::Relaxed);
                    break;
                }
                Err(error) => {
                    log::error!("the configuration stays as it was: {error}");
                    systemd::ready();
                }
            }
        }
    }
}
