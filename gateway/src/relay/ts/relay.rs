//! One upstream for all clients, and only for as long as there are any.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{info, warn};

use super::pieces::{Cut, Pieces};
use super::progress::Progress;
use super::ring::{Piece, Ring};
use super::viewer;
use crate::relay::backoff::Backoff;
use crate::relay::ledger::Guard;
use crate::relay::life::{Life, Relay, Visit, Work};
use crate::relay::report::Report;
use crate::relay::upstream::{Fetched, Fetcher, UpstreamError, Upstreams};

/// How long a piece waits for more, as many clients are woken for each: until nothing has come for a moment,
const PAUSE: Duration = Duration::from_millis(5);
/// and no longer than this.
const PIECE_PATIENCE: Duration = Duration::from_millis(20);

/// An upstream is given up before it is silent for that long: whoever hears nothing of it for longer was not there himself.
const AWAY: Duration = Duration::from_secs(15);

/// How often the end of a stream is said, while it is true: whoever was told may have been unable to do something about it.
const SAID_AGAIN: Duration = Duration::from_secs(5);

/// What an upstream may send, besides packets, before it is known what there is to play.
const MAX_NOISE: u64 = 64 * 1024;

/// A relay of a transport stream.
#[derive(Debug)]
pub struct TsRelay {
    pub(super) life: Life,
    pub(super) ring: Ring,
    /// How many clients there are.
    pub(super) clients: watch::Sender<usize>,
    upstreams: Upstreams,
}

/// Bytes in the ledger, for as long as anybody has them.
struct Kept {
    packets: Vec<u8>,
    _guard: Guard,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.packets
    }
}

impl Relay for TsRelay {
    fn run(self: Arc<Self>) -> Work<()> {
        Box::pin(async move {
            self.life.stop.run_until_cancelled(self.work()).await;
            self.ring.clear();
        })
    }

    fn serve(self: Arc<Self>, visit: Visit) -> Work<axum::response::Response> {
        Box::pin(async move { viewer::serve(&self, &visit).into_response() })
    }
}

impl TsRelay {
    /// Does nothing yet.
    pub fn new(life: Life, upstreams: Upstreams) -> Self {
        let ring = Ring::new(life.settings.ring_bytes);
        Self { life, ring, clients: watch::Sender::new(0), upstreams }
    }

    async fn work(&self) -> Infallible {
        let mut clients = self.clients.subscribe();
        loop {
            // It fails when the sender is gone, which is ours.
            let _ = clients.wait_for(|clients| *clients > 0).await;
            tokio::select! {
                never = self.pull() => match never {},
                () = self.nobody() => {
                    info!(relay = %self.life.id(), "nobody watches: the upstream is let go");
                    // If it did not come, that is nobody's trouble any more.
                    self.life.tell(Report::Recovered);
                }
            }
            self.ring.clear();
        }
    }

    /// Waits until there has been no client for a while.
    async fn nobody(&self) {
        let mut clients = self.clients.subscribe();
        loop {
            let _ = clients.wait_for(|clients| *clients == 0).await;
            tokio::select! {
                _ = clients.wait_for(|clients| *clients > 0) => {}
                () = sleep(self.life.settings.linger) => return,
            }
        }
    }

    /// Gets the stream, and gets it again.
    async fn pull(&self) -> Infallible {
        let fetcher = self.upstreams.fetcher();
        let mut backoff = Backoff::new(&self.life.settings);
        let mut progress = Progress::new(Instant::now());
        let mut news = Report::Connected;
        loop {
            let started = Instant::now();
            let Err(error) = self.follow(&fetcher, &mut progress, &news).await;
            progress.pause(Instant::now());
            self.ring.cut();
            news = Report::Recovered;
            self.life.counters.upstream_failed(self.life.id().kind, &error);
            warn!(relay = %self.life.id(), %error, "the upstream is lost");
            self.life.tell(Report::Degraded(error.cause().into()));
            // One that breaks off each time is no better than one that is not there.
            if started.elapsed() > self.life.settings.max_backoff {
                backoff.reset();
            }
            sleep(backoff.failed()).await;
        }
    }

    /// One connection, to its end.
    async fn follow(
        &self,
        fetcher: &Fetcher,
        progress: &mut Progress,
        news: &Report,
    ) -> Result<Infallible, UpstreamError> {
        let url = self.upstreams.read(&self.life.source.upstream)?;
        let fetched = fetcher.get(&url, HeaderMap::new()).await?;
        if is_text(&fetched) {
            return Err(UpstreamError::Unusable("a text"));
        }
        let mut body = fetched.body;
        let mut pieces = Pieces::default();
        let stall = self.life.settings.stall;
        let mut said_again = Instant::now();
        let mut noise = 0;
        let mut is_there = false;
        let (mut due, mut overdue, mut heard) = (Instant::now(), Instant::now(), Instant::now());
        progress.resume(Instant::now());
        loop {
            // What has come already is looked at before it is missed.
            tokio::select! {
                biased;
                chunk = body.chunk() => {
                    let Ok(Some(chunk)) = chunk else {
                        self.keep(pieces.rest());
                        return Err(chunk.err().unwrap_or(UpstreamError::Broken));
                    };
                    let now = Instant::now();
                    if !pieces.is_open() {
                        overdue = now + PIECE_PATIENCE;
                    }
                    due = overdue.min(now + PAUSE);
                    self.keep(pieces.take(&chunk, |packet| progress.take(packet, now)));
                    self.life.counters.ts.noise(pieces.noise() - noise);
                    noise = pieces.noise();
                    if !is_there && pieces.has_programs() {
                        is_there = true;
                        self.life.tell(news.clone());
                    } else if !is_there && noise > MAX_NOISE {
                        return Err(UpstreamError::Unusable("what is no transport stream"));
                    }
                }
                () = sleep_until(due), if pieces.is_open() => self.keep(pieces.rest()),
                () = sleep_until(progress.deadline(stall).max(said_again)) => {}
            }
            let now = Instant::now();
            if now - heard > AWAY {
                progress.forgive(now);
            }
            heard = now;
            if progress.deadline(stall).max(said_again) <= now {
                self.life.tell(Report::Ended(progress.cause()));
                said_again = now + SAID_AGAIN;
            }
        }
    }

    fn keep(&self, cuts: impl IntoIterator<Item = Cut>) {
        for Cut { packets, is_entry, tables } in cuts {
            let guard = self.life.bytes(Piece::cost(packets.len(), &tables));
            self.ring.push(Piece { bytes: Bytes::from_owner(Kept { packets, _guard: guard }), is_entry, tables });
        }
    }
}

/// An error that somebody reads, or a playlist.
fn is_text(fetched: &Fetched) -> bool {
    let kind = fetched.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.to_ascii_lowercase();
    kind.starts_with("text/") || ["json", "xml", "mpegurl"].iter().any(|text| kind.contains(text))
}
