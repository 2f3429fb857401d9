//! A sheet with one colored frame of each shot, to look at before a film is colored.

use std::io::BufWriter;
use std::ops::ControlFlow::{Break, Continue};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Stdio};
use std::thread;

use super::canvas::Canvas;
use super::coloring::{Colored, Coloring};
use super::context::FilmContext;
use super::probe::Probe;
use super::sheet::{self, ACROSS, MOST, WIDTH, read_all};
use super::tools::Tool;
use super::uncompressed::Uncompressed;
use crate::error::{Error, Result};
use crate::job::{JobContext, JobDetails, Step};
use crate::plan::{Job, Sequence};
use crate::policy::Redo;

impl JobContext {
    /// Writes the sheet of a film beside where its result would be; gives its path.
    pub(crate) fn preview_film(
        &self,
        film: &FilmContext,
        (job, frames): (&Job, Option<&Sequence>),
        details: &mut JobDetails,
    ) -> Step<PathBuf> {
        let is_forced = self.policy.redo == Redo::All;
        let probe = match self.asked(film, (job, frames), is_forced, details)? {
            Continue(probe) => probe,
            Break(reason) => return Ok(Break(reason)),
        };
        let path = sheet::place(&self.folder, &job.output)?;
        let bar = film.bar(&job.shown, probe.frames);
        let (samples, area) = (probe.coding.samples, self.model.colorizer.work_area());
        let canvas = Canvas::new(samples, area, film.settings.saturation);
        let coloring = Coloring {
            probe: &probe,
            shown: &job.shown,
            model: &self.model,
            settings: &film.settings,
            moments: &film.guidance.moments,
            canvas: &canvas,
            bar: &bar,
            done: &self.bands,
            stop: &self.stop,
        };
        let height = height(&probe);
        let (pictures, shown_at) = Shots { coloring, height }.pictures()?;
        bar.finish_and_clear();
        details.shown_at = shown_at;
        let places = (self.folder.as_path(), job.output.as_path(), path.as_path());
        sheet::write(&pictures, (WIDTH, height), places, &job.shown, &self.stop)?;
        Ok(Continue(path))
    }
}

/// Says at which seconds the frames of a sheet are shown, row by row.
pub(crate) fn tell_times(shown: &Path, shown_at: &[f64]) {
    for (row, times) in (1..).zip(shown_at.chunks(ACROSS)) {
        let times: Vec<String> = times.iter().map(|time| format!("{time:.3}")).collect();
        log::info!("{}: row {row}: at {} s", shown.display(), times.join(", "));
    }
}

/// Rows of a picture on the sheet.
fn height(probe: &Probe) -> u32 {
    let (width, height) = probe.coding.shown_size();
    (f64::from(WIDTH) * height / width).round().clamp(1.0, 4.0 * f64::from(WIDTH)) as u32
}

struct Shots<'a> {
    coloring: Coloring<'a>,
    height: u32,
}

impl Shots<'_> {
    /// The pictures of all shots, small, in RGB, and at which seconds they are shown.
    fn pictures(&self) -> Result<(Vec<u8>, Vec<f64>)> {
        let (probe, about) = (self.coloring.probe, self.coloring.shown);
        let mut command = Tool::Ffmpeg.command();
        command.args(["-probesize", "32", "-analyzeduration", "0", "-fpsprobesize", "0"]);
        command.args(["-f", "matroska", "-i", "pipe:0", "-fps_mode", "passthrough"]);
        let scale = format!("scale={WIDTH}:{}:flags=area,format=rgb24", self.height);
        command.args(["-vf", &format!("{},{scale}", probe.coding.tags())]);
        command.args(["-c:v", "rawvideo", "-f", "rawvideo", "pipe:1"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = Tool::Ffmpeg.start(command, about, |_| {})?;
        let pipe = BufWriter::new(running.stdin());
        let frames = Uncompressed::begin(pipe, &probe.coding.samples, None);
        let frames = frames.map_err(Error::io(about, "read"))?;
        let stdout = running.stdout();
        let pictures = thread::scope(|scope| {
            let reader = scope.spawn(move || read_all(stdout));
            let shown = self.show(frames);
            let pictures = reader.join().unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into()));
            Ok::<_, Error>((pictures.map_err(Error::io(about, "read"))?, shown?))
        })?;
        running.end_well(self.coloring.stop)?;
        Ok(pictures)
    }

    /// Writes a frame of each shot; gives the seconds at which they are shown.
    fn show(&self, mut frames: Uncompressed<BufWriter<ChildStdin>>) -> Result<Vec<f64>> {
        let (mut chosen, mut in_shot, mut shown_at) = (None::<Colored>, 0_u64, Vec::new());
        let canvas = self.coloring.canvas;
        let mut put = |chosen: &mut Option<Colored>| {
            if let Some(Colored { samples, chroma, time, .. }) = chosen.take()
                && shown_at.len() < MOST
            {
                let painted = canvas.paint(&chroma, &samples);
                // How ffmpeg ended tells why it takes no more.
                let _ = frames.frame(shown_at.len() as u64, canvas.kept(&samples), &painted);
                shown_at.push(time.milliseconds as f64 / 1000.0);
            }
        };
        self.coloring.colors(0, &mut |colored: Vec<Colored>| {
            for frame in colored {
                if frame.begins_shot {
                    put(&mut chosen);
                    in_shot = 0;
                }
                in_shot += 1;
                // At the end the last power of two is in the latter half of the shot.
                if in_shot.is_power_of_two() {
                    chosen = Some(frame);
                }
                self.coloring.count();
            }
            true
        })?;
        put(&mut chosen);
        let _ = frames.end();
        Ok(shown_at)
    }
}
