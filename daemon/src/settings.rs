//! What a result depends on besides its input: part of the ledger's key.

#![expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls functions so"
)]

use polychromify_core::{Arithmetic, Encoding, Format, Hint, Hints, RgbSpace, SourceType};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::cli::{Borders, Choices, Coloring, FORMATS, SOURCE_TYPES, SPACES};
use crate::files::fingerprint;

/// Program and version, as results tell it.
pub(crate) const SOFTWARE: &str = concat!("Polychromify ", env!("CARGO_PKG_VERSION"));

/// How results are colored and written, made once from the command line.
///
/// Ledgers keep it as JSON and compare that: an entry that moves or is spelled otherwise makes every
/// result of before look older. Entries that came after the first ledgers are left out at their
/// defaults, so that results of before still count as made with the same settings.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RenderSettings {
    /// `None`: the source's.
    #[serde(serialize_with = "format_name")]
    pub(crate) format: Option<Format>,
    /// Factor on chroma.
    pub(crate) saturation: f32,
    /// JPEG quality, 1..=100.
    pub(crate) quality: u8,
    /// Longest side of the result in pixels.
    pub(crate) max_side: Option<u32>,
    pub(crate) borders: Borders,
    /// Which plausible coloring, from 1 on.
    #[serde(skip_serializing_if = "is_first")]
    pub(crate) variant: u8,
    /// SHA-256 of the hints file.
    pub(crate) hints: Option<String>,
    /// What the label says that a result is.
    #[serde(skip_serializing_if = "is_default", serialize_with = "term")]
    pub(crate) source_type: SourceType,
    /// Color space of results.
    #[serde(rename = "profile", skip_serializing_if = "is_default", serialize_with = "space_name")]
    pub(crate) space: RgbSpace,
    /// Whether scans are negatives.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) invert: bool,
    /// Whether results are marked in a corner.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) mark: bool,
    /// What the network calculates in. Ledgers of before this was told are of f32, or on some
    /// processors of bf16.
    #[serde(skip_serializing_if = "is_f32")]
    pub(crate) precision: Arithmetic,
    /// SHA-256 of a picture in colors that the ledger keeps, whose palette is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<String>,
}

/// What a person set for one input in place of what its run says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnSettings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) saturation: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) variant: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) borders: Option<Borders>,
    /// As a hints file lists them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hints: Option<Vec<Hint>>,
    /// SHA-256 of a picture in colors, which the ledger keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<String>,
    /// Hints in frames of a film, as a hints file lists them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) film_hints: Vec<TimedHint>,
}

/// A hint in a film: like those of photographs, with the time of its frame in seconds.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimedHint {
    pub(crate) time: f64,
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) radius: f32,
    pub(crate) rgb: [u8; 3],
}

impl OwnSettings {
    /// Hints that are set, or none.
    pub(crate) fn hints(&self) -> Hints {
        Hints::Discs(self.hints.clone().unwrap_or_default())
    }

    /// As settings tell of hints.
    pub(crate) fn sha256_of_hints(&self) -> Option<String> {
        let hints = self.hints.as_ref().filter(|hints| !hints.is_empty())?;
        let text = serde_json::to_vec(hints).expect("finite numbers only");
        Some(fingerprint::sha256_of(&text))
    }
}

/// Weights and settings, as the ledger compares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recipe {
    /// SHA-256 of the weights file, lower-case hexadecimal.
    pub(crate) weights: String,
    /// [`RenderSettings`] as JSON.
    pub(crate) settings: String,
}

fn is_first(variant: &u8) -> bool {
    *variant == 1
}

fn is_f32(precision: &Arithmetic) -> bool {
    *precision == Arithmetic::F32
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn format_name<S: Serializer>(format: &Option<Format>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(name(FORMATS, format))
}

fn space_name<S: Serializer>(space: &RgbSpace, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(name(SPACES, space))
}

fn term<S: Serializer>(source_type: &SourceType, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(source_type.term())
}

/// The name of a value, as on the command line.
fn name<T: PartialEq>(choices: &Choices<T>, value: &T) -> &'static str {
    choices.iter().find(|(.., named)| named == value).map_or("", |(name, ..)| name)
}

impl RenderSettings {
    pub(crate) fn new(arguments: &Coloring, precision: Arithmetic, hints: Option<String>) -> Self {
        Self {
            format: arguments.format,
            saturation: arguments.saturation,
            quality: arguments.quality,
            max_side: arguments.max_side,
            borders: arguments.borders,
            variant: arguments.variant,
            hints,
            source_type: arguments.source_type,
            space: arguments.profile,
            invert: arguments.invert,
            mark: arguments.mark,
            precision,
            reference: None,
        }
    }

    /// For frames of films; those of sequences are written as photographs are.
    pub(crate) fn of_frames(saturation: f32, precision: Arithmetic) -> Self {
        Self {
            format: None,
            saturation,
            quality: 95,
            max_side: None,
            borders: Borders::Keep,
            variant: 1,
            hints: None,
            source_type: SourceType::default(),
            space: RgbSpace::default(),
            invert: false,
            mark: false,
            precision,
            reference: None,
        }
    }

    /// What a ledger tells, to be calculated in `precision`; `None`: it is not of a photograph. Of hints
    /// it tells no more than whether there were some: they are left out.
    pub(crate) fn read(json: &str, precision: Arithmetic) -> Option<Self> {
        let told: Value = serde_json::from_str(json).ok()?;
        let is_set = |key: &str| told[key].as_bool().unwrap_or_default();
        let spaces = SPACES.iter().find(|(name, ..)| told["profile"] == *name);
        let types = SOURCE_TYPES.iter().find(|(.., source)| told["source_type"] == source.term());
        Some(Self {
            format: FORMATS.iter().find(|(name, ..)| told["format"] == *name)?.2,
            saturation: told["saturation"].as_f64()? as f32,
            quality: told["quality"].as_u64()?.try_into().ok()?,
            max_side: told["max_side"].as_u64().map(|side| side as u32),
            borders: serde_json::from_value(told["borders"].clone()).ok()?,
            variant: told["variant"].as_u64().map_or(1, |variant| variant as u8),
            hints: None,
            source_type: types.map(|(.., source)| *source).unwrap_or_default(),
            space: spaces.map(|(.., space)| *space).unwrap_or_default(),
            invert: is_set("invert"),
            mark: is_set("mark"),
            precision,
            reference: told["reference"].as_str().map(str::to_owned),
        })
    }

    /// The same with what a person set for one input.
    pub(crate) fn with(self, own: &OwnSettings) -> Self {
        Self {
            saturation: own.saturation.unwrap_or(self.saturation),
            variant: own.variant.unwrap_or(self.variant),
            borders: own.borders.unwrap_or(self.borders),
            hints: if own.hints.is_some() { own.sha256_of_hints() } else { self.hints },
            reference: own.reference.clone(),
            ..self
        }
    }

    pub(crate) fn recipe(&self, weights_sha256: &str) -> Recipe {
        Recipe {
            weights: weights_sha256.to_owned(),
            settings: serde_json::to_string(self).expect("strings and finite numbers only"),
        }
    }

    /// How a page of this width is written. Bands are of about a megapixel, so that they fit the
    /// caches and keep all threads busy.
    pub(crate) fn encoding(&self, width: u32) -> Encoding {
        let band_rows = (1_000_000 / width.max(1)).clamp(1, 256) as usize;
        let Self { format, quality, max_side, space, .. } = *self;
        Encoding { format, quality, max_side, space, band_rows }
    }

    /// What decided the colors beside the weights, for the label.
    pub(crate) fn words(&self, calculated_in: Arithmetic, hints: &Hints) -> String {
        let mut settings = vec![format!("calculated in {calculated_in}")];
        if self.saturation != 1.0 {
            settings.push(format!("saturation {}", self.saturation));
        }
        if self.variant > 1 {
            settings.push(format!("variant {}", self.variant));
        }
        if self.borders == Borders::Keep {
            settings.push("scan borders colored too".to_owned());
        }
        if self.invert {
            settings.push("lightness of a negative inverted".to_owned());
        }
        if self.mark {
            settings.push("marked in a corner".to_owned());
        }
        if self.space != RgbSpace::Srgb {
            settings.push(format!("painted in {}", self.space));
        }
        settings.extend(hints.summary());
        settings.extend(self.reference.as_ref().map(|_| "palette of a reference".to_owned()));
        settings.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn json(options: &[&str], precision: Arithmetic, hints: Option<&str>) -> String {
        let arguments = ["polychromify", "batch", "in", "-o", "out"].iter().chain(options);
        let Command::Batch(batch) = Cli::parse_from(arguments).command else { unreachable!() };
        let settings = RenderSettings::new(&batch.coloring, precision, hints.map(str::to_owned));
        settings.recipe("w").settings
    }

    #[test]
    fn ledgers_keep_settings_as_they_always_did() {
        assert_eq!(
            json(&[], Arithmetic::F32, None),
            r#"{"format":"same","saturation":1.0,"quality":95,"max_side":null,"borders":"auto","hints":null}"#
        );
        let options = [
            "--format=tiff",
            "--saturation=1.25",
            "--quality=80",
            "--max-side=4000",
            "--borders=keep",
            "--variant=2",
            "--source-type=enhanced",
            "--profile=adobe-rgb",
            "--invert",
            "--mark",
        ];
        assert_eq!(
            json(&options, Arithmetic::Integers, Some("5ha")),
            r#"{"format":"tiff","saturation":1.25,"quality":80,"max_side":4000,"borders":"keep","variant":2,"hints":"5ha","source_type":"algorithmicallyEnhanced","profile":"adobe-rgb","invert":true,"mark":true,"precision":"integers"}"#
        );
        let told = json(&options, Arithmetic::F32, None);
        let read = RenderSettings::read(&told, Arithmetic::F32).unwrap();
        assert_eq!(read.recipe("w").settings, told, "and they are read as they are told");
        for format in ["png", "jpeg", "webp"] {
            let told = json(&["--format", format], Arithmetic::Bf16, None);
            let start = format!(r#"{{"format":"{format}","saturation":1.0"#);
            assert!(told.starts_with(&start) && told.ends_with(r#""precision":"bf16"}"#), "{told}");
        }
        for profile in ["display-p3", "prophoto"] {
            let told = json(&["--profile", profile], Arithmetic::F32, None);
            assert!(told.ends_with(&format!(r#""hints":null,"profile":"{profile}"}}"#)), "{told}");
        }
    }
}
