//! The arguments of the procedure, by the names that scripts use in both versions of GIMP.

use polychromify_core::SATURATION;

use super::settings::VARIANTS;

/// One argument or returned value.
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    /// What it is called where procedures are listed.
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
    Number {
        least: f64,
        most: f64,
        default: f64,
    },
    Integer {
        least: i32,
        most: i32,
        default: i32,
    },
    Layer,
    /// Another image than the one that is worked on.
    OtherImage,
    Boolean,
}

const fn argument(
    name: &'static str,
    label: &'static str,
    description: &'static str,
    kind: ArgumentKind,
) -> Argument {
    Argument { name, label, description, kind }
}

/// How many of the arguments are not settings.
pub(crate) const FIXED_ARGUMENTS: usize = 3;

/// All arguments; GIMP 3 adds the first three itself.
pub(super) const ARGUMENTS: &[Argument] = &[
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
        "Network",
        "Name or file of the weights, empty for the default",
        ArgumentKind::Text,
    ),
    argument(
        "saturation",
        "Saturation",
        "Factor on the strength of the colors: 0 gray, 1 as predicted",
        ArgumentKind::Number {
            least: *SATURATION.start() as f64,
            most: *SATURATION.end() as f64,
            default: 1.0,
        },
    ),
    argument(
        "hints",
        "Hints",
        "Layer with strokes in the wanted colors; none: the layer named “hints”, if there is one",
        ArgumentKind::Layer,
    ),
    argument(
        "replace",
        "Change the layer itself",
        "Change the layer itself in place of adding one",
        ArgumentKind::Boolean,
    ),
    argument(
        "variant",
        "Variant",
        "Which plausible coloring: 1 the likeliest, 2 the second, 3 the third",
        ArgumentKind::Integer {
            least: *VARIANTS.start() as i32,
            most: *VARIANTS.end() as i32,
            default: 1,
        },
    ),
    argument(
        "reference-file",
        "Reference file",
        "Photograph in colors whose palette is taken; empty for none",
        ArgumentKind::Text,
    ),
    argument(
        "reference-image",
        "Reference image",
        "Open image in colors whose palette is taken",
        ArgumentKind::OtherImage,
    ),
    argument(
        "reference-layer",
        "Reference layer",
        "Layer in colors, of any open image, whose palette is taken",
        ArgumentKind::Layer,
    ),
    argument(
        "borders",
        "Color scan borders",
        "Take scan borders for part of the photograph, and color them with it",
        ArgumentKind::Boolean,
    ),
    argument(
        "negative",
        "Film negative",
        "Take the layer for a film negative: color it with its lightness inverted",
        ArgumentKind::Boolean,
    ),
];

/// What the procedure returns beside its status.
pub(crate) fn returned() -> &'static [Argument] {
    const RETURNED: &[Argument] = &[argument(
        "layer",
        "Layer",
        "The new layer, or the one that was changed",
        ArgumentKind::Layer,
    )];
    RETURNED
}
