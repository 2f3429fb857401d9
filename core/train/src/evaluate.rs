//! The panel of measures of a network over photographs, with the baselines beside it.
//!
//! Each photograph is squeezed to 128x128, as for training, and the network's input is exactly
//! the lightness of those pixels: the measures are of the network, not of the painting. Gray is
//! `a = b = 0`, sepia the training set's mean chroma, which the weights file keeps. Photographs
//! are read, predicted and measured a batch at a time, so memory does not grow with their number.

use std::fmt;
use std::path::PathBuf;

use candle_core::Tensor;
use polychromify_core::internals::model::{self, CHROMA_SCALE, Mode, Network};
use polychromify_core::internals::on_candle;
use polychromify_core::internals::ops::with_precision;
use polychromify_core::{Arithmetic, Device, Error, Result, Weights};
use rayon::prelude::*;
use serde::Serialize;

pub mod auc;
pub mod ciede2000;
pub mod colorfulness;
pub mod comparison;
pub mod hinted;
pub mod panel;
pub mod photo;
pub mod scans;
pub mod sheet;
pub mod similarity;

pub use comparison::{Choice, Comparison, choose, compare, comparison_sheet, spaced};
pub use hinted::{HintedReport, evaluate_hinted};
pub use panel::{Panel, Tally};
pub use photo::Photo;
pub use scans::scan_sheet;

use crate::photos::read_photo;

/// Width and height that photographs are squeezed to, in pixels.
pub const SIDE: usize = 128;

/// Photographs predicted at once: the widest layer of Polychromify takes 16 MB for each.
const BATCH: usize = 8;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Name of the network.
    pub network: String,
    /// Numbers that its weights file holds.
    pub parameters: usize,
    /// Photographs measured.
    pub photos: u64,
    /// The network.
    pub panel: Panel,
    /// No chroma.
    pub gray: Panel,
    /// The training set's mean chroma.
    pub sepia: Panel,
    /// The photographs themselves, through CIE Lab and back: in the table only.
    #[serde(skip)]
    pub original: Panel,
    /// Photographs that could not be read, with the reason.
    #[serde(skip)]
    pub failures: Vec<String>,
}

/// Measures a network over photographs, in its default arithmetic or another one.
///
/// Photographs that cannot be read are passed over and remembered in [`Report::failures`].
/// `observe(done, all)` is called now and then with the number of photographs.
///
/// # Errors
///
/// When the weights do not fit, the device fails or no photograph can be read.
pub fn evaluate(
    weights: &Weights,
    device: &Device,
    arithmetic: Option<Arithmetic>,
    photos: &[PathBuf],
    observe: &mut dyn FnMut(usize, usize),
) -> Result<Report> {
    let arithmetic = arithmetic.unwrap_or_else(|| Arithmetic::default_for(weights, device));
    let network = model::open_in(weights, device, arithmetic)?;
    let measure = || measure(&[network], weights.sepia(), device, photos, observe);
    let measured = with_precision(arithmetic.into(), measure)?;
    let [gray, sepia, original] = measured.baselines.each_ref().map(Tally::panel);
    Ok(Report {
        network: weights.network().to_owned(),
        parameters: weights.parameters(),
        photos: measured.networks[0].photos(),
        panel: measured.networks[0].panel(),
        gray,
        sepia,
        original,
        failures: measured.failures,
    })
}

/// What networks and the baselines reach on the same photographs.
struct Measured {
    networks: Vec<Tally>,
    /// Gray, sepia and the photographs themselves.
    baselines: [Tally; 3],
    /// PSNR in dB of each photograph that was read, as each network colors it.
    psnr: Vec<(PathBuf, Vec<f64>)>,
    failures: Vec<String>,
}

/// Reads, predicts and measures a batch of photographs at a time.
fn measure(
    networks: &[Box<dyn Network>],
    sepia: [f32; 2],
    device: &Device,
    photos: &[PathBuf],
    observe: &mut dyn FnMut(usize, usize),
) -> Result<Measured> {
    let sepia = sepia.map(|v| vec![v; SIDE * SIDE]);
    let gray = vec![0.0; SIDE * SIDE];
    let mut tallies = vec![Tally::default(); networks.len() + 3];
    let (mut psnr, mut failures) = (Vec::new(), Vec::new());
    for (chunk, paths) in photos.chunks(BATCH).enumerate() {
        let read = read_photos(paths);
        failures.extend(read.failures);
        if !read.photos.is_empty() {
            let predicted =
                networks.iter().map(|network| predict(&**network, device, &read.photos));
            let predicted: Vec<Vec<(Vec<f32>, Vec<f32>)>> = predicted.collect::<Result<_>>()?;
            let measured: Vec<Vec<Tally>> = read
                .photos
                .par_iter()
                .enumerate()
                .map(|(i, photo)| {
                    let networks = predicted.iter().map(|chroma| (&chroma[i].0, &chroma[i].1));
                    let baselines = [(&gray, &gray), (&sepia[0], &sepia[1]), (&photo.a, &photo.b)];
                    networks.chain(baselines).map(|(a, b)| Tally::of(photo, a, b)).collect()
                })
                .collect();
            // In order, so that sums of floating-point numbers do not depend on threads.
            for photo in &measured {
                for (tally, one) in tallies.iter_mut().zip(photo) {
                    tally.merge(one);
                }
            }
            let of_photo = |tallies: &Vec<Tally>| {
                tallies[..networks.len()].iter().map(|tally| tally.panel().psnr).collect()
            };
            psnr.extend(read.paths.into_iter().zip(measured.iter().map(of_photo)));
        }
        observe(chunk * BATCH + paths.len(), photos.len());
    }
    if tallies[0].photos() == 0 {
        let reason = failures.first().map_or("there are none", String::as_str);
        return Err(Error::Train(format!("no photograph could be measured: {reason}")));
    }
    let baselines = tallies.split_off(networks.len());
    let baselines = baselines.try_into().expect("three were added to the networks' tallies");
    Ok(Measured { networks: tallies, baselines, psnr, failures })
}

/// The photographs of a batch that can be read, in order, and the reasons for the others.
struct Batch {
    photos: Vec<Photo>,
    /// Of each photograph.
    paths: Vec<PathBuf>,
    failures: Vec<String>,
}

fn read_photos(paths: &[PathBuf]) -> Batch {
    let read = |path: &PathBuf| read_photo(path, SIDE).map(|(_, rgb)| Photo::new(rgb, SIDE));
    let results: Vec<_> = paths.par_iter().map(read).collect();
    let mut batch = Batch { photos: Vec::new(), paths: Vec::new(), failures: Vec::new() };
    for (path, result) in paths.iter().zip(results) {
        match result {
            Ok(photo) => {
                batch.photos.push(photo);
                batch.paths.push(path.clone());
            }
            Err(error) => batch.failures.push(error.to_string()),
        }
    }
    batch
}

/// Planes of a* and b* that the network predicts for each photograph.
fn predict(
    network: &dyn Network,
    device: &Device,
    photos: &[Photo],
) -> Result<Vec<(Vec<f32>, Vec<f32>)>> {
    let lightness: Vec<f32> = photos.iter().flat_map(|photo| photo.l.iter().copied()).collect();
    let shape = (photos.len(), 1, SIDE, SIDE);
    let lightness = Tensor::from_vec(lightness, shape, on_candle(device))?;
    let chroma = (network.forward(&lightness, None, Mode::Infer)? * f64::from(CHROMA_SCALE))?; // (N, 2, H, W)
    let plane = |i: usize, channel: usize| -> candle_core::Result<Vec<f32>> {
        chroma.get(i)?.get(channel)?.flatten_all()?.to_vec1()
    };
    let planes = (0..photos.len()).map(|i| Ok((plane(i, 0)?, plane(i, 1)?)));
    planes.collect()
}

impl fmt::Display for Report {
    /// The table: a row for each way to color.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { network, parameters, photos, .. } = self;
        writeln!(f, "{network}, {parameters} parameters, {photos} photographs")?;
        writeln!(
            f,
            "{:<12}{:>9}{:>9}{:>7}{:>7}{:>13}{:>11}{:>11}{:>13}{:>7}{:>12}",
            "",
            "accuracy",
            "MSE",
            "PSNR",
            "SSIM",
            "colorfulness",
            "(absolute)",
            "ΔE00 mean",
            "ΔE00 median",
            "AuC",
            "rebalanced"
        )?;
        let rows = [
            (network.as_str(), &self.panel),
            ("gray", &self.gray),
            ("sepia", &self.sepia),
            ("original", &self.original),
        ];
        for (name, panel) in rows {
            writeln!(
                f,
                "{name:<12}{:>9.4}{:>9.5}{:>7.2}{:>7.4}{:>13.1}{:>11.1}{:>11.2}{:>13.2}{:>7.4}{:>12.4}",
                panel.accuracy,
                panel.mse,
                panel.psnr,
                panel.ssim,
                panel.colorfulness,
                panel.colorfulness_absolute,
                panel.delta_e_mean,
                panel.delta_e_median,
                panel.auc,
                panel.auc_rebalanced
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use candle_core::{DType, Device as Cpu};
    use candle_nn::{VarBuilder, VarMap};
    use image::{Rgb, RgbImage};
    use polychromify_core::DeviceChoice;
    use polychromify_core::internals::weights;
    use serde_json::{Value, json};

    use super::*;
    use crate::photos::list_photos;

    /// A small network that predicts no chroma: all its tensors are zero.
    pub(super) fn gray_weights(folder: &Path) -> Weights {
        let config = json!({"neurons": [4], "filters": [2, 2]});
        let map = VarMap::new();
        let vb = VarBuilder::from_varmap(&map, DType::F32, &Cpu::Cpu);
        model::build("conv_dense", &config, vb).unwrap();
        let variables = map.data().lock().unwrap().clone();
        let zeros = variables.iter().map(|(name, v)| (name.clone(), v.zeros_like().unwrap()));
        let tensors: BTreeMap<_, _> = zeros.collect();
        let path = folder.join("gray.safetensors");
        weights::save(&path, &tensors, "conv_dense", &config, &Value::Null, [2.0, 8.0]).unwrap();
        Weights::read(path).unwrap()
    }

    pub(super) fn photographs(folder: &Path, count: u8) {
        for i in 0..count {
            let color = |x: u32, y: u32| Rgb([(3 * x) as u8, 100 + i, (2 * y) as u8]);
            let photo = RgbImage::from_fn(40, 30, color);
            photo.save(folder.join(format!("{i}.png"))).unwrap();
        }
    }

    #[test]
    fn a_network_that_predicts_nothing_measures_as_gray_does() {
        let folder = tempfile::tempdir().unwrap();
        photographs(folder.path(), 9);
        std::fs::write(folder.path().join("broken.jpg"), b"no image").unwrap();
        let device = Device::open(DeviceChoice::Cpu).unwrap();
        let photos = list_photos(folder.path(), None, "test").unwrap();
        let weights = gray_weights(folder.path());
        let mut calls = Vec::new();
        let report =
            evaluate(&weights, &device, None, &photos, &mut |done, all| calls.push((done, all)))
                .unwrap();
        assert_eq!((report.photos, calls), (9, vec![(8, 10), (10, 10)]));
        assert!(report.failures.len() == 1 && report.failures[0].contains("broken.jpg"));
        assert_eq!(report.panel, report.gray);
        assert!(report.sepia.colorfulness > 0.0);
        assert_eq!(report.original.accuracy, 1.0);
        let json = serde_json::to_value(&report).unwrap();
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&json), ["network", "parameters", "photos", "panel", "gray", "sepia"]);
        let measures = "accuracy mse psnr ssim colorfulness colorfulness_original delta_e_mean \
                        delta_e_median auc auc_rebalanced";
        assert_eq!(keys(&json["sepia"]).join(" "), measures);
        assert_eq!(report.to_string().lines().count(), 6);
    }
}
