//! `GET /rooms/listing`: what is live, pushed to whoever reads it, as server-sent events.
//!
//! One task of this process reads the listing when the database says that it has changed, and all readers are sent the same
//! bytes: a change costs one query, however many there are. It reads also while nobody else does, so that the first reader
//! waits for nothing, and so that the lag is known.

mod reader;
mod seats;
mod source;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;

use crate::client;
use crate::error::ApiError;
use crate::metrics::Counters;
use crate::stopping::Stopping;
use reader::Reader;
pub use seats::Limits;
use seats::{Full, Seats};
pub use source::{CHANNEL, Source};

/// A connection that says nothing for longer is cut by some proxy on the way.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A proxy that keeps back what it has not enough of would keep back everything.
const NO_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What readers are told.
#[derive(Debug, Clone, Default)]
struct Told {
    /// The listing as an event, ready to be sent. Empty until it has been read once.
    event: Bytes,
    /// Which one it is. What comes after a time without the database is another one, even if it says the same.
    version: u64,
    /// The listing may be out of date: the database is away.
    degraded: bool,
}

/// What a reader needs.
#[derive(Debug, Clone)]
pub struct Readers {
    told: watch::Receiver<Told>,
    seats: Arc<Seats>,
    keep_alive: Duration,
    proxy_hops: usize,
    stopping: Stopping,
    counters: Counters,
}

impl Readers {
    /// Readers of what this source tells.
    pub fn of(source: &Source, limits: Limits, proxy_hops: usize, stopping: Stopping, counters: Counters) -> Self {
        let (told, keep_alive) = (source.told(), limits.keep_alive);
        Self { told, seats: Arc::new(Seats::new(limits)), keep_alive, proxy_hops, stopping, counters }
    }
}

/// Anybody may read it: all of it is public.
pub async fn read(
    State(readers): State<Readers>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let seat = Seats::take(&readers.seats, client::address(peer, &headers, readers.proxy_hops)).map_err(|full| {
        readers.counters.rooms.listing_refused(full.label());
        refusal(full)
    })?;
    let seat = (seat, readers.counters.rooms.listing_reader());
    let reader = Reader::new(readers.told, readers.stopping, readers.keep_alive, seat);
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-cache"), (NO_BUFFERING, "no")];
    Ok((headers, Body::from_stream(reader.events())).into_response())
}

fn refusal(full: Full) -> Response {
    let (status, message) = match full {
        Full::Address => (StatusCode::TOO_MANY_REQUESTS, "Too many readers of the listing at this address"),
        Full::All => (StatusCode::SERVICE_UNAVAILABLE, "Too many readers of the listing here"),
    };
    ([(RETRY_AFTER, "10")], ApiError::new(status, "53300", message)).into_response()
}
