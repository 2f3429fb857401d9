//! `polychromify-train checkpoint`: a run kept for another machine.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use polychromify_core::Result;
use polychromify_train::train;

use super::report::say;

/// Keep a run for another machine: weights and their running average in half precision, without the
/// optimizer's moments, and beside them settings, log and curves. `fit --initial FILE` in a new run
/// folder goes on from it at the same place of the schedule. The run may go on meanwhile.
#[derive(Args)]
pub(crate) struct Checkpoint {
    /// The run folder.
    #[arg(long, value_name = "RUN")]
    run: PathBuf,
    /// The folder to write, such as `weights/runs/vivid-people`; files that are there are replaced.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
}

/// Runs the command.
pub(crate) fn checkpoint(Checkpoint { run, output }: &Checkpoint) -> Result<ExitCode> {
    let pictures = train::write_portable(run, output)?;
    say(&format!("{}/checkpoint.safetensors: {pictures} pictures seen", output.display()));
    Ok(ExitCode::SUCCESS)
}
