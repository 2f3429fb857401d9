//! A call of a procedure, whichever GIMP calls.

use super::image::GimpImage;
use crate::dialog;
use crate::ffi::{Gimp, Gtk, Toolkit, Version};
use crate::filter::{self, PredictionCache, Preview};
use crate::procedure::{self, Outcome, Procedure, RunMode, Settings};
use crate::text::{tr, tr_with};

/// Under which name GIMP's configuration keeps the size of the dialog.
const SIZE: &str = "polychromify-dialog-size";

/// How many images the dialog names at most.
const MOST_NAMES: usize = 8;

/// How the procedure was called.
pub(super) struct Caller<'a> {
    pub(super) procedure: Procedure,
    pub(super) mode: RunMode,
    pub(super) toolkit: Toolkit,
    /// Keeps settings for the next call.
    pub(super) keep: &'a dyn Fn(&Settings),
}

/// Runs the procedure: asks for other settings than these where the call is interactive, and colors.
pub(super) fn run<V: Version>(
    gimp: &Gimp<V>,
    caller: &Caller<'_>,
    image: i32,
    drawables: &[i32],
    settings: Settings,
) -> Outcome {
    gimp.start();
    let mut cache = PredictionCache::default();
    let settings = if caller.mode == RunMode::Interactive {
        match ask(gimp, caller, (image, drawables), &settings, &mut cache) {
            Ok(settings) => settings,
            Err(outcome) => return outcome,
        }
    } else {
        settings
    };
    let outcome = match caller.procedure {
        Procedure::Colorize => match color(gimp, image, drawables, &settings, &mut cache) {
            Ok(layers) => Outcome::Done(layers),
            Err(reason) => Outcome::Failed(reason),
        },
        Procedure::ColorizeAll => color_all(gimp, &settings),
    };
    if matches!(outcome, Outcome::Done(_)) && caller.mode == RunMode::Interactive {
        (caller.keep)(&settings);
    }
    outcome
}

/// Runs the dialog; `Err`: there is nothing to be done after it.
fn ask<V: Version>(
    gimp: &Gimp<V>,
    caller: &Caller<'_>,
    (image, drawables): (i32, &[i32]),
    settings: &Settings,
    cache: &mut PredictionCache,
) -> Result<Settings, Outcome> {
    let host = GimpImage { gimp, image };
    filter::check(&host, drawables).map_err(|error| Outcome::Failed(error.to_string()))?;
    let gtk = Gtk::open(caller.toolkit, caller.procedure.name());
    let gtk = gtk.map_err(|error| Outcome::Failed(error.to_string()))?;
    let mut preview = Preview::new(&host, cache, drawables);
    let size = gimp.remembered(SIZE);
    let about = (caller.procedure, note(gimp, caller.procedure));
    let (settings, new_size) = dialog::run(&gtk, about, size.as_deref(), settings, &mut preview);
    if size.as_ref() != Some(&new_size) {
        gimp.remember(SIZE, &new_size);
    }
    settings.ok_or(Outcome::Cancelled)
}

/// What the dialog says of its procedure: how to paint hints, or which images it colors.
fn note<V: Version>(gimp: &Gimp<V>, procedure: Procedure) -> String {
    if procedure == Procedure::Colorize {
        return tr(
            "Hints: take the Paintbrush and a color, and paint in the image window while this \
             dialog is open: a small stroke with a hard brush on each thing, also where a color \
             must stop.",
        )
        .to_owned();
    }
    let images = gimp.images().into_iter();
    let images = images.filter(|image| !filter::is_colored(&GimpImage { gimp, image: *image }));
    let names: Vec<String> = images.map(|image| gimp.image_name(image)).collect();
    let more = if names.len() > MOST_NAMES { ", ..." } else { "" };
    let names = names.into_iter().take(MOST_NAMES).collect::<Vec<_>>().join(", ");
    tr_with("These are colored: {}", &[&(names + more)])
}

fn color<V: Version>(
    gimp: &Gimp<V>,
    image: i32,
    drawables: &[i32],
    settings: &Settings,
    cache: &mut PredictionCache,
) -> Result<Vec<i32>, String> {
    gimp.start_progress(procedure::progress());
    let host = GimpImage { gimp, image };
    let layers = filter::colorize(&host, drawables, settings, cache);
    let layers = layers.map_err(|error| error.to_string())?;
    Ok(layers.into_iter().map(|layer| layer.0).collect())
}

/// Colors what is selected of each open image. Those that have their colors and those that cannot be
/// colored are told; it fails if none could.
fn color_all<V: Version>(gimp: &Gimp<V>, settings: &Settings) -> Outcome {
    let settings = Settings { hints: procedure::HintsChoice::Named, ..settings.clone() };
    let (mut layers, mut reasons) = (Vec::new(), Vec::new());
    for image in gimp.images() {
        if filter::is_colored(&GimpImage { gimp, image }) {
            reasons.push(format!(
                "{}: {}",
                gimp.image_name(image),
                tr("it has its colors already")
            ));
            continue;
        }
        // Thumbnails and colors of one image are of no use for the next.
        let mut cache = PredictionCache::default();
        match color(gimp, image, &gimp.selected(image), &settings, &mut cache) {
            Ok(new) => layers.extend(new),
            Err(reason) => reasons.push(format!("{}: {reason}", gimp.image_name(image))),
        }
    }
    let reasons = reasons.join("\n");
    if layers.is_empty() {
        return Outcome::Failed(reasons);
    }
    if !reasons.is_empty() {
        gimp.tell(&reasons);
    }
    Outcome::Done(layers)
}
