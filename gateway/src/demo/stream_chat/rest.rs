//! Stream's HTTP API, as far as the SDK needs it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::StreamChat;
use super::filter::Filter;
use super::refusal::{Code, Refusal};
use super::world::{Caller, Told, View};

/// What the SDK asks for when it asks for nothing: of one channel, and of each of many.
const MESSAGES_OF_ONE: usize = 100;
const MESSAGES_OF_MANY: usize = 25;

/// As many channels as Stream gives at once.
const MAX_LIMIT: usize = 30;

type Chat = State<Arc<StreamChat>>;
type Answer = Result<Json<Value>, Refusal>;

/// All routes of it.
pub fn routes() -> Router<Arc<StreamChat>> {
    Router::new()
        .route("/channels", post(query_channels))
        .route("/channels/{type}/{id}/query", post(query))
        .route("/channels/{type}/{id}/message", post(send))
        .route("/channels/{type}/{id}/event", post(typing))
        .route("/channels/{type}/{id}/read", post(read))
        .route("/channels/{type}/{id}/stop-watching", post(stop_watching))
        .route("/messages/{id}", post(update).delete(delete))
}

async fn query_channels(State(chat): Chat, caller: Caller, Input(asked): Input<ChannelsQuery>) -> Answer {
    let filter = Filter::parse(asked.filter_conditions)?;
    let view = View { watch: asked.watch, messages: asked.message_limit.unwrap_or(MESSAGES_OF_MANY) };
    let limit = asked.limit.unwrap_or(MAX_LIMIT).min(MAX_LIMIT);
    chat.world().query_channels(&caller, &filter, limit, view).map(Json)
}

async fn query(
    State(chat): Chat,
    caller: Caller,
    Path((kind, id)): Path<(String, String)>,
    Input(asked): Input<ChannelQuery>,
) -> Answer {
    let messages = asked.messages.and_then(|page| page.limit).unwrap_or(MESSAGES_OF_ONE);
    let view = View { watch: asked.watch, messages };
    chat.world().query(&caller, &kind, &id, asked.data.unwrap_or_default(), view).map(Json)
}

async fn send(State(chat): Chat, caller: Caller, channel: Channel, Input(asked): Input<MessageBody>) -> Answer {
    let told = chat.world().send(&caller, &channel.cid, asked.message);
    told.map(|told| pass_on(&chat, told))
}

async fn update(State(chat): Chat, caller: Caller, Path(id): Path<String>, Input(asked): Input<MessageBody>) -> Answer {
    let told = chat.world().update(&caller, &id, asked.message);
    told.map(|told| pass_on(&chat, told))
}

async fn delete(State(chat): Chat, caller: Caller, Path(id): Path<String>, Query(asked): Query<Deletion>) -> Answer {
    let told = chat.world().delete(&caller, &id, asked.hard);
    told.map(|told| pass_on(&chat, told))
}

fn pass_on(chat: &StreamChat, told: Told) -> Json<Value> {
    chat.webhook.send(&told.webhook);
    Json(told.answer)
}

async fn typing(State(chat): Chat, caller: Caller, channel: Channel, Input(asked): Input<EventBody>) -> Answer {
    chat.world().typing(&caller, &channel.cid, &asked.event.kind).map(Json)
}

async fn read(State(chat): Chat, caller: Caller, channel: Channel) -> Answer {
    chat.world().read(&caller, &channel.cid).map(Json)
}

async fn stop_watching(State(chat): Chat, caller: Caller, channel: Channel) -> Answer {
    chat.world().stop_watching(&caller, &channel.cid).map(Json)
}

#[derive(Debug, Deserialize)]
struct ChannelsQuery {
    #[serde(default)]
    filter_conditions: Map<String, Value>,
    #[serde(default)]
    watch: bool,
    limit: Option<usize>,
    message_limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct ChannelQuery {
    data: Option<Map<String, Value>>,
    #[serde(default)]
    watch: bool,
    messages: Option<Page>,
}

/// No older ones: what is kept fits on one page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct MessageBody {
    message: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Deletion {
    #[serde(default)]
    hard: bool,
}

#[derive(Debug, Deserialize)]
struct EventBody {
    event: Event,
}

#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
}

/// The channel of the path.
struct Channel {
    cid: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Channel {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((kind, id)) = path.map_err(|error| Refusal::input(error.body_text()))?;
        Ok(Self { cid: format!("{kind}:{id}") })
    }
}

#[derive(Debug, Deserialize)]
struct CallerQuery {
    #[serde(default)]
    api_key: String,
    connection_id: Option<String>,
}

impl FromRequestParts<Arc<StreamChat>> for Caller {
    type Rejection = Refusal;

    /// By the token in the header, which Stream takes without a `Bearer`.
    async fn from_request_parts(parts: &mut Parts, chat: &Arc<StreamChat>) -> Result<Self, Refusal> {
        let query = Query::<CallerQuery>::from_request_parts(parts, chat).await;
        let Query(query) = query.map_err(|error| Refusal::input(error.body_text()))?;
        let token = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let user_id = chat.verify(&query.api_key, token)?;
        Ok(Self { user_id, connection_id: query.connection_id })
    }
}

/// A body, refused in Stream's shape.
struct Input<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let unreadable = |error: BytesRejection| {
            let is_large = error.status() == StatusCode::PAYLOAD_TOO_LARGE;
            Refusal::new(if is_large { Code::PayloadTooBig } else { Code::Input }, error.body_text())
        };
        let body = Bytes::from_request(request, state).await.map_err(unreadable)?;
        serde_json::from_slice(&body).map(Self).map_err(|error| Refusal::input(error.to_string()))
    }
}
