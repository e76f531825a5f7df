//! What only tests and the demo's page ask of the stand-in: tokens, a look at its sockets, and faults.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::Fault;
use super::users::MAX_USER_ID_CHARS;
use super::{API_KEY, StreamChat};
use crate::demo::{bad_value, parse};
use crate::error::ApiError;

const DEFAULT_SECONDS: i64 = 3600;
const MAX_SECONDS: i64 = 86_400;
const MAX_COUNT: i64 = 1000;

type Chat = State<Arc<StreamChat>>;
type Answer = Result<Json<Value>, ApiError>;

/// `/demo/chat/…`
pub fn routes() -> Router<Arc<StreamChat>> {
    Router::new()
        .route("/demo/chat/token", post(token))
        .route("/demo/chat/state", get(state))
        .route("/demo/chat/faults", post(faults))
        .route("/demo/chat/reset", post(reset))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    user_id: String,
    seconds: Option<i64>,
}

async fn token(State(chat): Chat, body: Bytes) -> Answer {
    let TokenRequest { user_id, seconds } = parse(&body)?;
    check_user(Some(&user_id))?;
    let seconds = within("seconds", seconds.unwrap_or(DEFAULT_SECONDS), 1, MAX_SECONDS)?;
    let token = chat
        .tokens
        .make(&user_id, seconds.unsigned_abs())
        .map_err(|_| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "XX000", "the token could not be signed"))?;
    Ok(Json(json!({ "token": token, "api_key": API_KEY })))
}

async fn state(State(chat): Chat) -> Json<Value> {
    let world = chat.world();
    let (sockets, by_user) = (world.sockets.list().collect::<Vec<_>>(), world.sockets.counts());
    Json(json!({ "sockets": sockets, "opened_total": world.sockets.opened_total(), "by_user": by_user }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultRequest {
    fault: Fault,
    /// None: everybody.
    user_id: Option<String>,
    /// How many connections, or closings, it waits for; what is open already meets `drop` and `silent` at once.
    count: Option<i64>,
}

async fn faults(State(chat): Chat, body: Bytes) -> Answer {
    let FaultRequest { fault, user_id, count } = parse(&body)?;
    check_user(user_id.as_deref())?;
    let default = match fault {
        Fault::Drop | Fault::Silent | Fault::None => 0,
        Fault::Refuse | Fault::ExpireTokens | Fault::SlowClose => 1,
    };
    let most = if fault == Fault::None { 0 } else { MAX_COUNT };
    let count = within("count", count.unwrap_or(default), 0, most)?;
    let waiting = u32::try_from(count).unwrap_or_default();
    let user = user_id.as_deref();
    let mut world = chat.world();
    match fault {
        Fault::Drop => world.sockets.drop_all(user),
        Fault::Silent => world.sockets.set_silent(user, true),
        Fault::None => {
            world.faults.clear(user);
            world.sockets.set_silent(user, false);
        }
        Fault::Refuse | Fault::ExpireTokens | Fault::SlowClose => {}
    }
    if !world.faults.set(fault, user_id.clone(), waiting) {
        return Err(bad_value("there are too many faults waiting; fault \"none\" clears them"));
    }
    Ok(Json(json!({ "user_id": user_id, "count": count })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResetRequest {
    /// None: everybody.
    user_id: Option<String>,
}

async fn reset(State(chat): Chat, body: Bytes) -> Answer {
    let ResetRequest { user_id } = parse(&body)?;
    check_user(user_id.as_deref())?;
    let mut world = chat.world();
    world.sockets.reset(user_id.as_deref());
    Ok(Json(json!({ "by_user": world.sockets.counts() })))
}

fn check_user(user_id: Option<&str>) -> Result<(), ApiError> {
    let length = user_id.map(|id| id.chars().count());
    match length {
        Some(length) if length == 0 || length > MAX_USER_ID_CHARS => {
            Err(bad_value(format!("user_id is {length} characters long; it must have 1 to {MAX_USER_ID_CHARS}")))
        }
        _ => Ok(()),
    }
}

fn within(name: &str, value: i64, least: i64, most: i64) -> Result<i64, ApiError> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(bad_value(format!("{name} is {value}; it must be {least} to {most}")))
    }
}
