//! A scan becomes a result: its pages are colored into a temporary file, which is read back.

use std::borrow::Cow;
use std::io::{BufWriter, Seek, Write};
use std::ops::ControlFlow::{Break, Continue};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, UNIX_EPOCH};

use polychromify_core::{
    ChromaMap, Error as CoreError, ExpectedLightness, Hints, Label, Limits, Mark, ResultFile, Scan,
    WorkImage,
};

use serde_json::{Value, json};

use crate::cli::Borders;
use crate::error::{Error, Result};
use crate::files::fingerprint::{self, Stamp};
use crate::files::originals::OpenOriginal;
use crate::files::room::WithRoom;
use crate::files::temporary::Temporary;
use crate::files::{own, publish};
use crate::job::context::JobContext;
use crate::job::input::Input;
use crate::job::notices;
use crate::job::outcome::{JobDetails, Step};
use crate::ledger::{self, Making, Original, Published};
use crate::plan::Job;
use crate::policy::OnSuccess;
use crate::settings::SOFTWARE;
use crate::stop::Stoppable;

/// The colors of a frame of a sequence.
pub(crate) struct FrameColors {
    pub(crate) chroma: ChromaMap,
    /// Number of the first frame of its shot.
    pub(crate) shot: u64,
}

/// What a result is made of beside its scan.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    /// SHA-256 of the scan.
    pub(crate) content: &'a str,
    /// The time that it tells, in milliseconds since 1970.
    pub(crate) time: i64,
    /// `None`: they are predicted.
    pub(crate) colors: Option<&'a FrameColors>,
}

/// What was written of a result.
pub(crate) struct Colored {
    /// Width and height of the first page in pixels.
    size: (u32, u32),
    /// What each page has to show when it is read back.
    pages: Vec<ExpectedLightness>,
}

/// A result that was written.
pub(crate) struct Made {
    /// SHA-256 of the input.
    pub(crate) content: String,
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
        input: Input<'_>,
        colors: Option<&FrameColors>,
        started: Instant,
        details: &mut JobDetails,
    ) -> Step<(Temporary, Published)> {
        let limits = &input.limits;
        let temporary = publish::temporary_name(&job.output);
        let time = self.policy.time.unwrap_or_else(ledger::now);
        let time = self.ledger.start(id, &input.content, &temporary, time)?;
        publish::create_folders(&self.folder, &job.output)?;
        let temporary = Temporary::new(self.folder.join(temporary));
        let order = Order { content: &input.content, time, colors };
        let colored = self.color(job, &input.original, order, limits, temporary.path(), details)?;
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
        let film = colors.map(|colors| json!({"shot": colors.shot}));
        let (content, size) = (input.content, colored.size);
        let made = Made { content, source, sha256, size, time, film };
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
            recipe: self.model.recipe.clone(),
            source: made.source,
            sha256: made.sha256,
            size: written.size,
            modified: written.modified,
            width,
            height,
            milliseconds: started.elapsed().as_millis() as i64,
            original: match self.policy.on_success {
                OnSuccess::Keep => Original::Kept,
                OnSuccess::Move(_) | OnSuccess::Delete => Original::Due,
            },
            making: Making {
                software: Some(SOFTWARE.to_owned()),
                weights: Some(self.model.weights.clone()),
                at: Some(made.time),
            },
            sidecar: None,
            notices: Some(details.notices.clone()),
            film: made.film,
        })
    }

    /// Colors all pages of a scan into a new file, synced, unless it has colors already.
    fn color(
        &self,
        job: &Job,
        original: &OpenOriginal,
        order: Order<'_>,
        limits: &Limits,
        temporary: &Path,
        details: &mut JobDetails,
    ) -> Step<Colored> {
        let file = WithRoom::new(own::create(temporary, own::mode_like(original.mode))?);
        let mut out = Stoppable::new(BufWriter::with_capacity(1 << 20, file), &self.stop);
        let colored = match self.color_to(job, original, order, limits, &mut out, details)? {
            Continue(colored) => colored,
            skipped @ Break(_) => return Ok(skipped),
        };
        for notice in &details.notices {
            log::warn!("{}: {}", job.shown.display(), notices::text(notice));
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

    /// Colors all pages of a scan, unless it has colors already.
    pub(crate) fn color_to<W: Write + Seek>(
        &self,
        job: &Job,
        original: &OpenOriginal,
        order: Order<'_>,
        limits: &Limits,
        out: W,
        details: &mut JobDetails,
    ) -> Step<Colored> {
        let mut scan = original.scan(limits)?;
        scan.set_inverted(self.model.settings.invert);
        let colored = self.color_pages(job, order, &mut scan, out, details);
        details.notices = notices::of(&scan);
        colored
    }

    fn color_pages<W: Write + Seek>(
        &self,
        job: &Job,
        order: Order<'_>,
        scan: &mut Scan,
        out: W,
        details: &mut JobDetails,
    ) -> Step<Colored> {
        let pages = scan.pages();
        let mut first = match order.colors {
            Some(_) => None, // its sequence was looked at
            None => match self.first_pass(job, scan, details)? {
                Continue(image) => Some(image),
                Break(reason) => return Ok(Break(reason)),
            },
        };
        self.refuse_losses(job, scan)?;
        let label = self.label(job, order);
        for number in self.hints.beyond(pages) {
            log::warn!("{}: hint {number} is of none of its pages", job.shown.display());
        }
        let mut result = ResultFile::new(out, scan, self.model.settings.format)?;
        let size = scan.output_size(&self.model.settings.encoding(scan.info().width));
        let mut expected = Vec::with_capacity(pages);
        for page in 0..pages {
            scan.select(page)?;
            let image = match first.take() {
                Some(image) => image,
                None => self.thumbnail(job, scan)?.0,
            };
            let colors = order.colors.map(|colors| &colors.chroma);
            expected.push(self.color_page(
                job,
                scan,
                (page, image, colors),
                &mut result,
                &label,
            )?);
            self.refuse_losses(job, scan)?;
        }
        result.finish()?;
        Ok(Continue(Colored { size, pages: expected }))
    }

    /// Fails where the policy is strict and something of a scan is lost.
    pub(crate) fn refuse_losses(&self, job: &Job, scan: &Scan) -> Result<()> {
        if self.policy.strict { notices::refuse(scan, job) } else { Ok(()) }
    }

    /// Colors the selected page into the result, and gives what that has to show.
    fn color_page<W: Write + Seek>(
        &self,
        job: &Job,
        scan: &mut Scan,
        (page, mut image, colors): (usize, WorkImage, Option<&ChromaMap>),
        result: &mut ResultFile<W>,
        label: &Label,
    ) -> Result<ExpectedLightness> {
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
        let chroma = match colors {
            Some(chroma) => Cow::Borrowed(chroma),
            None => Cow::Owned(self.predict(job, &image, &hints)?),
        };

        let size = scan.output_size(&encoding);
        let painter = chroma.painter(size.0, size.1, self.model.settings.saturation);
        let painter = painter.in_space(self.model.settings.space);
        let mark = self.model.settings.mark.then(|| Mark::new(size.0, size.1, info.orientation));
        let expected = ExpectedLightness::new(scan, &encoding, &image, mark.as_ref());
        result.add(scan, &encoding, label, &|y, lightness, mut rgb| {
            self.bands.fetch_add(1, Ordering::Relaxed);
            painter.paint_rows(y, lightness, rgb.reborrow());
            if let Some(mark) = &mark {
                mark.draw(y, rgb);
            }
        })?;
        Ok(expected)
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

    fn label(&self, job: &Job, Order { content, time, .. }: Order<'_>) -> Label {
        let arithmetic = self.model.colorizer.arithmetic();
        let settings = match &self.film {
            Some(film) => film.settings_words(arithmetic),
            None => self.model.settings.words(arithmetic, &self.hints),
        };
        let name = job.shown.file_name().unwrap_or(job.shown.as_os_str());
        Label {
            software: SOFTWARE.to_owned(),
            weights: self.model.weights.clone(),
            weights_sha256: self.model.recipe.weights.clone(),
            source: name.to_string_lossy().into_owned(),
            source_sha256: content.to_owned(),
            settings,
            source_type: self.model.settings.source_type,
            when: Some(UNIX_EPOCH + Duration::from_millis(time.max(0).cast_unsigned())),
            rendition: self.model.recipe.settings.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::AtomicU64;

    use clap::Parser;

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
        let order = Order { content: "5ha", time: 0, colors: None };
        let colored = context.color(&job, &original, order, &limits, &result, details);
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
