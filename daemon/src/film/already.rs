//! Whether a film has colors already, by a few frames of it.

use std::io::Cursor;
use std::path::Path;
use std::process::Stdio;

use polychromify_core::{Scan, Toning, Verdict};

use super::pixels::Model;
use super::probe::Probe;
use super::tools::Tool;
use crate::error::Result;
use crate::job::JobContext;
use crate::plan::Job;

/// Frames that are looked at.
pub(super) const LOOKS: u32 = 12;

/// A film has colors if one of so many frames that were looked at has.
const ONE_OF: usize = 4;

/// What was seen.
pub(super) struct Seen {
    /// Of the frame that most surely has colors, else of any.
    pub(super) toning: Option<Toning>,
    /// Whether enough frames have colors.
    pub(super) has_colors: bool,
}

/// Looks at some frames of a film.
pub(super) fn look(context: &JobContext, job: &Job, probe: &Probe) -> Result<Seen> {
    if probe.coding.pixels.model == Model::Gray {
        return Ok(Seen { toning: Some(Toning::GRAY), has_colors: false });
    }
    let mut tonings = Vec::new();
    for at in places(probe.seconds) {
        let Some(picture) = picture(context, job, probe, at)? else { continue };
        let limits = context.limits_from_now();
        // What does not decode shows when all frames are read.
        let Ok(mut scan) = Scan::read(Cursor::new(picture), Path::new("frame"), &limits) else {
            continue;
        };
        tonings.push(context.thumbnail(job, &mut scan)?.1);
    }
    Ok(judge(&job.shown, &tonings))
}

/// Judges by the frames that were looked at; `shown` is the film as the user wrote it.
pub(super) fn judge(shown: &Path, tonings: &[Toning]) -> Seen {
    let colored = tonings.iter().filter(|toning| toning.verdict == Verdict::Color).count();
    if colored > 0 && colored * ONE_OF < tonings.len() {
        let (name, looked) = (shown.display(), tonings.len());
        log::warn!(
            "{name}: {colored} of {looked} frames that were looked at have colors, which go"
        );
    }
    let rank = |toning: &Toning| (toning.verdict == Verdict::Color, toning.confidence);
    let surest = tonings
        .iter()
        .copied()
        .max_by(|a, b| rank(a).partial_cmp(&rank(b)).unwrap_or(std::cmp::Ordering::Equal));
    Seen { toning: surest, has_colors: colored > 0 && colored * ONE_OF >= tonings.len() }
}

/// Seconds at which a film of this length is looked at.
pub(super) fn places(seconds: Option<f64>) -> Vec<f64> {
    match seconds {
        Some(seconds) => {
            (0..LOOKS).map(|i| seconds * (f64::from(i) + 0.5) / f64::from(LOOKS)).collect()
        }
        None => (0..LOOKS).map(|i| f64::from(1 << i) - 1.0).collect(),
    }
}

/// A frame as PNG, made smaller; `None`: there is none.
fn picture(context: &JobContext, job: &Job, probe: &Probe, at: f64) -> Result<Option<Vec<u8>>> {
    let mut command = Tool::Ffmpeg.command();
    command.args(["-protocol_whitelist", "file,pipe", "-ss", &format!("{at:.3}")]);
    probe.input(&mut command);
    command.args(["-map", &format!("0:{}", probe.stream)]);
    let small = "scale=w=min(iw\\,640):h=min(ih\\,640):force_original_aspect_ratio=decrease";
    command.args(["-frames:v", "1", "-vf", small, "-c:v", "png", "-f", "image2pipe", "pipe:1"]);
    command.stdout(Stdio::piped());
    let output = Tool::Ffmpeg.output(command, &job.shown, &context.stop)?;
    Ok((!output.stdout.is_empty()).then_some(output.stdout))
}
