//! A configuration that is ready to run: checked as far as that goes without starting.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use crate::cli::{OnSuccessName, Watch};
use crate::config::{Config, Entry};
use crate::error::{Error, Result};
use crate::film;
use crate::ledger::{Address, Ledger};
use crate::model::OpenedModel;
use crate::output;
use crate::plan;
use crate::policy::{self, Duplicates, OnSuccess, Policy, Redo, Retries};
use crate::service::metrics::{self, Counters, Place, Server};
use crate::watch;
use crate::watch::settings::WatchSettings;

/// What is ours for as long as this lives: the output folder, and the address of the figures.
pub(crate) struct HeldResources {
    pub(crate) folder: PathBuf,
    #[expect(dead_code, reason = "held, never read")]
    pub(crate) lock: output::Held,
    pub(crate) ledger: Ledger,
    pub(crate) server: Option<Server>,
}

/// What the configuration in force holds, which the next one may take over.
pub(crate) struct Current {
    pub(crate) folder: PathBuf,
    pub(crate) ledger: Option<Address>,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) entries: Vec<Entry>,
}

/// A configuration, checked.
pub(crate) struct Prepared {
    pub(crate) config: Config,
    pub(crate) settings: WatchSettings,
    pub(crate) policy: Policy,
    /// The output folder as an absolute path free of symbolic links.
    folder: PathBuf,
    pub(crate) model: OpenedModel,
    /// The output folder, where it is another than before.
    output: Option<HeldResources>,
    /// Where figures are asked for, if that is another address than before.
    listener: Option<TcpListener>,
}

impl Prepared {
    /// Checks a configuration and takes what it needs beyond what the one before holds.
    ///
    /// # Errors
    ///
    /// When folders are missing from it, weights or device do not fit, or the output folder cannot
    /// or the address of `--metrics` cannot be taken.
    pub(crate) fn new(config: Config, current: Option<&Current>) -> Result<Self> {
        let asked = &config.watch;
        if asked.inputs.is_empty() {
            return Err(Error::NotConfigured { key: "input" });
        }
        let Some(output) = &asked.output else {
            return Err(Error::NotConfigured { key: "output" });
        };
        if let Some(address) = asked.metrics
            && !asked.metrics_anywhere
            && !address.ip().is_loopback()
        {
            return Err(Error::MetricsForAll { address });
        }
        refuse_alone(asked)?;
        if asked.films {
            film::are_there()?;
        }
        let folder = plan::resolve(output)?;
        let settings = WatchSettings::new(asked, output);
        let mut policy = policy(asked)?;
        policy.watched = Some(watch::check(&settings, &policy.on_success, &folder)?);
        let model = OpenedModel::open(&asked.coloring, None)?;
        let listener = match asked.metrics {
            Some(address) if current.is_none_or(|current| current.metrics != Some(address)) => {
                Some(metrics::listen(address)?)
            }
            _ => None,
        };
        let output = match current {
            Some(current) if current.folder == folder && current.ledger == asked.ledger => None,
            _ => Some(take(folder.clone(), asked.ledger.as_ref())?),
        };
        Ok(Self { config, settings, policy, folder, model, output, listener })
    }

    /// What this configuration holds, taken over from the one before as far as it is the same.
    pub(crate) fn hold(
        &mut self,
        mut before: Option<HeldResources>,
        counters: &Counters,
    ) -> Result<HeldResources> {
        let server = before.as_mut().and_then(|before| before.server.take());
        let mut held = match self.output.take().or(before) {
            Some(held) => held,
            None => take(self.folder.clone(), self.config.watch.ledger.as_ref())?,
        };
        held.server = match (self.listener.take(), self.config.watch.metrics, server) {
            (Some(listener), ..) => Some(Server::start(listener, counters.clone(), self.place())?),
            (None, Some(_), Some(server)) => {
                server.show(self.place());
                Some(server)
            }
            _ => None,
        };
        Ok(held)
    }
}

impl Prepared {
    /// Where its ledger lies.
    fn place(&self) -> Place {
        (self.folder.clone(), self.config.watch.ledger.clone())
    }
}

fn take(folder: PathBuf, ledger: Option<&Address>) -> Result<HeldResources> {
    let (lock, ledger) = match ledger {
        Some(address) => output::open_shared(&folder, address)?,
        None => output::open(&folder)?,
    };
    Ok(HeldResources { folder, lock, ledger, server: None })
}

/// Refuses what workers at a ledger in PostgreSQL would have to agree on among each other.
fn refuse_alone(asked: &Watch) -> Result<()> {
    let alone = [
        (asked.on_success != OnSuccessName::Keep, "--on-success"),
        (asked.duplicates != Duplicates::Each, "--duplicates"),
        (asked.hook.is_some(), "--hook"),
    ];
    match alone.into_iter().find(|(is_asked, _)| *is_asked && asked.ledger.is_some()) {
        Some((_, what)) => Err(Error::NotShared { what }),
        None => Ok(()),
    }
}

fn policy(asked: &Watch) -> Result<Policy> {
    let retries =
        Retries { most: asked.tries, first_delay: asked.retry_delay, ..Retries::default() };
    Ok(Policy {
        retries: Some(retries),
        on_success: match (asked.on_success, &asked.move_to) {
            (OnSuccessName::Keep, _) => OnSuccess::Keep,
            (OnSuccessName::Delete, _) => OnSuccess::Delete,
            (OnSuccessName::Move, Some(folder)) => OnSuccess::Move(folder.clone()),
            (OnSuccessName::Move, None) => return Err(Error::NotConfigured { key: "move-to" }),
        },
        watched: None,
        duplicates: asked.duplicates,
        redo: if asked.coloring.redo_older { Redo::Older } else { Redo::Nothing },
        strict: asked.coloring.strict,
        sidecar: asked.coloring.sidecar,
        time: policy::fixed_time()?,
    })
}
