//! A scan becomes a result: its pages are colored into a temporary file, which is read back.

use std::io::{BufWriter, Write};
use std::ops::ControlFlow::{Break, Continue};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use polychromify_core::{Error as CoreError, Limits, Scan};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::files::fingerprint::{self, Stamp};
use crate::files::originals::OpenOriginal;
use crate::files::room::WithRoom;
use crate::files::temporary::Temporary;
use crate::files::{own, publish};
use crate::job::coloring::{Colored, Coloring, FrameColors};
use crate::job::context::JobContext;
use crate::job::input::Input;
use crate::job::notices;
use crate::job::outcome::{JobDetails, Step};
use crate::job::treatment::Treatment;
use crate::ledger::{self, Making, Original, Published};
use crate::plan::Job;
use crate::settings::{Recipe, SOFTWARE};
use crate::stop::Stoppable;

/// A result that was written.
pub(crate) struct Made {
    /// SHA-256 of the input.
    pub(crate) content: String,
    pub(crate) recipe: Recipe,
    /// The input's stamp, where an equal one proves equal content.
    pub(crate) source: Option<Stamp>,
    /// SHA-256 of the result.
    pub(crate) sha256: String,
    /// Width and height in pixels.
    pub(crate) size: (u32, u32),
    /// The time that it tells, in milliseconds since 1970.
    pub(crate) time: i64,
    /// What is told of a film.
    pub(crate) film: Option<Value>,
}

impl JobContext {
    /// Colors an input into a temporary file, and checks that it is still what was hashed.
    pub(super) fn render(
        &self,
        id: i64,
        job: &Job,
        (treatment, colors): (&Treatment, Option<&FrameColors>),
        input: Input<'_>,
        started: Instant,
        details: &mut JobDetails,
    ) -> Step<(Temporary, Published)> {
        let limits = &input.limits;
        let temporary = publish::temporary_name(&job.output);
        let time = self.policy.time.unwrap_or_else(ledger::now);
        let time = self.ledger.start(id, &input.content, &temporary, time)?;
        publish::create_folders(&self.folder, &job.output)?;
        let temporary = Temporary::new(self.folder.join(temporary));
        let content = input.content.as_str();
        let coloring = Coloring { job, treatment, content, time, colors };
        let colored = self.color(&coloring, &input.original, limits, temporary.path(), details)?;
        let colored = match colored {
            Continue(colored) => colored,
            Break(reason) => return Ok(Break(reason)),
        };
        let hashes =
            || rayon::join(|| input.settled(&self.stop), || fingerprint::sha256(temporary.path()));
        let (read_back, (source, sha256)) =
            rayon::join(|| self.read_back(job, temporary.path(), &colored), hashes);
        read_back?;
        let (source, sha256) = (source?, sha256?);
        let recipe = treatment.recipe.clone();
        let film = colors.map(|colors| json!({"shot": colors.shot}));
        let (content, size) = (input.content, colored.size);
        let made = Made { content, recipe, source, sha256, size, time, film };
        let result = self.published(job, temporary.path(), made, started, details)?;
        Ok(Continue((temporary, result)))
    }

    /// The record of a result that was written whole to `temporary`.
    pub(crate) fn published(
        &self,
        job: &Job,
        temporary: &Path,
        made: Made,
        started: Instant,
        details: &JobDetails,
    ) -> Result<Published> {
        let written = fingerprint::stamp(temporary)?;
        let (width, height) = made.size;
        Ok(Published {
            input: job.input.clone(),
            content: made.content,
            recipe: made.recipe,
            source: made.source,
            sha256: made.sha256,
            size: written.size,
            modified: written.modified,
            width,
            height,
            milliseconds: started.elapsed().as_millis() as i64,
            original: if self.policy.lets_go(&job.input) { Original::Due } else { Original::Kept },
            making: Making {
                software: Some(SOFTWARE.to_owned()),
                weights: Some(self.model.weights.clone()),
                at: Some(made.time),
            },
            sidecar: None,
            notices: Some(details.notices.clone()),
            film: made.film,
            seen: details.seen(),
        })
    }

    /// Colors all pages of a scan into a new file, synced, unless it has colors already.
    fn color(
        &self,
        coloring: &Coloring<'_>,
        original: &OpenOriginal,
        limits: &Limits,
        temporary: &Path,
        details: &mut JobDetails,
    ) -> Step<Colored> {
        let file = WithRoom::new(own::create(temporary, own::mode_like(original.mode))?, temporary);
        let mut out = Stoppable::new(BufWriter::with_capacity(1 << 20, file), &self.stop);
        let colored = match self.color_to(coloring, original, limits, &mut out, details)? {
            Continue(colored) => colored,
            skipped @ Break(_) => return Ok(skipped),
        };
        for notice in &details.notices {
            log::warn!("{}: {}", coloring.job.shown.display(), notices::text(notice));
        }
        out.flush().map_err(Error::io(temporary, "write"))?;
        out.get_ref().get_ref().file().sync_all().map_err(Error::io(temporary, "sync"))?;
        Ok(Continue(colored))
    }

    /// Checks that a result which was written shows the lightness of its scan, on all pages.
    fn read_back(&self, job: &Job, temporary: &Path, written: &Colored) -> Result<()> {
        let differs = |reason| Err(Error::ReadBack { path: job.shown.clone(), reason });
        let step = &mut || {
            self.bands.fetch_add(1, Ordering::Relaxed);
            if self.stop.is_asked() { Err(CoreError::Cancelled) } else { Ok(()) }
        };
        let file = own::open(temporary)?;
        let compare = || {
            // A result that is larger than its source is within the limits, too.
            let limits = Limits {
                stop: Some(self.stop.asked().clone()),
                ..Limits::new(self.limits.pixels, u64::MAX)
            };
            let mut result = Scan::read(file, temporary, &limits)?;
            let (found, expected) = (result.pages(), written.pages.len());
            if found != expected {
                return Ok(Some(format!("{found} pages in place of {expected}")));
            }
            for (page, expected_page) in written.pages.iter().enumerate() {
                result.select(page)?;
                if let Some(difference) = result.compare_lightness(expected_page, step)? {
                    let page =
                        if expected > 1 { format!("page {}: ", page + 1) } else { String::new() };
                    return Ok(Some(format!("{page}{difference}")));
                }
            }
            Ok(None)
        };
        match compare() {
            Ok(None) => Ok(()),
            Ok(Some(reason)) => differs(reason),
            Err(error @ (CoreError::Io { .. } | CoreError::Cancelled)) => Err(error.into()),
            Err(error) => differs(Error::from(error).reason(temporary)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    use clap::Parser;
    use polychromify_core::Hints;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::job::ContentClaims;
    use crate::ledger::Ledger;
    use crate::model::OpenedModel;
    use crate::policy::Policy;
    use crate::stop::Stop;

    fn context(folder: &Path) -> JobContext {
        let arguments = ["polychromify", "batch", "in", "-o", "out"];
        let Command::Batch(batch) = Cli::parse_from(arguments).command else { unreachable!() };
        JobContext {
            model: OpenedModel::open(&batch.coloring, None).unwrap(),
            ledger: Ledger::in_memory().unwrap(),
            folder: folder.to_path_buf(),
            hints: Hints::default(),
            limits: Limits::new(1 << 30, 1 << 30),
            time_limit: Duration::MAX,
            bands: AtomicU64::new(0),
            policy: Policy::default(),
            claims: ContentClaims::default(),
            stop: Stop::default(),
            film: None,
        }
    }

    #[test]
    fn a_result_that_changes_between_writing_and_reading_back_fails() {
        let at = tempfile::tempdir().unwrap();
        let (scan, result) = (at.path().join("a.png"), at.path().join("result"));
        let gray = image::GrayImage::from_fn(90, 60, |x, y| image::Luma([(2 * x + y) as u8]));
        gray.save(&scan).unwrap();
        let job = Job {
            below: "a.png".into(),
            output: "a.png".into(),
            named: true,
            shown: scan.clone(),
            input: scan,
        };
        let context = context(at.path());
        let (limits, details) = (context.limits_from_now(), &mut JobDetails::default());
        let original = job.original().open().unwrap();
        let treatment = context.treatment(&job.output, "5ha").unwrap();
        let coloring =
            Coloring { job: &job, treatment: &treatment, content: "5ha", time: 0, colors: None };
        let colored = context.color(&coloring, &original, &limits, &result, details);
        let Continue(colored) = colored.unwrap() else { panic!("has no colors") };
        context.read_back(&job, &result, &colored).unwrap();

        let bytes = fs::read(&result).unwrap();
        let painted = image::load_from_memory(&bytes).unwrap();
        let altered = [
            (painted.fliph(), "its lightness is "),
            (painted.brighten(20), "its lightness is "),
            (painted.rotate90(), "60 x 90 pixels in place of 90 x 60"),
        ];
        for (altered, reason) in altered {
            altered.save_with_format(&result, image::ImageFormat::Png).unwrap();
            let error = context.read_back(&job, &result, &colored).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
            assert!(error.to_string().contains("a.png: its result is not published"), "{error}");
        }
        fs::write(&result, &bytes[..bytes.len() - 100]).unwrap();
        let error = context.read_back(&job, &result, &colored).unwrap_err();
        assert!(error.to_string().contains("what was written: damaged: "), "{error}");
    }
}
