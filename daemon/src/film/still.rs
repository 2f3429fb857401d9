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

/// A frame, upright.
pub(crate) struct FilmFrame {
    /// JPEG or TIFF.
    pub(crate) picture: Vec<u8>,
    /// At which it is shown.
    pub(crate) milliseconds: i64,
}

/// A frame of a result as a JPEG of at most `side` pixels a side: the first at `seconds` or later, else
/// one among the first that is like most of them.
pub(crate) fn still(
    path: &Path,
    seconds: Option<f64>,
    side: usize,
    stop: &Stop,
) -> Result<FilmFrame> {
    let choice = if seconds.is_none() { "thumbnail=50," } else { "" };
    let fitted = format!(
        "{choice}scale={side}:{side}:force_original_aspect_ratio=decrease:force_divisible_by=2"
    );
    let jpeg = ["-vf", &fitted, "-pix_fmt", "yuvj420p", "-c:v", "mjpeg", "-q:v", "4"];
    first(path, (seconds.unwrap_or_default(), Seen::Colors), &jpeg, stop)
}

/// The first frame at `seconds` or later, of its full size as TIFF: of a source its lightness, of a
/// result its colors.
pub(crate) fn frame(path: &Path, seconds: f64, seen: Seen, stop: &Stop) -> Result<FilmFrame> {
    let pixels = match seen {
        Seen::Lightness => probe(path, path, stop)?.coding.as_picture(),
        Seen::Colors => COLORS.to_owned(),
    };
    let tiff = ["-vf", &pixels, "-c:v", "tiff", "-compression_algo", "raw"];
    first(path, (seconds, seen), &tiff, stop)
}

/// The first frame at a time or later, as these arguments of ffmpeg's write it.
fn first(path: &Path, from: (f64, Seen), coded: &[&str], stop: &Stop) -> Result<FilmFrame> {
    let mut command = reader(path, from);
    let one = ["-map", "0:V:0", "-frames:v", "1", "-fps_mode", "passthrough"];
    command.args(one).args(coded).args(["-f", "image2pipe", "pipe:1"]);
    command.args(one).args([
        "-enc_time_base",
        "-1",
        "-c:v",
        "rawvideo",
        "-f",
        "framemd5",
        "pipe:2",
    ]);
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
            Ok(FilmFrame { picture, milliseconds: (1000.0 * from.0).round() as i64 + after })
        }
        _ => Err(failed(path, ended.complaints.join("; "))),
    }
}

/// ffmpeg about to read a film from a time on: of a source counted from its earliest stream's start, of
/// a result as it is written there.
fn reader(path: &Path, (seconds, seen): (f64, Seen)) -> Command {
    let mut command = Tool::Ffmpeg.command();
    command.args(["-protocol_whitelist", "file,pipe", "-timelimit", LONGEST]);
    if seen == Seen::Colors {
        command.args(["-seek_timestamp", "1"]);
    }
    command.args(["-ss", &format!("{seconds:.3}")]);
    command.args([OsStr::new("-i"), &file(path)]);
    command
}

fn failed(path: &Path, reason: String) -> Error {
    Error::FilmTool { tool: "ffmpeg", path: path.to_path_buf(), reason }
}
