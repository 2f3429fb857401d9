//! What hints are worth: the panel by the number of true colors that are given away.
//!
//! Hints go the user's way: squares of the photograph's own color, as sRGB in 8 bit, to the network
//! if it takes them and spread along lightness.

use std::fmt;
use std::path::PathBuf;

use polychromify_core::{
    Colorizer, Device, Error, Hint, Hints, Orientation, Result, Thumbnail, Weights,
};
use rand::Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::{BATCH, Panel, Photo, SIDE, Tally, read_photos};
use crate::seed::stream;

/// Radius of a hint in pixels: it covers 3 x 3 of the 128 x 128.
const RADIUS: f32 = 1.5;

/// The panel with so many hints a photograph.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HintedPanel {
    /// Hints a photograph, at random places.
    pub hints: usize,
    /// What the network reaches with them.
    pub panel: Panel,
}

/// The panels of a network by number of hints, as a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HintedReport {
    /// Name of the network.
    pub network: String,
    /// Photographs measured.
    pub photos: u64,
    /// In the order asked for.
    pub panels: Vec<HintedPanel>,
    /// Photographs that could not be read, with the reason.
    #[serde(skip)]
    pub failures: Vec<String>,
}

/// Measures a network with each number of hints; those of a smaller number are among those of a
/// larger one, and the same for every network.
///
/// # Errors
///
/// When the weights do not fit, the device fails or no photograph can be read.
pub fn evaluate_hinted(
    weights: &Weights,
    device: &Device,
    photos: &[PathBuf],
    counts: &[usize],
    observe: &mut dyn FnMut(usize, usize),
) -> Result<HintedReport> {
    let colorizer = Colorizer::open(weights, device)?;
    let mut tallies = vec![Tally::default(); counts.len()];
    let mut failures = Vec::new();
    for (chunk, paths) in photos.chunks(BATCH).enumerate() {
        let read = read_photos(paths);
        failures.extend(read.failures);
        let measure = |(i, photo): (usize, &Photo)| {
            let hints = draw(photo, chunk * BATCH + i, counts.iter().copied().max().unwrap_or(0));
            let tally = |count: &usize| {
                let (a, b) = colored(&colorizer, photo, Hints::Discs(hints[..*count].to_vec()))?;
                Ok(Tally::of(photo, &a, &b))
            };
            counts.iter().map(tally).collect::<Result<Vec<Tally>>>()
        };
        let measured: Vec<Vec<Tally>> =
            read.photos.par_iter().enumerate().map(measure).collect::<Result<_>>()?;
        for photo in &measured {
            tallies.iter_mut().zip(photo).for_each(|(tally, one)| tally.merge(one));
        }
        observe(chunk * BATCH + paths.len(), photos.len());
    }
    let measured = tallies.first().map_or(0, Tally::photos);
    if measured == 0 {
        let reason = failures.first().map_or("there are none", String::as_str);
        return Err(Error::Train(format!("no photograph could be measured: {reason}")));
    }
    let panel =
        |(hints, tally): (&usize, &Tally)| HintedPanel { hints: *hints, panel: tally.panel() };
    Ok(HintedReport {
        network: weights.network().to_owned(),
        photos: measured,
        panels: counts.iter().zip(&tallies).map(panel).collect(),
        failures,
    })
}

/// Hints at random places of the `number`th photograph, each of the mean color under it.
fn draw(photo: &Photo, number: usize, count: usize) -> Vec<Hint> {
    let mut random = stream(0, &format!("hints/{number}"));
    let mut hint = || {
        let (x, y) = (random.random_range(0..SIDE), random.random_range(0..SIDE));
        let around = |at: usize| at.saturating_sub(1)..(at + 2).min(SIDE);
        let pixels: Vec<usize> =
            around(y).flat_map(|y| around(x).map(move |x| y * SIDE + x)).collect();
        let rgb = [0, 1, 2].map(|c| {
            let sum: usize = pixels.iter().map(|i| usize::from(photo.rgb[3 * i + c])).sum();
            (sum as f32 / pixels.len() as f32).round() as u8
        });
        Hint { x: x as f32 + 0.5, y: y as f32 + 0.5, radius: RADIUS, rgb, page: 1 }
    };
    (0..count).map(|_| hint()).collect()
}

/// Planes of a* and b*.
fn colored(colorizer: &Colorizer, photo: &Photo, hints: Hints) -> Result<(Vec<f32>, Vec<f32>)> {
    let side = SIDE as u32;
    let mut thumbnail = Thumbnail::new(side, side, Orientation::Upright, SIDE * SIDE);
    thumbnail.push_rows(0, &photo.l);
    let image = thumbnail.finish().without_borders();
    let chroma = colorizer.predict(&image, &hints)?;
    Ok(chroma.chroma().iter().map(|[a, b]| (a, b)).unzip())
}

impl fmt::Display for HintedReport {
    /// The table, in Markdown: a row for each number of hints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {} photographs\n", self.network, self.photos)?;
        let columns = "hints | accuracy | MSE | PSNR | colorfulness | ΔE00 mean | AuC | rebalanced";
        writeln!(f, "| {columns} |\n|{}", "---|".repeat(8))?;
        for HintedPanel { hints, panel } in &self.panels {
            writeln!(
                f,
                "| {hints} | {:.4} | {:.5} | {:.2} | {:.1} | {:.2} | {:.4} | {:.4} |",
                panel.accuracy,
                panel.mse,
                panel.psnr,
                panel.colorfulness,
                panel.delta_e_mean,
                panel.auc,
                panel.auc_rebalanced
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use polychromify_core::DeviceChoice;

    use super::super::tests::{gray_weights, photographs};
    use super::*;
    use crate::photos::list_photos;

    #[test]
    fn true_colors_bring_the_error_down() {
        let folder = tempfile::tempdir().unwrap();
        photographs(folder.path(), 3);
        let weights = gray_weights(folder.path());
        let device = Device::open(DeviceChoice::Cpu).unwrap();
        let photos: Vec<_> = list_photos(folder.path(), None, "test").unwrap();
        let photos: Vec<_> =
            photos.into_iter().filter(|p| p.extension().unwrap() == "png").collect();
        let report =
            evaluate_hinted(&weights, &device, &photos, &[0, 4, 40], &mut |_, _| ()).unwrap();
        let errors: Vec<f64> = report.panels.iter().map(|hinted| hinted.panel.mse).collect();
        assert!(errors[1] < 0.9 * errors[0] && errors[2] < 0.5 * errors[1], "{errors:?}");
        assert_eq!(report.to_string().lines().count(), 7);
    }
}
