//! `polychromify retry`: puts failed inputs back into the queue.

use std::path::PathBuf;

use crate::cli::Retry;
use crate::config;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::ledger::{self, Ledger};
use crate::plan;
use crate::report;

/// Runs the command.
pub(crate) fn run(arguments: &Retry) -> Result<Exit> {
    let output = config::output(&arguments.at)?;
    if Ledger::read(&output)?.is_none() {
        return Err(Error::NoLedger { folder: output });
    }
    let named: Vec<PathBuf> =
        arguments.files.iter().map(|file| plan::identity(file)).collect::<Result<_>>()?;
    let chosen = (!named.is_empty()).then_some(named.as_slice());
    let mut put_back = Ledger::open(&output)?.retry(chosen)?;
    for (_, home) in ledger::shards(&output)? {
        put_back.extend(Ledger::open_at(&home)?.retry(chosen)?);
    }
    for input in &put_back {
        report::print_line(&format!("queued: {}", input.display()));
    }
    let mut exit = Exit::AllDone;
    for (file, identity) in arguments.files.iter().zip(&named) {
        if !put_back.contains(identity) {
            log::error!("{}: not among the failed inputs", file.display());
            exit = Exit::SomeFailed;
        }
    }
    if put_back.is_empty() && named.is_empty() {
        log::info!("nothing failed");
    } else if !put_back.is_empty() {
        log::info!(
            "the next `polychromify batch` into this folder takes them up, or `watch` if it runs"
        );
    }
    Ok(exit)
}
