//! One frame of a film, small, for lists.

use std::path::Path;

use super::probe::file;
use super::tools::Tool;
use crate::error::{Error, Result};
use crate::stop::Stop;

/// A frame among the first that is like most of them, as a JPEG of at most `side` pixels a side.
pub(crate) fn still(path: &Path, side: usize, stop: &Stop) -> Result<Vec<u8>> {
    let mut command = Tool::Ffmpeg.command();
    command.args(["-protocol_whitelist", "file,pipe", "-i"]).arg(file(path));
    let fitted = format!(
        "thumbnail=50,scale={side}:{side}:force_original_aspect_ratio=decrease:force_divisible_by=2"
    );
    command.args(["-map", "0:v:0", "-frames:v", "1", "-vf", &fitted]);
    command.args([
        "-pix_fmt",
        "yuvj420p",
        "-c:v",
        "mjpeg",
        "-q:v",
        "4",
        "-f",
        "image2pipe",
        "pipe:1",
    ]);
    let output = Tool::Ffmpeg.output(command, path, stop)?;
    if output.ended.went_well && !output.stdout.is_empty() {
        return Ok(output.stdout);
    }
    let reason = output.ended.complaints.join("; ");
    Err(Error::FilmTool { tool: "ffmpeg", path: path.to_path_buf(), reason })
}
