//! A result under its final name, as the ledger keeps it.

use std::path::PathBuf;

use polychromify_core::Verdict;
use serde_json::Value;

use crate::files::fingerprint::Stamp;
use crate::ledger::store::{self, Row};
use crate::settings::Recipe;

/// Columns of `results`, which `intents` has too.
pub(super) const RESULT: &str =
    "output, input, content, weights, settings, source_size, source_modified,
    source_changed, sha256, size, modified, width, height, milliseconds, published_at, original,
    software, weights_name, made_at, sidecar, notices, film, doubt, toning";

/// What replaces a row of the same name.
pub(super) fn set_result() -> String {
    let columns = RESULT.split(',').map(str::trim);
    let set: Vec<String> = columns.map(|column| format!("{column} = excluded.{column}")).collect();
    set.join(", ")
}

/// A result under its final name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// What it was made from, as an absolute path.
    pub(crate) input: PathBuf,
    /// SHA-256 of the input.
    pub(crate) content: String,
    /// Weights and settings it was made with.
    pub(crate) recipe: Recipe,
    /// The input's stamp; `None` where an equal stamp would not prove equal content.
    pub(crate) source: Option<Stamp>,
    /// SHA-256 of the result.
    pub(crate) sha256: String,
    /// Size of the result in bytes.
    pub(crate) size: i64,
    /// Time of the result, nanoseconds since 1970.
    pub(crate) modified: i64,
    /// Width of the result in pixels.
    pub(crate) width: u32,
    /// Height of the result in pixels.
    pub(crate) height: u32,
    /// Time it took, in milliseconds.
    pub(crate) milliseconds: i64,
    /// What becomes of the input.
    pub(crate) original: Original,
    pub(crate) making: Making,
    /// SHA-256 of the JSON file beside it, if there is one.
    pub(crate) sidecar: Option<String>,
    /// What was left out of it or assumed of its input; unknown of results of old versions.
    pub(crate) notices: Option<Vec<Value>>,
    /// What is told of a film beside what is told of any result.
    pub(crate) film: Option<Value>,
    pub(crate) seen: Seen,
}

/// A shot of a film.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shot {
    /// Number of its first frame, from 0 on.
    pub(crate) frame: i64,
    /// At which that is shown.
    pub(crate) seconds: f64,
    /// At which the next shot begins; of the last shot as far as frames are evenly spaced.
    pub(crate) ends: Option<f64>,
}

/// Seconds by which the time of a frame may be told otherwise, in milliseconds of Matroska.
const ROUNDING: f64 = 0.002;

impl Shot {
    /// A second in the middle of the shot, at which no frame begins.
    pub(crate) fn middle(&self) -> f64 {
        let length = self.ends.map_or(0.0, |ends| ends - self.seconds);
        (self.seconds + length / 2.0 - ROUNDING).max(0.0)
    }

    /// Whether the frame that is shown at a time is one of its own.
    pub(crate) fn contains(&self, seconds: f64) -> bool {
        let is_before = |ends| seconds + ROUNDING < ends;
        seconds + ROUNDING >= self.seconds && self.ends.is_none_or(is_before)
    }
}

impl Published {
    /// The shots of a film in order; none where the ledger does not tell them.
    pub(crate) fn shots(&self) -> Vec<Shot> {
        let told = |key: &str| self.film.as_ref().map(|film| &film[key]);
        let list = |key: &str| told("shots_at")?[key].as_array();
        let (Some(frames), Some(seconds)) = (list("frames"), list("seconds")) else {
            return Vec::new();
        };
        let begins = frames.iter().zip(seconds);
        let begins = begins.map_while(|(frame, second)| Some((frame.as_i64()?, second.as_f64()?)));
        let begins: Vec<(i64, f64)> = begins.collect();
        let end = begins
            .last()
            .filter(|last| last.0 > 0)
            .and_then(|(frame, second)| Some(told("frames")?.as_f64()? * second / *frame as f64));
        let ends = begins.iter().skip(1).map(|(_, second)| Some(*second)).chain([end]);
        let shots = begins.iter().zip(ends);
        shots.map(|(&(frame, seconds), ends)| Shot { frame, seconds, ends }).collect()
    }
}

/// What was seen of a photograph when it was colored; unknown of results of old versions, and of
/// films.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// How unsure the network was of its colors, 0 to 1000.
    pub(crate) doubt: Option<u16>,
    /// What its input shows.
    pub(crate) toning: Option<Tone>,
}

/// Whether an input has colors of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Gray,
    Toned,
    Color,
}

impl Tone {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Gray => "gray",
            Self::Toned => "toned",
            Self::Color => "color",
        }
    }

    fn of_text(text: &str) -> Option<Self> {
        [Self::Gray, Self::Toned, Self::Color].into_iter().find(|tone| tone.text() == text)
    }
}

impl From<Verdict> for Tone {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Gray => Self::Gray,
            Verdict::Toned => Self::Toned,
            Verdict::Color => Self::Color,
        }
    }
}

/// How a result was made, beside its recipe; unknown of results of old versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Making {
    /// Program and version.
    pub(crate) software: Option<String>,
    /// Name of the weights.
    pub(crate) weights: Option<String>,
    /// The time that it tells, in milliseconds since 1970.
    pub(crate) at: Option<i64>,
}

/// What becomes of an input whose result is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Original {
    /// It stays.
    #[default]
    Kept,
    /// It is to be moved or deleted, and nothing was done to it yet.
    Due,
    /// It is being moved or deleted, or was when the program ended.
    Leaving,
    /// It was moved or deleted: its result is not to be replaced by that of another photograph.
    Gone,
}

impl Original {
    pub(super) fn text(self) -> Option<&'static str> {
        match self {
            Self::Kept => None,
            Self::Due => Some("due"),
            Self::Leaving => Some("leaving"),
            Self::Gone => Some("gone"),
        }
    }

    fn of_text(text: Option<&str>) -> Self {
        match text {
            None => Self::Kept,
            Some("due") => Self::Due,
            Some("leaving") => Self::Leaving,
            Some(_) => Self::Gone,
        }
    }
}

/// Reads a row of the columns [`RESULT`].
pub(super) fn published(row: &Row) -> store::Result<Published> {
    let (size, modified, changed): (Option<i64>, Option<i64>, Option<i64>) =
        (row.get("source_size")?, row.get("source_modified")?, row.get("source_changed")?);
    Ok(Published {
        input: row.get("input")?,
        content: row.get("content")?,
        recipe: Recipe { weights: row.get("weights")?, settings: row.get("settings")? },
        source: match (size, modified, changed) {
            (Some(size), Some(modified), Some(changed)) => Some(Stamp { size, modified, changed }),
            _ => None,
        },
        sha256: row.get("sha256")?,
        size: row.get("size")?,
        modified: row.get("modified")?,
        width: row.get("width")?,
        height: row.get("height")?,
        milliseconds: row.get("milliseconds")?,
        original: Original::of_text(row.get::<Option<String>>("original")?.as_deref()),
        making: Making {
            software: row.get("software")?,
            weights: row.get("weights_name")?,
            at: row.get("made_at")?,
        },
        sidecar: row.get("sidecar")?,
        notices: row
            .get::<Option<String>>("notices")?
            .and_then(|text| serde_json::from_str(&text).ok()),
        film: row.get::<Option<String>>("film")?.and_then(|text| serde_json::from_str(&text).ok()),
        seen: seen(row)?,
    })
}

/// Reads the columns of [`Seen`].
pub(super) fn seen(row: &Row) -> store::Result<Seen> {
    Ok(Seen {
        doubt: row.get("doubt")?,
        toning: row.get::<Option<String>>("toning")?.as_deref().and_then(Tone::of_text),
    })
}
