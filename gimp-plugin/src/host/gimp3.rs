//! A call of the procedure by GIMP 3.

use super::layers::GimpImage;
use crate::ffi::{Gimp, Gimp3};
use crate::filter::{self, Studio};
use crate::procedure::{Outcome, RunMode, Settings};

/// Runs the filter on the selected drawables as the run mode says.
pub(crate) fn run(
    gimp: &Gimp<Gimp3>,
    mode: RunMode,
    image: i32,
    drawables: &[i32],
    settings: Settings,
) -> Outcome {
    gimp.start();
    let host = GimpImage { gimp, image };
    let _ = mode;
    gimp.start_progress("Colorizing");
    match filter::colorize(&host, drawables, &settings, &mut Studio::default()) {
        Ok(layers) => Outcome::Done(layers.into_iter().map(|layer| layer.0).collect()),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}
