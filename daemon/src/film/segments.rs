//! Shots as FFV1: an encoder for each, one after the other.

use std::io::{BufWriter, ErrorKind};
use std::process::{ChildStdin, Stdio};

use super::format::Coding;
use super::tools::{Running, Tool};
use super::uncompressed::Uncompressed;
use super::work::{Shot, Work};
use crate::error::{Error, Result};
use crate::files::own;
use crate::files::temporary::Temporary;
use crate::stop::Stop;

/// A shot that is being written.
pub(super) struct Segment<'a> {
    work: &'a Work,
    stop: &'a Stop,
    frames: Uncompressed<BufWriter<ChildStdin>>,
    encoder: Running,
    /// Goes with the shot unless that is whole.
    temporary: Temporary,
    shot: Shot,
    /// Of its first frame, which is its time 0.
    begins: i64,
}

impl<'a> Segment<'a> {
    /// Begins the shot whose first frame is `first`, shown from `begins` on, in milliseconds.
    pub(super) fn begin(
        work: &'a Work,
        coding: &Coding,
        rate: Option<(u64, u64)>,
        (first, begins): (u64, i64),
        stop: &'a Stop,
    ) -> Result<Self> {
        let temporary = Temporary::new(work.temporary("shot"));
        own::create_new(temporary.path())?; // with the rights of our files
        let mut command = Tool::Ffmpeg.command();
        // All that there is to know stands in the head.
        command.args(["-probesize", "32", "-analyzeduration", "0", "-fpsprobesize", "0"]);
        command.args(["-f", "matroska", "-i", "pipe:0", "-map", "0:v:0"]);
        command.args(["-fps_mode", "passthrough", "-enc_time_base", "-1", "-vf", &coding.tags()]);
        command.args(["-c:v", "ffv1", "-level", "3", "-g", "1", "-slicecrc", "1"]);
        // Slices as many as ffmpeg takes: of odd sizes it refuses numbers that it takes of even ones.
        command.args(["-flags:v", "+bitexact", "-fflags", "+bitexact"]);
        command.args(["-f", "matroska", "-y"]).arg(super::probe::file(temporary.path()));
        command.stdin(Stdio::piped());
        let mut encoder = Tool::Ffmpeg.start(command, temporary.path(), |_| {})?;
        let pipe = BufWriter::with_capacity(1 << 20, encoder.stdin());
        let duration = rate.map(|(over, under)| 1_000_000_000 * under / over);
        let frames = Uncompressed::begin(pipe, &coding.samples, duration);
        let frames = frames.map_err(Error::io(temporary.path(), "write"))?;
        let shot = Shot { first, frames: 0 };
        Ok(Self { work, stop, frames, encoder, temporary, shot, begins })
    }

    /// Adds a frame that is shown from this millisecond on, as its canvas gives it; `false`: the encoder takes none any more,
    /// and [`Segment::failure`] tells why.
    pub(super) fn add(
        &mut self,
        milliseconds: i64,
        kept: &[u8],
        painted: &[Vec<u8>],
    ) -> Result<bool> {
        let since = (milliseconds - self.begins).max(0).cast_unsigned();
        self.shot.frames += 1;
        match self.frames.frame(since, kept, painted) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Error::io(self.temporary.path(), "write")(error)),
        }
    }

    /// Why the encoder ended before the shot.
    pub(super) fn failure(self) -> Error {
        let Self { stop, encoder, temporary, .. } = self;
        match encoder.end_well(stop) {
            Err(error) => error,
            Ok(()) => Error::io(temporary.path(), "write")(ErrorKind::BrokenPipe.into()),
        }
    }

    /// Ends the shot and gives it its name.
    pub(super) fn end(self) -> Result<Shot> {
        let Self { work, stop, frames, encoder, temporary, shot, .. } = self;
        let closed = frames.end().map(drop); // its end of the pipe
        encoder.end_well(stop)?;
        closed.map_err(Error::io(temporary.path(), "write"))?;
        work.keep(temporary.path(), shot)?;
        temporary.publish();
        Ok(shot)
    }
}
