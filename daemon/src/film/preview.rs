//! A sheet with one colored frame of each shot, to look at before a film is colored.

use std::io::{BufWriter, Write};
use std::ops::ControlFlow::{Break, Continue};
use std::path::PathBuf;
use std::process::{ChildStdin, Stdio};
use std::thread;

use super::canvas::Canvas;
use super::coloring::{Colored, Coloring};
use super::context::FilmContext;
use super::probe::Probe;
use super::tools::Tool;
use super::uncompressed::Uncompressed;
use crate::error::{Error, Result};
use crate::files::temporary::Temporary;
use crate::files::{own, publish};
use crate::job::{JobContext, JobDetails, Step};
use crate::plan::Job;

/// Columns of a picture on the sheet.
const WIDTH: u32 = 320;

/// Pictures beside each other.
const ACROSS: usize = 4;

/// Most shots that are shown.
const MOST: usize = 400;

/// Bytes of a pixel.
const RGB: usize = 3;

impl JobContext {
    /// Writes the sheet of a film beside where its result would be; gives its path.
    pub(crate) fn preview_film(
        &self,
        film: &FilmContext,
        job: &Job,
        details: &mut JobDetails,
    ) -> Step<PathBuf> {
        let probe = match self.asked(job, details)? {
            Continue(probe) => probe,
            Break(reason) => return Ok(Break(reason)),
        };
        let mut name = self.folder.join(&job.output).into_os_string();
        name.push(".preview.png");
        let path = PathBuf::from(name);
        if path.symlink_metadata().is_ok() {
            return Err(Error::Occupied { path });
        }
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
            stop: &self.stop,
        };
        let sheet = Sheet { coloring, height: height(&probe) };
        let png = sheet.draw()?;
        bar.finish_and_clear();
        own::create_all(&self.folder)?;
        publish::create_folders(&self.folder, &job.output)?;
        let temporary = Temporary::new(publish::temporary_name(&path));
        own::write_new(temporary.path(), &png)?;
        publish::rename(temporary.path(), &path, None)?;
        temporary.publish();
        Ok(Continue(path))
    }
}

/// Rows of a picture on the sheet.
fn height(probe: &Probe) -> u32 {
    let (width, height) = probe.coding.shown_size();
    (f64::from(WIDTH) * height / width).round().clamp(1.0, 4.0 * f64::from(WIDTH)) as u32
}

struct Sheet<'a> {
    coloring: Coloring<'a>,
    height: u32,
}

impl Sheet<'_> {
    fn draw(&self) -> Result<Vec<u8>> {
        let (pictures, about) = (self.pictures()?, self.coloring.shown);
        let (width, height) = (WIDTH as usize, self.height as usize);
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
        let mut command = Tool::Ffmpeg.command();
        let size = format!("{}x{}", across * width, down * height);
        command.args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", &size, "-i", "pipe:0"]);
        command.args(["-frames:v", "1", "-c:v", "png", "-fflags", "+bitexact"]);
        command.args(["-f", "image2pipe", "pipe:1"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = Tool::Ffmpeg.start(command, about, |_| {})?;
        let (mut stdin, stdout) = (running.stdin(), running.stdout());
        let png = thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(&sheet)); // how it ended tells
            read_all(stdout)
        });
        running.end_well(self.coloring.stop)?;
        png.map_err(Error::io(about, "read"))
    }

    /// The pictures of all shots, small, in RGB.
    fn pictures(&self) -> Result<Vec<u8>> {
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
            shown.and_then(|()| pictures.map_err(Error::io(about, "read")))
        })?;
        running.end_well(self.coloring.stop)?;
        Ok(pictures)
    }

    /// Writes a frame of each shot.
    fn show(&self, mut frames: Uncompressed<BufWriter<ChildStdin>>) -> Result<()> {
        let (mut chosen, mut in_shot, mut shown) = (None::<Colored>, 0_u64, 0);
        let canvas = self.coloring.canvas;
        let mut put = |chosen: &mut Option<Colored>| {
            if let Some(Colored { samples, chroma, .. }) = chosen.take()
                && shown < MOST
            {
                let painted = canvas.paint(&chroma, &samples);
                // How ffmpeg ended tells why it takes no more.
                let _ = frames.frame(shown as u64, canvas.kept(&samples), &painted);
                shown += 1;
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
                self.coloring.bar.inc(1);
            }
            true
        })?;
        put(&mut chosen);
        let _ = frames.end();
        Ok(())
    }
}

fn read_all(mut from: impl std::io::Read) -> std::io::Result<Vec<u8>> {
    let mut all = Vec::new();
    from.read_to_end(&mut all)?;
    Ok(all)
}
