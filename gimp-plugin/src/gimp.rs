//! GIMP as a host of the filter: its images, and how each version calls the procedure.

pub(crate) mod gimp2;
pub(crate) mod gimp3;
mod image;
mod run;
