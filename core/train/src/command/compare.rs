//! `polychromify-train compare`: several weights over the same photographs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use image::RgbImage;
use polychromify_core::{Device, DeviceChoice, Error, Result, Weights};
use polychromify_train::evaluate::{self, Choice};
use polychromify_train::photos::list_photos;

use super::report::{photos_bar, say};

/// Compare weights over the same photographs: a table in Markdown with gray, sepia and the
/// originals, and a sheet to look at.
#[derive(Args)]
pub(crate) struct Compare {
    /// Weights: a name or a file; once for each network.
    #[arg(long, value_name = "NAME|FILE", required = true)]
    weights: Vec<String>,
    /// Folder of photographs.
    #[arg(long, value_name = "DIR")]
    photos: PathBuf,
    /// Tab-separated table with the columns `file`, relative to DIR or to the table, and `split`.
    /// Without it all photographs below DIR are taken.
    #[arg(long, value_name = "TSV")]
    table: Option<PathBuf>,
    /// Split of the table.
    #[arg(long, default_value = "test")]
    split: String,
    /// The photographs are scans without colors: no table, and a sheet that shows them as `batch`
    /// colors them, with their borders and in their proportions.
    #[arg(long, requires = "sheet", conflicts_with = "choose")]
    scans: bool,
    /// Write a picture of some photographs: gray, as each network colors it, original.
    #[arg(long, value_name = "PNG|JPG")]
    sheet: Option<PathBuf>,
    /// Photographs on the sheet.
    #[arg(long, value_name = "N", default_value_t = 24, requires = "sheet")]
    count: usize,
    /// Photographs on the sheet, by the PSNR of the first weights, or the best, the median and the
    /// worst of each network (`each`); evenly spaced through the table if left out.
    #[arg(long, requires = "sheet")]
    choose: Option<Choose>,
    /// Photographs on the sheet, as the table names them or the end of that.
    #[arg(long, value_name = "FILE,FILE", value_delimiter = ',', requires = "sheet")]
    #[arg(conflicts_with_all = ["choose", "count", "scans"])]
    only: Vec<String>,
    /// auto, cpu or cuda.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

#[derive(Clone, Copy, ValueEnum)]
enum Choose {
    Best,
    Median,
    Worst,
    Each,
}

/// Runs the command.
#[expect(clippy::print_stdout, reason = "the result of the command")]
pub(crate) fn compare(arguments: &Compare) -> Result<ExitCode> {
    let folder = Weights::user_folder();
    let find = |name: &String| Weights::find(name, folder.as_deref());
    let weights: Vec<Weights> = arguments.weights.iter().map(find).collect::<Result<_>>()?;
    let device = Device::open(arguments.device)?;
    let Compare { photos, table, split, count, .. } = arguments;
    let photos = list_photos(photos, table.as_deref(), split)?;
    let names: Vec<&str> = weights.iter().map(Weights::name).collect();
    if let (true, Some(path)) = (arguments.scans, &arguments.sheet) {
        let chosen = evaluate::spaced(&photos, *count);
        let (sheet, failures) = evaluate::scan_sheet(&weights, &device, &chosen)?;
        for failure in &failures {
            say(failure);
        }
        save(&sheet, path)?;
        say(&format!("{}: gray, {}", path.display(), names.join(", ")));
        return Ok(exit_code(&failures));
    }
    let comparison = photos_bar(|observe| evaluate::compare(&weights, &device, &photos, observe))?;
    comparison.failures.iter().for_each(|failure| say(failure));
    print!("{comparison}");
    if let Some(path) = &arguments.sheet {
        let chosen = match arguments.choose {
            None if !arguments.only.is_empty() => named(&photos, &arguments.only)?,
            None => evaluate::spaced(&photos, *count),
            Some(choose) => chosen(&comparison.rankings, choose, *count),
        };
        save(&evaluate::comparison_sheet(&weights, &device, &chosen)?, path)?;
        say(&format!("{}: gray, {}, original", path.display(), names.join(", ")));
    }
    Ok(exit_code(&comparison.failures))
}

/// The photographs that names end in.
fn named(photos: &[PathBuf], names: &[String]) -> Result<Vec<PathBuf>> {
    let find = |name: &String| {
        let found = photos.iter().find(|path| path.ends_with(name)).cloned();
        found.ok_or_else(|| Error::Train(format!("{name}: is none of the photographs")))
    };
    names.iter().map(find).collect()
}

/// Photographs by how well networks color them.
fn chosen(rankings: &[Vec<PathBuf>], choose: Choose, count: usize) -> Vec<PathBuf> {
    let of_first = |choice| evaluate::choose(&rankings[0], choice, count);
    match choose {
        Choose::Best => of_first(Choice::Best),
        Choose::Median => of_first(Choice::Median),
        Choose::Worst => of_first(Choice::Worst),
        Choose::Each => {
            let mut chosen: Vec<PathBuf> = Vec::new();
            for ranking in rankings {
                for choice in [Choice::Best, Choice::Median, Choice::Worst] {
                    chosen.extend(evaluate::choose(ranking, choice, 1));
                }
            }
            let mut seen = std::collections::HashSet::new();
            chosen.retain(|path| seen.insert(path.clone()));
            chosen
        }
    }
}

/// Writes a sheet, in the format that its name asks for.
pub(crate) fn save(sheet: &RgbImage, path: &Path) -> Result<()> {
    let saved = sheet.save(path);
    saved.map_err(|error| Error::Train(format!("{}: cannot write: {error}", path.display())))
}

fn exit_code(failures: &[String]) -> ExitCode {
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
