//! The procedure as GIMP knows it: its name, texts and arguments, and how a call ends.

mod arguments;
mod settings;

use std::any::Any;

use crate::text::tr;
use arguments::ARGUMENTS;
pub(crate) use arguments::{Argument, ArgumentKind, FIXED_ARGUMENTS, returned};
pub(crate) use settings::{HintsChoice, ReferenceChoice, Settings, VARIANTS};

/// What GIMP can be asked to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Procedure {
    /// One layer, or in GIMP 3 those that are selected.
    Colorize,
    /// The selected layers of all open images.
    ColorizeAll,
}

/// All of them.
pub(crate) const PROCEDURES: [Procedure; 2] = [Procedure::Colorize, Procedure::ColorizeAll];

impl Procedure {
    /// The name that scripts use.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Colorize => "plug-in-polychromify-colorize",
            Self::ColorizeAll => "plug-in-polychromify-colorize-all",
        }
    }

    /// The procedure of a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        PROCEDURES.into_iter().find(|procedure| procedure.name() == name)
    }

    /// Its entry in the menu, with its access key.
    pub(crate) fn menu_label(self) -> &'static str {
        match self {
            Self::Colorize => tr("Colorize with _Polychromify..."),
            Self::ColorizeAll => tr("Colorize _all open images..."),
        }
    }

    /// Title of the dialog.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Colorize => tr("Colorize with Polychromify"),
            Self::ColorizeAll => tr("Colorize all open images"),
        }
    }

    pub(crate) fn blurb(self) -> &'static str {
        match self {
            Self::Colorize => tr("Gives a black-and-white photograph its colors back"),
            Self::ColorizeAll => {
                tr("Gives all black-and-white photographs that are open their colors back")
            }
        }
    }

    /// What it takes; a layer with hints is of one image.
    pub(crate) fn arguments(self) -> impl Iterator<Item = &'static Argument> {
        let is_taken =
            move |argument: &&Argument| self == Self::Colorize || argument.name != "hints";
        ARGUMENTS.iter().filter(is_taken)
    }
}

/// Text of the progress bar.
pub(crate) fn progress() -> &'static str {
    tr("Colorizing with Polychromify")
}

pub(crate) const MENU_PATH: &str = "<Image>/Colors";
/// Gray images are converted; indexed ones are refused in words.
pub(crate) const IMAGE_TYPES: &str = "RGB*, GRAY*";
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
