//! What players get of an HLS relay.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::content::file_type;
use super::flights::Page;
use super::playlist::Role;
use super::relay::Relay;
use super::resources::{Name, Resource};
use super::sessions::Presence;
use crate::connections::Until;
use crate::error::ApiError;
use crate::relay::counters::Refusal;
use crate::relay::life::{self, Asked, Client, Visit, Work};
use crate::relay::upstream::{self, Fetched, UpstreamError};

const PLAYLIST: &str = "application/vnd.apple.mpegurl";

/// What playlists begin with, behind a byte order mark perhaps.
const PLAYLIST_BEGIN: &[u8] = b"#EXTM3U";
const BOM_BYTES: usize = 3;

/// More than ten seconds of anything that is streamed.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Longer than a segment is of any use.
const MAX_FILE_TIME: Duration = Duration::from_secs(120);

/// A master playlist has to say one, and nobody has told us: what is common.
const BANDWIDTH: u32 = 3_000_000;

impl life::Relay for Relay {
    fn run(self: Arc<Self>) -> Work<()> {
        Box::pin(async move { self.watch().await })
    }

    fn serve(self: Arc<Self>, visit: Visit) -> Work<Response> {
        Box::pin(async move {
            let stop = self.life.stop.clone();
            let answer = stop.run_until_cancelled(self.answer(visit)).await;
            answer.unwrap_or_else(|| Err(self.life.over())).unwrap_or_else(IntoResponse::into_response)
        })
    }
}

impl Relay {
    async fn answer(self: &Arc<Self>, visit: Visit) -> Result<Response, ApiError> {
        match visit.asked {
            Asked::Playback => {
                let root = self.root.as_ref().map_err(|error| self.refusal(error))?;
                let page = self.page(root).await.map_err(|error| self.refusal(&error))?;
                if visit.method == Method::HEAD {
                    // Nobody comes: there is such a stream, and that is all.
                    return Ok(playlist(Bytes::new()));
                }
                let client = self.life.client(visit.address)?;
                let session = self.sessions.open(client, || self.life.stop.is_cancelled());
                let session = session.ok_or_else(|| self.life.over())?;
                Ok(playlist(self.master(&page, root, session)))
            }
            Asked::Resource { session, resource } => {
                let refused = |why| self.life.counters.refused(why);
                let session = Uuid::try_parse(&session).map_err(|_| refused(Refusal::Session))?;
                let presence = self.sessions.visit(session).map_err(refused)?;
                let name = resource.split('.').next().and_then(Name::parse);
                let resource = name.and_then(|name| self.resources.get(name));
                let resource = resource.ok_or_else(|| refused(Refusal::Resource))?;
                match resource.role {
                    Role::Playlist => {
                        let page =
                            self.page(&resource).await.map_err(|error| self.refusal_of_playlist(&resource, &error))?;
                        Ok(playlist(match &*page {
                            Page::Master(master) => self.text(master, "").into(),
                            Page::Media { text, .. } => text.clone(),
                        }))
                    }
                    Role::File => {
                        let file = self.file(&resource, &visit.headers, presence).await;
                        file.map_err(|error| {
                            self.failed(&error);
                            self.refusal_of_file(&error)
                        })
                    }
                }
            }
        }
    }

    /// What a session begins with: playlists whose addresses are its own.
    fn master(&self, page: &Page, root: &Resource, session: Uuid) -> Bytes {
        let prefix = format!("{}/", session.simple());
        match page {
            Page::Master(master) => self.text(master, &prefix).into(),
            Page::Media { .. } => {
                let address = self.address(root, &prefix);
                format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH={BANDWIDTH}\n{address}\n").into()
            }
        }
    }

    /// Passes a file on, as it comes.
    async fn file(
        &self,
        resource: &Resource,
        asked: &HeaderMap,
        presence: Presence<Client>,
    ) -> Result<Response, UpstreamError> {
        let range = asked.get(RANGE).map(|range| (RANGE, range.clone()));
        let Fetched { status, headers, body, .. } =
            self.fetcher.get(&resource.url, HeaderMap::from_iter(range)).await?;
        let content_type = file_type(&headers)?;
        let length = headers.get(CONTENT_LENGTH);
        let announced = length.and_then(|length| length.to_str().ok()).and_then(|length| length.parse::<u64>().ok());
        if announced.is_some_and(|bytes| bytes > MAX_FILE_BYTES) {
            return Err(UpstreamError::TooLarge(MAX_FILE_BYTES));
        }
        let mut sending = Sending {
            body: body.limited(MAX_FILE_BYTES),
            until: Instant::now() + MAX_FILE_TIME,
            relay_stops: self.life.stop.clone(),
            _presence: presence,
        };
        let first = sending.first().await?;
        let begin = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&first);
        if begin.starts_with(PLAYLIST_BEGIN) {
            // Whatever it is said to be, the addresses in it are not ours.
            return Err(UpstreamError::Unusable("a playlist for a file"));
        }
        let first = Some(first).filter(|first| !first.is_empty());
        let mut response = Response::new(Body::from_stream(stream::try_unfold((first, sending), Sending::step)));
        *response.status_mut() = status;
        response.extensions_mut().insert(Until(self.life.stop.clone()));
        let ours = response.headers_mut();
        for name in [CONTENT_LENGTH, CONTENT_RANGE, ACCEPT_RANGES] {
            if let Some(value) = headers.get(&name) {
                ours.insert(name, value.clone());
            }
        }
        ours.insert(CONTENT_TYPE, content_type);
        ours.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        ours.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Ok(response)
    }

    /// What a player is told when there is no playlist. It will ask again.
    fn refusal(&self, error: &UpstreamError) -> ApiError {
        let status = match error {
            UpstreamError::Silent(_) => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::BAD_GATEWAY,
        };
        ApiError::new(status, "RELAY502", "The stream does not come just now").with_details(error.cause())
    }

    /// The same for a playlist that another one has named, which may be one that there is no more. A new session finds out
    /// what there is.
    fn refusal_of_playlist(&self, playlist: &Resource, error: &UpstreamError) -> ApiError {
        let is_root = self.root.as_ref().is_ok_and(|root| root.url == playlist.url);
        match error {
            UpstreamError::Status(StatusCode::NOT_FOUND | StatusCode::GONE) if !is_root => {
                self.life.counters.refused(Refusal::Resource)
            }
            error => self.refusal(error),
        }
    }

    /// The same for a file.
    fn refusal_of_file(&self, error: &UpstreamError) -> ApiError {
        match error {
            UpstreamError::Status(StatusCode::NOT_FOUND | StatusCode::GONE) => {
                ApiError::new(StatusCode::NOT_FOUND, "RELAY404", "This part of the stream is not there any more")
            }
            UpstreamError::Status(status @ StatusCode::RANGE_NOT_SATISFIABLE) => {
                ApiError::new(*status, "RELAY416", "There is no such range")
            }
            error => self.refusal(error),
        }
    }
}

/// A file on its way.
struct Sending {
    body: upstream::Body,
    until: Instant,
    relay_stops: CancellationToken,
    /// The session lasts for as long.
    _presence: Presence<Client>,
}

impl Sending {
    async fn next(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        let next = timeout_at(self.until, self.body.chunk());
        let next = self.relay_stops.run_until_cancelled(next).await.ok_or(UpstreamError::Broken)?;
        next.unwrap_or(Err(UpstreamError::Silent(MAX_FILE_TIME)))
    }

    /// As much as it takes to see what it is.
    async fn first(&mut self) -> Result<Bytes, UpstreamError> {
        let mut first = Bytes::new();
        while first.len() < PLAYLIST_BEGIN.len() + BOM_BYTES {
            match self.next().await? {
                Some(next) if first.is_empty() => first = next,
                Some(next) => first = [first, next].concat().into(),
                None => break,
            }
        }
        Ok(first)
    }

    /// Sends what is there already, or else what comes next. An error hangs up: the player sees that it has not got all.
    async fn step((there, mut sending): (Option<Bytes>, Self)) -> io::Result<Option<(Bytes, (Option<Bytes>, Self))>> {
        let chunk = match there {
            None => sending.next().await.map_err(io::Error::other)?,
            there => there,
        };
        Ok(chunk.map(|chunk| (chunk, (None, sending))))
    }
}

fn playlist(text: Bytes) -> Response {
    let headers = [(CONTENT_TYPE, PLAYLIST), (CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, text).into_response()
}
