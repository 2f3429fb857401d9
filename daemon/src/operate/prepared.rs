//! A configuration that is ready to run: checked as far as that goes without starting.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::cli::OnSuccessName;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::lock::Lock;
use crate::metrics::{Counters, Server};
use crate::plan;
use crate::setup::{self, Means};
use crate::watch::command;
use crate::watch::settings::WatchSettings;

/// The output folder, ours for as long as this lives.
pub(super) struct Held {
    pub(super) folder: PathBuf,
    pub(super) lock: Lock,
    pub(super) ledger: Ledger,
}

/// A configuration, checked.
pub(super) struct Prepared {
    pub(super) config: Config,
    pub(super) settings: WatchSettings,
    /// The output folder as an absolute path free of symbolic links.
    folder: PathBuf,
    /// Opened while it was checked, until it is used.
    means: Option<Means>,
    /// The output folder, where it is another than before.
    output: Option<Held>,
}

impl Prepared {
    /// Checks a configuration; `held` is the output folder that this process works on already.
    ///
    /// # Errors
    ///
    /// When folders are missing from it, weights or device do not fit, or the output folder cannot
    /// be taken.
    pub(super) fn new(config: Config, held: Option<&PathBuf>) -> Result<Self> {
        let watch = &config.watch;
        if watch.inputs.is_empty() {
            return Err(Error::NotConfigured { key: "input" });
        }
        let Some(output) = &watch.output else {
            return Err(Error::NotConfigured { key: "output" });
        };
        if watch.on_success == OnSuccessName::Move && watch.move_to.is_none() {
            return Err(Error::NotConfigured { key: "move-to" });
        }
        if let Some(address) = watch.metrics
            && !watch.metrics_anywhere
            && !address.ip().is_loopback()
        {
            return Err(Error::MetricsForAll { address });
        }
        let folder = plan::resolve(output)?;
        for input in &watch.inputs {
            plan::refuse_nested((input, &plan::resolve(input)?), (output, &folder))?;
        }
        let settings = command::settings(watch, output);
        let means = Means::open(&watch.coloring, None)?;
        let output = match held {
            Some(held) if *held == folder => None,
            _ => Some(take(folder.clone())?),
        };
        Ok(Self { config, settings, folder, means: Some(means), output })
    }

    /// The output folder: the one held before, if it is the same.
    pub(super) fn take_output(&mut self, held: Option<Held>) -> Result<Held> {
        match (self.output.take(), held) {
            (Some(output), _) => Ok(output),
            (None, Some(held)) if held.folder == self.folder => Ok(held),
            (None, _) => take(self.folder.clone()),
        }
    }

    /// Weights on their device.
    pub(super) fn means(&mut self) -> Result<Means> {
        match self.means.take() {
            Some(means) => Ok(means),
            None => Means::open(&self.config.watch.coloring, None),
        }
    }

    /// Starts to serve figures, if that is configured.
    pub(super) fn serve_metrics(&self, counters: &Counters) -> Result<Option<Server>> {
        let serve = |address: SocketAddr| Server::start(address, counters.clone(), &self.folder);
        self.config.watch.metrics.map(serve).transpose()
    }
}

fn take(folder: PathBuf) -> Result<Held> {
    let (lock, ledger) = setup::open_output(&folder)?;
    Ok(Held { folder, lock, ledger })
}
