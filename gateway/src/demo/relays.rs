//! A camera for a live stream: the demo's own origin becomes its upstream.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::Deserialize;
use uuid::Uuid;

use super::{DemoState, Text, bad_value, json_text, parse};
use crate::auth::{Caller, Role};
use crate::database::RequestSettings;
use crate::error::ApiError;

/// `POST /demo/streams/{id}/relay`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayRequest {
    hls: Option<bool>,
    ts: Option<bool>,
}

/// Begins to relay it, or stops; says what the database says. The origin's name is the stream's id.
pub async fn set(State(demo): State<Arc<DemoState>>, Path(id): Path<String>, body: Bytes) -> Result<Text, ApiError> {
    let id: Uuid = id.parse().map_err(|_| bad_value("id must be a uuid"))?;
    let RelayRequest { hls, ts } = parse(&body)?;
    let origin = format!("http://{}/demo/origin", demo.address);
    let upstream = |wanted: Option<bool>, path: String| wanted.map(|wanted| if wanted { path } else { String::new() });
    let mut session = demo.database.begin(Caller::of(Role::Service), &RequestSettings::default()).await?;
    let call = sqlx::query_scalar("select set_stream_relay($1, $2, $3)::text").bind(id);
    let call = call.bind(upstream(hls, format!("{origin}/hls/{id}/index.m3u8")));
    let call = call.bind(upstream(ts, format!("{origin}/ts/{id}")));
    let set: Result<String, _> = call.fetch_one(session.connection()).await;
    let set = set.map_err(|error| session.error(error))?;
    session.commit().await?;
    Ok(json_text(set))
}
