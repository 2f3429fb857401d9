//! What systemd is told: ready, alive, stopping. Without systemd nothing happens.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// The folder is watched.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is being read again; [`ready`] ends it.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => log::debug!("cannot read the monotonic clock: {error}"),
    }
}

/// The program is about to end.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// What `systemctl status` shows.
pub(crate) fn status(text: &str) {
    tell(&[NotifyState::Status(text)]);
}

fn tell(states: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(states) {
        log::debug!("cannot tell systemd: {error}");
    }
}

/// Longest time in which jobs are in work and none begins, ends or reads a band, before the program
/// counts as stuck. A picture that is decoded whole takes seconds.
const STUCK: Duration = Duration::from_secs(3600);

/// Tells systemd's watchdog that the program is alive, for as long as it gets on.
pub(crate) struct Watchdog {
    enabled: bool,
    worked: Instant,
    /// Bands read so far.
    bands: u64,
    stuck: bool,
}

impl Watchdog {
    pub(crate) fn new() -> Self {
        let enabled = sd_notify::watchdog_enabled().is_some();
        Self { enabled, worked: Instant::now(), bands: 0, stuck: false }
    }

    /// A job began or ended.
    pub(crate) fn worked(&mut self) {
        self.worked = Instant::now();
    }

    /// A sign of life, to be passed on unless jobs are in work and none gets on.
    pub(crate) fn alive(&mut self, busy: bool, bands: u64) {
        if bands != self.bands {
            self.bands = bands;
            self.worked();
        }
        if self.is_stuck(busy, Instant::now()) {
            if !self.stuck {
                log::error!("no job got on for {} minutes", STUCK.as_secs() / 60);
            }
            self.stuck = true;
            return;
        }
        self.stuck = false;
        if self.enabled {
            tell(&[NotifyState::Watchdog]);
        }
    }

    fn is_stuck(&self, busy: bool, now: Instant) -> bool {
        busy && now.saturating_duration_since(self.worked) > STUCK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_program_with_work_that_does_not_get_on_is_stuck() {
        let watchdog = Watchdog::new();
        let soon = Instant::now() + STUCK / 2;
        let late = Instant::now() + STUCK * 2;
        assert!(!watchdog.is_stuck(true, soon));
        assert!(!watchdog.is_stuck(false, late));
        assert!(watchdog.is_stuck(true, late));
    }

    #[test]
    fn a_job_that_reads_on_is_not_stuck() {
        let mut watchdog = Watchdog::new();
        watchdog.worked -= STUCK * 2;
        assert!(watchdog.is_stuck(true, Instant::now()));
        watchdog.alive(true, 1);
        assert!(!watchdog.is_stuck(true, Instant::now()));
    }
}
