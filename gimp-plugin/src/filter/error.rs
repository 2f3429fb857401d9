//! Why a layer is not colorized, in the words that the user sees.

use std::fmt::Display;
use std::ops::RangeInclusive;

use polychromify_core::SATURATION;

use crate::host;
use crate::procedure::VARIANTS;
use crate::text::{tr, tr_with};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The image has a palette.
    #[error(
        "{}",
        tr(
            "an indexed image has no room for the colors: convert it with Image > Mode > RGB, then colorize it"
        )
    )]
    Indexed,
    /// Channels and selections are drawables too.
    #[error("{}", tr("nothing to colorize: select a layer"))]
    NoLayer,
    /// The hints layer is the active one.
    #[error(
        "{}",
        tr_with(
            "the layer with the hints, “{}”, is the one to be colorized, and there is none below it: select the photograph's layer",
            &[hints]
        )
    )]
    OnlyHints {
        /// Name of the layer.
        hints: String,
    },
    /// A group's pixels are those of its layers.
    #[error(
        "{}",
        tr_with(
            "the group “{}” has no pixels of its own to change: choose a new layer instead",
            &[name]
        )
    )]
    Group {
        /// Name of the group.
        name: String,
    },
    /// A layer without pixels.
    #[error("{}", tr_with("the layer “{}” is empty", &[name]))]
    Empty {
        /// Name of the layer.
        name: String,
    },
    /// A saturation that is out of range, or no number.
    #[error("{}", out_of_range("the saturation is {}, expected a number from {} to {}", .0, SATURATION))]
    Saturation(f64),
    /// Nothing of the layer may be changed.
    #[error(
        "{}",
        tr_with(
            "the selection lies outside of the layer “{}”: change it, or select nothing",
            &[name]
        )
    )]
    Unselected {
        /// Name of the layer.
        name: String,
    },
    /// The variant is out of range.
    #[error("{}", out_of_range("the variant is {}, expected a number from {} to {}", .0, VARIANTS))]
    Variant(u8),
    /// A reference without colors.
    #[error("{}", tr_with("the reference “{}” has no colors to take", &[name]))]
    GrayReference {
        /// Name of the file.
        name: String,
    },
    /// The weights, or the prediction.
    #[error(transparent)]
    Core(#[from] polychromify_core::Error),
    /// The host refused.
    #[error(transparent)]
    Host(#[from] host::Error),
    /// The prediction panicked.
    #[error("{0}")]
    Panicked(String),
}

fn out_of_range<T: Display, B: Display>(
    text: &'static str,
    value: T,
    range: RangeInclusive<B>,
) -> String {
    let [least, most] = [range.start(), range.end()].map(ToString::to_string);
    tr_with(text, &[&value.to_string(), &least, &most])
}
