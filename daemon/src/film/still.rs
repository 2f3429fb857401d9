//! Single frames of a film, for those who look at it.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use super::frames::{frame_line, time_base};
use super::probe::{file, probe};
use super::tools::Tool;
use crate::error::{Error, Result};
use crate::stop::Stop;

/// Seconds of the processor's time for a frame.
const LONGEST: &str = "30";

/// ffmpeg's filters from the pixels of a film, as its tags tell them, to sRGB.
const COLORS: &str = "scale=flags=bicubic+accurate_rnd+full_chroma_int,format=rgb24";

/// What of a frame is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Lightness,
    Colors,
}

/// A frame, upright and of its full size.
pub(crate) struct FilmFrame {
    /// TIFF.
    pub(crate) picture: Vec<u8>,
    /// At which it is shown.
    pub(crate) milliseconds: i64,
}

/// A frame as a JPEG of at most `side` pixels a side: the first at `seconds` or later, else one among
/// the first that is like most of them.
pub(crate) fn still(
    path: &Path,
    seconds: Option<f64>,
    side: usize,
    stop: &Stop,
) -> Result<Vec<u8>> {
    let mut command = reader(path, seconds);
    let choice = if seconds.is_none() { "thumbnail=50," } else { "" };
    let fitted = format!(
        "{choice}scale={side}:{side}:force_original_aspect_ratio=decrease:force_divisible_by=2"
    );
    command.args(["-map", "0:V:0", "-frames:v", "1", "-vf", &fitted, "-pix_fmt", "yuvj420p"]);
    command.args(["-c:v", "mjpeg", "-q:v", "4", "-f", "image2pipe", "pipe:1"]);
    let output = Tool::Ffmpeg.output(command, path, stop)?;
    if output.ended.went_well && !output.stdout.is_empty() {
        return Ok(output.stdout);
    }
    Err(failed(path, output.ended.complaints.join("; ")))
}

/// The first frame at `seconds` or later.
pub(crate) fn frame(path: &Path, seconds: f64, seen: Seen, stop: &Stop) -> Result<FilmFrame> {
    let pixels = match seen {
        Seen::Lightness => probe(path, path, stop)?.coding.as_picture(),
        Seen::Colors => COLORS.to_owned(),
    };
    let mut command = reader(path, Some(seconds));
    let picture = ["-c:v", "tiff", "-compression_algo", "raw", "-f", "image2pipe", "pipe:1"];
    let time = ["-enc_time_base", "-1", "-c:v", "rawvideo", "-f", "framemd5", "pipe:2"];
    for output in [picture, time] {
        command.args(["-map", "0:V:0", "-frames:v", "1", "-fps_mode", "passthrough"]);
        command.args(["-vf", &pixels]).args(output);
    }
    command.stdout(Stdio::piped());
    let (sender, lines) = mpsc::channel();
    let mut running = Tool::Ffmpeg.start(command, path, move |line| {
        let _ = sender.send(line.to_owned());
    })?;
    let mut picture = Vec::new();
    running.stdout().read_to_end(&mut picture).map_err(Error::io(path, "read"))?;
    let ended = running.end(stop)?;
    let (mut base, mut after) = (None, None);
    for line in lines {
        base = base.or(time_base(&line).map(|(_, base)| base));
        after = after.or_else(|| Some(base?.milliseconds(frame_line(&line)?.ticks, 0)));
    }
    match after {
        Some(after) if ended.went_well && !picture.is_empty() => {
            Ok(FilmFrame { picture, milliseconds: (1000.0 * seconds).round() as i64 + after })
        }
        _ => Err(failed(path, ended.complaints.join("; "))),
    }
}

/// ffmpeg about to read a film from a time on.
fn reader(path: &Path, seconds: Option<f64>) -> Command {
    let mut command = Tool::Ffmpeg.command();
    command.args(["-protocol_whitelist", "file,pipe", "-timelimit", LONGEST]);
    if let Some(seconds) = seconds {
        command.arg("-ss").arg(format!("{seconds:.3}"));
    }
    command.args([OsStr::new("-i"), &file(path)]);
    command
}

fn failed(path: &Path, reason: String) -> Error {
    Error::FilmTool { tool: "ffmpeg", path: path.to_path_buf(), reason }
}
