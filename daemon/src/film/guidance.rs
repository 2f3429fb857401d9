//! What the user gave to guide the colors of a film: a reference, frames in colors, hints.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use polychromify_core::{
    ColorPicture, Deadline, Error as CoreError, Given, Hint, Hints, hexadecimal,
};
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
    /// In the order of their times.
    pub(super) moments: Vec<Moment>,
    /// Of all files; `None`: there are none.
    pub(super) sha256: Option<String>,
    /// For the label.
    pub(super) words: Vec<String>,
}

/// Colors of one frame.
pub(super) struct Moment {
    /// At which the frame is shown.
    pub(super) milliseconds: i64,
    pub(super) given: Given,
    /// The file that it was read from.
    pub(super) path: PathBuf,
}

impl Guidance {
    /// Reads the files that the user named.
    pub(crate) fn read(arguments: &Film) -> Result<Self> {
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
        for Keyframe { milliseconds, path } in &arguments.keyframe {
            let (picture, sha256) = in_colors(path)?;
            tell(&format!("keyframe {milliseconds}"), &sha256);
            let (given, path) = (Given::Picture(picture), path.clone());
            guidance.moments.push(Moment { milliseconds: *milliseconds, given, path });
        }
        guidance.count(guidance.moments.len(), "in colors by the user");
        if let Some(path) = &arguments.hints {
            let (moments, sha256) = hints(path)?;
            tell("hints", &sha256);
            guidance.count(moments.len(), "with color hints by the user");
            guidance.moments.extend(moments);
        }
        guidance.moments.sort_by_key(|moment| moment.milliseconds);
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
        guidance.moments = moments(hints.to_vec(), Path::new("hints of the page"));
        guidance.count(guidance.moments.len(), "with color hints by the user");
        guidance
    }

    /// Whether there is any.
    pub(crate) fn is_given(&self) -> bool {
        self.sha256.is_some()
    }

    /// Whether frames are given at their times.
    pub(super) fn is_of_frames(&self) -> bool {
        !self.moments.is_empty()
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

/// Reads a list such as `[{"time": 12.4, "x": 10, "y": 20, "radius": 5, "rgb": [200, 30, 30]}, ..]`.
fn hints(path: &Path) -> Result<(Vec<Moment>, String)> {
    let (file, sha256) = open(path)?;
    let refused = |reason: String| CoreError::Hints { path: path.to_path_buf(), reason };
    let length = file.length().map_err(Error::io(path, "read"))?;
    if length > MOST_HINTS {
        return Err(refused(format!("{length} bytes are no list of hints")).into());
    }
    let mut text = vec![0; length as usize];
    file.read_exact_at(&mut text, 0).map_err(Error::io(path, "read"))?;
    let hints: Vec<TimedHint> =
        serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))?;
    for (number, TimedHint { time, x, y, radius, .. }) in (1..).zip(&hints) {
        let places = [x, y, radius].iter().all(|value| value.is_finite() && **value >= 0.0);
        if !places || !(0.0..1e9).contains(time) {
            let reason = "time is in seconds, x, y and radius are pixels, all 0 or more";
            return Err(refused(format!("hint {number}: {reason}")).into());
        }
    }
    Ok((moments(hints, path), sha256))
}

/// Hints by their frames, in order; `path` is where they were read from.
fn moments(hints: Vec<TimedHint>, path: &Path) -> Vec<Moment> {
    let mut frames = BTreeMap::<i64, Vec<Hint>>::new();
    for TimedHint { time, x, y, radius, rgb } in hints {
        let milliseconds = (1000.0 * time).round() as i64;
        frames.entry(milliseconds).or_default().push(Hint { x, y, radius, rgb, page: 1 });
    }
    let moments = frames.into_iter().map(|(milliseconds, hints)| Moment {
        milliseconds,
        given: Given::Hints(Hints::Discs(hints)),
        path: path.into(),
    });
    moments.collect()
}
