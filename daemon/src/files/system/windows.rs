//! Windows.

pub(crate) mod filesystem;
#[expect(clippy::disallowed_methods, reason = "what all others are to use in place of these")]
pub(in crate::files) mod folder;
pub(in crate::files) mod lock;
pub(crate) mod names;
#[expect(clippy::disallowed_methods, reason = "what all others are to use in place of these")]
pub(in crate::files) mod own;
pub(in crate::files) mod room;

pub(in crate::files) mod told;
