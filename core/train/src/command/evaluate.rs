//! `polychromify-train evaluate`: weights over photographs.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use polychromify_core::{Arithmetic, Device, DeviceChoice, Result, Weights};
use polychromify_train::evaluate;
use polychromify_train::photos::list_photos;
use serde_json::json;

use super::compare::save;
use super::report::{photos_bar, say};

/// Measure weights over photographs, with gray and sepia beside them.
#[derive(Args)]
pub(crate) struct Evaluate {
    /// Weights: a name or a file [default: the built-in ones].
    #[arg(long, value_name = "NAME|FILE")]
    weights: Option<String>,
    /// Folder of photographs.
    #[arg(long, value_name = "DIR")]
    photos: PathBuf,
    /// Tab-separated table with the columns `file`, relative to DIR or to the table, and `split`.
    /// Without it all photographs below DIR are measured.
    #[arg(long, value_name = "TSV")]
    table: Option<PathBuf>,
    /// Split of the table to measure.
    #[arg(long, default_value = "test")]
    split: String,
    /// Measure with so many of each photograph's own colors given as hints, such as 0,1,5,20,100, in
    /// place of the panel with its baselines.
    #[arg(long, value_name = "N,N", value_delimiter = ',', conflicts_with = "sheet")]
    hints: Vec<usize>,
    /// Print one JSON object in place of the table.
    #[arg(long)]
    json: bool,
    /// Also write a PNG of some photographs: gray, predicted and original side by side.
    #[arg(long, value_name = "PNG")]
    sheet: Option<PathBuf>,
    /// Photographs on the sheet, evenly spaced through the set.
    #[arg(long, value_name = "N", default_value_t = 24, requires = "sheet")]
    count: usize,
    /// auto, cpu or cuda.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// f32, bf16, or integers where the weights hold them [default: integers where the weights hold
    /// them, else f32].
    #[arg(long, value_name = "NAME", conflicts_with = "hints")]
    precision: Option<Arithmetic>,
}

/// Runs the command.
#[expect(clippy::print_stdout, reason = "the result of the command")]
pub(crate) fn evaluate(arguments: &Evaluate) -> Result<ExitCode> {
    let Evaluate { photos, table, split, .. } = arguments;
    let weights = match &arguments.weights {
        Some(name) => Weights::find(name, Weights::user_folder().as_deref())?,
        None => Weights::default_weights()?,
    };
    let device = Device::open(arguments.device)?;
    let photos = list_photos(photos, table.as_deref(), split)?;
    let (json, table, failures) = if arguments.hints.is_empty() {
        let report = photos_bar(|observe| {
            evaluate::evaluate(&weights, &device, arguments.precision, &photos, observe)
        })?;
        (json!(report), report.to_string(), report.failures)
    } else {
        let counts = &arguments.hints;
        let report = photos_bar(|observe| {
            evaluate::evaluate_hinted(&weights, &device, &photos, counts, observe)
        })?;
        (json!(report), report.to_string(), report.failures)
    };
    for failure in &failures {
        say(failure);
    }
    if arguments.json {
        println!("{json}");
    } else {
        print!("{table}");
    }
    if let Some(path) = &arguments.sheet {
        let chosen = evaluate::spaced(&photos, arguments.count);
        let sheet = evaluate::comparison_sheet(&[weights], &device, &chosen)?;
        save(&sheet, path)?;
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
