//! Files: what they are told apart by, and how they appear, replace others and go.

pub(crate) mod fingerprint;
pub(crate) mod ignore;
pub(crate) mod lock;
pub(crate) mod publish;
pub(crate) mod temporary;
