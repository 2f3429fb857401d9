//! A job is taken, done and acknowledged in one call, [`JobContext::perform`], which needs nothing
//! of the other jobs. An attempt at it is a row of steps: prepare, decide, render, publish, settle.

use std::ops::ControlFlow::{Break, Continue};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::files::publish::{self, Alone};
use crate::files::temporary::Temporary;
use crate::film::Work;
use crate::job::coloring::FrameColors;
use crate::job::context::JobContext;
use crate::job::decision::{Decision, decide, done_already};
use crate::job::input::Input;
use crate::job::outcome::{JobDetails, Outcome, SkipReason, Step};
use crate::job::sidecar::{self, Sidecar, Written};
use crate::job::treatment::Treatment;
use crate::ledger::{self, Original, Published};
use crate::plan::{Job, Sequence, names};
use crate::policy::Duplicates;

/// What a result replaces.
struct Replaced {
    /// `None`: nothing lies under its name.
    result: Option<Published>,
    /// SHA-256 of the sidecar that the ledger knows there.
    sidecar: Option<String>,
}

/// What is done of a job.
#[derive(Clone, Copy)]
enum Task<'a> {
    /// All of its one file.
    Whole,
    /// A frame of a sequence, with these colors.
    Frame(&'a FrameColors),
    /// A film whose frames are these files.
    Frames(&'a Sequence),
}

impl<'a> Task<'a> {
    fn frames(self) -> Option<&'a Sequence> {
        match self {
            Self::Frames(frames) => Some(frames),
            Self::Whole | Self::Frame(_) => None,
        }
    }
}

impl JobContext {
    /// Does a job and records how it ended.
    pub(crate) fn perform(&self, id: i64, job: &Job) -> Outcome {
        self.perform_with(id, job, Task::Whole)
    }

    /// Does the job of a film whose frames are files.
    pub(crate) fn perform_frames(&self, id: i64, job: &Job, frames: &Sequence) -> Outcome {
        self.perform_with(id, job, Task::Frames(frames))
    }

    /// Does the job of a frame of a sequence, whose list tells what sidecars do.
    pub(crate) fn perform_frame(&self, id: i64, job: &Job, colors: &FrameColors) -> Outcome {
        self.perform_with(id, job, Task::Frame(colors))
    }

    fn perform_with(&self, id: i64, job: &Job, task: Task<'_>) -> Outcome {
        let started = Instant::now();
        let mut details = JobDetails::default();
        let ended =
            catch_unwind(AssertUnwindSafe(|| self.attempt(id, job, task, started, &mut details)))
                .unwrap_or_else(|_| Err(Error::Panicked)); // what it says was logged
        details.seconds = Some(started.elapsed().as_secs_f64());
        let is_film = self.film_of(&job.output).is_some() || names::is_film(&job.output);
        if ended.is_ok() && is_film && !matches!(task, Task::Frame(_)) {
            // Nothing is left to do for it, and so its shots go.
            if let Err(error) = Work::remove(&self.folder, &job.output) {
                log::warn!("{error}");
            }
        }
        match ended {
            Ok(Continue(())) => Outcome::Done(details),
            Ok(Break(reason)) => Outcome::Skipped(reason, details),
            Err(error) => self.settle_failure(id, job, &error, details),
        }
    }

    fn attempt(
        &self,
        id: i64,
        job: &Job,
        task: Task<'_>,
        started: Instant,
        details: &mut JobDetails,
    ) -> Step<()> {
        let input = self.prepare(job, task.frames())?;
        details.sha256_input = Some(input.content.clone());
        let _claim = match self.policy.duplicates {
            Duplicates::Each => None,
            Duplicates::Skip => Some(self.claims.claim(&input.content, &self.stop)?),
        };
        let mut treatment = self.treatment_of(id, &job.output, &input.content)?;
        treatment.has_sidecar &= !matches!(task, Task::Frame(_));
        let replaced = match self.decide(id, job, &input, &treatment, details)? {
            Continue(replaced) => replaced,
            Break(reason) => return Ok(Break(reason)),
        };
        let film = treatment.film.as_deref().or_else(|| self.film_of(&job.output));
        let rendered = match (film, task) {
            (_, Task::Frame(colors)) => {
                self.render(id, job, (&treatment, Some(colors)), input, started, details)?
            }
            (None, _) => self.render(id, job, (&treatment, None), input, started, details)?,
            (Some(film), _) => {
                let how = (film, &treatment);
                self.render_film(how, id, (job, task.frames()), input, started, details)?
            }
        };
        let (temporary, mut result) = match rendered {
            Continue(rendered) => rendered,
            Break(reason) => return self.skip(id, reason),
        };
        details.of_result(&result);
        let sidecar = treatment.has_sidecar.then(|| Sidecar::of(&job.output, &result));
        let sidecar = self.publish(id, job, (&mut result, sidecar), temporary, &replaced)?;
        self.settle(id, job, &result, sidecar);
        Ok(Continue(()))
    }

    /// Decides whether the input is colored, by what lies under its result's name. Where it is not,
    /// that is recorded.
    fn decide(
        &self,
        id: i64,
        job: &Job,
        input: &Input<'_>,
        treatment: &Treatment,
        details: &mut JobDetails,
    ) -> Step<Replaced> {
        let (content, Treatment { recipe, redo, .. }) = (&input.content, treatment);
        let path = self.folder.join(&job.output);
        let known = self.ledger.result(&job.output)?;
        let sidecar = known.as_ref().and_then(|known| known.sidecar.clone());
        let result = match decide(job, content, recipe, *redo, &path, known)? {
            Decision::Color(replaced) => replaced,
            Decision::Keep(mut result) => {
                details.of_result(&result);
                result.input.clone_from(&job.input);
                result.source = input.stamp.is_settled(input.read_at).then_some(input.stamp);
                if self.policy.lets_go(&job.input) {
                    result.original = Original::Due;
                }
                self.ledger.keep(id, &result)?;
                if treatment.has_sidecar {
                    self.keep_sidecar(&job.output, &result);
                }
                self.keep_original(job, &result);
                return Ok(Break(done_already(&result, recipe)));
            }
            Decision::LeaveEdited => return self.skip(id, SkipReason::ResultEdited),
        };
        details.duplicate_of = self.ledger.same_content(content, recipe, &job.output)?;
        if let (Some(other), None, Duplicates::Skip) =
            (&details.duplicate_of, &result, self.policy.duplicates)
        {
            return self.skip(id, SkipReason::Duplicate(other.clone()));
        }
        if treatment.has_sidecar {
            sidecar::refuse_foreign(&path, sidecar.as_deref())?;
        }
        Ok(Continue(Replaced { result, sidecar }))
    }

    /// Gives a rendered result its name. Its sidecar is written beside it and has none yet.
    fn publish(
        &self,
        id: i64,
        job: &Job,
        (result, sidecar): (&mut Published, Option<Sidecar>),
        temporary: Temporary,
        replaced: &Replaced,
    ) -> Result<Option<Written>> {
        let path = self.folder.join(&job.output);
        result.sidecar = sidecar.as_ref().map(Sidecar::sha256);
        self.ledger.intend(id, result)?;
        let sidecar = sidecar.map(|sidecar| sidecar.write(temporary.path())).transpose()?;
        // A result never stands beside the sidecar of another result.
        let known = replaced.sidecar.as_deref();
        sidecar::withdraw(&path, temporary.path(), known, sidecar.is_some())?;
        let alone: Alone = &|rename| self.ledger.alone(id, rename);
        publish::rename(temporary.path(), &path, replaced.result.as_ref(), alone)?;
        temporary.publish();
        Ok(sidecar)
    }

    /// Records a result that is whole and in its place: what fails here, the next run settles.
    fn settle(&self, id: i64, job: &Job, result: &Published, sidecar: Option<Written>) {
        let path = self.folder.join(&job.output);
        let parent = path.parent().unwrap_or(&self.folder);
        if let Some(sidecar) = sidecar {
            self.publish_sidecar(job, sidecar);
        }
        let record = || self.sync(parent).and_then(|()| self.ledger.publish(id));
        match self.retry_until_recorded(job, record) {
            Ok(()) => self.keep_original(job, result),
            Err(error) => log::warn!("{}: done, but not recorded: {error}", job.shown.display()),
        }
    }

    /// Waits until the names in a folder of results are on disk. Of one that somebody took away, with the
    /// result in it, there is nothing to wait for; where the output folder itself is away, there is.
    fn sync(&self, folder: &Path) -> Result<()> {
        match publish::sync_folder(folder) {
            Err(Error::Io { source, .. })
                if publish::is_absent(&source) && self.folder.join(ledger::FOLDER).is_dir() =>
            {
                Ok(())
            }
            synced => synced,
        }
    }

    fn skip<T>(&self, id: i64, reason: SkipReason) -> Step<T> {
        self.ledger.skip(id, &reason.to_string())?;
        Ok(Break(reason))
    }
}
