//! A page to look at results, judge and mend them: `polychromify review`.
//!
//! It works over the ledger that `batch` and `watch` write, also while they run, and holds no lock but
//! while it makes something itself. Pictures are asked for by the numbers of their jobs: no request
//! names a path.

mod assets;
pub(crate) mod doubt;
mod guard;
mod item;
mod judge;
mod list;
mod look;
pub(crate) mod maker;
mod mend;
mod pictures;
mod pyramid;
mod query;
mod reference;
mod refusal;
mod subject;
mod tiles;
mod upcoming;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::Error;
use crate::job::JobContext;
use crate::ledger::Ledger;
pub(crate) use guard::Guard;
use look::Looks;
use maker::Maker;
use pictures::{Kept, Key, Picture};
use reference::References;
use refusal::Refusal;

pub(crate) use judge::write_table;

type Answer = Result<Response, Refusal>;

/// What all requests share.
pub(crate) struct Review {
    /// The output folder, absolute.
    pub(crate) folder: PathBuf,
    /// Who judges.
    pub(crate) user: String,
    /// For requests that only read: they do not wait for what is written.
    pub(crate) reading: Ledger,
    /// What results are made with; its ledger is for what is written.
    pub(crate) context: JobContext,
    pub(crate) guard: Guard,
    pub(crate) maker: Maker,
    /// Bytes for pictures that are open.
    memory: u64,
    pictures: Kept<Key, Picture>,
    thumbs: Kept<Key, Vec<u8>>,
    looks: Looks,
    references: References,
    /// Sums of the ledger as it was at a revision.
    sums: Mutex<Option<(i64, Value)>>,
    /// Requests that decode or paint, each on all cores.
    turns: Semaphore,
}

/// Bytes for small pictures: of some two thousand. The browser has those that it saw.
const THUMBS: u64 = 32 << 20;

/// Requests that decode or paint at the same time.
const TURNS: usize = 4;

impl Review {
    pub(crate) fn new(
        context: JobContext,
        reading: Ledger,
        guard: Guard,
        user: String,
        memory: u64,
    ) -> Self {
        Self {
            folder: context.folder.clone(),
            user,
            reading,
            context,
            guard,
            maker: Maker::default(),
            memory,
            pictures: Kept::new(memory, |picture: &Picture| picture.pyramid.bytes()),
            thumbs: Kept::new(THUMBS, |thumb: &Vec<u8>| thumb.len() as u64),
            looks: Looks::new(),
            references: References::new(),
            sums: Mutex::new(None),
            turns: Semaphore::new(TURNS),
        }
    }

    /// Waits until so much work may begin.
    async fn turn(&self) -> SemaphorePermit<'_> {
        self.turns.acquire().await.expect("never closed")
    }
}

/// All addresses.
pub(crate) fn pages(review: Arc<Review>) -> Router {
    Router::new()
        .route("/", get(|headers: HeaderMap| async move { assets::asset("index.html", &headers) }))
        .route("/assets/{name}", get(asset))
        .route("/api/session", post(session))
        .route("/api/summary", get(list::summary))
        .route("/api/results", get(list::results))
        .route("/api/results/{id}", get(item::item))
        .route("/api/ids", get(list::ids))
        .route("/api/thumb/{id}", get(tiles::thumb))
        .route("/api/tiles/{id}/{of}/{level}/{place}", get(tiles::tile))
        .route("/api/color/{id}", get(tiles::color))
        .route("/api/doubt/{id}", get(doubt::overlay))
        .route("/api/look/{id}", post(look::look))
        .route("/api/reference", post(reference::upload))
        .route("/api/make", post(mend::make))
        .route("/api/verdicts", post(judge::judge))
        .route("/api/undo", post(judge::undo))
        .route("/api/verdicts.csv", get(judge::table))
        .fallback(|| async { Refusal::NotThere })
        .layer(from_fn_with_state(Arc::clone(&review), guard::guard))
        .with_state(review)
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Answer {
    assets::asset(&name, &headers)
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

async fn session(State(review): State<Arc<Review>>, headers: HeaderMap, body: Body) -> Answer {
    let Token { token } = query::json(&headers, body).await?;
    let cookie = review.guard.session(&token)?;
    Ok(([(header::SET_COOKIE, cookie)], as_json(&json!({}))).into_response())
}

/// Answers by what waits for files or ledgers, on a thread for that.
async fn waiting(
    review: Arc<Review>,
    work: impl FnOnce(&Review) -> Answer + Send + 'static,
) -> Answer {
    let answered = tokio::task::spawn_blocking(move || work(&review)).await;
    answered.unwrap_or(Err(Refusal::Failed(Error::Panicked)))
}

fn as_json(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}
