//! A sequence of frames becomes one of colored frames. Each is made and published as a photograph is, with
//! the colors that its film gives it; the ledger knows each of them.

use std::ops::ControlFlow::{Break, Continue};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use polychromify_core::{ColoredFrame, Deadline, Error as CoreError, Film, WorkImage};
use rayon::prelude::*;

use super::already::{LOOKS, judge};
use super::context::FilmContext;
use super::list;
use super::refusal::Refusal;
use super::sequence_ahead::{self, Ahead, TOGETHER};
use crate::cli::Codec;
use crate::error::{Error, Result};
use crate::files::fingerprint;
use crate::job::{
    Decision, FrameColors, JobContext, JobDetails, Outcome, SkipReason, Step, decide, staleness,
};
use crate::plan::{Frame, Job, Sequence};
use crate::policy::Redo;

/// Time between two looks whether frames stand still.
const PAUSE: Duration = Duration::from_millis(100);

impl JobContext {
    /// Colors a sequence, from the first shot on of which a frame is missing.
    pub(crate) fn color_sequence(&self, film: &FilmContext, sequence: &Sequence) -> Outcome {
        let started = Instant::now();
        let mut details = JobDetails::default();
        let ended = self.try_sequence(film, sequence, &mut details);
        details.seconds = Some(started.elapsed().as_secs_f64());
        let outcome = match ended {
            Ok(Continue(())) => Outcome::Done(details),
            Ok(Break(reason)) => Outcome::Skipped(reason, details),
            Err(_) if self.stop.is_asked() => Outcome::Stopped,
            Err(error) => Outcome::Failed(error.reason(&sequence.shown), details),
        };
        if let Err(error) = self.record(sequence, &outcome) {
            log::warn!("{}: its end is not recorded: {error}", sequence.shown.display());
        }
        outcome
    }

    /// Records of what no result tells why: a sequence that is refused or skipped.
    fn record(&self, sequence: &Sequence, outcome: &Outcome) -> Result<()> {
        let ids = self.ledger.enqueue([(&sequence.job(), None)], &self.model.recipe)?;
        ids.into_iter().try_for_each(|id| match outcome {
            Outcome::Failed(reason, _) => self.ledger.fail(id, reason),
            Outcome::Skipped(reason, _) if !matches!(reason, SkipReason::DoneAlready(_)) => {
                self.ledger.skip(id, &reason.to_string())
            }
            // Its frames are there, or in the queue.
            _ => self.ledger.forget(id),
        })
    }

    fn try_sequence(
        &self,
        film: &FilmContext,
        sequence: &Sequence,
        details: &mut JobDetails,
    ) -> Step<()> {
        let missing = match self.asked_of_sequence(film, sequence, details)? {
            Continue(missing) => missing,
            Break(reason) => {
                if let SkipReason::DoneAlready(_) = reason {
                    list::complete(self, sequence)?;
                }
                return Ok(Break(reason));
            }
        };
        list::refuse_foreign(self, sequence)?;
        let frames = &sequence.frames;
        let ids = self.ledger.enqueue(
            frames[missing..].iter().map(|frame| (&frame.job, None)),
            &self.model.recipe,
        )?;
        let bar = film.bar(&sequence.shown, Some(frames.len() as u64));
        bar.set_position(missing as u64);
        let begin = self.begin(frames, missing)?;
        if missing > 0 {
            let at = frames[begin].job.shown.display();
            log::info!("{}: going on at {at}", sequence.shown.display());
        }
        let mut coloring =
            Coloring { context: self, frames, ids, missing, begin, shot: frames[begin].number };
        let (model, first) = (&self.model, begin as u64);
        let mut colors = Film::new(&model.colorizer, 0, film.settings.clone(), first);
        let mut ahead = Ahead::new(self, sequence, &film.guidance.moments)?;
        let mut places = begin..;
        for some in frames[begin..].chunks(TOGETHER) {
            let images: Vec<_> = some.par_iter().map(|frame| self.view(&frame.job)).collect();
            for (image, place) in images.into_iter().zip(&mut places) {
                ahead.before(place)?.into_iter().for_each(|anchor| colors.add(anchor));
                coloring.finish(colors.push(image?)?)?;
            }
            bar.set_position(coloring.reached() as u64);
        }
        coloring.finish(colors.finish()?)?;
        bar.finish_and_clear();
        refuse_growing(sequence)?;
        list::write(self, sequence)?;
        Ok(Continue(()))
    }

    /// Whether a sequence is to be colored, and its first frame that is not there.
    pub(crate) fn asked_of_sequence(
        &self,
        film: &FilmContext,
        sequence: &Sequence,
        details: &mut JobDetails,
    ) -> Step<usize> {
        let refuse = |refusal| Err(Error::Film { path: sequence.shown.clone(), refusal });
        if film.codec != Codec::Ffv1 {
            return refuse(Refusal::SequenceCodec);
        }
        sequence_ahead::places(sequence, &film.guidance.moments)?;
        let frames = &sequence.frames;
        let done: Vec<bool> =
            frames.par_iter().map(|frame| self.is_done(&frame.job)).collect::<Result<_>>()?;
        let Some(missing) = done.iter().position(|done| !done) else {
            let result = self.ledger.result(&frames[0].job.output)?;
            if let Some(result) = &result {
                details.of_result(result);
            }
            let staleness = result.and_then(|result| staleness(&result, &self.model.recipe));
            return Ok(Break(SkipReason::DoneAlready(staleness)));
        };
        self.refuse_unfit(sequence, film.allow_gaps)?;
        Ok(match self.look_at_sequence(sequence, details)? {
            Continue(()) => Continue(missing),
            Break(reason) => Break(reason),
        })
    }

    /// Whether a frame's result is there.
    fn is_done(&self, job: &Job) -> Result<bool> {
        if self.done_by_times(job)?.is_some() {
            return Ok(true);
        }
        let (known, path) = (self.ledger.result(&job.output)?, self.folder.join(&job.output));
        let content = match &known {
            Some(_) => job.original().open()?.sha256(&self.stop, Deadline::NEVER)?,
            // Nothing can be the result of it.
            None => String::new(),
        };
        let (recipe, redo) = (&self.model.recipe, self.policy.redo);
        let decision = decide(job, &content, recipe, redo, &path, known)?;
        Ok(!matches!(decision, Decision::Color(_)))
    }

    /// Reads all heads and looks at some frames.
    fn look_at_sequence(&self, sequence: &Sequence, details: &mut JobDetails) -> Step<()> {
        let Sequence { frames, shown, .. } = sequence;
        let head = |frame: &Frame| -> Result<_> {
            let scan = frame.job.original().open()?.scan(&self.limits_from_now())?;
            let (info, pages) = (scan.info(), scan.pages());
            Ok(((info.width, info.height), pages, scan.is_result()))
        };
        let (size, _, is_result) = head(&frames[0])?;
        (details.width, details.height) = (Some(size.0), Some(size.1));
        if is_result && self.policy.redo != Redo::All {
            return Ok(Break(SkipReason::OwnResult));
        }
        frames.par_iter().try_for_each(|frame| {
            self.refuse_stop()?;
            let refusal = match head(frame)? {
                (_, pages @ 2.., _) => Refusal::Pages(pages),
                (found, ..) if found != size => Refusal::SizeOfFrame { found, first: size },
                _ => return Ok(()),
            };
            Err(Error::Film { path: frame.job.shown.clone(), refusal })
        })?;
        if self.policy.redo == Redo::All {
            return Ok(Continue(()));
        }
        let looks = LOOKS as usize;
        let places = (0..looks).map(|look| (2 * look + 1) * frames.len() / (2 * looks));
        let mut places: Vec<usize> = places.collect();
        places.dedup();
        let toning = |place: usize| {
            let job = &frames[place].job;
            let mut scan = job.original().open()?.scan(&self.limits_from_now())?;
            Ok(self.thumbnail(job, &mut scan)?.1)
        };
        let tonings: Vec<_> = places.into_par_iter().map(toning).collect::<Result<_>>()?;
        let seen = judge(shown, &tonings);
        details.toning = seen.toning;
        Ok(match seen.toning {
            Some(toning) if seen.has_colors => Break(SkipReason::HasColors(toning.confidence)),
            _ => Continue(()),
        })
    }

    /// The first frame of the shot that goes on before the first missing one.
    fn begin(&self, frames: &[Frame], missing: usize) -> Result<usize> {
        let Some(before) = missing.checked_sub(1) else { return Ok(0) };
        let result = self.ledger.result(&frames[before].job.output)?;
        let shot = result.and_then(|result| result.film?["shot"].as_u64());
        let begin = frames.iter().position(|frame| Some(frame.number) == shot);
        Ok(begin.filter(|begin| *begin < missing).unwrap_or(0))
    }

    /// The thumbnail of a frame.
    pub(super) fn view(&self, job: &Job) -> Result<WorkImage> {
        self.refuse_stop()?;
        let mut scan = job.original().open()?.scan(&self.limits_from_now())?;
        // Its shot has borders, by all its frames.
        Ok(self.thumbnail(job, &mut scan)?.0.without_borders())
    }

    /// Refuses a sequence whose frames are not one for each number, or which is still being copied.
    pub(super) fn refuse_unfit(&self, sequence: &Sequence, allow_gaps: bool) -> Result<()> {
        let refuse = |path: &Path, refusal| Err(Error::Film { path: path.into(), refusal });
        if let Some((one, other)) = sequence.twins() {
            let name = other.job.shown.clone();
            return refuse(&one.job.shown, Refusal::SameNumber { name });
        }
        if let (Some((first, count)), false) = (sequence.gap(), allow_gaps) {
            return refuse(&sequence.shown, Refusal::Gap { first, count });
        }
        self.wait_for_stillness(sequence)?;
        refuse_growing(sequence)
    }

    /// Waits until no frame changed in the last seconds: one could still be written.
    fn wait_for_stillness(&self, sequence: &Sequence) -> Result<()> {
        for frame in &sequence.frames {
            while fingerprint::stamp(&frame.job.shown)?.is_young(SystemTime::now()) {
                self.refuse_stop()?;
                thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    fn refuse_stop(&self) -> Result<()> {
        if self.stop.is_asked() { Err(CoreError::Cancelled.into()) } else { Ok(()) }
    }
}

/// Refuses a sequence that has other frames by now.
pub(super) fn refuse_growing(sequence: &Sequence) -> Result<()> {
    let now = sequence.count_now().map_err(Error::io(&sequence.shown, "read"))?;
    if now == sequence.frames.len() {
        return Ok(());
    }
    let refusal = Refusal::Growing { before: sequence.frames.len(), now };
    Err(Error::Film { path: sequence.shown.clone(), refusal })
}

/// Frames whose colors get settled, from one on.
struct Coloring<'a> {
    context: &'a JobContext,
    frames: &'a [Frame],
    /// Numbers in the ledger of the missing frames and those after them.
    ids: Vec<i64>,
    missing: usize,
    /// The frame of the film's next settled colors.
    begin: usize,
    /// Number of the first frame of its shot.
    shot: u64,
}

impl Coloring<'_> {
    /// The next frame.
    fn reached(&self) -> usize {
        self.begin.max(self.missing)
    }

    /// Makes the results of frames, in any order, all before it comes back.
    fn finish(&mut self, settled: Vec<ColoredFrame>) -> Result<()> {
        let mut due = Vec::with_capacity(settled.len());
        for ColoredFrame { begins_shot, chroma, .. } in settled {
            let place = self.begin;
            self.begin += 1;
            if begins_shot {
                self.shot = self.frames[place].number;
            }
            if let Some(at) = place.checked_sub(self.missing) {
                due.push((
                    self.ids[at],
                    &self.frames[place].job,
                    FrameColors { chroma, shot: self.shot },
                ));
            }
        }
        let context = self.context;
        due.into_par_iter().try_for_each(|(id, job, colors)| {
            context.refuse_stop()?;
            match context.perform_frame(id, job, &colors) {
                Outcome::Done(_) | Outcome::Skipped(SkipReason::DoneAlready(_), _) => Ok(()),
                Outcome::Skipped(reason, _) => {
                    log::warn!("{}: {reason}", job.shown.display());
                    Ok(())
                }
                Outcome::Failed(reason, _)
                | Outcome::Postponed { reason, .. }
                | Outcome::Blocked(reason) => {
                    let refusal = Refusal::Frame(reason);
                    Err(Error::Film { path: job.shown.clone(), refusal })
                }
                Outcome::Stopped | Outcome::Lost => Err(CoreError::Cancelled.into()),
            }
        })
    }
}
