//! Files: what they are told apart by, and how they appear, replace others and go.
//!
//! What is not ours is touched by `originals` and `departure` alone, what is ours by `own`; both by
//! handles of their `folder`. Elsewhere the functions that would do so are no option
//! (`daemon/clippy.toml`).

pub(crate) mod departure;
pub(crate) mod fingerprint;
pub(crate) mod folder;
pub(crate) mod ignore;
pub(crate) mod lock;
pub(crate) mod names;
pub(crate) mod originals;
#[expect(clippy::disallowed_methods, reason = "what all others are to use in place of these")]
pub(crate) mod own;
pub(crate) mod publish;
pub(crate) mod room;
pub(crate) mod stamp;
pub(crate) mod system;
pub(crate) mod temporary;
pub(crate) mod watched;
pub(crate) mod writers;

pub(crate) use system::filesystem;
