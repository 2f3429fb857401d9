//! What the user gave to guide the colors of a film: a reference, frames in colors, hints.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use polychromify_core::{
    ColorPicture, Deadline, Error as CoreError, Given, Hint, Hints, hexadecimal,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::cli::{Film, Keyframe};
use crate::error::{Error, Result};
use crate::files::fingerprint;
use crate::files::originals::{OpenOriginal, OriginalPath};
use crate::settings::TimedHint;
use crate::stop::Stop;
use crate::{limits, plan};

/// Most bytes of a list of hints.
const MOST_HINTS: u64 = 16 << 20;

/// What the user gave to guide the colors of a film.
#[derive(Default)]
pub(crate) struct Guidance {
    /// A picture whose palette is taken.
    pub(crate) reference: Option<ColorPicture>,
    /// In the order of their frames.
    pub(super) moments: Vec<Moment>,
    /// Of all files; `None`: there are none.
    pub(super) sha256: Option<String>,
    /// For the label.
    pub(super) words: Vec<String>,
}

/// Colors of one frame.
pub(super) struct Moment {
    /// Milliseconds at which a film's frame is shown, or the number of a sequence's.
    pub(super) at: i64,
    pub(super) given: Given,
    /// The file that it was read from.
    pub(super) path: PathBuf,
}

/// A hint in a film: like those of photographs, with the time of its frame in seconds, or in a sequence
/// with its number.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrameHint {
    time: Option<f64>,
    frame: Option<u32>,
    x: f32,
    y: f32,
    radius: f32,
    rgb: [u8; 3],
}

impl FrameHint {
    /// Where its frame is, as a [`Moment`] has it.
    fn at(&self, is_of_sequence: bool) -> std::result::Result<i64, &'static str> {
        match (is_of_sequence, self.time, self.frame) {
            (false, Some(time), None) if (0.0..1e9).contains(&time) => Ok(milliseconds(time)),
            (true, None, Some(frame)) => Ok(frame.into()),
            (false, ..) => Err("a film's frame is told by time alone, in seconds, 0 or more"),
            (true, ..) => Err("a sequence's frame is told by frame alone, the number in its name"),
        }
    }
}

fn milliseconds(seconds: f64) -> i64 {
    (1000.0 * seconds).round() as i64
}

impl Guidance {
    /// Reads the files that the user named, for a sequence of frames or for a film.
    pub(crate) fn read(arguments: &Film, is_of_sequence: bool) -> Result<Self> {
        let mut guidance = Self::default();
        let mut hasher = Sha256::new();
        let mut tell = |of: &str, sha256: &str| hasher.update(format!("{of} {sha256}\n"));
        if let Some(path) = &arguments.reference {
            let (picture, sha256) = in_colors(path)?;
            guidance.reference = Some(picture);
            tell("reference", &sha256);
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            guidance.words.push(format!("palette of {name}"));
        }
        for Keyframe { milliseconds, number, path } in &arguments.keyframe {
            let number = number.map(i64::from);
            let at = if is_of_sequence { number } else { Some(*milliseconds) };
            let at = at.ok_or_else(|| Error::NoFrameNumber { path: path.clone() })?;
            let (picture, sha256) = in_colors(path)?;
            tell(&format!("keyframe {at}"), &sha256);
            let (given, path) = (Given::Picture(picture), path.clone());
            guidance.moments.push(Moment { at, given, path });
        }
        guidance.count(guidance.moments.len(), "in colors by the user");
        if let Some(path) = &arguments.hints {
            let (moments, sha256) = hints(path, is_of_sequence)?;
            tell("hints", &sha256);
            guidance.count(moments.len(), "with color hints by the user");
            guidance.moments.extend(moments);
        }
        guidance.moments.sort_by_key(|moment| moment.at);
        let is_there = !guidance.words.is_empty();
        guidance.sha256 = is_there.then(|| hexadecimal(&hasher.finalize()));
        Ok(guidance)
    }

    /// Of hints that a person set on the page.
    pub(crate) fn of_hints(hints: &[TimedHint]) -> Self {
        let mut guidance = Self::default();
        if hints.is_empty() {
            return guidance;
        }
        let text = serde_json::to_vec(hints).expect("finite numbers only");
        guidance.sha256 = Some(fingerprint::sha256_of(&text));
        let hints = hints.iter().map(|&TimedHint { time, x, y, radius, rgb }| {
            (milliseconds(time), Hint { x, y, radius, rgb, page: 1 })
        });
        guidance.moments = moments(hints, Path::new("hints of the page"));
        guidance.count(guidance.moments.len(), "with color hints by the user");
        guidance
    }

    /// Whether there is any.
    pub(crate) fn is_given(&self) -> bool {
        self.sha256.is_some()
    }

    fn count(&mut self, frames: usize, of: &str) {
        if frames > 0 {
            let s = if frames == 1 { "" } else { "s" };
            self.words.push(format!("{frames} frame{s} {of}"));
        }
    }
}

fn open(path: &Path) -> Result<(OpenOriginal, String)> {
    let file = OriginalPath::named(path.into(), plan::identity(path)?).open()?;
    let sha256 = file.sha256(&Stop::default(), Deadline::NEVER)?;
    Ok((file, sha256))
}

fn in_colors(path: &Path) -> Result<(ColorPicture, String)> {
    let (file, sha256) = open(path)?;
    let picture = file.scan(&limits::of_each(None, 1))?.read_colors()?;
    let picture = picture.ok_or_else(|| Error::NoColors { path: path.into() })?;
    Ok((picture, sha256))
}

/// Reads a list such as `[{"time": 12.4, "x": 10, "y": 20, "radius": 5, "rgb": [200, 30, 30]}, ..]`, with
/// `"frame": 1042` of sequences.
fn hints(path: &Path, is_of_sequence: bool) -> Result<(Vec<Moment>, String)> {
    let (file, sha256) = open(path)?;
    let refused = |reason: String| CoreError::Hints { path: path.to_path_buf(), reason };
    let length = file.length().map_err(Error::io(path, "read"))?;
    if length > MOST_HINTS {
        return Err(refused(format!("{length} bytes are no list of hints")).into());
    }
    let mut text = vec![0; length as usize];
    file.read_exact_at(&mut text, 0).map_err(Error::io(path, "read"))?;
    let hints: Vec<FrameHint> =
        serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))?;
    let mut placed = Vec::with_capacity(hints.len());
    for (number, hint) in (1..).zip(hints) {
        let at = hint.at(is_of_sequence).map_err(|why| refused(format!("hint {number}: {why}")))?;
        let FrameHint { x, y, radius, rgb, .. } = hint;
        let places = [x, y, radius].iter().all(|value| value.is_finite() && *value >= 0.0);
        if !places {
            let reason = "x, y and radius are pixels, all 0 or more";
            return Err(refused(format!("hint {number}: {reason}")).into());
        }
        placed.push((at, Hint { x, y, radius, rgb, page: 1 }));
    }
    Ok((moments(placed.into_iter(), path), sha256))
}

/// Hints by their frames, in order; `path` is where they were read from.
fn moments(hints: impl Iterator<Item = (i64, Hint)>, path: &Path) -> Vec<Moment> {
    let mut frames = BTreeMap::<i64, Vec<Hint>>::new();
    for (at, hint) in hints {
        frames.entry(at).or_default().push(hint);
    }
    let moments = frames.into_iter().map(|(at, hints)| Moment {
        at,
        given: Given::Hints(Hints::Discs(hints)),
        path: path.into(),
    });
    moments.collect()
}
