//! Figures for Prometheus: counters of this run, and the ledger's sums, in its text format.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>

use std::fmt::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::sync::Semaphore;

use crate::error::{Error, Result};
use crate::job::Outcome;
use crate::ledger::{self, Address, Ledger, Worker};
use crate::service::http::{self, Bounds};
use crate::watch::event::WatchEvent;

/// What happened since the program started.
#[derive(Clone)]
pub(crate) struct Counters(Arc<Values>);

#[derive(Default)]
struct Values {
    done: AtomicU64,
    skipped: AtomicU64,
    failed: AtomicU64,
    postponed: AtomicU64,
    hook_failures: Arc<AtomicU64>,
    /// Time spent on jobs that are done, in milliseconds.
    milliseconds: AtomicU64,
    /// Time of the latest heartbeat, milliseconds since 1970.
    alive: AtomicU64,
    waiting: AtomicU64,
    queued: AtomicU64,
    running: AtomicU64,
}

impl Counters {
    /// `hook_failures` is counted by the hooks.
    pub(crate) fn new(hook_failures: Arc<AtomicU64>) -> Self {
        Self(Arc::new(Values { hook_failures, ..Values::default() }))
    }

    pub(crate) fn count(&self, event: &WatchEvent<'_>) {
        let values = &self.0;
        match event {
            WatchEvent::Ended { outcome, .. } => {
                let counter = match outcome {
                    Outcome::Done(details) => {
                        let milliseconds = details.seconds.unwrap_or_default() * 1000.0;
                        values.milliseconds.fetch_add(milliseconds as u64, Ordering::Relaxed);
                        &values.done
                    }
                    Outcome::Skipped(..) => &values.skipped,
                    Outcome::Failed(..) => &values.failed,
                    Outcome::Postponed { .. } => &values.postponed,
                    Outcome::Blocked(_) | Outcome::Stopped | Outcome::Lost => return,
                };
                counter.fetch_add(1, Ordering::Relaxed);
            }
            WatchEvent::Alive { waiting, queued, running, .. } => {
                values.alive.store(ledger::now() as u64, Ordering::Relaxed);
                values.waiting.store(*waiting as u64, Ordering::Relaxed);
                values.queued.store(*queued as u64, Ordering::Relaxed);
                values.running.store(*running as u64, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// The sums of this run in words.
    pub(crate) fn sums(&self) -> String {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Values { done, skipped, failed, .. } = &*self.0;
        format!("{} done, {} skipped, {} failed", read(done), read(skipped), read(failed))
    }

    /// The counters in Prometheus' format.
    fn figures(&self) -> String {
        let values = &*self.0;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut text = String::new();
        let name = "polychromify_results_total";
        family(&mut text, name, "counter", "Photographs that ended since the start.");
        for (status, count) in [
            ("done", &values.done),
            ("skipped", &values.skipped),
            ("failed", &values.failed),
            ("postponed", &values.postponed),
        ] {
            line(&mut text, name, &format!("{{status=\"{status}\"}}"), read(count));
        }
        let name = "polychromify_work_seconds_total";
        family(&mut text, name, "counter", "Time spent on photographs that are done.");
        line(&mut text, name, "", read(&values.milliseconds) as f64 / 1000.0);
        let name = "polychromify_hook_failures_total";
        family(&mut text, name, "counter", "Hooks that failed since the start.");
        line(&mut text, name, "", read(&values.hook_failures));
        let name = "polychromify_files";
        family(&mut text, name, "gauge", "Files that wait to stand still, are queued, or in work.");
        for (state, count) in [
            ("settling", &values.waiting),
            ("queued", &values.queued),
            ("running", &values.running),
        ] {
            line(&mut text, name, &format!("{{state=\"{state}\"}}"), read(count));
        }
        let name = "polychromify_alive_timestamp_seconds";
        family(&mut text, name, "gauge", "Latest sign of life of the main loop.");
        line(&mut text, name, "", read(&values.alive) as f64 / 1000.0);
        let name = "polychromify_info";
        family(&mut text, name, "gauge", "The program.");
        line(&mut text, name, concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1);
        text
    }
}

/// Serves figures until it is dropped.
pub(crate) struct Server {
    place: Arc<Mutex<Place>>,
    #[expect(dead_code, reason = "serves for as long as it is held")]
    http: http::Server,
}

impl Server {
    /// Starts to serve `http://ADDRESS/metrics`, with what the ledger at `place` knows.
    ///
    /// # Errors
    ///
    /// When the system has no thread for it.
    pub(crate) fn start(listener: TcpListener, counters: Counters, place: Place) -> Result<Self> {
        let address = listener.local_addr().map_err(Error::Listener)?;
        let place = Arc::new(Mutex::new(place));
        let shown = Arc::clone(&place);
        let one_reader = Arc::new(Semaphore::new(1));
        let figures =
            move || figures(counters.clone(), Arc::clone(&shown), Arc::clone(&one_reader));
        let pages = Router::new()
            .route(
                "/metrics",
                get(figures).fallback((StatusCode::METHOD_NOT_ALLOWED, "GET only\n")),
            )
            .fallback((StatusCode::NOT_FOUND, "see /metrics\n"));
        let http =
            http::Server::start("figures", listener, pages, BOUNDS).map_err(Error::Listener)?;
        log::info!("figures for Prometheus at http://{address}/metrics");
        Ok(Self { place, http })
    }

    /// Shows another ledger from here on.
    pub(crate) fn show(&self, place: Place) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }
}

/// Takes the address at which figures are asked for.
pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).map_err(|source| Error::Metrics { address, source })
}

/// A connection is one request and its answer.
const BOUNDS: Bounds = Bounds {
    connections: 16,
    connection: Duration::from_secs(30),
    keep_alive: false,
    blocking_threads: 2,
};

/// Longest time in which the ledger is waited for; the counters go without it then.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers a request. One thread at a time reads the ledger.
async fn figures(
    counters: Counters,
    place: Arc<Mutex<Place>>,
    one_reader: Arc<Semaphore>,
) -> impl IntoResponse {
    let (folder, address) = place.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let read = async {
        let turn = one_reader.acquire_owned().await.expect("never closed");
        let read = tokio::task::spawn_blocking(move || {
            let sums = ledger_sums(&folder, address.as_ref());
            drop(turn);
            sums
        });
        read.await.expect("no panic in reading the ledger")
    };
    let sums = match tokio::time::timeout(PATIENCE, read).await {
        Ok(sums) => sums.map_err(|error| error.to_string()),
        Err(_) => Err("another program holds it".to_owned()),
    };
    let sums = sums.unwrap_or_else(|error| {
        log::warn!("figures without the ledger: {error}");
        String::new()
    });
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, counters.figures() + &sums)
}

/// An output folder, and the address of its ledger in PostgreSQL.
pub(crate) type Place = (PathBuf, Option<Address>);

/// What the ledger knows, over all runs.
fn ledger_sums(folder: &Path, address: Option<&Address>) -> Result<String> {
    let mut text = String::new();
    let Some(ledger) = Ledger::find(folder, address)? else { return Ok(text) };
    let counts = ledger.counts()?;
    let name = "polychromify_ledger_inputs";
    family(&mut text, name, "gauge", "Inputs in the ledger by the state of their latest attempt.");
    for (state, count) in [
        ("queued", counts.queued),
        ("running", counts.running),
        ("done", counts.done),
        ("skipped", counts.skipped),
        ("failed", counts.failed),
    ] {
        line(&mut text, name, &format!("{{state=\"{state}\"}}"), count);
    }
    let name = "polychromify_results_per_minute";
    family(&mut text, name, "gauge", "Results a minute in the ten minutes up to the latest one.");
    line(&mut text, name, "", ledger.rate_per_minute()?);
    let workers = ledger.workers()?;
    let mut each = |name: &str, help: &str, value: &dyn Fn(&Worker) -> f64| {
        family(&mut text, name, "gauge", help);
        for worker in &workers {
            let labels = format!("{{host=\"{}\",process=\"{}\"}}", worker.host, worker.process);
            line(&mut text, name, &labels, value(worker));
        }
    };
    if ledger.is_shared() {
        let (holds, rate) = ("polychromify_worker_jobs", "polychromify_worker_results_per_minute");
        each(holds, "Jobs that a worker at this ledger has.", &|worker| worker.holds.into());
        each(rate, "Its results a minute since it began.", &|worker| worker.rate_per_minute);
    }
    Ok(text)
}

fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n").expect("strings grow");
}

fn line(text: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    writeln!(text, "{name}{labels} {value}").expect("strings grow");
}
