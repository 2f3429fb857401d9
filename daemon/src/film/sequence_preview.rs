//! A sheet with one colored frame of each shot of a sequence.

use std::ops::ControlFlow::{Break, Continue};
use std::path::PathBuf;

use polychromify_core::{ChromaMap, ColoredFrame, Film, Orientation, SamplesMut, Thumbnail};
use rayon::prelude::*;

use super::context::FilmContext;
use super::sequence_ahead::{Ahead, TOGETHER};
use super::sheet::{self, ACROSS, MOST, WIDTH};
use crate::error::Result;
use crate::job::{JobContext, JobDetails, Step};
use crate::plan::{Job, Sequence};

/// A frame that stands for its shot.
struct Chosen<'a> {
    job: &'a Job,
    chroma: ChromaMap,
}

impl JobContext {
    /// Writes the sheet of a sequence beside where its results would be; gives its path.
    pub(crate) fn preview_sequence(
        &self,
        film: &FilmContext,
        sequence: &Sequence,
        details: &mut JobDetails,
    ) -> Step<PathBuf> {
        if let Break(reason) = self.asked_of_sequence(film, sequence, details)? {
            return Ok(Break(reason));
        }
        let output = sequence.list.with_extension("");
        let path = sheet::place(&self.folder, &output)?;
        let chosen = self.choose(film, sequence)?;
        let drawn = chosen.par_iter().map(|chosen| self.draw(film, chosen));
        let drawn: Vec<_> = drawn.collect::<Result<_>>()?;
        let size = drawn.first().map_or((1, 1), |(size, _)| *size);
        let pictures: Vec<u8> = drawn.into_iter().flat_map(|(_, rgb)| rgb).collect();
        let places = (self.folder.as_path(), output.as_path(), path.as_path());
        sheet::write(&pictures, size, places, &sequence.shown, &self.stop)?;
        for (row, chosen) in (1..).zip(chosen.chunks(ACROSS)) {
            let name = |chosen: &Chosen<'_>| chosen.job.below.display().to_string();
            let names: Vec<_> = chosen.iter().map(name).collect();
            log::info!("{}: row {row}: {}", sequence.shown.display(), names.join(", "));
        }
        Ok(Continue(path))
    }

    /// A frame of each shot, from its latter half.
    fn choose<'a>(&self, film: &FilmContext, sequence: &'a Sequence) -> Result<Vec<Chosen<'a>>> {
        let frames = &sequence.frames;
        let mut ahead = Ahead::new(self, sequence, &film.guidance.moments)?;
        let mut colors = Film::new(&self.model.colorizer, 0, film.settings.clone(), 0);
        let mut chosen: Vec<Chosen<'a>> = Vec::new();
        let mut in_shot = 0_u64;
        let mut choose = |settled: Vec<ColoredFrame>| {
            for ColoredFrame { index, begins_shot, chroma } in settled {
                in_shot = if begins_shot { 1 } else { in_shot + 1 };
                if !in_shot.is_power_of_two() {
                    continue;
                }
                let of_shot = Chosen { job: &frames[index as usize].job, chroma };
                match chosen.last_mut() {
                    Some(before) if !begins_shot => *before = of_shot,
                    _ => chosen.push(of_shot),
                }
            }
        };
        let mut places = 0..;
        for some in frames.chunks(TOGETHER) {
            let images: Vec<_> = some.par_iter().map(|frame| self.view(&frame.job)).collect();
            for (image, place) in images.into_iter().zip(&mut places) {
                ahead.before(place)?.into_iter().for_each(|anchor| colors.add(anchor));
                choose(colors.push(image?)?);
            }
        }
        choose(colors.finish()?);
        chosen.truncate(MOST);
        Ok(chosen)
    }

    /// A frame as it is stored, small, in RGB, and its size.
    fn draw(&self, film: &FilmContext, chosen: &Chosen<'_>) -> Result<((u32, u32), Vec<u8>)> {
        let mut scan = chosen.job.original().open()?.scan(&self.limits_from_now())?;
        let (width, height) = (scan.info().width, scan.info().height);
        let area = u64::from(WIDTH) * u64::from(WIDTH) * u64::from(height) / u64::from(width);
        let mut small = Thumbnail::new(width, height, Orientation::Upright, area as usize);
        let band_rows = self.model.settings.encoding(width).band_rows;
        scan.read_lightness(band_rows, &mut |y, lightness| {
            small.push_rows(y, lightness);
            Ok(())
        })?;
        let small = small.finish();
        let size = (small.size().0 as u32, small.size().1 as u32);
        let painter = chosen.chroma.painter(size.0, size.1, film.settings.saturation);
        let mut rgb = vec![0; 3 * small.lightness().len()];
        painter.paint_rows(0, small.lightness(), SamplesMut::Eight(&mut rgb));
        Ok((size, rgb))
    }
}
