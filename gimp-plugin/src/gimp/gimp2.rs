//! A call of a procedure by GIMP 2.10, which keeps last values as bytes.

use serde_json::{Value, json};

use super::run::{Caller, run as run_procedure};
use crate::ffi::{Gimp, Gimp2, Toolkit};
use crate::procedure::{Outcome, Procedure, ReferenceChoice, RunMode, Settings};

/// Runs a procedure on one drawable as the run mode says.
pub(crate) fn run(
    gimp: &Gimp<Gimp2>,
    (procedure, mode): (Procedure, RunMode),
    image: i32,
    drawable: i32,
    arguments: Settings,
) -> Outcome {
    let last = || gimp.version().last_values(procedure.name()).and_then(|data| from_bytes(&data));
    let settings = match mode {
        RunMode::NonInteractive => arguments,
        RunMode::WithLastValues | RunMode::Interactive => last().unwrap_or_default(),
    };
    let keep = |settings: &Settings| {
        gimp.version().store_last_values(procedure.name(), &to_bytes(settings));
    };
    let caller = Caller { procedure, mode, toolkit: Toolkit::Two, keep: &keep };
    run_procedure(gimp, &caller, image, &[drawable], settings)
}

/// The settings for the next run.
fn to_bytes(settings: &Settings) -> Vec<u8> {
    let Settings { weights, saturation, hints: _, replace, variant, reference, borders, negative } =
        settings.clone().elsewhere();
    let file = match reference {
        Some(ReferenceChoice::File(path)) => path.to_string_lossy().into_owned(),
        _ => String::new(),
    };
    let value = json!({
        "weights": weights, "saturation": saturation, "replace": replace, "variant": variant,
        "reference": file, "borders": borders, "negative": negative,
    });
    value.to_string().into_bytes()
}

fn from_bytes(data: &[u8]) -> Option<Settings> {
    let value: Value = serde_json::from_slice(data).ok()?;
    let file = value["reference"].as_str()?.to_owned();
    Some(Settings {
        weights: value["weights"].as_str()?.to_owned(),
        saturation: value["saturation"].as_f64()?,
        replace: value["replace"].as_bool()?,
        variant: value["variant"].as_u64()?.try_into().ok()?,
        reference: ReferenceChoice::new(file, None, None),
        borders: value["borders"].as_bool()?,
        negative: value["negative"].as_bool()?,
        ..Settings::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procedure::HintsChoice;

    #[test]
    fn settings_are_kept_for_the_next_run_but_for_the_layer() {
        let settings = Settings {
            weights: "vivid".into(),
            saturation: 1.25,
            hints: HintsChoice::Layer(7),
            replace: true,
            variant: 2,
            reference: Some(ReferenceChoice::File("a.jpg".into())),
            borders: true,
            negative: true,
        };
        let kept = from_bytes(&to_bytes(&settings)).unwrap();
        assert_eq!(kept, Settings { hints: HintsChoice::Named, ..settings });
        assert_eq!(from_bytes(b"of another program"), None);
    }
}
