//! A call of the procedure by GIMP 2.10.

use super::layers::GimpImage;
use crate::ffi::{Gimp, Gimp2};
use crate::filter::{self, Studio};
use crate::procedure::{Outcome, RunMode, Settings};

/// Runs the filter on one drawable as the run mode says.
pub(crate) fn run(
    gimp: &Gimp<Gimp2>,
    mode: RunMode,
    image: i32,
    drawable: i32,
    arguments: Settings,
) -> Outcome {
    gimp.start();
    let host = GimpImage { gimp, image };
    let settings = match mode {
        RunMode::NonInteractive => arguments,
        RunMode::WithLastValues | RunMode::Interactive => arguments,
    };
    gimp.start_progress("Colorizing");
    match filter::colorize(&host, &[drawable], &settings, &mut Studio::default()) {
        Ok(layers) => Outcome::Done(layers.into_iter().map(|layer| layer.0).collect()),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}
