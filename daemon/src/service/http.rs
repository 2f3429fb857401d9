//! Serves pages over HTTP 1 from one thread, within bounds that no client can exceed: connections,
//! their time, and the size of a request's head. Bodies are not read unless a page asks for one.

use std::convert::Infallible;
use std::io;
use std::net;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};

/// Connections at a time. Further ones wait in the system's queue, where they cost no descriptor.
const CONNECTIONS: usize = 16;
/// Longest time for a request's head. Whoever says nothing for it is let go.
const HEAD: Duration = Duration::from_secs(5);
/// Longest time for a connection, which is one request and its answer.
const CONNECTION: Duration = Duration::from_secs(30);
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
    pub(crate) fn start(name: &str, listener: net::TcpListener, pages: Router) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(2)
            .build()?;
        let listener = {
            let _context = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                tokio::spawn(accept(listener, pages));
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

/// Takes connections for ever.
async fn accept(listener: TcpListener, pages: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("never closed");
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                log::debug!("cannot take a connection: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let pages = pages.clone();
        tokio::spawn(async move {
            match tokio::time::timeout(CONNECTION, answer(stream, pages)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => log::debug!("a client went away: {error}"),
                Err(_) => log::debug!("a client took too long"),
            }
            drop(place);
        });
    }
}

/// Answers the one request of a connection.
async fn answer(stream: TcpStream, pages: Router) -> hyper::Result<()> {
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .max_headers(FIELDS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(pages))
        .await
}
