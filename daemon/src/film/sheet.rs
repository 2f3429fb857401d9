//! A sheet of small pictures, as PNG beside where a result would be.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;

use super::tools::Tool;
use crate::error::{Error, Result};
use crate::files::temporary::Temporary;
use crate::files::{own, publish};
use crate::stop::Stop;

/// Columns of a picture, at most.
pub(super) const WIDTH: u32 = 320;

/// Pictures beside each other.
pub(super) const ACROSS: usize = 4;

/// Most shots that are shown.
pub(super) const MOST: usize = 400;

/// Bytes of a pixel.
const RGB: usize = 3;

/// Where the sheet of a result at `output` below `folder` belongs, and nothing lies.
pub(super) fn place(folder: &Path, output: &Path) -> Result<PathBuf> {
    let mut name = folder.join(output).into_os_string();
    name.push(".preview.png");
    let path = PathBuf::from(name);
    if path.symlink_metadata().is_ok() { Err(Error::Occupied { path }) } else { Ok(path) }
}

/// Lays out pictures of so many columns and rows, in RGB one after the other, and writes them as a sheet at
/// `path`, which is [`place`] of `output`; `about` is the film.
pub(super) fn write(
    pictures: &[u8],
    (width, height): (u32, u32),
    (folder, output, path): (&Path, &Path, &Path),
    about: &Path,
    stop: &Stop,
) -> Result<()> {
    let (width, height) = (width as usize, height as usize);
    let of_picture = width * height * RGB;
    let shots = pictures.len() / of_picture.max(1);
    let (across, down) = (shots.clamp(1, ACROSS), shots.div_ceil(ACROSS).max(1));
    let mut sheet = vec![0; across * down * of_picture];
    for (shot, picture) in pictures.chunks_exact(of_picture).enumerate() {
        let (left, top) = (shot % ACROSS * width, shot / ACROSS * height);
        for (y, row) in picture.chunks_exact(width * RGB).enumerate() {
            let at = ((top + y) * across * width + left) * RGB;
            sheet[at..at + row.len()].copy_from_slice(row);
        }
    }
    let png = png(sheet, (across * width, down * height), about, stop)?;
    own::create_all(folder)?;
    publish::create_folders(folder, output)?;
    let temporary = Temporary::new(publish::temporary_name(path));
    own::write_new(temporary.path(), &png)?;
    publish::rename(temporary.path(), path, None, publish::ALONE_ANYWAY)?;
    temporary.publish();
    Ok(())
}

/// Encodes RGB.
fn png(
    rgb: Vec<u8>,
    (width, height): (usize, usize),
    about: &Path,
    stop: &Stop,
) -> Result<Vec<u8>> {
    let mut command = Tool::Ffmpeg.command();
    let size = format!("{width}x{height}");
    command.args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", &size, "-i", "pipe:0"]);
    command.args(["-frames:v", "1", "-c:v", "png", "-fflags", "+bitexact"]);
    command.args(["-f", "image2pipe", "pipe:1"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = Tool::Ffmpeg.start(command, about, |_| {})?;
    let (mut stdin, stdout) = (running.stdin(), running.stdout());
    let png = thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(&rgb)); // how it ended tells
        read_all(stdout)
    });
    running.end_well(stop)?;
    png.map_err(Error::io(about, "read"))
}

/// All that a program writes.
pub(super) fn read_all(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    from.read_to_end(&mut all)?;
    Ok(all)
}
