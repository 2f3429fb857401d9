//! A call of the procedure by GIMP 2.10.

use serde_json::{Value, json};

use super::image::GimpImage;
use crate::ffi::gimp2::show_dialog;
use crate::ffi::{Gimp, Gimp2};
use crate::filter::{self, PredictionCache, Preview};
use crate::procedure::{self, Outcome, RunMode, Settings};

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
    let drawables = [drawable];
    let last =
        || gimp.version().last_values().and_then(|data| from_bytes(&data)).unwrap_or_default();
    let mut cache = PredictionCache::default();
    let settings = match mode {
        RunMode::NonInteractive => arguments,
        RunMode::WithLastValues => last(),
        RunMode::Interactive => {
            if let Err(error) = filter::check(&host, &drawables) {
                return Outcome::Failed(error.to_string());
            }
            let mut preview = Preview::new(&host, &mut cache, &drawables);
            let options = filter::dialog_options();
            match show_dialog(image, &last(), &options, &mut |s| preview.update(s)) {
                Ok(Some(settings)) => settings,
                Ok(None) => return Outcome::Cancelled,
                Err(error) => return Outcome::Failed(error.to_string()),
            }
        }
    };
    gimp.start_progress(procedure::PROGRESS);
    match filter::colorize(&host, &drawables, &settings, &mut cache) {
        Ok(layers) => {
            if mode == RunMode::Interactive {
                gimp.version().store_last_values(&to_bytes(&settings));
            }
            Outcome::Done(layers.into_iter().map(|layer| layer.0).collect())
        }
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

/// The settings for the next run, but for the layer with the hints, which belongs to this image.
fn to_bytes(settings: &Settings) -> Vec<u8> {
    let Settings { weights, saturation, hints: _, replace } = settings;
    let value = json!({ "weights": weights, "saturation": saturation, "replace": replace });
    value.to_string().into_bytes()
}

fn from_bytes(data: &[u8]) -> Option<Settings> {
    let value: Value = serde_json::from_slice(data).ok()?;
    Some(Settings {
        weights: value["weights"].as_str()?.to_owned(),
        saturation: value["saturation"].as_f64()?,
        hints: None,
        replace: value["replace"].as_bool()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_kept_for_the_next_run_but_for_the_layer() {
        let settings =
            Settings { weights: "vivid".into(), saturation: 1.25, hints: Some(7), replace: true };
        let kept = from_bytes(&to_bytes(&settings)).unwrap();
        assert_eq!(kept, Settings { hints: None, ..settings });
        assert_eq!(from_bytes(b"of another program"), None);
    }
}
