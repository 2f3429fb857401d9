//! A result is proved before it is published: its luma or lightness, its times and its sound are the
//! source's.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use polychromify_core::hexadecimal;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::canvas::{Canvas, Difference};
use super::frames::{FrameTime, Frames, frame_line, time_base};
use super::probe::{self, Probe, file};
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
    pub(super) canvas: &'a Canvas,
    pub(super) stop: &'a Stop,
}

/// What of a film is its source's.
pub(super) enum Kept {
    /// Each sample of luma: the SHA-256 of the list of all frames' MD5s.
    Luma(String),
    /// Lightness, to rounding.
    Lightness(Difference),
}

impl Kept {
    /// Tells it beside what else is told of a film.
    pub(super) fn tell(&self, facts: &mut Value) {
        match self {
            Self::Luma(sha256) => facts["luma_framemd5_sha256"] = json!(sha256),
            Self::Lightness(difference) => {
                let (most, mean) = (f64::from(difference.most), difference.mean());
                let rounded = |value: f64| (value * 1e4).round() / 1e4;
                facts["lightness_difference"] =
                    json!({"most": rounded(most), "mean": rounded(mean)});
            }
        }
    }
}

impl Proof<'_> {
    /// Proves a film without loss.
    pub(super) fn of_lossless(&self, film: &Path) -> Result<Kept> {
        let (shift, kept) = match self.canvas {
            Canvas::Luma(..) => (self.frames(film, true)?, Kept::Luma(self.list())),
            Canvas::Rgb(..) => {
                let (shift, difference) = self.lightness(film)?;
                (shift, Kept::Lightness(difference))
            }
        };
        match sound::difference(self.probe, film, shift, self.stop)? {
            Some(reason) => self.differs(reason),
            None => Ok(kept),
        }
    }

    /// The SHA-256 of the MD5s of all frames, a line each.
    fn list(&self) -> String {
        let mut hasher = Sha256::new();
        for time in self.times {
            hasher.update(hexadecimal(&time.md5));
            hasher.update("\n");
        }
        hexadecimal(&hasher.finalize())
    }

    /// Compares the lightness of all frames with the source's, which is read once more; gives the shift
    /// as [`Proof::frames`] does.
    fn lightness(&self, film: &Path) -> Result<(i64, Difference)> {
        let mut found = probe::probe(film, film, self.stop)?;
        found.begins = 0;
        if found.coding.samples != self.probe.coding.samples {
            return self.differs("its frames are of another kind".to_owned());
        }
        let frames = Frames::start(&found, film, self.stop)?;
        let sources = Frames::start(self.probe, self.shown, self.stop)?;
        let (mut shift, mut difference) = (None, Difference::default());
        for (number, expected) in (1..).zip(self.times) {
            let (Some(frame), Some(source)) = (frames.next()?, sources.next()?) else {
                let expected = self.times.len();
                return self.differs(format!("{} frames in place of {expected}", number - 1));
            };
            if source.time != *expected {
                return Err(Error::SourceChanged { path: self.shown.into() });
            }
            let late = frame.time.milliseconds - expected.milliseconds;
            let by = late - *shift.get_or_insert(late);
            if by != 0 {
                return self.differs(format!("frame {number} comes {by} ms later"));
            }
            let of_frame = self.canvas.difference(&source.samples, &frame.samples);
            if of_frame.most > self.canvas.tolerance() {
                let most = of_frame.most;
                return self.differs(format!("lightness of frame {number} differs by {most:.2}"));
            }
            difference = difference.and(of_frame);
        }
        if frames.next()?.is_some() {
            return self.differs(format!("it has more than {} frames", self.times.len()));
        }
        Ok((shift.unwrap_or_default(), difference))
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
