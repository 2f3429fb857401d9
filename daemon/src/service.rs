//! What surrounds the watched folder: log, hook, figures, systemd, and reading the configuration again.

pub(crate) mod http;
pub(crate) mod logging;

// Of `watch`, which Windows has not: signals, groups of processes, systemd.
#[cfg(unix)]
mod events;
#[cfg(unix)]
pub(crate) mod hook;
#[cfg(unix)]
pub(crate) mod metrics;
#[cfg(unix)]
pub(crate) mod observer;
#[cfg(unix)]
mod orphans;
#[cfg(unix)]
pub(crate) mod prepared;
#[cfg(unix)]
pub(crate) mod priority;
#[cfg(unix)]
pub(crate) mod reload;
#[cfg(unix)]
pub(crate) mod systemd;
