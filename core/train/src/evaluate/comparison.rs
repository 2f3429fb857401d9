//! Several networks over the same photographs, beside the baselines.

use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::time::Instant;

use candle_core::{DType, Tensor};
use image::RgbImage;
use polychromify_core::internals::model::{self, Mode, Network};
use polychromify_core::internals::on_candle;
use polychromify_core::{Arithmetic, Device, Error, Result, Weights};
use serde_json::Value;

use super::sheet::{self, sheet};
use super::{Panel, measure, predict, read_photos};

/// Predictions that are timed after a first one that is not; the median counts.
const TIMED: usize = 7;

/// Photographs colored at once for a sheet.
const BATCH: usize = 8;

/// A network and what was measured of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Contestant {
    /// Name of the weights.
    pub name: String,
    /// Numbers that its weights file holds.
    pub parameters: usize,
    /// Epochs and time up to these weights, as far as the weights file tells.
    pub training: String,
    /// The measures.
    pub panel: Panel,
    /// Milliseconds for one prediction at the size that it is used at.
    pub milliseconds: f64,
    /// That size: width and height in pixels.
    pub side: usize,
}

/// What was compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Photographs measured.
    pub photos: u64,
    /// The networks, as they were given.
    pub networks: Vec<Contestant>,
    /// No chroma.
    pub gray: Panel,
    /// Mean chroma of the training set of the first network.
    pub sepia: Panel,
    /// The photographs themselves, through CIE Lab and back.
    pub original: Panel,
    /// Of each network, the photographs, best first, by their PSNR.
    pub rankings: Vec<Vec<PathBuf>>,
    /// Photographs that could not be read, with the reason.
    pub failures: Vec<String>,
}

/// Which photographs a sheet shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Those that come out best.
    Best,
    /// Those in the middle.
    Median,
    /// Those that come out worst.
    Worst,
}

/// Measures networks over photographs.
///
/// Photographs that cannot be read are passed over and remembered in [`Comparison::failures`].
/// `observe(done, all)` is called now and then with the number of photographs.
///
/// # Errors
///
/// When there are no weights or they do not fit, the device fails or no photograph can be read.
pub fn compare(
    contestants: &[Weights],
    device: &Device,
    photos: &[PathBuf],
    observe: &mut dyn FnMut(usize, usize),
) -> Result<Comparison> {
    let Some(first) = contestants.first() else {
        return Err(Error::Train("no weights to compare".to_owned()));
    };
    let networks = build(contestants, device)?;
    let measured = measure(&networks, first.sepia(), device, photos, observe)?;
    let [gray, sepia, original] = measured.baselines.each_ref().map(super::Tally::panel);
    let mut rows = Vec::with_capacity(contestants.len());
    for ((weights, network), tally) in contestants.iter().zip(&networks).zip(&measured.networks) {
        let side = (weights.work_area() as f64).sqrt() as usize;
        let side = (side / network.stride()).max(1) * network.stride();
        rows.push(Contestant {
            name: weights.name().to_owned(),
            parameters: weights.parameters(),
            training: training(weights.training()),
            panel: tally.panel(),
            milliseconds: milliseconds(&**network, device, side)?,
            side,
        });
    }
    let ranking = |network: usize| {
        let mut order: Vec<_> = measured.psnr.iter().collect();
        order.sort_by(|a, b| b.1[network].total_cmp(&a.1[network]));
        order.into_iter().map(|(path, _)| path.clone()).collect()
    };
    Ok(Comparison {
        photos: measured.baselines[0].photos(),
        networks: rows,
        gray,
        sepia,
        original,
        rankings: (0..networks.len()).map(ranking).collect(),
        failures: measured.failures,
    })
}

/// `count` photographs of a ranking, best first, or fewer if there are fewer.
pub fn choose(ranking: &[PathBuf], choice: Choice, count: usize) -> Vec<PathBuf> {
    let (all, count) = (ranking.len(), count.min(ranking.len()));
    match choice {
        Choice::Best => ranking[..count].to_vec(),
        Choice::Median => ranking[(all - count) / 2..][..count].to_vec(),
        Choice::Worst => ranking[all - count..].iter().rev().cloned().collect(),
    }
}

/// `count` of a list, evenly spaced.
pub fn spaced(paths: &[PathBuf], count: usize) -> Vec<PathBuf> {
    let count = count.min(paths.len());
    (0..count).map(|i| paths[i * paths.len() / count].clone()).collect()
}

/// A sheet of photographs: gray, as each network colors it, and the original; those that cannot be
/// read are left out.
///
/// # Errors
///
/// When the weights do not fit, the device fails or no photograph can be read.
pub fn comparison_sheet(
    contestants: &[Weights],
    device: &Device,
    photos: &[PathBuf],
) -> Result<RgbImage> {
    let networks = build(contestants, device)?;
    let mut groups = Vec::with_capacity(photos.len());
    for paths in photos.chunks(BATCH) {
        let read = read_photos(paths).photos;
        if read.is_empty() {
            continue;
        }
        let colored = networks.iter().map(|network| predict(&**network, device, &read));
        let colored: Vec<_> = colored.collect::<Result<_>>()?;
        groups.extend(read.iter().enumerate().map(|(i, photo)| {
            let ways = colored.iter().map(|chroma| (&chroma[i].0[..], &chroma[i].1[..]));
            sheet::group(photo, ways)
        }));
    }
    if groups.is_empty() {
        return Err(Error::Train("no photograph could be read for the sheet".to_owned()));
    }
    let names = contestants.iter().map(Weights::name);
    let headings: Vec<&str> = std::iter::once("gray").chain(names).chain(["original"]).collect();
    Ok(sheet(&groups, &headings))
}

fn build(contestants: &[Weights], device: &Device) -> Result<Vec<Box<dyn Network>>> {
    let build = |weights: &Weights| {
        model::open_in(weights, device, Arithmetic::default_for(weights, device))
    };
    contestants.iter().map(build).collect()
}

/// Epochs and hours, from what a weights file says of its training.
fn training(record: &Value) -> String {
    let plural = |epochs| if epochs == 1 { "" } else { "s" };
    let epochs = record["epochs"].as_u64().map(|n| format!("{n} epoch{}", plural(n)));
    let minutes = record["minutes"].as_f64().map(|minutes| {
        let minutes = minutes.round() as u64;
        if minutes < 60 {
            format!("{minutes} min")
        } else {
            format!("{} h {:02}", minutes / 60, minutes % 60)
        }
    });
    epochs.into_iter().chain(minutes).collect::<Vec<_>>().join(", ")
}

/// Median time of a prediction of one picture of `side` x `side` pixels, in the arithmetic that is
/// used for it.
fn milliseconds(network: &dyn Network, device: &Device, side: usize) -> Result<f64> {
    let lightness = Tensor::zeros((1, 1, side, side), DType::F32, on_candle(device))?;
    let mut times = Vec::with_capacity(TIMED);
    for i in 0..=TIMED {
        let started = Instant::now();
        // Reading the result waits for the device.
        let chroma = network.forward(&lightness, None, Mode::Infer)?;
        chroma.flatten_all()?.to_vec1::<f32>()?;
        if i > 0 {
            times.push(1e3 * started.elapsed().as_secs_f64());
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[TIMED / 2])
}

impl fmt::Display for Comparison {
    /// A table in Markdown: a row for each way to color.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = [
            "",
            "parameters",
            "training",
            "accuracy",
            "MSE",
            "PSNR",
            "SSIM",
            "colorfulness",
            "(absolute)",
            "ΔE00 mean",
            "median",
            "AuC",
            "rebalanced",
            "ms a prediction",
        ];
        writeln!(f, "{} photographs\n", self.photos)?;
        writeln!(f, "| {} |", columns.join(" | "))?;
        writeln!(f, "|{}", "---|".repeat(columns.len()))?;
        for network in &self.networks {
            let Contestant { name, parameters, training, panel, milliseconds, side } = network;
            let time = format!("{milliseconds:.0} ({side}x{side})");
            let (parameters, cells) = (grouped(*parameters), cells(panel)?);
            writeln!(f, "| {name} | {parameters} | {training} | {cells} | {time} |")?;
        }
        let baselines =
            [("gray", &self.gray), ("sepia", &self.sepia), ("original", &self.original)];
        for (name, panel) in baselines {
            writeln!(f, "| {name} | | | {} | |", cells(panel)?)?;
        }
        Ok(())
    }
}

/// A panel's cells, separated.
fn cells(panel: &Panel) -> Result<String, fmt::Error> {
    let mut text = String::new();
    write!(
        text,
        "{:.4} | {:.5} | {:.2} | {:.4} | {:.1} | {:.1} | {:.2} | {:.2} | {:.4} | {:.4}",
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
    Ok(text)
}

/// A number with commas between the thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use polychromify_core::DeviceChoice;

    use super::super::tests::{gray_weights, photographs};
    use super::*;

    #[test]
    fn each_network_has_a_row_and_the_baselines_come_once() {
        let folder = tempfile::tempdir().unwrap();
        photographs(folder.path(), 3);
        let device = Device::open(DeviceChoice::Cpu).unwrap();
        let photos = crate::photos::list_photos(folder.path(), None, "test").unwrap();
        let weights = [gray_weights(folder.path()), gray_weights(folder.path())];
        let comparison = compare(&weights, &device, &photos, &mut |_, _| ()).unwrap();
        assert_eq!((comparison.photos, comparison.networks.len()), (3, 2));
        assert_eq!(comparison.networks[0].panel, comparison.gray);
        assert_eq!(comparison.networks[0].side, 128);
        let table = comparison.to_string();
        let widths: Vec<_> = table.lines().skip(2).map(|line| line.matches('|').count()).collect();
        assert_eq!(widths, [15; 7], "{table}");
        let sheet = comparison_sheet(&weights, &device, &photos).unwrap();
        assert_eq!(sheet.width(), 2 * (4 * 132 + 4));
        assert_eq!(comparison.rankings[0].len(), 3);
        assert_eq!(comparison.rankings[0], comparison.rankings[1]);
        let error = compare(&[], &device, &photos, &mut |_, _| ()).unwrap_err();
        assert_eq!(error.to_string(), "no weights to compare");
    }

    #[test]
    fn best_median_and_worst_are_taken_from_a_ranking() {
        let ranking: Vec<PathBuf> = (0..7).map(|i| PathBuf::from(i.to_string())).collect();
        let chosen = |choice, count| {
            let chosen = choose(&ranking, choice, count);
            chosen.iter().map(|path| path.display().to_string()).collect::<String>()
        };
        assert_eq!(chosen(Choice::Best, 2), "01");
        assert_eq!(chosen(Choice::Median, 3), "234");
        assert_eq!(chosen(Choice::Worst, 2), "65");
        assert_eq!(chosen(Choice::Best, 9), "0123456");
        assert_eq!(spaced(&ranking, 3), ["0", "2", "4"].map(PathBuf::from));
    }

    #[test]
    fn a_row_tells_of_the_training_what_the_file_does() {
        use serde_json::json;
        assert_eq!(training(&json!({"epochs": 25, "minutes": 41.7})), "25 epochs, 42 min");
        assert_eq!(training(&json!({"epochs": 3, "minutes": 126})), "3 epochs, 2 h 06");
        assert_eq!(training(&json!({"epochs": 1, "minutes": 3})), "1 epoch, 3 min");
        assert_eq!(training(&Value::Null), "");
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!([7, 293_330, 3_802_774].map(grouped), ["7", "293,330", "3,802,774"]);
    }
}
