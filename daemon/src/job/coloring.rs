//! The pages of a scan are colored, one after the other.

use std::borrow::Cow;
use std::io::{Seek, Write};
use std::ops::ControlFlow::{Break, Continue};
use std::sync::atomic::Ordering;
use std::time::{Duration, UNIX_EPOCH};

use polychromify_core::{
    ChromaMap, ExpectedLightness, Hints, Label, Limits, Mark, ResultFile, Scan, WorkImage,
};

use crate::cli::Borders;
use crate::error::Result;
use crate::files::originals::OpenOriginal;
use crate::job::context::JobContext;
use crate::job::notices;
use crate::job::outcome::{JobDetails, Step};
use crate::job::treatment::Treatment;
use crate::plan::Job;
use crate::settings::SOFTWARE;

/// The colors of a frame of a sequence.
pub(crate) struct FrameColors {
    pub(crate) chroma: ChromaMap,
    /// Number of the first frame of its shot.
    pub(crate) shot: u64,
}

/// A photograph to be colored, and how.
#[derive(Clone, Copy)]
pub(crate) struct Coloring<'a> {
    pub(crate) job: &'a Job,
    pub(crate) treatment: &'a Treatment,
    /// SHA-256 of the scan.
    pub(crate) content: &'a str,
    /// What the label tells, in milliseconds since 1970.
    pub(crate) time: i64,
    /// `None`: they are predicted.
    pub(crate) colors: Option<&'a FrameColors>,
}

/// What was written of a result.
pub(crate) struct Colored {
    /// Width and height of the first page in pixels.
    pub(super) size: (u32, u32),
    /// What each page has to show when it is read back.
    pub(super) pages: Vec<ExpectedLightness>,
}

impl JobContext {
    /// Colors all pages of a scan, unless it has colors already.
    pub(crate) fn color_to<W: Write + Seek>(
        &self,
        coloring: &Coloring<'_>,
        original: &OpenOriginal,
        limits: &Limits,
        out: W,
        details: &mut JobDetails,
    ) -> Step<Colored> {
        let mut scan = original.scan(limits)?;
        scan.set_inverted(coloring.treatment.settings.invert);
        let colored = self.color_pages(coloring, &mut scan, out, details);
        details.notices = notices::of(&scan);
        colored
    }

    fn color_pages<W: Write + Seek>(
        &self,
        coloring: &Coloring<'_>,
        scan: &mut Scan,
        out: W,
        details: &mut JobDetails,
    ) -> Step<Colored> {
        let Coloring { job, treatment: Treatment { settings, hints, .. }, .. } = *coloring;
        let pages = scan.pages();
        let mut first = match coloring.colors {
            Some(_) => None, // its sequence was looked at
            None => match self.first_pass(coloring, scan, details)? {
                Continue(image) => Some(image),
                Break(reason) => return Ok(Break(reason)),
            },
        };
        self.refuse_losses(job, scan)?;
        let label = self.label(coloring);
        for number in hints.beyond(pages) {
            log::warn!("{}: hint {number} is of none of its pages", job.shown.display());
        }
        let mut result = ResultFile::new(out, scan, settings.format)?;
        let size = scan.output_size(&settings.encoding(scan.info().width));
        let mut expected = Vec::with_capacity(pages);
        for page in 0..pages {
            scan.select(page)?;
            let is_first = first.is_some();
            let mut image = match first.take() {
                Some(image) => image,
                None => self.thumbnail(job, scan)?.0,
            };
            if settings.borders == Borders::Keep {
                image = image.without_borders();
            }
            if is_first {
                let doubts = self.model.colorizer.doubts(&image, &hints.of_page(page))?;
                details.doubt = doubts.map(|doubts| doubts.mean());
            }
            expected.push(self.color_page(coloring, scan, (page, image), &mut result, &label)?);
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
        coloring: &Coloring<'_>,
        scan: &mut Scan,
        (page, image): (usize, WorkImage),
        result: &mut ResultFile<W>,
        label: &Label,
    ) -> Result<ExpectedLightness> {
        let Coloring { job, treatment: Treatment { settings, hints, .. }, .. } = *coloring;
        let info = scan.info().clone();
        let upright = info.orientation.upright_size((info.width as usize, info.height as usize));
        for number in hints.outside(page, upright) {
            let (name, (width, height)) = (job.shown.display(), upright);
            log::warn!("{name}: hint {number} lies outside of its {width} x {height} pixels");
        }
        if let Some(borders) = image.borders() {
            let (name, (width, height)) = (job.shown.display(), image.size());
            log::debug!("{name}: border of {borders} pixels on a thumbnail of {width} x {height}");
        }
        let encoding = settings.encoding(info.width);
        let chroma = match coloring.colors {
            Some(colors) => Cow::Borrowed(&colors.chroma),
            None => Cow::Owned(self.predict(coloring, &image, &hints.of_page(page))?),
        };

        let size = scan.output_size(&encoding);
        let painter = chroma.painter(size.0, size.1, settings.saturation);
        let painter = painter.in_space(settings.space);
        let mark = settings.mark.then(|| Mark::new(size.0, size.1, info.orientation));
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

    fn predict(
        &self,
        coloring: &Coloring<'_>,
        image: &WorkImage,
        hints: &Hints,
    ) -> Result<ChromaMap> {
        let settings = &coloring.treatment.settings;
        let (variant, reference) = (settings.variant, self.reference(settings)?);
        let reference = reference.as_ref();
        if variant > 1 {
            let which = usize::from(variant - 1);
            if let Some(other) =
                self.model.colorizer.predict_other(image, hints, reference, which)?
            {
                return Ok(other);
            }
            let name = coloring.job.shown.display();
            log::warn!("{name}: there is no variant {variant}, it gets the likeliest colors");
        }
        Ok(self.model.colorizer.predict_like(image, hints, reference)?)
    }

    fn label(&self, coloring: &Coloring<'_>) -> Label {
        let Coloring { job, treatment: Treatment { settings, recipe, hints, .. }, .. } = *coloring;
        let arithmetic = self.model.colorizer.arithmetic();
        let settings_words = match self.film_of(&job.output) {
            Some(film) => film.settings_words(arithmetic),
            None => settings.words(arithmetic, hints),
        };
        let name = job.shown.file_name().unwrap_or(job.shown.as_os_str());
        let time = coloring.time.max(0).cast_unsigned();
        Label {
            software: SOFTWARE.to_owned(),
            weights: self.model.weights.clone(),
            weights_sha256: recipe.weights.clone(),
            source: name.to_string_lossy().into_owned(),
            source_sha256: coloring.content.to_owned(),
            settings: settings_words,
            source_type: settings.source_type,
            when: Some(UNIX_EPOCH + Duration::from_millis(time)),
            rendition: recipe.settings.clone(),
        }
    }
}
