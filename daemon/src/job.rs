//! One photograph the whole way: read, colored, published, recorded.
//!
//! A job is taken, done and acknowledged in one call, [`JobContext::perform`], which needs nothing of
//! the other jobs: a queue of another kind than `batch`'s can stand in front of it.

mod claims;
mod decision;
mod failure;
mod first_pass;
mod original;
mod outcome;
pub(crate) mod sidecar;
mod staleness;

use std::fs::OpenOptions;
use std::io::{BufWriter, Seek, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use polychromify_core::scan::{ColorFile, Deadline, Label, Limits};
use polychromify_core::thumbnail::WorkImage;
use polychromify_core::{ChromaMap, Hints, Mark, Scan};

use crate::cli::Borders;
use crate::error::{Error, Result};
use crate::files::fingerprint::{self, Stamp};
use crate::files::publish;
use crate::files::temporary::Temporary;
use crate::ledger::{self, Ledger, Making, Original, Published};
use crate::model::OpenedModel;
use crate::plan::Job;
use crate::policy::{Duplicates, Policy};
use crate::settings::SOFTWARE;
use crate::stop::{Stop, Stoppable};
pub(crate) use claims::ContentClaims;
pub(crate) use decision::{Decision, decide, is_done_by_times};
use first_pass::FirstPass;
pub(crate) use outcome::{Estimate, JobDetails, Outcome, SkipReason};
use sidecar::Sidecar;
pub(crate) use staleness::staleness;

/// What all jobs of a run share.
pub(crate) struct JobContext {
    pub(crate) model: OpenedModel,
    pub(crate) ledger: Ledger,
    /// The output folder, absolute.
    pub(crate) folder: PathBuf,
    pub(crate) hints: Hints,
    /// Bounds for each job, but for its deadline.
    pub(crate) limits: Limits,
    /// How long each job may take until its result is written.
    pub(crate) time_limit: Duration,
    /// Bands that were read by all jobs, which shows that they get on.
    pub(crate) bands: AtomicU64,
    pub(crate) policy: Policy,
    pub(crate) claims: ContentClaims,
    pub(crate) stop: Stop,
}

impl JobContext {
    /// Bounds for a job that begins now.
    pub(crate) fn limits_from_now(&self) -> Limits {
        Limits { deadline: Deadline::after(self.time_limit), ..self.limits }
    }

    /// Does a job and records how it ended.
    pub(crate) fn perform(&self, id: i64, job: &Job) -> Outcome {
        let started = Instant::now();
        let mut details = JobDetails::default();
        let ended = catch_unwind(AssertUnwindSafe(|| self.attempt(id, job, started, &mut details)))
            .unwrap_or_else(|panic| Err(Error::Panicked(panic_message(&*panic))));
        details.seconds = Some(started.elapsed().as_secs_f64());
        match ended {
            Ok(Ended::Done) => Outcome::Done(details),
            Ok(Ended::Skipped(reason)) => Outcome::Skipped(reason, details),
            Err(error) => self.settle_failure(id, job, &error, details),
        }
    }

    fn attempt(
        &self,
        id: i64,
        job: &Job,
        started: Instant,
        details: &mut JobDetails,
    ) -> Result<Ended> {
        let limits = self.limits_from_now();
        let read_at = SystemTime::now();
        let stamp = fingerprint::stamp(&job.shown)?;
        let content = fingerprint::sha256_unless(&job.shown, &self.stop, limits.deadline)?;
        details.sha256_input = Some(content.clone());
        let path = self.folder.join(&job.output);
        let _claim = self.claim(&content)?;
        let known = self.ledger.result(&job.output)?;
        let old_sidecar = known.as_ref().and_then(|known| known.sidecar.clone());
        let replaced =
            match decide(job, &content, &self.model.recipe, self.policy.redo, &path, known)? {
                Decision::Color(replaced) => replaced,
                Decision::Keep(mut result) => {
                    details.of_result(&result);
                    result.input.clone_from(&job.input);
                    result.source = stamp.is_settled(read_at).then_some(stamp);
                    if self.disposes_of_originals() {
                        result.original = Original::Leaving;
                    }
                    self.ledger.keep(id, &result)?;
                    self.keep_sidecar(&job.output, &result);
                    self.dispose_original(job, &result);
                    return Ok(Ended::Skipped(SkipReason::DoneAlready(staleness(
                        &result,
                        &self.model.recipe,
                    ))));
                }
                Decision::LeaveEdited => {
                    return self.skip(id, SkipReason::ResultEdited);
                }
            };
        details.duplicate_of =
            self.ledger.same_content(&content, &self.model.recipe, &job.output)?;
        if let (Some(other), None, Duplicates::Skip) =
            (&details.duplicate_of, &replaced, self.policy.duplicates)
        {
            return self.skip(id, SkipReason::Duplicate(other.clone()));
        }
        if self.policy.sidecar {
            sidecar::refuse_foreign(&path, old_sidecar.as_deref())?;
        }
        let temporary = publish::temporary_name(&job.output);
        let time = self.policy.time.unwrap_or_else(ledger::now);
        let time = self.ledger.start(id, &content, &temporary, time)?;
        publish::create_folders(&self.folder, &job.output)?;
        let temporary = Temporary::new(self.folder.join(temporary));
        let making = (content.as_str(), time);
        let (width, height) = match self.color(job, making, &limits, temporary.path(), details)? {
            Colored::Pages(size, _) => size,
            Colored::Left(reason) => return self.skip(id, reason),
        };
        let (source, sha256) = rayon::join(
            || settled_stamp(&job.shown, &content, stamp, read_at, &self.stop),
            || fingerprint::sha256(temporary.path()),
        );
        let (source, sha256) = (source?, sha256?);
        let written = fingerprint::stamp(temporary.path())?;
        let mut result = Published {
            input: job.input.clone(),
            content,
            recipe: self.model.recipe.clone(),
            source,
            sha256,
            size: written.size,
            modified: written.modified,
            width,
            height,
            milliseconds: started.elapsed().as_millis() as i64,
            original: if self.disposes_of_originals() { Original::Leaving } else { Original::Kept },
            making: Making {
                software: Some(SOFTWARE.to_owned()),
                weights: Some(self.model.weights.clone()),
                at: Some(time),
            },
            sidecar: None,
        };
        let sidecar = self.policy.sidecar.then(|| Sidecar::of(&job.output, &result));
        result.sidecar = sidecar.as_ref().map(Sidecar::sha256);
        details.of_result(&result);
        self.ledger.intend(id, &result)?;
        let sidecar = sidecar.map(|sidecar| sidecar.write(temporary.path())).transpose()?;
        // At no instant a result stands beside what is told of another one.
        sidecar::withdraw(&path, old_sidecar.as_deref(), sidecar.is_some())?;
        publish::rename(temporary.path(), &path, replaced.as_ref())?;
        temporary.publish();
        // The result is whole and in its place: what fails from here on, the next run settles.
        let parent = path.parent().unwrap_or(&self.folder);
        if let Some(sidecar) = sidecar {
            self.publish_sidecar(job, sidecar);
        }
        let record = || publish::sync_folder(parent).and_then(|()| self.ledger.publish(id));
        match self.retry_until_recorded(job, record) {
            Ok(()) => self.dispose_original(job, &result),
            Err(error) => log::warn!("{}: done, but not recorded: {error}", job.shown.display()),
        }
        Ok(Ended::Done)
    }

    fn skip(&self, id: i64, reason: SkipReason) -> Result<Ended> {
        self.ledger.skip(id, &reason.to_string())?;
        Ok(Ended::Skipped(reason))
    }

    /// Colors all pages of a scan into a new file, synced and read back as far as its header, unless
    /// it has colors already.
    fn color(
        &self,
        job: &Job,
        making: (&str, i64),
        limits: &Limits,
        temporary: &Path,
        details: &mut JobDetails,
    ) -> Result<Colored> {
        let create = OpenOptions::new().write(true).create_new(true).open(temporary);
        let file = create.map_err(Error::io(temporary, "create"))?;
        let mut out = Stoppable::new(BufWriter::with_capacity(1 << 20, file), &self.stop);
        let (size, pages) = match self.color_to(job, making, limits, &mut out, details)? {
            Colored::Pages(size, pages) => (size, pages),
            left @ Colored::Left(_) => return Ok(left),
        };
        out.flush().map_err(Error::io(temporary, "write"))?;
        out.get_ref().get_ref().sync_all().map_err(Error::io(temporary, "sync"))?;

        // Nothing is decoded here, so that a result larger than its source is within the limits too.
        let read_back = Scan::open(temporary, &Limits::new(self.limits.pixels, u64::MAX))?;
        let found = (read_back.info().width, read_back.info().height);
        if (found, read_back.pages()) != (size, pages) {
            return Err(Error::ReadBack { path: temporary.into(), found, expected: size });
        }
        Ok(Colored::Pages(size, pages))
    }

    /// Colors all pages of a scan, unless it has colors already. The label tells the SHA-256 of the
    /// scan, and the time in milliseconds since 1970.
    pub(crate) fn color_to<W: Write + Seek>(
        &self,
        job: &Job,
        (content, time): (&str, i64),
        limits: &Limits,
        out: W,
        details: &mut JobDetails,
    ) -> Result<Colored> {
        let mut scan = Scan::open(&job.shown, limits)?;
        scan.set_inverted(self.model.settings.invert);
        let pages = scan.pages();
        let mut first = match self.first_pass(job, &mut scan, details)? {
            FirstPass::Color(image) => Some(image),
            FirstPass::Leave(reason) => return Ok(Colored::Left(reason)),
        };
        let label = self.label(job, content, time);
        for number in self.hints.beyond(pages) {
            log::warn!("{}: hint {number} is of none of its pages", job.shown.display());
        }
        let mut result = ColorFile::new(out, &scan, self.model.settings.format)?;
        let size = scan.output_size(&self.model.settings.encoding(scan.info().width));
        for page in 0..pages {
            scan.select(page)?;
            let image = match first.take() {
                Some(image) => image,
                None => self.thumbnail(job, &mut scan)?.0,
            };
            self.color_page(job, &mut scan, (page, image), &mut result, &label)?;
        }
        result.finish()?;
        for notice in scan.notices() {
            log::warn!("{}: {notice}", job.shown.display());
        }
        Ok(Colored::Pages(size, pages))
    }

    /// Colors the selected page into the result.
    fn color_page<W: Write + Seek>(
        &self,
        job: &Job,
        scan: &mut Scan,
        (page, mut image): (usize, WorkImage),
        result: &mut ColorFile<W>,
        label: &Label,
    ) -> Result<()> {
        let info = scan.info().clone();
        let hints = self.hints.of_page(page);
        let upright = info.orientation.upright_size((info.width as usize, info.height as usize));
        for number in self.hints.outside(page, upright) {
            let (name, (width, height)) = (job.shown.display(), upright);
            log::warn!("{name}: hint {number} lies outside of its {width} x {height} pixels");
        }
        let encoding = self.model.settings.encoding(info.width);
        if self.model.settings.borders == Borders::Keep {
            image = image.without_borders();
        } else if let Some(borders) = image.borders() {
            let (name, (width, height)) = (job.shown.display(), image.size());
            log::debug!("{name}: border of {borders} pixels on a thumbnail of {width} x {height}");
        }
        let chroma = self.predict(job, &image, &hints)?;

        let size = scan.output_size(&encoding);
        let painter = chroma.painter(size.0, size.1, self.model.settings.saturation);
        let painter = painter.in_space(self.model.settings.space);
        let mark = self.model.settings.mark.then(|| Mark::new(size.0, size.1, info.orientation));
        result.add(scan, &encoding, label, &|y, lightness, mut rgb| {
            self.bands.fetch_add(1, Ordering::Relaxed);
            painter.paint_rows(y, lightness, rgb.reborrow());
            if let Some(mark) = &mark {
                mark.draw(y, rgb);
            }
        })?;
        Ok(())
    }

    fn predict(&self, job: &Job, image: &WorkImage, hints: &Hints) -> Result<ChromaMap> {
        if self.model.settings.variant > 1 {
            let which = usize::from(self.model.settings.variant - 1);
            if let Some(other) = self.model.colorizer.predict_other(image, hints, which)? {
                return Ok(other);
            }
            let (name, variant) = (job.shown.display(), self.model.settings.variant);
            log::warn!("{name}: there is no variant {variant}, it gets the likeliest colors");
        }
        Ok(self.model.colorizer.predict(image, hints)?)
    }

    fn label(&self, job: &Job, content: &str, time: i64) -> Label {
        let name = job.shown.file_name().unwrap_or(job.shown.as_os_str());
        Label {
            software: SOFTWARE.to_owned(),
            weights: self.model.weights.clone(),
            weights_sha256: self.model.recipe.weights.clone(),
            source: name.to_string_lossy().into_owned(),
            source_sha256: content.to_owned(),
            settings: self
                .model
                .settings
                .words(self.model.colorizer.arithmetic(), self.hints.0.len()),
            source_type: self.model.settings.source_type,
            when: Some(UNIX_EPOCH + Duration::from_millis(time.max(0).cast_unsigned())),
            rendition: self.model.recipe.settings.clone(),
        }
    }
}

/// Checks that the input is still what was hashed first, and gives its stamp if that proves as
/// much next time.
fn settled_stamp(
    input: &Path,
    content: &str,
    before: Stamp,
    read_at: SystemTime,
    stop: &Stop,
) -> Result<Option<Stamp>> {
    if fingerprint::sha256_unless(input, stop, Deadline::NEVER)? != content {
        return Err(Error::SourceChanged { path: input.to_path_buf() });
    }
    let after = fingerprint::stamp(input)?;
    Ok((after == before && before.is_settled(read_at)).then_some(before))
}

/// What became of a scan.
pub(crate) enum Colored {
    /// Its result is written; width and height of the first page in pixels, and number of pages.
    Pages((u32, u32), usize),
    /// It stays as it is, for this reason.
    Left(SkipReason),
}

/// How an attempt ended that did not fail.
enum Ended {
    Done,
    Skipped(SkipReason),
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_input_that_changed_while_it_was_read_is_not_published() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("a.jpg");
        fs::write(&path, "as hashed").unwrap();
        let (before, content) =
            (fingerprint::stamp(&path).unwrap(), fingerprint::sha256(&path).unwrap());
        let later = SystemTime::now() + std::time::Duration::from_secs(10);
        assert_eq!(
            settled_stamp(&path, &content, before, later, &Stop::default()).unwrap(),
            Some(before)
        );
        assert_eq!(
            settled_stamp(&path, &content, before, SystemTime::now(), &Stop::default()).unwrap(),
            None
        );
        fs::write(&path, "and after").unwrap();
        let changed = settled_stamp(&path, &content, before, later, &Stop::default());
        assert!(matches!(changed, Err(Error::SourceChanged { .. })));
        fs::remove_file(&path).unwrap();
        let vanished = settled_stamp(&path, &content, before, later, &Stop::default()).unwrap_err();
        assert!(vanished.to_string().contains("a.jpg"), "{vanished}");
    }
}
