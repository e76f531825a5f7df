//! One client: an answer that goes on for as long as the stream.

use std::io;
use std::pin::Pin;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, Method};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use tokio::sync::watch;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::counters::{Counters, Slow};
use super::relay::TsRelay;
use super::ring::{Read, Reader};
use crate::connections::Until;
use crate::error::ApiError;
use crate::relay::life::{Asked, Client, Visit};

/// A client that reads.
struct Viewer {
    reader: Reader,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
    counters: Counters,
    _client: Client,
    _watches: Watches,
}

/// Somebody who watches, until this is dropped.
struct Watches(watch::Sender<usize>);

impl Watches {
    fn new(clients: &watch::Sender<usize>) -> Self {
        clients.send_modify(|clients| *clients += 1);
        Self(clients.clone())
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        self.0.send_modify(|clients| *clients -= 1);
    }
}

/// Answers at once, with what there is and what will come.
pub fn serve(relay: &TsRelay, visit: &Visit) -> Result<Response, ApiError> {
    let life = &relay.life;
    if visit.asked != Asked::Playback || life.stop.is_cancelled() {
        return Err(life.over());
    }
    if visit.method == Method::HEAD {
        return Ok(headers().into_response());
    }
    let viewer = Viewer {
        _client: life.client(visit.address)?,
        _watches: Watches::new(&relay.clients),
        reader: relay.ring.reader(),
        stopped: Box::pin(life.stop.clone().cancelled_owned()),
        counters: life.counters.ts.clone(),
    };
    let stream = unfold(Some(viewer), |viewer| async {
        let mut viewer = viewer?;
        match viewer.next().await {
            Ok(Some(bytes)) => Some((Ok(bytes), Some(viewer))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    });
    let mut response = (headers(), Body::from_stream(stream)).into_response();
    response.extensions_mut().insert(Until(life.stop.clone()));
    Ok(response)
}

impl Viewer {
    /// What comes next. None: the stream is over.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let read = tokio::select! {
            biased;
            () = &mut self.stopped => Read::Closed,
            read = self.reader.next() => read,
        };
        match read {
            Read::Next(bytes) => Ok(Some(bytes)),
            Read::Skipped(bytes) => {
                self.counters.slow(Slow::Skipped);
                Ok(Some(bytes))
            }
            Read::TooSlow => {
                self.counters.slow(Slow::Dropped);
                // An end would look like the stream's.
                Err(io::ErrorKind::TimedOut.into())
            }
            Read::Closed => Ok(None),
        }
    }
}

fn headers() -> [(HeaderName, &'static str); 3] {
    [(CONTENT_TYPE, "video/mp2t"), (CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")]
}
