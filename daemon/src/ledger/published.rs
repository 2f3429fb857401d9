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
    /// How many frames it has.
    pub(crate) frames: Option<i64>,
    /// Seconds by which all of it comes later in the result than in the source.
    pub(crate) later: f64,
}

/// Seconds by which the time of a frame may be told otherwise, in milliseconds of Matroska.
const ROUNDING: f64 = 0.002;

impl Shot {
    /// A second after which the first frame is the shot's first.
    pub(crate) fn beginning(&self) -> f64 {
        (self.seconds - ROUNDING).max(0.0)
    }

    /// Number of the frame in the middle of the shot.
    pub(crate) fn middle_frame(&self) -> i64 {
        self.frame + self.frames.map_or(0, |frames| frames / 2)
    }

    /// A second after which the first frame is the one in the middle, where frames are evenly spaced.
    pub(crate) fn middle(&self) -> f64 {
        let (length, frames) = (self.ends.map(|ends| ends - self.seconds), self.frames);
        let before = (self.middle_frame() - self.frame) as f64;
        let after = length.zip(frames).map(|(length, frames)| length * before / frames as f64);
        (self.seconds + after.unwrap_or_default() - ROUNDING).max(0.0)
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
        self.film.as_ref().map(shots_of).unwrap_or_default()
    }
}

/// The shots of a film by what is told of it.
fn shots_of(film: &Value) -> Vec<Shot> {
    let list = |key: &str| film["shots_at"][key].as_array();
    let (Some(frames), Some(seconds)) = (list("frames"), list("seconds")) else {
        return Vec::new();
    };
    let begins = frames.iter().zip(seconds);
    let begins = begins.map_while(|(frame, second)| Some((frame.as_i64()?, second.as_f64()?)));
    let begins: Vec<(i64, f64)> = begins.collect();
    let all = film["frames"].as_i64();
    let end = begins
        .last()
        .filter(|last| last.0 > 0)
        .and_then(|(frame, second)| Some(all? as f64 * second / *frame as f64));
    let nexts = begins.iter().skip(1).map(|&(frame, second)| (Some(frame), Some(second)));
    let later = film["later"].as_f64().unwrap_or_default();
    let shots = begins.iter().zip(nexts.chain([(all, end)]));
    let shots = shots.map(|(&(frame, seconds), (next, ends))| {
        let frames = next.map(|next| next - frame).filter(|frames| *frames > 0);
        Shot { frame, seconds, ends, frames, later }
    });
    shots.collect()
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A shot that begins at a second, and when the next one does.
    fn shot(seconds: f64, ends: Option<f64>, frames: i64) -> Shot {
        Shot { frame: 4, seconds, ends, frames: Some(frames), later: 0.0 }
    }

    #[test]
    fn a_shot_is_looked_at_by_the_frame_in_its_middle() {
        // Of 25 frames a second: the first frame after it.
        let frame = |shot: Shot| (shot.middle() * 25.0).ceil();
        assert_eq!(frame(shot(0.16, Some(0.2), 1)), 4.0);
        assert_eq!(frame(shot(0.16, Some(0.24), 2)), 5.0);
        assert_eq!(frame(shot(0.16, Some(0.36), 5)), 6.0);
        assert_eq!(frame(shot(0.16, Some(0.4), 6)), 7.0);
        assert_eq!(frame(shot(0.16, None, 9)), 4.0);
        assert_eq!(shot(0.16, Some(0.4), 6).middle_frame(), 7);
    }

    #[test]
    fn shots_have_their_numbers_of_frames() {
        let film = json!({"frames": 10, "later": 0.021,
            "shots_at": {"frames": [0, 4, 5], "seconds": [0.0, 0.16, 0.2]}});
        let shots = shots_of(&film);
        let frames: Vec<_> = shots.iter().map(|shot| shot.frames).collect();
        assert_eq!(frames, [Some(4), Some(1), Some(5)]);
        assert_eq!(shots[2].ends, Some(0.4));
        assert!(shots.iter().all(|shot| shot.later == 0.021));
        assert_eq!(shots_of(&json!({"frames": 10})), []);
    }
}
