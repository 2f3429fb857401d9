//! `polychromify-train preview`: pictures as a recipe makes them.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use polychromify_core::Result;
use polychromify_train::train::{self, Recipe};

use super::report::say;
use super::settings::recipe;

/// Write a sheet of pictures as a recipe makes them: as the network sees them, and what is true beside.
#[derive(Args)]
pub(crate) struct Preview {
    /// Cache that `prepare` wrote.
    #[arg(long, value_name = "CACHE")]
    data: PathBuf,
    /// Splits to show pictures of.
    #[arg(long, value_name = "A,B", value_delimiter = ',', default_value = "train")]
    split: Vec<String>,
    /// Changes to the recipe of `vivid`: JSON or a file of it.
    #[arg(long, value_name = "JSON|FILE")]
    recipe: Option<String>,
    /// Pictures on the sheet.
    #[arg(long, value_name = "N", default_value_t = 24)]
    count: usize,
    /// Seed of the draw.
    #[arg(long, default_value_t = 0)]
    seed: usize,
    /// The file to write.
    #[arg(long, value_name = "PNG")]
    output: PathBuf,
}

/// Runs the command.
pub(crate) fn preview(arguments: &Preview) -> Result<ExitCode> {
    let Preview { data, split, count, seed, output, .. } = arguments;
    let recipe = recipe(Recipe::default(), arguments.recipe.as_ref())?;
    let time = train::preview(data, split, &recipe, [*count, *seed], output)?;
    say(&format!("{}: {time:.2} ms a picture on one thread", output.display()));
    Ok(ExitCode::SUCCESS)
}
