//! One photograph the whole way: read, colored, published, recorded.
//!
//! A job is taken, done and acknowledged in one call, [`Studio::perform`], which needs nothing of
//! the other jobs: a queue of another kind than `batch`'s can stand in front of it.

mod age;
mod colors;
mod contents;
mod decision;
mod failure;
mod original;
mod outcome;
pub(crate) mod sidecar;
mod temporary;

use std::fs::OpenOptions;
use std::io::{BufWriter, Seek, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use polychromify_core::lab::RgbSpace;
use polychromify_core::scan::{ColorFile, Deadline, Encoding, Format, Label, Limits, SourceType};
use polychromify_core::thumbnail::WorkImage;
use polychromify_core::{ChromaMap, Colorizer, Hints, Mark, Scan};

use crate::error::{Error, Result};
use crate::fingerprint::{self, Stamp};
use crate::ledger::{self, Ledger, Making, Original, Published};
use crate::plan::Job;
use crate::publish;
use crate::settings::{Recipe, SOFTWARE};
use crate::stop::{Stop, Stoppable};
use crate::watch::settings::{Duplicates, OnSuccess, Retries};
pub(crate) use age::{age, done_already};
use colors::Look;
pub(crate) use colors::OWN_RESULT;
pub(crate) use contents::Contents;
pub(crate) use decision::{DONE_ALREADY, Decision, LEFT_EDITED, Redo, decide, is_done_by_times};
pub(crate) use failure::GONE;
pub(crate) use outcome::{Estimate, Facts, Outcome};
use sidecar::Sidecar;
use temporary::Temporary;

/// What all jobs of a run share.
pub(crate) struct Studio {
    pub(crate) colorizer: Colorizer,
    pub(crate) ledger: Ledger,
    /// The output folder, absolute.
    pub(crate) folder: PathBuf,
    pub(crate) recipe: Recipe,
    /// Name of the weights, for the label.
    pub(crate) weights: String,
    pub(crate) hints: Hints,
    pub(crate) style: Style,
    /// Bounds for each job, but for its deadline.
    pub(crate) limits: Limits,
    /// How long each job may take until its result is written.
    pub(crate) time_limit: Duration,
    /// Bands that were read by all jobs, which shows that they get on.
    pub(crate) bands: AtomicU64,
    pub(crate) care: Care,
    pub(crate) contents: Contents,
    pub(crate) stop: Stop,
}

/// What is done around the coloring; by default what `batch` does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Care {
    /// When a failed job is tried again; `None`: it is not.
    pub(crate) retries: Option<Retries>,
    pub(crate) on_success: OnSuccess,
    pub(crate) duplicates: Duplicates,
    pub(crate) redo: Redo,
    /// Whether what the label says is written beside each result.
    pub(crate) sidecar: bool,
    /// What results tell in place of the present time, in milliseconds since 1970.
    pub(crate) time: Option<i64>,
}

/// How results are painted and written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// `None`: the source's.
    pub(crate) format: Option<Format>,
    /// Factor on chroma.
    pub(crate) saturation: f32,
    /// Which plausible coloring, from 1 on.
    pub(crate) variant: u8,
    /// JPEG quality, 1..=100.
    pub(crate) quality: u8,
    /// Longest side of the result in pixels.
    pub(crate) max_side: Option<u32>,
    /// Whether scan borders are colored as the photograph is.
    pub(crate) keep_borders: bool,
    /// What the label says that a result is.
    pub(crate) source_type: SourceType,
    /// Color space of results.
    pub(crate) space: RgbSpace,
    /// Whether scans are negatives.
    pub(crate) invert: bool,
    /// Whether results are marked in a corner.
    pub(crate) mark: bool,
}

impl Style {
    /// Rows a band are chosen for about a megapixel, so that bands fit the caches and keep all
    /// threads busy.
    pub(crate) fn encoding(&self, width: u32) -> Encoding {
        let band_rows = (1_000_000 / width.max(1)).clamp(1, 256) as usize;
        Encoding {
            format: self.format,
            quality: self.quality,
            max_side: self.max_side,
            space: self.space,
            band_rows,
        }
    }
}

impl Studio {
    /// Bounds for a job that begins now.
    pub(crate) fn limits_from_now(&self) -> Limits {
        Limits { deadline: Deadline::after(self.time_limit), ..self.limits }
    }

    /// Does a job and records how it ended.
    pub(crate) fn perform(&self, id: i64, job: &Job) -> Outcome {
        let started = Instant::now();
        let mut facts = Facts::default();
        let ended = catch_unwind(AssertUnwindSafe(|| self.attempt(id, job, started, &mut facts)))
            .unwrap_or_else(|panic| Err(Error::Panicked(panic_message(&*panic))));
        facts.seconds = Some(started.elapsed().as_secs_f64());
        match ended {
            Ok(Ended::Done) => Outcome::Done(facts),
            Ok(Ended::Skipped(reason)) => Outcome::Skipped(reason, facts),
            Err(error) => self.settle_failure(id, job, &error, facts),
        }
    }

    fn attempt(&self, id: i64, job: &Job, started: Instant, facts: &mut Facts) -> Result<Ended> {
        let limits = self.limits_from_now();
        let read_at = SystemTime::now();
        let stamp = fingerprint::stamp(&job.shown)?;
        let content = fingerprint::sha256_unless(&job.shown, &self.stop, limits.deadline)?;
        facts.sha256_input = Some(content.clone());
        let path = self.folder.join(&job.output);
        let _claim = self.claim(&content)?;
        let known = self.ledger.result(&job.output)?;
        let old_sidecar = known.as_ref().and_then(|known| known.sidecar.clone());
        let replaced = match decide(job, &content, &self.recipe, self.care.redo, &path, known)? {
            Decision::Color(replaced) => replaced,
            Decision::Keep(mut result) => {
                facts.of_result(&result);
                result.input.clone_from(&job.input);
                result.source = stamp.is_settled(read_at).then_some(stamp);
                if self.lets_originals_go() {
                    result.original = Original::Leaving;
                }
                self.ledger.keep(id, &result)?;
                self.keep_sidecar(&job.output, &result);
                self.let_original_go(job, &result);
                return Ok(Ended::Skipped(done_already(&result, &self.recipe)));
            }
            Decision::LeaveEdited => {
                self.ledger.skip(id, LEFT_EDITED)?;
                return Ok(Ended::Skipped(LEFT_EDITED.to_owned()));
            }
        };
        facts.duplicate_of = self.ledger.same_content(&content, &self.recipe, &job.output)?;
        if let (Some(other), None, Duplicates::Skip) =
            (&facts.duplicate_of, &replaced, self.care.duplicates)
        {
            let reason = format!("the same content as {}, which is done", other.display());
            self.ledger.skip(id, &reason)?;
            return Ok(Ended::Skipped(reason));
        }
        if self.care.sidecar {
            sidecar::refuse_foreign(&path, old_sidecar.as_deref())?;
        }
        let temporary = publish::temporary_name(&job.output);
        let time = self.care.time.unwrap_or_else(ledger::now);
        let time = self.ledger.start(id, &content, &temporary, time)?;
        publish::create_folders(&self.folder, &job.output)?;
        let temporary = Temporary::new(self.folder.join(temporary));
        let making = (content.as_str(), time);
        let (width, height) = match self.color(job, making, &limits, temporary.path(), facts)? {
            Colored::Pages(size, _) => size,
            Colored::Left(reason) => {
                self.ledger.skip(id, &reason)?;
                return Ok(Ended::Skipped(reason));
            }
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
            recipe: self.recipe.clone(),
            source,
            sha256,
            size: written.size,
            modified: written.modified,
            width,
            height,
            milliseconds: started.elapsed().as_millis() as i64,
            original: if self.lets_originals_go() { Original::Leaving } else { Original::Kept },
            making: Making {
                software: Some(SOFTWARE.to_owned()),
                weights: Some(self.weights.clone()),
                at: Some(time),
            },
            sidecar: None,
        };
        let sidecar = self.care.sidecar.then(|| Sidecar::of(&job.output, &result));
        result.sidecar = sidecar.as_ref().map(Sidecar::sha256);
        facts.of_result(&result);
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
        match self.insist(job, record) {
            Ok(()) => self.let_original_go(job, &result),
            Err(error) => log::warn!("{}: done, but not recorded: {error}", job.shown.display()),
        }
        Ok(Ended::Done)
    }

    /// Colors all pages of a scan into a new file, synced and read back as far as its header, unless
    /// it has colors already.
    fn color(
        &self,
        job: &Job,
        making: (&str, i64),
        limits: &Limits,
        temporary: &Path,
        facts: &mut Facts,
    ) -> Result<Colored> {
        let create = OpenOptions::new().write(true).create_new(true).open(temporary);
        let file = create.map_err(Error::io(temporary, "create"))?;
        let mut out = Stoppable::new(BufWriter::with_capacity(1 << 20, file), &self.stop);
        let (size, pages) = match self.color_to(job, making, limits, &mut out, facts)? {
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
        facts: &mut Facts,
    ) -> Result<Colored> {
        let mut scan = Scan::open(&job.shown, limits)?;
        scan.set_inverted(self.style.invert);
        let pages = scan.pages();
        let mut first = match self.look(job, &mut scan, facts)? {
            Look::Color(image) => Some(image),
            Look::Leave(reason) => return Ok(Colored::Left(reason)),
        };
        let label = self.label(job, content, time);
        for number in self.hints.beyond(pages) {
            log::warn!("{}: hint {number} is of none of its pages", job.shown.display());
        }
        let mut result = ColorFile::new(out, &scan, self.style.format)?;
        let size = scan.output_size(&self.style.encoding(scan.info().width));
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
        let encoding = self.style.encoding(info.width);
        if self.style.keep_borders {
            image = image.without_borders();
        } else if let Some(borders) = image.borders() {
            let (name, (width, height)) = (job.shown.display(), image.size());
            log::debug!("{name}: border of {borders} pixels on a thumbnail of {width} x {height}");
        }
        let chroma = self.predict(job, &image, &hints)?;

        let size = scan.output_size(&encoding);
        let painter = chroma.painter(size.0, size.1, self.style.saturation);
        let painter = painter.in_space(self.style.space);
        let mark = self.style.mark.then(|| Mark::new(size.0, size.1, info.orientation));
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
        if self.style.variant > 1 {
            let which = usize::from(self.style.variant - 1);
            if let Some(other) = self.colorizer.predict_other(image, hints, which)? {
                return Ok(other);
            }
            let (name, variant) = (job.shown.display(), self.style.variant);
            log::warn!("{name}: there is no variant {variant}, it gets the likeliest colors");
        }
        Ok(self.colorizer.predict(image, hints)?)
    }

    fn label(&self, job: &Job, content: &str, time: i64) -> Label {
        let name = job.shown.file_name().unwrap_or(job.shown.as_os_str());
        Label {
            software: SOFTWARE.to_owned(),
            weights: self.weights.clone(),
            weights_sha256: self.recipe.weights.clone(),
            source: name.to_string_lossy().into_owned(),
            source_sha256: content.to_owned(),
            settings: self.settings(),
            source_type: self.style.source_type,
            when: Some(UNIX_EPOCH + Duration::from_millis(time.max(0).cast_unsigned())),
            rendition: self.recipe.settings.clone(),
        }
    }

    /// What decided the colors beside the weights, for the label.
    fn settings(&self) -> String {
        let mut settings = vec![format!("calculated in {}", self.colorizer.arithmetic())];
        if self.style.saturation != 1.0 {
            settings.push(format!("saturation {}", self.style.saturation));
        }
        if self.style.variant > 1 {
            settings.push(format!("variant {}", self.style.variant));
        }
        if self.style.keep_borders {
            settings.push("scan borders colored too".to_owned());
        }
        if self.style.invert {
            settings.push("lightness of a negative inverted".to_owned());
        }
        if self.style.mark {
            settings.push("marked in a corner".to_owned());
        }
        if self.style.space != RgbSpace::Srgb {
            settings.push(format!("painted in {}", self.style.space));
        }
        settings.extend(self.hints.summary());
        settings.join(", ")
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
    Left(String),
}

/// How an attempt ended that did not fail.
enum Ended {
    Done,
    Skipped(String),
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
