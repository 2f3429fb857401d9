//! A film becomes a result: colored shot by shot, joined, proved.

use std::ops::ControlFlow::{Break, Continue};
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use super::canvas::Canvas;
use super::coloring::Coloring;
use super::context::FilmContext;
use super::frames::FrameTime;
use super::join::{FilmLabel, Joining};
use super::notice::{self, FilmNotice};
use super::probe::{self, Probe};
use super::proof::Proof;
use super::work::{self, Shot, Work};
use super::{already, carried, copies, interlaced, sequence};
use crate::cli::Codec;
use crate::error::{Error, Result};
use crate::files::temporary::Temporary;
use crate::files::{fingerprint, own, publish};
use crate::job::{Input, JobContext, JobDetails, Made, SkipReason, Step, Treatment, notices};
use crate::ledger::{self, Published};
use crate::plan::{Job, Sequence};
use crate::policy::Redo;
use crate::settings::SOFTWARE;

/// Shots of a film whose beginnings are told at most: of more it is told how many they are.
const MOST_SHOTS: usize = 100_000;

impl JobContext {
    /// Asks what a film is, and whether it is to be colored at all.
    pub(crate) fn look_at_film(
        &self,
        film: &FilmContext,
        (job, frames): (&Job, Option<&Sequence>),
        details: &mut JobDetails,
    ) -> Step<()> {
        let is_forced = self.policy.redo == Redo::All;
        Ok(match self.asked(film, (job, frames), is_forced, details)? {
            Continue(_) => Continue(()),
            Break(reason) => Break(reason),
        })
    }

    pub(super) fn asked(
        &self,
        film: &FilmContext,
        (job, frames): (&Job, Option<&Sequence>),
        is_forced: bool,
        details: &mut JobDetails,
    ) -> Step<Probe> {
        let mut probe = match frames {
            Some(frames) => {
                self.refuse_unfit(frames, false)?;
                probe::probe_frames(frames, film.rate, &self.stop)?
            }
            None => probe::probe(&job.input, &job.shown, &self.stop)?,
        };
        interlaced::refuse(&probe, &job.shown, &self.stop)?;
        probe.notices.extend(carried::notices(film.codec, &probe));
        let (width, height) = probe.coding.samples.size();
        (details.width, details.height) = (Some(width), Some(height));
        details.notices = probe.notices.iter().map(FilmNotice::told).collect();
        if self.policy.strict {
            notice::refuse(&probe.notices, job)?;
        }
        if is_forced {
            return Ok(Continue(probe));
        }
        if probe.is_result {
            return Ok(Break(SkipReason::OwnResult));
        }
        let seen = already::look(self, job, &probe)?;
        details.toning = seen.toning;
        Ok(match seen.toning {
            Some(toning) if seen.has_colors => Break(SkipReason::HasColors(toning.confidence)),
            _ => Continue(probe),
        })
    }

    /// Colors a film into a temporary file, and checks that it is still what was hashed.
    pub(crate) fn render_film(
        &self,
        (film, treatment): (&FilmContext, &Treatment),
        id: i64,
        (job, frames): (&Job, Option<&Sequence>),
        input: Input<'_>,
        started: Instant,
        details: &mut JobDetails,
    ) -> Step<(Temporary, Published)> {
        let temporary = publish::temporary_name(&job.output);
        let time = self.policy.time.unwrap_or_else(ledger::now);
        let time = self.ledger.start(id, &input.content, &temporary, time)?;
        let probe = match self.asked(film, (job, frames), treatment.is_forced(), details)? {
            Continue(probe) => probe,
            Break(reason) => return Ok(Break(reason)),
        };
        for notice in &details.notices {
            log::warn!("{}: {}", job.shown.display(), notices::text(notice));
        }
        publish::create_folders(&self.folder, &job.output)?;
        let temporary = Temporary::new(self.folder.join(temporary));
        drop(own::create(temporary.path(), own::mode_like(input.original.mode))?);
        let rendering = Rendering { context: self, film, job, frames, probe: &probe };
        let facts = rendering.make(&input.content, temporary.path()).inspect_err(|error| {
            // Another run would end the same way.
            if matches!(error, Error::Film { .. })
                && let Err(error) = Work::remove(&self.folder, &job.output)
            {
                log::warn!("{error}");
            }
        })?;
        work::sync(temporary.path())?;
        if let Some(frames) = frames {
            sequence::refuse_growing(frames)?;
        }
        let source = input.settled(&self.stop)?;
        let size = probe.coding.samples.size();
        let sha256 = fingerprint::sha256(temporary.path())?;
        let content = input.content;
        let recipe = treatment.recipe.clone();
        let made = Made { content, recipe, source, sha256, size, time, film: Some(facts) };
        let result = self.published(job, temporary.path(), made, started, details)?;
        Ok(Continue((temporary, result)))
    }
}

/// A film that is made.
struct Rendering<'a> {
    context: &'a JobContext,
    film: &'a FilmContext,
    job: &'a Job,
    /// Where they are files.
    frames: Option<&'a Sequence>,
    probe: &'a Probe,
}

impl Rendering<'_> {
    /// Makes the film of a source with this SHA-256 at `to`; gives what is told of it.
    fn make(&self, content: &str, to: &Path) -> Result<Value> {
        let Self { context, film, job, frames, probe } = *self;
        let stop = &context.stop;
        let model = &context.model;
        let words = film.settings_words(model.colorizer.arithmetic());
        let rate = format!("{:?}", probe.rate);
        let guidance = film.guidance.sha256.as_deref().unwrap_or_default();
        let ingredients = [content, &model.recipe.weights, &words, SOFTWARE, &rate, guidance];
        let work = Work::open(&context.folder, &job.output, &ingredients)?;
        let bar = film.bar(&job.shown, probe.frames);
        let (samples, area) = (probe.coding.samples, model.colorizer.work_area());
        let canvas = &Canvas::new(samples, area, film.settings.saturation);
        let (shown, bar, done) = (job.shown.as_path(), &bar, &context.bands);
        let (settings, moments) = (&film.settings, film.guidance.moments.as_slice());
        let coloring = Coloring { probe, shown, model, settings, moments, canvas, bar, done, stop };
        let (times, shots) = coloring.write_shots(&work)?;
        bar.finish_and_clear();
        log::debug!("{}: {} frames in {} shots", job.shown.display(), times.len(), shots.len());

        let name = job.shown.file_name().unwrap_or(job.shown.as_os_str());
        let label = FilmLabel {
            weights: model.weights.clone(),
            weights_sha256: model.recipe.weights.clone(),
            source: name.to_string_lossy().into_owned(),
            source_sha256: content.to_owned(),
            settings: words,
            keeps: samples.keeps(),
        };
        let (times, shots) = (&times, &shots);
        let joining = Joining { probe, frames, work: &work, times, shots, label: &label };
        let proof = Proof { probe, shown, times, canvas, stop };
        let (kept, later) = if film.codec == Codec::Ffv1 {
            joining.write(to, stop)?;
            proof.of_lossless(to)?
        } else {
            let joined = Temporary::new(work.temporary("joined"));
            joining.write(joined.path(), stop)?;
            let (kept, _) = proof.of_lossless(joined.path())?;
            copies::encode((joined.path(), to), film.codec, probe, times, &label, stop)?;
            (kept, proof.of_copy(to)?)
        };
        let mut facts = self.facts(times, shots);
        kept.tell(&mut facts);
        if later != 0 {
            facts["later"] = json!(later as f64 / 1000.0);
        }
        Ok(facts)
    }

    /// What is told of the film beside what is kept of it.
    fn facts(&self, times: &[FrameTime], shots: &[Shot]) -> Value {
        let mut facts = json!({
            "codec": self.film.codec,
            "frames": times.len(),
            "shots": shots.len(),
            "keeps": self.probe.coding.samples.keeps(),
        });
        if shots.len() <= MOST_SHOTS {
            facts["shots_at"] = beginnings(shots, times);
        }
        facts
    }
}

/// Where shots begin: numbers of their first frames, from 0 on, and the seconds at which these are shown.
fn beginnings(shots: &[Shot], times: &[FrameTime]) -> Value {
    let frames: Vec<u64> = shots.iter().map(|shot| shot.first).collect();
    let shown = frames.iter().filter_map(|first| times.get(*first as usize));
    let seconds: Vec<f64> = shown.map(|time| time.milliseconds as f64 / 1000.0).collect();
    json!({"frames": frames, "seconds": seconds})
}
