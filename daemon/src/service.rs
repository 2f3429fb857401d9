//! What surrounds the watched folder while it runs for months: the log, the hook, figures, systemd,
//! and a configuration that is read again.

mod events;
pub(crate) mod hook;
pub(crate) mod logging;
pub(crate) mod metrics;
pub(crate) mod observer;
pub(crate) mod prepared;
pub(crate) mod priority;
pub(crate) mod reload;
pub(crate) mod systemd;
