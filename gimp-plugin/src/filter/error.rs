//! Why a layer is not colorized, in the words that the user sees.

use polychromify_core::SATURATION;

use crate::host;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The image has a palette.
    #[error(
        "an indexed image has no room for the colors: convert it with Image > Mode > RGB, then \
         colorize it"
    )]
    Indexed,
    /// Channels and selections are drawables too.
    #[error("nothing to colorize: select a layer")]
    NoLayer,
    /// The hints layer is the active one.
    #[error(
        "the layer with the hints, `{hints}`, is the one to be colorized, and there is none below \
         it: select the photograph's layer"
    )]
    OnlyHints {
        /// Name of the layer.
        hints: String,
    },
    /// A group's pixels are those of its layers.
    #[error("the group `{name}` has no pixels of its own to change: choose a new layer instead")]
    Group {
        /// Name of the group.
        name: String,
    },
    /// A layer without pixels.
    #[error("the layer `{name}` is empty")]
    Empty {
        /// Name of the layer.
        name: String,
    },
    /// A saturation that is out of range, or no number.
    #[error(
        "the saturation is {0}, expected a number from {least} to {most}",
        least = SATURATION.start(),
        most = SATURATION.end()
    )]
    Saturation(f64),
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
