//! What a result depends on besides its input: part of the ledger's key.

use serde::Serialize;

use crate::cli::{BordersChoice, Coloring, FormatChoice};

/// Settings that change the bytes of a result.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Settings {
    pub(crate) format: &'static str,
    pub(crate) saturation: f32,
    pub(crate) quality: u8,
    pub(crate) max_side: Option<u32>,
    pub(crate) borders: &'static str,
    /// Left out when it is the first, as in ledgers of before there were variants.
    #[serde(skip_serializing_if = "is_first")]
    pub(crate) variant: u8,
    /// SHA-256 of the hints file.
    pub(crate) hints: Option<String>,
}

/// Weights and settings, as the ledger compares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recipe {
    /// SHA-256 of the weights file, lower-case hexadecimal.
    pub(crate) weights: String,
    /// [`Settings`] as JSON.
    pub(crate) settings: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_first(variant: &u8) -> bool {
    *variant == 1
}

impl Settings {
    pub(crate) fn new(arguments: &Coloring, hints: Option<String>) -> Self {
        Self {
            format: match arguments.format {
                FormatChoice::Same => "same",
                FormatChoice::Tiff => "tiff",
                FormatChoice::Png => "png",
                FormatChoice::Jpeg => "jpeg",
                FormatChoice::Webp => "webp",
            },
            saturation: arguments.saturation,
            quality: arguments.quality,
            max_side: arguments.max_side,
            borders: match arguments.borders {
                BordersChoice::Auto => "auto",
                BordersChoice::Keep => "keep",
            },
            variant: arguments.variant,
            hints,
        }
    }

    pub(crate) fn recipe(&self, weights_sha256: &str) -> Recipe {
        Recipe {
            weights: weights_sha256.to_owned(),
            settings: serde_json::to_string(self).expect("strings and finite numbers only"),
        }
    }
}
