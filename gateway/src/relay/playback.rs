//! How a player gets to its stream: by a URL that is good for a moment, and for this relay alone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Relays;
use super::counters::Refusal;
use super::life::{Asked, Visit};
use super::source::Kind;
use crate::client;
use crate::error::ApiError;
use crate::rooms::fields::{self, bad_value};
use crate::rpc::request;
use crate::server::unknown_path;

const BODY: &[(&str, fields::Kind)] = &[("kind", fields::Kind::Text)];

/// What stands behind a playback URL's question mark.
#[derive(Debug, Deserialize)]
pub struct Ticketed {
    #[serde(default)]
    ticket: String,
}

type Relayed = State<Arc<Relays>>;
type Shown = Query<Ticketed>;
/// Who asks, and how.
type Who = (ConnectInfo<SocketAddr>, Method, HeaderMap);

/// `POST /streams/{key}/playback`: a URL for a player. Whoever may know that a stream is live may see it.
pub async fn issue(
    State(relays): Relayed,
    Path(key): Path<String>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<([(HeaderName, &'static str); 1], Json<Value>), ApiError> {
    let address = client::address(peer, &headers, relays.proxy_hops);
    if !relays.playback_rate.allows(address, Instant::now()) {
        return Err(relays.counters.refused(Refusal::Often));
    }
    relays.caller(&headers).await?;
    let key = fields::id("the stream's key", &key)?;
    let body = request::body_arguments(&headers, &body.map_err(request::unreadable)?)?;
    let arguments = fields::arguments(BODY, body)?;
    let kind = arguments.get("p_kind").and_then(Value::as_str).unwrap_or_default();
    let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind);
    let kind = kind.ok_or_else(|| bad_value("kind must be hls or ts".to_owned()))?;
    let tickets = relays.tickets.as_ref().ok_or_else(|| {
        let message =
            "JWT_SECRET is missing, and so is SERVICE_KEY: playback URLs are signed with the one or the other";
        ApiError::new(StatusCode::FORBIDDEN, "42501", message)
    })?;
    let (id, _) = relays.registry.find(key, kind)?;
    let issued = tickets.issue(id, SystemTime::now());
    relays.counters.issued(kind);
    let path = match kind {
        Kind::Hls => format!("/proxy/hls/{key}/index.m3u8"),
        Kind::Ts => format!("/proxy/ts/{key}"),
    };
    let expires_at = Timestamp::from_second(issued.expires_at.try_into().unwrap_or(i64::MAX)).unwrap_or(Timestamp::MAX);
    let url = format!("{}{path}?ticket={}", relays.public_url, issued.ticket);
    let answer = json!({ "url": url, "kind": kind, "expires_at": expires_at.to_string() });
    Ok(([(CACHE_CONTROL, "no-store")], Json(answer)))
}

/// `GET /proxy/hls/{key}/index.m3u8?ticket=…`
pub async fn hls(relays: Relayed, key: Path<String>, shown: Shown, who: Who) -> Result<Response, ApiError> {
    play(&relays, Kind::Hls, &key, shown, who).await
}

/// `GET /proxy/ts/{key}?ticket=…`
pub async fn ts(relays: Relayed, key: Path<String>, shown: Shown, who: Who) -> Result<Response, ApiError> {
    play(&relays, Kind::Ts, &key, shown, who).await
}

/// `GET /proxy/hls/{key}/{session}/{resource}`: whether there is such a session, the relay knows.
pub async fn resource(
    relays: Relayed,
    Path((key, session, resource)): Path<(String, String, String)>,
    who: Who,
) -> Result<Response, ApiError> {
    let Ok(key) = key.parse() else { return Err(unknown_path().await) };
    let (_, relay) = relays.registry.find(key, Kind::Hls)?;
    Ok(relay.serve(visit(&relays, Asked::Resource { session, resource }, who)).await)
}

async fn play(relays: &Relays, kind: Kind, key: &str, Query(shown): Shown, who: Who) -> Result<Response, ApiError> {
    let Ok(key) = key.parse() else { return Err(unknown_path().await) };
    // First what is over: whoever comes late has to hear that, and not that his ticket is too old.
    let (id, relay) = relays.registry.find(key, kind)?;
    let tickets = relays.tickets.as_ref().ok_or(Refusal::Forged);
    let checked = tickets.and_then(|tickets| tickets.check(&shown.ticket, id, SystemTime::now()));
    checked.map_err(|why| relays.counters.refused(why))?;
    Ok(relay.serve(visit(relays, Asked::Playback, who)).await)
}

fn visit(relays: &Relays, asked: Asked, (ConnectInfo(peer), method, headers): Who) -> Visit {
    Visit { asked, address: client::address(peer, &headers, relays.proxy_hops), method, headers }
}
