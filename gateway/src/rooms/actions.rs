//! What a person does with a room: has one, goes live in it, ends it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::fields::{Kind, arguments, bad_value, id};
use super::{CREATE_SESSION, MY_ROOM};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::rpc::{Call, Rpc, request};

const KEY_HEADER: &str = "idempotency-key";
const KEY_ARGUMENT: &str = "p_idempotency_key";

const SESSION: &[(&str, Kind)] =
    &[("title", Kind::Text), ("idempotency_key", Kind::Text), ("holder", Kind::Text), ("take_over", Kind::Flag)];

const END: &[(&str, Kind)] =
    &[("session_id", Kind::Id), ("reason", Kind::Text), ("holder", Kind::Text), ("attempt", Kind::Number)];

/// JSON, as PostgreSQL wrote it.
type Json = ([(HeaderName, &'static str); 1], String);

/// Was the session there already?
#[derive(Debug, Deserialize)]
struct Replay {
    replayed: bool,
}

/// `GET /rooms/me`: the caller's own room, which is made when there is none.
pub async fn mine(State(rpc): State<Arc<Rpc>>, request: Parts) -> Result<Json, ApiError> {
    let caller = rpc.auth.caller(&request.headers).await?;
    call(&rpc, caller, MY_ROOM, Map::new(), &request).await.map(json)
}

/// `POST /rooms/{id}/sessions`: goes live. 201, or 200 for the session that this key has begun already.
pub async fn create_session(
    State(rpc): State<Arc<Rpc>>,
    Path(room): Path<String>,
    request: Parts,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json), ApiError> {
    let caller = rpc.auth.caller(&request.headers).await?;
    let mut arguments = of_room(&room, SESSION, &request, body)?;
    if let Some(key) = key_of(&request.headers)?
        && let Some(other) = arguments.insert(KEY_ARGUMENT.to_owned(), key.into())
        && other != key
    {
        return Err(bad_value(format!("idempotency_key is another one than in the header {KEY_HEADER}")));
    }
    let answer = call(&rpc, caller, CREATE_SESSION, arguments, &request).await?;
    // What does not say so is no repetition.
    let replayed = serde_json::from_str(&answer).is_ok_and(|Replay { replayed }| replayed);
    Ok((if replayed { StatusCode::OK } else { StatusCode::CREATED }, json(answer)))
}

/// `POST /rooms/{id}/end`
pub async fn end(
    State(rpc): State<Arc<Rpc>>,
    Path(room): Path<String>,
    request: Parts,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json, ApiError> {
    let caller = rpc.auth.caller(&request.headers).await?;
    let arguments = of_room(&room, END, &request, body)?;
    call(&rpc, caller, "live_room_end", arguments, &request).await.map(json)
}

/// The arguments of a call about this room.
fn of_room(
    room: &str,
    known: &[(&str, Kind)],
    request: &Parts,
    body: Result<Bytes, BytesRejection>,
) -> Result<Map<String, Value>, ApiError> {
    let room = id("the room's id", room)?;
    let fields = request::body_arguments(&request.headers, &body.map_err(request::unreadable)?)?;
    let mut arguments = arguments(known, fields)?;
    arguments.insert("p_room_id".to_owned(), room.to_string().into());
    Ok(arguments)
}

/// An empty header says as much as none.
fn key_of(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(key) = headers.get(KEY_HEADER).filter(|key| !key.is_empty()) else { return Ok(None) };
    key.to_str().map(Some).map_err(|_| bad_value(format!("the header {KEY_HEADER} is not plain text")))
}

async fn call(
    rpc: &Rpc,
    caller: Caller,
    function: &str,
    arguments: Map<String, Value>,
    request: &Parts,
) -> Result<String, ApiError> {
    let settings = request::settings(&request.method, request.uri.path(), &request.headers);
    let call = Call { function, arguments: &arguments, single: false, writes: true };
    rpc.run(caller, &settings, call).await.map(Option::unwrap_or_default)
}

fn json(body: String) -> Json {
    ([(CONTENT_TYPE, "application/json; charset=utf-8")], body)
}
