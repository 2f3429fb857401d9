//! A result is proved before it is published: its luma or lightness, its times and its sound are the
//! source's.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use polychromify_core::{Deadline, Error as CoreError, hexadecimal};
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
    /// Proves a film without loss; gives what of it is kept, and by how many milliseconds all of it comes
    /// later than in the source: sound that begins before 0 moves all streams.
    pub(super) fn of_lossless(&self, film: &Path) -> Result<(Kept, i64)> {
        let (shift, kept) = match self.canvas {
            Canvas::Luma(..) => {
                (self.frames(film, true)?, Kept::Luma(list(self.times.iter().map(|time| time.md5))))
            }
            Canvas::Rgb(..) => {
                let (shift, difference) = self.lightness(film)?;
                (shift, Kept::Lightness(difference))
            }
        };
        match sound::difference(self.probe, film, shift, self.stop)? {
            Some(reason) => self.differs(reason),
            None => Ok((kept, shift)),
        }
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
    /// time than that and the milliseconds that it gives.
    pub(super) fn of_copy(&self, film: &Path) -> Result<i64> {
        self.frames(film, false)
    }

    /// Compares frames; gives by how many milliseconds all of the result comes later than in the
    /// source.
    fn frames(&self, film: &Path, lossless: bool) -> Result<i64> {
        let (mut shift, mut found) = (None, 0_usize);
        each_frame(film, self.stop, &mut |milliseconds, md5| {
            let Some(expected) = self.times.get(found) else {
                return self.differs(format!("it has more than {found} frames"));
            };
            found += 1;
            if lossless && md5 != expected.md5 {
                return self.differs(format!("frame {found} has another luma"));
            }
            let late = milliseconds - expected.milliseconds;
            let by = late - *shift.get_or_insert(late);
            // A copy has ticks of its own.
            if by.abs() > i64::from(!lossless) {
                return self.differs(format!("frame {found} comes {by} ms later"));
            }
            Ok(())
        })?;
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

/// The SHA-256 of a list of MD5s, a line each.
fn list(md5s: impl IntoIterator<Item = [u8; 16]>) -> String {
    let mut hasher = Sha256::new();
    for md5 in md5s {
        hasher.update(hexadecimal(&md5));
        hasher.update("\n");
    }
    hexadecimal(&hasher.finalize())
}

/// Decodes a film to its end; `each` gets the time of each frame, in milliseconds, and the MD5 of its
/// luma.
fn each_frame(
    film: &Path,
    stop: &Stop,
    each: &mut dyn FnMut(i64, [u8; 16]) -> Result<()>,
) -> Result<()> {
    let mut command = Tool::Ffmpeg.command();
    command.args(["-protocol_whitelist", "file,pipe", "-copyts", "-i"]).arg(file(film));
    command.args(["-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "-1"]);
    command.args(["-vf", "extractplanes=y", "-c:v", "rawvideo", "-f", "framemd5", "pipe:1"]);
    command.stdout(Stdio::piped());
    let mut running = Tool::Ffmpeg.start(command, film, |_| {})?;
    let mut base = None;
    for line in BufReader::new(Stoppable::new(running.stdout(), stop)).lines() {
        let line = line.map_err(Error::io(film, "read"))?;
        base = base.or(time_base(&line).map(|(_, base)| base));
        if let (Some(frame), Some(base)) = (frame_line(&line), base) {
            each(base.milliseconds(frame.ticks, 0), frame.md5)?;
        }
    }
    running.end_well(stop)
}

/// The SHA-256 of the MD5s of the luma of all frames of a result, a line each, as is told of it.
///
/// # Errors
///
/// When it does not decode to its end, or not in time.
pub(crate) fn luma_framemd5(film: &Path, stop: &Stop, deadline: Deadline) -> Result<String> {
    let mut md5s = Vec::new();
    each_frame(film, stop, &mut |_, md5| {
        md5s.push(md5);
        Ok(deadline.check().map_err(CoreError::in_image(film))?)
    })?;
    Ok(list(md5s))
}
