//! A call of a procedure by GIMP 3, which keeps last values in the call's own configuration.

use super::run::{Caller, run as run_procedure};
use crate::ffi::gimp3::Call;
use crate::ffi::{Gimp, Gimp3, Toolkit};
use crate::procedure::{Outcome, Procedure, RunMode, Settings};

/// Runs a procedure on the selected drawables as the run mode says.
pub(crate) fn run(
    gimp: &Gimp<Gimp3>,
    (procedure, mode): (Procedure, RunMode),
    image: i32,
    drawables: &[i32],
    call: &Call<'_>,
) -> Outcome {
    let keep = |settings: &Settings| call.keep(settings);
    let caller = Caller { procedure, mode, toolkit: Toolkit::Three, keep: &keep };
    run_procedure(gimp, &caller, image, drawables, call.settings())
}
