//! One photograph the whole way: read, colored, published, recorded.

mod attempt;
mod claims;
mod context;
mod decision;
mod failure;
mod first_pass;
mod input;
pub(crate) mod notices;
mod original;
mod outcome;
mod render;
pub(crate) mod sidecar;
mod staleness;

pub(crate) use claims::ContentClaims;
pub(crate) use context::JobContext;
pub(crate) use decision::{Decision, decide};
pub(crate) use input::Input;
pub(crate) use outcome::{Estimate, JobDetails, Outcome, SkipReason, Step};
pub(crate) use render::{FrameColors, Made, Order};
pub(crate) use staleness::staleness;
