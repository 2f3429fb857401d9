//! The commands, a file each.

pub(crate) mod batch;
pub(crate) mod doctor;
pub(crate) mod film;
pub(crate) mod manifest;
pub(crate) mod retry;
pub(crate) mod review;
pub(crate) mod shell;
pub(crate) mod status;
pub(crate) mod verify;
pub(crate) mod watch;
pub(crate) mod work;
