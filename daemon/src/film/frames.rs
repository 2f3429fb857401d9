//! Frames of a film in order: the samples of each, its time and its MD5, all from one decode.
//!
//! ffmpeg writes luma, or planes of RGB, to stdout, and the list of times and checksums (its format `framemd5`) to stderr,
//! a line a frame, between what else it says. Whatever that is, if it is more than a warning the film
//! does not decode as it should. A second list, in its format `framecrc`, is of interlaced frames alone:
//! the first line of it ends the film.

use std::collections::VecDeque;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use super::interlaced;
use super::probe::Probe;
use super::refusal::Refusal;
use super::tools::{Running, Tool, complaint};
use crate::error::{Error, Result};
use crate::stop::Stop;

/// Frames whose samples may be there before their line: ffmpeg's outputs run beside each other.
const MOST_WAITING: usize = 16;

/// Bytes of samples that may lie between ffmpeg and what takes frames.
const BETWEEN: usize = 64 << 20;

/// When a frame is shown, and the checksum of its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameTime {
    /// From the start of the film's earliest stream.
    pub(super) milliseconds: i64,
    pub(super) md5: [u8; 16],
}

/// A frame.
pub(super) struct Frame {
    pub(super) samples: Vec<u8>,
    pub(super) time: FrameTime,
}

/// A line of `framemd5`.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    pub(super) stream: u64,
    /// In ticks of the time base.
    pub(super) ticks: i64,
    bytes: usize,
    pub(super) md5: [u8; 16],
}

/// A tick of a stream in seconds, as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeBase {
    over: i128,
    under: i128,
}

impl TimeBase {
    /// Milliseconds from `begins` on, in microseconds.
    pub(super) fn milliseconds(self, ticks: i64, begins: i64) -> i64 {
        // In units of a microsecond over `under`.
        let micros = i128::from(ticks) * self.over * 1_000_000 - i128::from(begins) * self.under;
        let (tick, half) = (1000 * self.under, 500 * self.under);
        (micros + half).div_euclid(tick) as i64
    }
}

/// What a line of ffmpeg's says.
enum Said {
    TimeBase(TimeBase),
    Frame(Line),
    /// A frame of two fields, and its ticks.
    Interlaced(i64),
    Fault(String),
}

/// Reads `#tb 0: 1/12800`.
pub(super) fn time_base(line: &str) -> Option<(u64, TimeBase)> {
    let (stream, base) = line.strip_prefix("#tb ")?.split_once(": ")?;
    let (over, under) = base.trim().split_once('/')?;
    let base = TimeBase { over: over.parse().ok()?, under: under.parse().ok()? };
    Some((stream.parse().ok()?, base))
}

/// Reads `0,  512,  512,  512,  57600, 8bd9394871711d576e95d4d5181a52e9`.
pub(super) fn frame_line(line: &str) -> Option<Line> {
    let mut fields = line.split(',').map(str::trim);
    let stream = fields.next()?.parse().ok()?;
    let (_, ticks, _) = (fields.next()?, fields.next()?, fields.next()?);
    let (bytes, md5) = (fields.next()?.parse().ok()?, fields.next()?);
    Some(Line { stream, ticks: ticks.parse().ok()?, bytes, md5: hexadecimal(md5)? })
}

/// Reads a line of `framecrc`, `0,  512,  512,  512,  57600, 0x5a11e9d4`; gives its ticks.
fn interlaced_line(line: &str) -> Option<i64> {
    let mut fields = line.split(',').map(str::trim);
    let _stream: u64 = fields.next()?.parse().ok()?;
    let ticks = fields.nth(1)?.parse().ok()?;
    let crc = fields.nth(2)?.strip_prefix("0x")?;
    (crc.len() == 8 && u32::from_str_radix(crc, 16).is_ok()).then_some(ticks)
}

fn hexadecimal(text: &str) -> Option<[u8; 16]> {
    let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32)?;
    Some(number.to_be_bytes())
}

fn said(line: &str) -> Option<Said> {
    if let Some((_, base)) = time_base(line) {
        return Some(Said::TimeBase(base));
    }
    if let Some(frame) = frame_line(line) {
        return Some(Said::Frame(frame));
    }
    if let Some(ticks) = interlaced_line(line) {
        return Some(Said::Interlaced(ticks));
    }
    // It would be given another time.
    let disorder = line.contains("Non-monoton").then(|| "times out of order".to_owned());
    complaint(line).or(disorder).map(Said::Fault)
}

/// The luma or RGB of a film's frames, upright, no sample of it changed, as a list and as it is.
fn decoder(probe: &Probe) -> Command {
    let mut command = Tool::Ffmpeg.command();
    command.args(["-protocol_whitelist", "file,pipe", "-copyts", "-noautorotate"]);
    probe.input(&mut command);
    let mut filters = vec![probe.coding.pixels.planes()];
    filters.extend(Some(probe.turn.filters.to_owned()).filter(|turn| !turn.is_empty()));
    let planes = filters.join(",");
    for (filters, output) in [
        (planes.as_str(), ["framemd5", "pipe:2"]),
        (planes.as_str(), ["rawvideo", "pipe:1"]),
        (interlaced::ALONE, ["framecrc", "pipe:2"]),
    ] {
        command.args(["-map", &format!("0:{}", probe.stream), "-autoscale", "0"]);
        command.args(["-fps_mode", "passthrough", "-enc_time_base", "-1", "-vf", filters]);
        command.args(["-c:v", "rawvideo", "-flush_packets", "1", "-f"]).args(output);
    }
    command.stdout(Stdio::piped());
    command
}

/// Frames that come out of a decoder.
pub(super) struct Frames {
    frames: Receiver<Result<Frame>>,
}

impl Frames {
    /// Starts to decode; `shown` is the film as the user wrote it.
    pub(super) fn start(probe: &Probe, shown: &Path, stop: &Stop) -> Result<Self> {
        let (heard, spoken) = mpsc::channel();
        let listen = move |line: &str| {
            if let Some(said) = said(line) {
                let _ = heard.send(said); // nobody listens any more
            }
        };
        let mut running = Tool::Ffmpeg.start(decoder(probe), shown, listen)?;
        let bytes = probe.coding.samples.bytes();
        let (sender, frames) = mpsc::sync_channel((BETWEEN / bytes.max(1)).clamp(1, 16));
        let reader = Reader {
            said: spoken,
            bytes,
            begins: probe.begins,
            shown: shown.into(),
            base: None,
            samples: VecDeque::new(),
            lines: VecDeque::new(),
            read: 0,
            last: None,
        };
        let (stop, stdout) = (stop.clone(), running.stdout());
        thread::spawn(move || {
            if let Err(error) = reader.run(running, stdout, &sender, &stop) {
                let _ = sender.send(Err(error)); // nobody takes frames any more
            }
        });
        Ok(Self { frames })
    }

    /// Waits for the next frame; `None`: the film is over, and was decoded without a fault.
    pub(super) fn next(&self) -> Result<Option<Frame>> {
        self.frames.recv().ok().transpose()
    }

    /// The next frame if it is there already.
    pub(super) fn next_if_ready(&self) -> Result<Option<Frame>> {
        self.frames.try_recv().ok().transpose()
    }
}

/// Joins frames with their lines.
struct Reader {
    said: Receiver<Said>,
    /// Of a frame.
    bytes: usize,
    begins: i64,
    shown: Box<Path>,
    base: Option<TimeBase>,
    /// Samples without a line yet.
    samples: VecDeque<Vec<u8>>,
    /// Lines without samples yet.
    lines: VecDeque<Line>,
    /// Frames that have both.
    read: u64,
    last: Option<i64>,
}

impl Reader {
    fn run(
        mut self,
        running: Running,
        mut stdout: impl Read,
        sender: &SyncSender<Result<Frame>>,
        stop: &Stop,
    ) -> Result<()> {
        while let Some(samples) = self.read_samples(&mut stdout)? {
            self.samples.push_back(samples);
            while let Ok(said) = self.said.try_recv() {
                self.hear(said)?;
            }
            while self.samples.len() > MOST_WAITING + self.lines.len()
                && let Ok(said) = self.said.recv()
            {
                self.hear(said)?;
            }
            if !self.join(sender)? {
                return Ok(());
            }
        }
        // It ends when ffmpeg does.
        while let Ok(said) = self.said.recv() {
            self.hear(said)?;
        }
        if !self.join(sender)? {
            return Ok(());
        }
        running.end(stop)?.well(Tool::Ffmpeg, &self.shown)?;
        if self.samples.is_empty() && self.lines.is_empty() {
            return Ok(());
        }
        Err(self.damaged("it gave other frames than it listed".to_owned()))
    }

    /// The samples of a frame; `None`: there is no further one.
    fn read_samples(&self, stdout: &mut impl Read) -> Result<Option<Vec<u8>>> {
        let mut samples = Vec::with_capacity(self.bytes);
        let read = stdout.take(self.bytes as u64).read_to_end(&mut samples);
        read.map_err(Error::io(&self.shown, "read"))?;
        // A part of one is told of by its line, or by how ffmpeg ended.
        Ok((samples.len() == self.bytes).then_some(samples))
    }

    fn hear(&mut self, said: Said) -> Result<()> {
        match said {
            Said::TimeBase(base) => self.base = Some(base),
            Said::Fault(said) => return Err(self.damaged(said)),
            Said::Frame(line) if line.bytes != self.bytes => {
                let frame = self.read + self.lines.len() as u64 + 1;
                return Err(self.refuse(Refusal::FrameSize { frame }));
            }
            Said::Frame(line) => self.lines.push_back(line),
            Said::Interlaced(ticks) => {
                let milliseconds = self.base.map(|base| base.milliseconds(ticks, self.begins));
                let milliseconds = milliseconds.unwrap_or_default();
                return Err(self.refuse(Refusal::InterlacedFrame { milliseconds }));
            }
        }
        Ok(())
    }

    /// Passes frames on that have both; `false`: nobody takes them any more.
    fn join(&mut self, sender: &SyncSender<Result<Frame>>) -> Result<bool> {
        while let (Some(base), false, Some(line)) =
            (self.base, self.samples.is_empty(), self.lines.front())
        {
            let milliseconds = base.milliseconds(line.ticks, self.begins);
            let time = FrameTime { milliseconds, md5: line.md5 };
            self.read += 1;
            if self.last.is_some_and(|last| milliseconds <= last) {
                return Err(self.refuse(Refusal::Times { frame: self.read }));
            }
            self.last = Some(milliseconds);
            self.lines.pop_front();
            let samples = self.samples.pop_front().unwrap_or_default();
            if sender.send(Ok(Frame { samples, time })).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn damaged(&self, said: String) -> Error {
        let frame = self.read + self.lines.len() as u64 + 1;
        self.refuse(Refusal::Damaged { frame, said })
    }

    fn refuse(&self, refusal: Refusal) -> Error {
        Error::Film { path: self.shown.to_path_buf(), refusal }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_frames_are_read() {
        let line = frame_line(
            "0,        512,        512,      512,    57600, 8bd9394871711d576e95d4d5181a52e9",
        );
        let line = line.unwrap();
        assert_eq!((line.stream, line.ticks, line.bytes, line.md5[0]), (0, 512, 57600, 0x8b));
        assert!(frame_line("[h264 @ 0x55] [error] Reference 4 >= 4, 1, 2, 3, 4").is_none());
        let interlaced = "0,        512,        520,      512,    57600, 0x8bd93948";
        assert_eq!((interlaced_line(interlaced), frame_line(interlaced)), (Some(520), None));
        assert!(interlaced_line("0, 1, 2, 3, 4, 8bd9394871711d576e95d4d5181a52e9").is_none());
        let (stream, base) = time_base("#tb 0: 1001/30000").unwrap();
        assert_eq!((stream, base), (0, TimeBase { over: 1001, under: 30000 }));
    }

    #[test]
    fn times_are_rounded_to_the_nearest_millisecond_from_the_start_of_the_film() {
        let base = TimeBase { over: 1001, under: 24000 };
        assert_eq!([0, 1, 2, 3].map(|frame| base.milliseconds(frame, 0)), [0, 42, 83, 125]);
        let base = TimeBase { over: 1, under: 90000 };
        assert_eq!(base.milliseconds(3_240_129_103, 36_001_400_000), 34);
        assert_eq!(base.milliseconds(-90, 0), -1);
    }
}
