//! `polychromify review`: a page to look at results, judge and mend them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

use polychromify_core::Hints;

use crate::cli;
use crate::config;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::files::own;
use crate::job::{ContentClaims, JobContext};
use crate::ledger::{self, Ledger};
use crate::limits;
use crate::model::OpenedModel;
use crate::output;
use crate::plan;
use crate::policy::{self, Policy};
use crate::report;
use crate::review::{self, Guard, Review, doubt, maker};
use crate::service::http::{Bounds, Server};
use crate::stop::Stop;

/// Where the page is served, unless that is taken: the same address every time, so that the browser
/// still has pictures of before.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8580);

const BOUNDS: Bounds = Bounds {
    connections: 128,
    connection: Duration::from_secs(600),
    keep_alive: true,
    blocking_threads: 16,
};

/// Time between two looks whether the program is to stop.
const NAP: Duration = Duration::from_millis(100);

/// Runs the command.
///
/// # Errors
///
/// When there is no ledger, or the page cannot be served.
pub(crate) fn run(arguments: &cli::Review) -> Result<Exit> {
    let output = config::output(&arguments.at)?;
    let Some(known) = Ledger::read(&output)? else {
        return Err(Error::NoLedger { folder: output });
    };
    if let Some(table) = &arguments.csv {
        return write_table(&known, table);
    }
    let stop = Stop::on_signals().map_err(Error::Signals)?;
    if !ledger::shards(&output)?.is_empty() {
        output::open(&plan::resolve(&output)?)?; // which brings them together
    }
    let listener = listen(arguments)?;
    let address = listener.local_addr().map_err(Error::Listener)?;
    let folder = plan::resolve(&output)?;
    let guard =
        Guard::new(address).map_err(|source| Error::NoRandom { reason: source.to_string() })?;
    let url = guard.url();
    let (user, reading) = (arguments.judge.clone().unwrap_or_else(user), Ledger::open(&folder)?);
    let context = context(arguments, &known, &folder, &stop)?;
    let review = Arc::new(Review::new(context, reading, guard, user, arguments.memory));
    let pages = review::pages(Arc::clone(&review));
    let server = Server::start("review", listener, pages, BOUNDS).map_err(Error::Listener)?;
    report::print_line(&url);
    if !address.ip().is_loopback() {
        log::warn!("{address}: other machines reach this page, and nothing is encrypted");
    }
    if !arguments.no_browser {
        open_browser(&url);
    }
    thread::scope(|scope| {
        scope.spawn(|| maker::work(&review));
        scope.spawn(|| doubt::work(&review));
        while !stop.is_asked() {
            thread::sleep(NAP);
        }
        review.maker.wake();
        drop(server);
    });
    Ok(Exit::Stopped)
}

/// Takes the address that is asked for, or one of this machine alone.
fn listen(arguments: &cli::Review) -> Result<TcpListener> {
    let failed = |address| move |source| Error::Listen { address, source };
    match arguments.listen {
        Some(address) if !address.ip().is_loopback() && !arguments.allow_remote => {
            Err(Error::ReviewForAll { address })
        }
        Some(address) => TcpListener::bind(address).map_err(failed(address)),
        None => {
            let any = SocketAddr::new(ADDRESS.ip(), 0);
            let bound = TcpListener::bind(ADDRESS).or_else(|_| TcpListener::bind(any));
            bound.map_err(failed(ADDRESS))
        }
    }
}

/// What is needed to make a result.
fn context(
    arguments: &cli::Review,
    known: &Ledger,
    folder: &Path,
    stop: &Stop,
) -> Result<JobContext> {
    Ok(JobContext {
        model: model(arguments, known)?,
        ledger: Ledger::open(folder)?,
        folder: folder.to_path_buf(),
        hints: Hints::default(),
        limits: limits::of_each(Some(arguments.memory), 2),
        time_limit: Duration::from_secs(24 * 3600),
        bands: AtomicU64::new(0),
        policy: Policy { time: policy::fixed_time()?, ..Policy::default() },
        claims: ContentClaims::default(),
        stop: stop.clone(),
        film: None,
    })
}

/// The weights that are asked for, else those of the latest results, as far as they are to be had.
fn model(arguments: &cli::Review, known: &Ledger) -> Result<OpenedModel> {
    let latest = known.made_alike()?.into_iter().find_map(|alike| alike.weights);
    match (&arguments.weights, latest) {
        (None, Some(latest)) => OpenedModel::open_to_mend(Some(&latest)).or_else(|error| {
            log::warn!("{error}; what is made again is made with the default weights");
            OpenedModel::open_to_mend(None)
        }),
        (weights, _) => OpenedModel::open_to_mend(weights.as_deref()),
    }
}

/// Writes all verdicts to a new file, or to stdout.
fn write_table(ledger: &Ledger, path: &Path) -> Result<Exit> {
    let written = if path == Path::new("-") {
        review::write_table(ledger, &mut io::stdout().lock())?
    } else {
        review::write_table(ledger, &mut io::BufWriter::new(own::create_new(path)?))?
    };
    written.map_err(Error::io(path, "write"))?;
    Ok(Exit::AllDone)
}

/// The user's name, as far as the environment tells it.
fn user() -> String {
    let named = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

/// Opens the page in the user's browser, if there is one to be had.
fn open_browser(url: &str) {
    let mut command = Command::new(if cfg!(target_os = "macos") { "open" } else { "xdg-open" });
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.spawn() {
        Ok(mut browser) => {
            thread::spawn(move || browser.wait());
        }
        Err(error) => log::info!("no browser is opened ({error}); open the address yourself"),
    }
}
