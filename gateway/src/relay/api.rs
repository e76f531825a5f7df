//! What is relayed: to read for everybody, to change for operators.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use super::Relays;
use super::comparison::SyncReport;
use super::counters::Refusal;
use super::report::Health;
use super::source::Kind;
use super::store::Listed;
use super::{may_operate, sync_check};
use crate::client;
use crate::error::ApiError;
use crate::rooms::fields::{self, arguments, bad_value, id};
use crate::rpc::request;

const STREAM: &[(&str, fields::Kind)] =
    &[("stream_id", fields::Kind::Id), ("hls", fields::Kind::Text), ("ts", fields::Kind::Text)];

/// JSON, as PostgreSQL wrote it.
type Text = ([(HeaderName, &'static str); 1], String);

/// A live stream that is relayed.
#[derive(Debug, Serialize)]
pub struct Stream {
    key: Uuid,
    title: Option<String>,
    started_at: String,
    relays: BTreeMap<Kind, Relay>,
}

#[derive(Debug, Serialize)]
struct Relay {
    state: &'static str,
    reason: Option<String>,
    since: String,
    /// At this gateway.
    clients: usize,
    #[serde(flatten)]
    details: Option<Details>,
}

/// What is for operators only.
#[derive(Debug, Serialize)]
struct Details {
    generation: i64,
    /// Scheme, host and port: what stands behind them may be a key.
    upstream: String,
}

/// `GET /streams`: what is live and relayed, by the database.
pub async fn list(
    State(relays): State<Arc<Relays>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Json<Vec<Stream>>, ApiError> {
    if !relays.list_rate.allows(client::address(peer, &headers, relays.proxy_hops), Instant::now()) {
        return Err(relays.counters.refused(Refusal::Often));
    }
    let is_operator = may_operate(&relays.caller(&headers).await?);
    let mut streams: Vec<Stream> = Vec::new();
    for Listed { live, since, title, started_at } in relays.store.live(None).await? {
        let id = live.source.id;
        let (state, reason) = match live.health {
            Health::Ok => ("ok", None),
            Health::Degraded(why) => ("degraded", Some(why.into_owned())),
        };
        let details = || Details { generation: id.generation, upstream: origin(&live.source.upstream) };
        let clients = relays.counters.ledger.of(id).clients;
        let relay = Relay { state, reason, since, clients, details: is_operator.then(details) };
        // The relays of a stream come one after the other.
        match streams.last_mut().filter(|stream| stream.key == id.key) {
            Some(stream) => drop(stream.relays.insert(id.kind, relay)),
            None => streams.push(Stream { key: id.key, title, started_at, relays: BTreeMap::from([(id.kind, relay)]) }),
        }
    }
    Ok(Json(streams))
}

/// `POST /streams`: from where a live stream is relayed. `null`: not any more.
pub async fn set(
    State(relays): State<Arc<Relays>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Text, ApiError> {
    let caller = relays.operator(&headers).await?;
    if relays.upstreams.is_empty() {
        let message = "RELAY_UPSTREAMS is missing: without it nothing is relayed";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "42501", message));
    }
    let mut body = request::body_arguments(&headers, &body.map_err(request::unreadable)?)?;
    for (_, value) in body.iter_mut().filter(|(name, value)| *name != "stream_id" && value.is_null()) {
        *value = "".into();
    }
    let arguments = arguments(STREAM, body)?;
    let text = |name: &str| arguments.get(name).and_then(Value::as_str);
    let key = text("p_stream_id").ok_or_else(|| bad_value("stream_id is missing".to_owned()))?;
    let key = id("stream_id", key)?;
    let (hls, ts) = (text("p_hls"), text("p_ts"));
    if hls.is_none() && ts.is_none() {
        return Err(bad_value("hls is missing, and so is ts: one of them has to be given".to_owned()));
    }
    for (name, url) in [("hls", hls), ("ts", ts)] {
        if let Some(url) = url.filter(|url| !url.is_empty()) {
            relays.upstreams.read(url).map_err(|error| bad_value(format!("{name}: {error}")))?;
        }
    }
    let mut session = relays.database.begin(caller, &request::settings(&method, uri.path(), &headers)).await?;
    let call = sqlx::query_scalar("select public.set_stream_relay($1, $2, $3)::text").bind(key).bind(hls).bind(ts);
    let set: Result<String, _> = call.fetch_one(session.connection()).await;
    let set = set.map_err(|error| session.error(error))?;
    session.commit().await?;
    relays.look_soon(key).await;
    Ok(json_text(set))
}

/// `DELETE /streams/{key}`: ends the stream itself. What it is answered is what the database says to that.
pub async fn end(
    State(relays): State<Arc<Relays>>,
    Path(key): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Text, ApiError> {
    let caller = relays.operator(&headers).await?;
    let key = id("the stream's key", &key)?;
    let mut session = relays.database.begin(caller, &request::settings(&method, uri.path(), &headers)).await?;
    let call = "select public.end_stream_comprehensive(p_stream_id => $1, p_reason => 'operator')::text";
    let ended: Result<String, _> = sqlx::query_scalar(call).bind(key).fetch_one(session.connection()).await;
    let ended = ended.map_err(|error| session.error(error))?;
    session.commit().await?;
    relays.look_soon(key).await;
    Ok(json_text(ended))
}

/// The query of a sync check.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    repair: Option<u8>,
}

/// `GET /debug/sync-check[?repair=1]`
pub async fn sync_check(
    State(relays): State<Arc<Relays>>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Json<SyncReport>, ApiError> {
    let Query(wish) = wish.map_err(|_| bad_value("the query may be repair=1".to_owned()))?;
    match wish.repair {
        Some(1) => sync_check::repair(&relays).await,
        _ => sync_check::check(&relays).await,
    }
    .map(Json)
}

fn origin(upstream: &str) -> String {
    Url::parse(upstream).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

fn json_text(text: String) -> Text {
    ([(CONTENT_TYPE, "application/json; charset=utf-8")], text)
}
