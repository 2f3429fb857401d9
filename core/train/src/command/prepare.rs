//! `polychromify-train prepare`: photographs into a cache.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use polychromify_core::Result;
use polychromify_train::train::{self, PrepareSettings};

use super::report::{photos_bar, say};

/// Read photographs once, into one file of small ones with their splits.
#[derive(Args)]
pub(crate) struct Prepare {
    /// Folder of photographs (JPEG, PNG, TIFF, WebP).
    photos: PathBuf,
    /// Tab-separated table with the columns `file`, relative to PHOTOS or to the table, `split` and,
    /// if photographs are to be drawn more or less often than others, `weight`. Without it all photographs below PHOTOS are taken: 20 % test, of the rest 20 %
    /// valid, the others train, drawn by the seed.
    #[arg(long, value_name = "TSV")]
    table: Option<PathBuf>,
    /// The file to write, such as `photos.cache`; one that is there is replaced.
    #[arg(long, value_name = "CACHE")]
    output: PathBuf,
    /// Splits to take [default: all].
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    split: Vec<String>,
    /// Height and width that photographs are squeezed to, in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 128)]
    size: usize,
    /// Seed of the draw without a table.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads [default: one a core].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    jobs: usize,
}

/// Runs the command.
pub(crate) fn prepare(arguments: &Prepare) -> Result<ExitCode> {
    let settings = PrepareSettings {
        photos: arguments.photos.clone(),
        table: arguments.table.clone(),
        splits: arguments.split.clone(),
        size: arguments.size,
        seed: arguments.seed,
        jobs: arguments.jobs,
        output: arguments.output.clone(),
    };
    let index = photos_bar(|observe| train::prepare(&settings, observe))?;
    for failure in &index.failures {
        say(&failure.reason);
    }
    let splits: Vec<String> =
        index.splits().into_iter().map(|(split, count)| format!("{split} {count}")).collect();
    let (failed, output) = (index.failures.len(), arguments.output.display());
    say(&format!("{output}: {} photos; {failed} failed", splits.join(", ")));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
