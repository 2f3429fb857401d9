//! What a result depends on besides its input: part of the ledger's key.

use serde::Serialize;

use polychromify_core::Arithmetic;
use polychromify_core::scan::SourceType;

use crate::cli::{BordersChoice, Coloring, FormatChoice, ProfileName};

/// Program and version, as results tell it.
pub(crate) const SOFTWARE: &str = concat!("Polychromify ", env!("CARGO_PKG_VERSION"));

/// Settings that change the bytes of a result.
///
/// Those that came after the first ledgers are left out at their defaults, so that results of
/// before still count as made with the same settings.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_type: Option<&'static str>,
    /// `None`: sRGB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) invert: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) mark: bool,
    /// What the network calculates in. Left out for f32, and so are ledgers of before this was told:
    /// their results are in f32, or on some processors in bf16.
    #[serde(skip_serializing_if = "is_f32")]
    pub(crate) precision: Arithmetic,
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_f32(precision: &Arithmetic) -> bool {
    *precision == Arithmetic::F32
}

impl Settings {
    pub(crate) fn new(arguments: &Coloring, precision: Arithmetic, hints: Option<String>) -> Self {
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
            source_type: Some(arguments.source_type.source_type())
                .filter(|&source_type| source_type != SourceType::default())
                .map(SourceType::term),
            profile: match arguments.profile {
                ProfileName::Srgb => None,
                ProfileName::AdobeRgb => Some("adobe-rgb"),
                ProfileName::DisplayP3 => Some("display-p3"),
                ProfileName::Prophoto => Some("prophoto"),
            },
            invert: arguments.invert,
            mark: arguments.mark,
            precision,
        }
    }

    pub(crate) fn recipe(&self, weights_sha256: &str) -> Recipe {
        Recipe {
            weights: weights_sha256.to_owned(),
            settings: serde_json::to_string(self).expect("strings and finite numbers only"),
        }
    }
}
