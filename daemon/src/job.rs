//! One photograph the whole way: read, colored, published, recorded.

mod attempt;
mod claims;
mod coloring;
mod context;
mod decision;
mod failure;
mod first_pass;
pub(crate) mod notices;
mod original;
mod outcome;
mod render;
pub(crate) mod sidecar;
mod staleness;
mod treatment;

pub(crate) use claims::ContentClaims;
pub(crate) use coloring::{Coloring, FrameColors};
pub(crate) use context::JobContext;
pub(crate) use decision::{Decision, decide, done_already};
pub(crate) use outcome::{Estimate, JobDetails, Outcome, SkipReason, Step};
pub(crate) use render::{Input, Made, settled_stamp};
pub(crate) use staleness::staleness;
pub(crate) use treatment::{Treatment, learn};
