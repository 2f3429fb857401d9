//! Serves pages over HTTP 1 from one thread, within bounds that no client can exceed: connections,
//! their time, and the size of a request's head. Bodies are not read unless a page asks for one.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// What clients may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Connections at a time. One more takes the place of the oldest that waits for no answer; where
    /// all do, it is closed.
    pub(crate) connections: usize,
    /// Longest time for a connection.
    pub(crate) connection: Duration,
    /// Whether a connection is for more than one request.
    pub(crate) keep_alive: bool,
    /// Threads that wait for files and ledgers.
    pub(crate) blocking_threads: usize,
}

/// Longest time for a request's head. Whoever says nothing for it is let go.
const HEAD: Duration = Duration::from_secs(5);
/// Bytes of a request's head, the least that hyper allows, and its fields.
const HEAD_BYTES: usize = 8192;
const FIELDS: usize = 64;
/// Pause before the next try when no connection can be taken, as when descriptors are used up.
const PAUSE: Duration = Duration::from_millis(200);

/// Serves until it is dropped.
pub(crate) struct Server {
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts to serve these pages.
    ///
    /// # Errors
    ///
    /// When the system has no thread for it.
    pub(crate) fn start(
        name: &str,
        listener: net::TcpListener,
        pages: Router,
        bounds: Bounds,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(bounds.blocking_threads)
            .build()?;
        let listener = {
            let _context = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                tokio::spawn(accept(listener, pages, bounds));
                let _ = stopped.await; // the sender is dropped, never used
            });
            runtime.shutdown_background(); // what still waits for a file is not waited for
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(serve)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("a thread that serves pages failed");
        }
    }
}

/// A connection that is served.
struct Guest {
    task: AbortHandle,
    /// Requests that are being answered.
    asking: Arc<AtomicUsize>,
}

/// Takes connections for ever.
async fn accept(listener: TcpListener, pages: Router, bounds: Bounds) {
    let mut guests: VecDeque<Guest> = VecDeque::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                log::debug!("cannot take a connection: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        guests.retain(|guest| !guest.task.is_finished());
        if guests.len() >= bounds.connections {
            let idle = guests.iter().position(|guest| guest.asking.load(Ordering::Relaxed) == 0);
            let Some(guest) = idle.and_then(|idle| guests.remove(idle)) else { continue };
            guest.task.abort();
            tokio::task::yield_now().await; // it ends here, so that no more are open than are allowed
        }
        let (pages, asking) = (pages.clone(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&asking);
        let task = tokio::spawn(async move {
            let answered = answer(stream, pages, counted, bounds.keep_alive);
            match tokio::time::timeout(bounds.connection, answered).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => log::debug!("a client went away: {error}"),
                Err(_) => log::debug!("a client took too long"),
            }
        });
        guests.push_back(Guest { task: task.abort_handle(), asking });
    }
}

/// Answers the requests of a connection.
async fn answer(
    stream: TcpStream,
    pages: Router,
    asking: Arc<AtomicUsize>,
    keep_alive: bool,
) -> hyper::Result<()> {
    let pages = TowerToHyperService::new(pages);
    let counted = service_fn(move |request| {
        let (asking, answered) = (Asking::new(&asking), pages.call(request));
        async move {
            let response = answered.await;
            drop(asking);
            response
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .max_headers(FIELDS)
        .keep_alive(keep_alive)
        .serve_connection(TokioIo::new(stream), counted)
        .await
}

/// Counts a request for as long as it is answered.
struct Asking(Arc<AtomicUsize>);

impl Asking {
    fn new(asking: &Arc<AtomicUsize>) -> Self {
        asking.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(asking))
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
