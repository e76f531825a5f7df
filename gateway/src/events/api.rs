//! What hosts and pages ask of events over HTTP: other names for functions that `/rest/v1/rpc` calls too.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::rooms::fields::{Kind, arguments, id};
use crate::rpc::{Call, Rpc, request};

const EVENT: &[(&str, Kind)] = &[
    ("event_id", Kind::Id),
    ("stream_id", Kind::Id),
    ("title", Kind::Text),
    ("starts_at", Kind::Text),
    ("scheduled_end_at", Kind::Text),
    ("is_public", Kind::Flag),
    ("grace_seconds", Kind::Number),
];

const END: &[(&str, Kind)] = &[("reason", Kind::Text)];

/// JSON, as PostgreSQL wrote it.
type Json = ([(HeaderName, &'static str); 1], String);

/// `POST /events`: the caller becomes its host. It has this node's grace, unless it brings its own.
pub async fn create(
    State((rpc, grace_seconds)): State<(Arc<Rpc>, Option<usize>)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json), ApiError> {
    let fields = request::body_arguments(&headers, &body.map_err(request::unreadable)?)?;
    let mut arguments = arguments(EVENT, fields)?;
    if let Some(seconds) = grace_seconds {
        arguments.entry("p_grace_seconds").or_insert_with(|| seconds.into());
    }
    Ok((StatusCode::CREATED, call(&rpc, "create_event", arguments, &method, &uri, &headers).await?))
}

/// `POST /events/{id}/end`
pub async fn end(
    State(rpc): State<Arc<Rpc>>,
    Path(event): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json, ApiError> {
    let event = id("the event's id", &event)?;
    let fields = request::body_arguments(&headers, &body.map_err(request::unreadable)?)?;
    let mut arguments = arguments(END, fields)?;
    arguments.insert("p_event_id".to_owned(), event.to_string().into());
    call(&rpc, "end_event", arguments, &method, &uri, &headers).await
}

/// `GET /events/{id}/viewers`: connections and people, the host not among them.
pub async fn viewers(
    State(rpc): State<Arc<Rpc>>,
    Path(event): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json, ApiError> {
    let event = id("the event's id", &event)?;
    let arguments = Map::from_iter([("p_event_id".to_owned(), event.to_string().into())]);
    call(&rpc, "event_viewers", arguments, &method, &uri, &headers).await
}

/// `GET /events/viewers`: the same of all events together.
pub async fn totals(
    State(rpc): State<Arc<Rpc>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json, ApiError> {
    call(&rpc, "event_totals", Map::new(), &method, &uri, &headers).await
}

async fn call(
    rpc: &Rpc,
    function: &'static str,
    arguments: Map<String, Value>,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Json, ApiError> {
    let caller = rpc.auth.caller(headers).await?;
    let call = Call { function, arguments: &arguments, single: true, writes: *method == Method::POST };
    let answer = rpc.run(caller, &request::settings(method, uri.path(), headers), call).await?;
    Ok(([(CONTENT_TYPE, "application/json; charset=utf-8")], answer.unwrap_or_default()))
}
