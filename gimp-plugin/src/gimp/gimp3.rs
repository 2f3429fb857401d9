//! A call of the procedure by GIMP 3.

use super::image::GimpImage;
use crate::ffi::gimp3::{Call, show_dialog};
use crate::ffi::{Gimp, Gimp3};
use crate::filter::{self, PredictionCache, Preview};
use crate::procedure::{self, Outcome, RunMode};

/// Runs the filter on the selected drawables as the run mode says. GIMP keeps the settings.
pub(crate) fn run(
    gimp: &Gimp<Gimp3>,
    mode: RunMode,
    image: i32,
    drawables: &[i32],
    call: &Call<'_>,
) -> Outcome {
    gimp.start();
    let host = GimpImage { gimp, image };
    let mut cache = PredictionCache::default();
    if mode == RunMode::Interactive {
        if let Err(error) = filter::check(&host, drawables) {
            return Outcome::Failed(error.to_string());
        }
        let mut preview = Preview::new(&host, &mut cache, drawables);
        match show_dialog(call, &filter::dialog_options(), &mut |settings| preview.update(settings))
        {
            Ok(true) => {}
            Ok(false) => return Outcome::Cancelled,
            Err(error) => return Outcome::Failed(error.to_string()),
        }
    }
    gimp.start_progress(procedure::PROGRESS);
    match filter::colorize(&host, drawables, &call.settings(), &mut cache) {
        Ok(layers) => Outcome::Done(layers.into_iter().map(|layer| layer.0).collect()),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}
