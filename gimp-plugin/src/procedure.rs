//! The procedure as GIMP knows it: its name, texts and arguments, and how a call ends.

use std::any::Any;

use polychromify_core::SATURATION;

pub(crate) const NAME: &str = "plug-in-polychromify-colorize";
/// Text of the progress bar.
pub(crate) const PROGRESS: &str = "Colorizing with Polychromify";
/// Title of the dialog.
pub(crate) const TITLE: &str = "Colorize with Polychromify";
pub(crate) const MENU_LABEL: &str = "Colorize with _Polychromify...";
pub(crate) const MENU_PATH: &str = "<Image>/Colors";
/// Gray images are converted; indexed ones are refused in words.
pub(crate) const IMAGE_TYPES: &str = "RGB*, GRAY*";
pub(crate) const BLURB: &str = "Gives a black-and-white photograph its colors back";
pub(crate) const AUTHOR: &str = "The Polychromify project";
pub(crate) const COPYRIGHT: &str = "MIT or Apache-2.0";
pub(crate) const DATE: &str = "2026";

/// What the procedure browser shows below the blurb.
pub(crate) fn help() -> String {
    format!(
        "A network predicts colors from the lightness of the layer. They come as a new layer in \
         the mode LCh Color above it, at its position and in its group, so that its lightness \
         stays and the colors can be masked, blended and undone; a selection becomes the new \
         layer's mask. With `replace` the layer itself is changed, within the selection. The \
         weights are named as for `polychromify batch`: {}, those in the folder `weights` of the \
         user's data folder, or a file. On the hints layer paint strokes in the colors that you \
         want below them; without one, the layer named “hints” is taken if there is one, and it \
         may be hidden. Gray images are converted to RGB. The image's metadata says afterwards \
         that its colors are machine-made.",
        polychromify_core::Weights::builtin_names().join(", ")
    )
}

/// One argument or returned value.
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    /// Its label in a dialog, with an underscore before its access key.
    pub(crate) label: &'static str,
    pub(crate) description: &'static str,
    pub(crate) kind: ArgumentKind,
}

/// Type of an argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ArgumentKind {
    RunMode,
    Image,
    Drawable,
    Text,
    Number { least: f64, most: f64, default: f64 },
    Layer,
    Boolean,
}

/// All arguments; GIMP 3 adds the first three itself.
pub(crate) fn arguments() -> &'static [Argument] {
    const fn argument(
        name: &'static str,
        label: &'static str,
        description: &'static str,
        kind: ArgumentKind,
    ) -> Argument {
        Argument { name, label, description, kind }
    }
    const ARGUMENTS: &[Argument] = &[
        argument(
            "run-mode",
            "",
            "Interactive (0), non-interactive (1), last values (2)",
            ArgumentKind::RunMode,
        ),
        argument("image", "", "Image, RGB or gray", ArgumentKind::Image),
        argument("drawable", "", "Layer to colorize", ArgumentKind::Drawable),
        argument(
            "weights",
            "_Network",
            "Name or file of the weights, empty for the default",
            ArgumentKind::Text,
        ),
        argument(
            "saturation",
            "Sa_turation",
            "Factor on the strength of the colors: 0 gray, 1 as predicted",
            ArgumentKind::Number {
                least: *SATURATION.start() as f64,
                most: *SATURATION.end() as f64,
                default: 1.0,
            },
        ),
        argument(
            "hints",
            "H_ints",
            "Layer with strokes in the wanted colors; none: the layer named “hints”, if there is one",
            ArgumentKind::Layer,
        ),
        argument(
            "replace",
            "Change the la_yer itself",
            "Change the layer itself in place of adding one in the mode LCh Color",
            ArgumentKind::Boolean,
        ),
    ];
    ARGUMENTS
}

/// How many arguments of [`arguments`] are not settings.
pub(crate) const FIXED_ARGUMENTS: usize = 3;

/// What the procedure returns beside its status.
pub(crate) fn returned() -> &'static [Argument] {
    const RETURNED: &[Argument] = &[Argument {
        name: "layer",
        label: "Layer",
        description: "The new layer, or the one that was changed",
        kind: ArgumentKind::Layer,
    }];
    RETURNED
}

/// The arguments that are settings. Layers are GIMP's numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// Name or file; empty: the default.
    pub(crate) weights: String,
    /// Factor on chroma.
    pub(crate) saturation: f64,
    pub(crate) hints: Option<i32>,
    /// Whether the layer itself is changed.
    pub(crate) replace: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { weights: String::new(), saturation: 1.0, hints: None, replace: false }
    }
}

/// How GIMP wants a call to behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunMode {
    /// With a dialog.
    Interactive,
    /// With the arguments of the call.
    NonInteractive,
    /// With the settings of the last dialog.
    WithLastValues,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The new layers, or those that were changed.
    Done(Vec<i32>),
    /// The user closed the dialog.
    Cancelled,
    /// The reason, for the user.
    Failed(String),
}

/// The message of a panic, for the user.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = polychromify_core::panic_message(panic);
    format!("Polychromify failed, which is a bug in it: {text}")
}
