//! A result is proved before it is published: its luma, its times and its sound are the source's.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use super::frames::{FrameTime, frame_line, time_base};
use super::probe::{Probe, file};
use super::sound;
use super::tools::Tool;
use crate::error::{Error, Result};
use crate::stop::{Stop, Stoppable};

/// What a result has to show.
pub(super) struct Proof<'a> {
    pub(super) probe: &'a Probe,
    /// The film as the user wrote it.
    pub(super) shown: &'a Path,
    pub(super) times: &'a [FrameTime],
    pub(super) stop: &'a Stop,
}

impl Proof<'_> {
    /// Proves a film without loss.
    pub(super) fn of_lossless(&self, film: &Path) -> Result<()> {
        let shift = self.frames(film, true)?;
        match sound::difference(self.probe, film, shift, self.stop)? {
            Some(reason) => self.differs(reason),
            None => Ok(()),
        }
    }

    /// Proves a copy whose luma was encoded with loss: no frame is missing, and none comes at another
    /// time.
    pub(super) fn of_copy(&self, film: &Path) -> Result<()> {
        self.frames(film, false).map(drop)
    }

    /// Compares frames; gives by how many milliseconds all of the result comes later than in the
    /// source: sound that begins before 0 moves all streams.
    fn frames(&self, film: &Path, lossless: bool) -> Result<i64> {
        let mut command = Tool::Ffmpeg.command();
        command.args(["-copyts", "-i"]).arg(file(film)).args(["-map", "0:v:0"]);
        command.args(["-fps_mode", "passthrough", "-enc_time_base", "-1", "-c:v", "rawvideo"]);
        command.args(["-vf", "extractplanes=y", "-f", "framemd5", "pipe:1"]).stdout(Stdio::piped());
        let mut running = Tool::Ffmpeg.start(command, film, |_| {})?;
        let lines = BufReader::new(Stoppable::new(running.stdout(), self.stop)).lines();
        let (mut base, mut shift, mut found) = (None, None, 0_usize);
        for line in lines {
            let line = line.map_err(Error::io(film, "read"))?;
            base = base.or(time_base(&line).map(|(_, base)| base));
            let (Some(frame), Some(base)) = (frame_line(&line), base) else { continue };
            let Some(expected) = self.times.get(found) else {
                return self.differs(format!("it has more than {found} frames"));
            };
            found += 1;
            if lossless && frame.md5 != expected.md5 {
                return self.differs(format!("frame {found} has another luma"));
            }
            let late = base.milliseconds(frame.ticks, 0) - expected.milliseconds;
            let shift = *shift.get_or_insert(late);
            // A copy has ticks of its own.
            let most = i64::from(!lossless);
            if (late - shift).abs() > most {
                let by = late - shift;
                return self.differs(format!("frame {found} comes {by} ms later"));
            }
        }
        running.end_well(self.stop)?;
        let expected = self.times.len();
        if found < expected {
            return self.differs(format!("{found} frames in place of {expected}"));
        }
        Ok(shift.unwrap_or_default())
    }

    fn differs<T>(&self, reason: String) -> Result<T> {
        Err(Error::ReadBack { path: self.shown.into(), reason })
    }
}
