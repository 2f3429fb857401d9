//! What surrounds the watched folder: log, hook, figures, systemd, and reading the configuration again.

mod events;
pub(crate) mod hook;
pub(crate) mod http;
pub(crate) mod logging;
pub(crate) mod metrics;
pub(crate) mod observer;
mod orphans;
pub(crate) mod prepared;
pub(crate) mod priority;
pub(crate) mod reload;
pub(crate) mod systemd;
