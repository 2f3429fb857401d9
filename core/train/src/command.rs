//! The commands, a file each, and what several of them need.

pub(crate) mod checkpoint;
pub(crate) mod compare;
pub(crate) mod evaluate;
pub(crate) mod export;
pub(crate) mod fit;
pub(crate) mod import;
pub(crate) mod prepare;
pub(crate) mod preview;
pub(crate) mod report;
mod session;
mod settings;
pub(crate) mod tune;
