//! The first pass over a scan: its thumbnail, and whether it has colors already.

use std::ops::ControlFlow::{Break, Continue};
use std::path::Path;
use std::sync::atomic::Ordering;

use polychromify_core::{Scan, Thumbnail, Toning, Verdict, WorkImage};

use crate::error::Result;
use crate::job::coloring::Coloring;
use crate::job::context::JobContext;
use crate::job::outcome::{JobDetails, SkipReason, Step};
use crate::plan::Job;

/// From this [`WorkImage::negativity`] on, a scan is warned of.
const SURE: f32 = 3.5;

/// The same for a scan whose name, or that of a folder above it, says negative.
const LIKELY: f32 = 0.5;

/// Least pixels a side of a picture that is judged.
const LEAST_SIDE: usize = 64;

/// Least standard deviation of its lightness; that of blank paper is 1 to 3.
const LEAST_SPREAD: f32 = 4.0;

impl JobContext {
    /// Gives the thumbnail of the first page of a scan that was opened. One of several pages stays
    /// as it is if all have colors.
    pub(super) fn first_pass(
        &self,
        coloring: &Coloring<'_>,
        scan: &mut Scan,
        details: &mut JobDetails,
    ) -> Step<WorkImage> {
        let Coloring { job, treatment, .. } = *coloring;
        let (settings, forced) = (&treatment.settings, treatment.is_forced());
        if !forced && scan.is_result() {
            return Ok(Break(SkipReason::OwnResult));
        }
        scan.result_depth(&settings.encoding(scan.info().width))?;
        let (image, toning) = self.thumbnail(job, scan)?;
        details.toning = Some(toning);
        if forced || toning.verdict != Verdict::Color {
            if !settings.invert {
                warn_of_negative(job, &image);
            }
            return Ok(Continue(image));
        }
        for page in 1..scan.pages() {
            scan.select(page)?;
            if self.thumbnail(job, scan)?.1.verdict != Verdict::Color {
                let name = job.shown.display();
                log::warn!("{name}: page 1 has colors already and page {} not", page + 1);
                scan.select(0)?;
                return Ok(Continue(image));
            }
        }
        Ok(Break(SkipReason::HasColors(toning.confidence)))
    }

    /// Reads the selected page of a scan for the first time.
    pub(crate) fn thumbnail(&self, job: &Job, scan: &mut Scan) -> Result<(WorkImage, Toning)> {
        let info = scan.info().clone();
        let area = self.model.colorizer.work_area();
        let mut thumbnail = Thumbnail::new(info.width, info.height, info.orientation, area);
        let band_rows = self.model.settings.encoding(info.width).band_rows;
        scan.read_lightness(band_rows, &mut |y, lightness| {
            self.bands.fetch_add(1, Ordering::Relaxed);
            if self.stop.is_asked() {
                return Err(polychromify_core::Error::Cancelled);
            }
            thumbnail.push_rows(y, lightness);
            Ok(())
        })?;
        let image = thumbnail.finish();
        let toning = scan.toning(&image).unwrap_or(Toning::GRAY);
        log::debug!(
            "{}: {} ({:.1} % sure)",
            job.shown.display(),
            toning.verdict,
            100.0 * toning.confidence
        );
        Ok((image, toning))
    }
}

/// Warns where a scan is surely a negative, or likely one that is named so.
fn warn_of_negative(job: &Job, image: &WorkImage) {
    if !shows_a_picture(image) {
        return;
    }
    let least = if is_named_negative(&job.below) { LIKELY } else { SURE };
    if image.negativity() >= least {
        log::warn!("{}: looks like a negative; --invert colors it as one", job.shown.display());
    }
}

/// Whether there is enough to see to tell a negative from a positive: not a stamp, not a blank page.
fn shows_a_picture(image: &WorkImage) -> bool {
    let (width, height) = image.size();
    let lightness = image.lightness();
    let mean = |values: &mut dyn Iterator<Item = f32>| values.sum::<f32>() / lightness.len() as f32;
    let middle = mean(&mut lightness.iter().copied());
    let spread = mean(&mut lightness.iter().map(|l| (l - middle).powi(2))).sqrt();
    width.min(height) >= LEAST_SIDE && spread >= LEAST_SPREAD
}

/// Whether a path has a word such as negative, Negativ, négatif or neg.
fn is_named_negative(path: &Path) -> bool {
    let name = path.to_string_lossy().to_lowercase();
    let mut words = name.split(|c: char| !c.is_alphabetic());
    words.any(|word| {
        ["negativ", "négatif", "negatief"].iter().any(|part| word.contains(part))
            || ["neg", "negs"].contains(&word)
    })
}

#[cfg(test)]
mod tests {
    use polychromify_core::{Orientation, Thumbnail};

    use super::*;

    #[test]
    fn small_and_blank_pictures_are_not_judged() {
        let shows = |width: u32, height: u32, lightness: fn(u32) -> f32| {
            let mut thumbnail = Thumbnail::new(width, height, Orientation::Upright, 1 << 14);
            let pixels: Vec<_> = (0..width * height).map(lightness).collect();
            thumbnail.push_rows(0, &pixels);
            shows_a_picture(&thumbnail.finish())
        };
        let (picture, grain) = (|i| (i % 97) as f32, |i| 90.0 + (i * 7 % 11) as f32 / 2.0);
        assert!(shows(64, 64, picture) && shows(300, 200, picture));
        assert!(!shows(63, 200, picture), "too small");
        assert!(!shows(300, 200, |_| 12.0) && !shows(300, 200, grain), "blank");
    }

    #[test]
    fn words_for_negatives_are_found_in_names_and_folders() {
        for name in ["Negative 12/a.tif", "roll_3_neg.tif", "x/Glasnegativ-7.tif", "négatifs/1.jpg"]
        {
            assert!(is_named_negative(Path::new(name)), "{name}");
        }
        for name in ["a.tif", "Lago Negro.jpg", "negotiations/1.tif", "Schnee.tif"] {
            assert!(!is_named_negative(Path::new(name)), "{name}");
        }
    }
}
