//! The panel of measures, gathered photograph by photograph in constant memory.

use polychromify_core::internals::model::CHROMA_SCALE;
use polychromify_image::color::lab::Lab;
use serde::Serialize;

use super::auc::Distances;
use super::ciede2000::ciede2000;
use super::colorfulness::{Colorfulness, colorfulness};
use super::photo::Photo;
use super::similarity::{psnr, ssim};

/// The measures of one way to color a set of photographs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Panel {
    /// Keras' categorical accuracy, 0..=1: the share of pixels where the larger of `(a, b)` is
    /// that of the photograph; a tie counts as `a`.
    pub accuracy: f64,
    /// Mean squared error of `(a, b) / 128`.
    pub mse: f64,
    /// PSNR over RGB in dB, at most 60 for a photograph; averaged over photographs, as the two
    /// that follow.
    pub psnr: f64,
    /// SSIM over RGB.
    pub ssim: f64,
    /// Colorfulness of the results.
    pub colorfulness: f64,
    /// Colorfulness of the photographs.
    pub colorfulness_original: f64,
    /// Mean ΔE00 over all pixels.
    pub delta_e_mean: f64,
    /// Median ΔE00 over all pixels, to 0.01.
    pub delta_e_median: f64,
    /// Area under the curve of distances in `ab`, 0..=1.
    pub auc: f64,
    /// The same with every true chroma of equal weight.
    pub auc_rebalanced: f64,
    /// Colorfulness of the results by the absolute-value form of colorization papers: beside the
    /// other measures, in the table only.
    #[serde(skip)]
    pub colorfulness_absolute: f64,
}

/// Bins of the histogram of ΔE00 for each unit.
const BINS: f64 = 100.0;

/// ΔE00 above this counts as this; black to white is 100.
const LARGEST_DELTA_E: f64 = 200.0;

/// Sums over pixels and photographs, from which the panel is made.
#[derive(Clone, Debug)]
pub struct Tally {
    photos: u64,
    pixels: u64,
    agreeing: u64,
    squared: f64,
    psnr: f64,
    ssim: f64,
    colorfulness: Colorfulness,
    colorfulness_original: f64,
    delta_e: f64,
    delta_e_bins: Vec<u64>,
    distances: Distances,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            photos: 0,
            pixels: 0,
            agreeing: 0,
            squared: 0.0,
            psnr: 0.0,
            ssim: 0.0,
            colorfulness: Colorfulness { signed: 0.0, absolute: 0.0 },
            colorfulness_original: 0.0,
            delta_e: 0.0,
            delta_e_bins: vec![0; (BINS * LARGEST_DELTA_E) as usize + 1],
            distances: Distances::default(),
        }
    }
}

impl Tally {
    /// Measures a photograph whose chroma was predicted as the planes `a` and `b`.
    ///
    /// # Panics
    ///
    /// When the planes are not of the photograph's size.
    pub fn of(photo: &Photo, a: &[f32], b: &[f32]) -> Self {
        assert!(a.len() == photo.l.len() && b.len() == photo.l.len());
        let result = photo.colored(a, b);
        let mut tally = Self {
            photos: 1,
            pixels: photo.l.len() as u64,
            psnr: psnr(&photo.rgb, &result),
            ssim: ssim(&photo.rgb, &result, photo.side),
            colorfulness: colorfulness(&result),
            colorfulness_original: colorfulness(&photo.rgb).signed,
            ..Self::default()
        };
        for i in 0..photo.l.len() {
            let (l, expected, found) = (photo.l[i], [photo.a[i], photo.b[i]], [a[i], b[i]]);
            tally.agreeing += u64::from((expected[1] > expected[0]) == (found[1] > found[0]));
            for (expected, found) in expected.into_iter().zip(found) {
                tally.squared += (f64::from(expected - found) / f64::from(CHROMA_SCALE)).powi(2);
            }
            let delta_e = ciede2000(
                Lab { l, a: expected[0], b: expected[1] },
                Lab { l, a: found[0], b: found[1] },
            );
            tally.delta_e += delta_e;
            // `min` also puts what is no number into the last bin.
            tally.delta_e_bins[(delta_e.min(LARGEST_DELTA_E) * BINS) as usize] += 1;
            tally.distances.push(expected, found);
        }
        tally
    }

    /// Adds another set of photographs.
    pub fn merge(&mut self, other: &Self) {
        self.photos += other.photos;
        self.pixels += other.pixels;
        self.agreeing += other.agreeing;
        self.squared += other.squared;
        self.psnr += other.psnr;
        self.ssim += other.ssim;
        self.colorfulness.signed += other.colorfulness.signed;
        self.colorfulness.absolute += other.colorfulness.absolute;
        self.colorfulness_original += other.colorfulness_original;
        self.delta_e += other.delta_e;
        for (bin, other) in self.delta_e_bins.iter_mut().zip(&other.delta_e_bins) {
            *bin += other;
        }
        self.distances.merge(&other.distances);
    }

    /// How many photographs were measured.
    pub fn photos(&self) -> u64 {
        self.photos
    }

    /// The measures; not numbers where no photograph was measured.
    pub fn panel(&self) -> Panel {
        let (photos, pixels) = (self.photos as f64, self.pixels as f64);
        Panel {
            accuracy: self.agreeing as f64 / pixels,
            mse: self.squared / (2.0 * pixels),
            psnr: self.psnr / photos,
            ssim: self.ssim / photos,
            colorfulness: self.colorfulness.signed / photos,
            colorfulness_original: self.colorfulness_original / photos,
            delta_e_mean: self.delta_e / pixels,
            delta_e_median: self.median_delta_e(),
            auc: self.distances.auc(),
            auc_rebalanced: self.distances.auc_rebalanced(),
            colorfulness_absolute: self.colorfulness.absolute / photos,
        }
    }

    /// The middle of the bin that half of the pixels reach.
    fn median_delta_e(&self) -> f64 {
        let mut below = 0;
        let reached = self.delta_e_bins.iter().position(|&bin| {
            below += bin;
            2 * below >= self.pixels
        });
        reached.map_or(f64::NAN, |bin| (bin as f64 + 0.5) / BINS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo(side: usize) -> Photo {
        let color = |i: usize| [(i * 7) as u8, 90, (i * 13 % 101) as u8];
        Photo::new((0..side * side).flat_map(color).collect(), side)
    }

    #[test]
    fn the_photograph_itself_is_perfect() {
        let photo = photo(16);
        let panel = Tally::of(&photo, &photo.a, &photo.b).panel();
        assert_eq!((panel.accuracy, panel.mse, panel.psnr), (1.0, 0.0, 60.0));
        assert_eq!((panel.delta_e_mean, panel.auc, panel.auc_rebalanced), (0.0, 1.0, 1.0));
        assert!((panel.ssim - 1.0).abs() < 1e-12);
        assert_eq!(panel.colorfulness, panel.colorfulness_original);
    }

    #[test]
    fn gray_is_as_accurate_as_the_share_of_pixels_where_b_is_not_larger() {
        let photo = photo(16);
        let gray = vec![0.0; 256];
        let panel = Tally::of(&photo, &gray, &gray).panel();
        let share = photo.a.iter().zip(&photo.b).filter(|(a, b)| b <= a).count() as f64 / 256.0;
        assert_eq!(panel.accuracy, share);
        assert_eq!(panel.colorfulness, 0.0);
        let squares: f64 = photo.a.iter().chain(&photo.b).map(|&v| f64::from(v).powi(2)).sum();
        assert!((panel.mse - squares / 512.0 / 128f64.powi(2)).abs() < 1e-9);
    }

    #[test]
    fn a_merged_tally_is_the_mean_over_photographs_and_pixels() {
        let photo = photo(16);
        let gray = vec![0.0; 256];
        let mut tally = Tally::of(&photo, &gray, &gray);
        let half = tally.panel();
        tally.merge(&Tally::of(&photo, &photo.a, &photo.b));
        let panel = tally.panel();
        assert_eq!(tally.photos(), 2);
        assert!((panel.psnr - 0.5 * (half.psnr + 60.0)).abs() < 1e-12);
        assert!((panel.mse - 0.5 * half.mse).abs() < 1e-12);
        assert_eq!(panel.delta_e_median, 0.005);
    }

    #[test]
    fn numbers_that_are_none_are_counted_and_do_not_panic() {
        let photo = photo(16);
        let panel = Tally::of(&photo, &[f32::NAN; 256], &[f32::NAN; 256]).panel();
        assert_eq!((panel.auc, panel.mse.is_nan()), (0.0, true));
    }
}
