//! The commands that have a file of their own, and what all of them show.

pub(crate) mod compare;
pub(crate) mod report;
pub(crate) mod tune;
