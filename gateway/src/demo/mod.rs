//! What `--demo` adds, and what is not there without it: the page itself, tokens for whoever asks, faults on demand, a look at
//! the rows and the mail, and stand-ins for Stream's chat, a media server and a camera.

mod events;
mod faults;
mod meetings;
mod origin;
mod page;
mod relays;
mod rooms;
mod stream_chat;
mod token;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use uuid::Uuid;

use crate::auth::{Caller, Role};
use crate::config::{Config, DemoConfig};
use crate::database::{Database, RequestSettings};
use crate::error::ApiError;
use crate::stopping::Stopping;
use faults::Faults;
use stream_chat::StreamChat;
use token::TokenMaker;

/// The demo's own state.
#[derive(Debug)]
pub struct Demo {
    page: DemoConfig,
    state: Arc<DemoState>,
    chat: StreamChat,
    meetings: Router,
    origin: Router,
}

#[derive(Debug)]
struct DemoState {
    anon_key: String,
    database: Database,
    /// As whom somebody would log in who puts rows right by hand, or wrong.
    login: PgConnectOptions,
    faults: Arc<Faults>,
    tokens: TokenMaker,
    /// Where this server is.
    address: SocketAddr,
}

impl Demo {
    /// The demo at this address, on this database.
    pub fn new(
        config: &Config,
        page: &DemoConfig,
        address: SocketAddr,
        database: Database,
        stopping: Stopping,
    ) -> Self {
        let chat = StreamChat::new(config, database.clone());
        let meetings = meetings::routes(config, database.clone());
        let state = DemoState {
            anon_key: config.anon_key.clone().unwrap_or_default(),
            database,
            login: config.database.clone(),
            faults: Arc::new(Faults::new(config.functions)),
            tokens: TokenMaker::new(config),
            address,
        };
        Self { page: page.clone(), state: Arc::new(state), chat, meetings, origin: origin::routes(stopping) }
    }

    /// The API, with the faults that somebody asked for in front of it.
    pub fn with_faults(&self, api: Router) -> Router {
        faults::in_front_of(api, Arc::clone(&self.state.faults))
    }

    /// The demo's routes, and the page for all that is left.
    pub fn routes(self) -> Router {
        let routes = Router::new()
            .route("/demo/config", get(config))
            .route("/demo/token", post(token))
            .route("/demo/faults", post(set_faults))
            .route("/demo/streams/{id}", get(stream))
            .route("/demo/streams/{id}/relay", post(relays::set))
            .route("/demo/rooms/{id}", get(rooms::room))
            .route("/demo/stuck-room", post(rooms::stick))
            .route("/demo/events/{id}", get(events::event))
            .route("/demo/mailboxes", post(events::mailbox));
        let routes = events::mails(routes, self.page.mail_directory).with_state(self.state);
        let others = self.chat.routes().merge(self.meetings).merge(self.origin);
        page::serve(routes.merge(others), self.page.directory)
    }
}

async fn config(State(demo): State<Arc<DemoState>>) -> Json<Value> {
    Json(json!({ "anon_key": demo.anon_key }))
}

async fn token(State(demo): State<Arc<DemoState>>, body: Bytes) -> Result<Json<Value>, ApiError> {
    let access_token = demo.tokens.make(parse(&body)?)?;
    Ok(Json(json!({ "access_token": access_token })))
}

async fn set_faults(State(demo): State<Arc<DemoState>>, body: Bytes) -> Result<Json<Value>, ApiError> {
    demo.faults.set(parse(&body)?).map(Json)
}

/// One stream as the database has it, everything that tried to end it, and who holds it.
async fn stream(demo: State<Arc<DemoState>>, id: Path<String>) -> Result<Text, ApiError> {
    look(
        demo,
        id,
        "select json_build_object(
           'row', (select to_json(s) from livestreams s where s.id = $1),
           'end_attempts', coalesce((select json_agg(a order by a.id) from end_attempts a where a.stream_id = $1), '[]'),
           'leases', coalesce((
             select json_agg(json_build_object(
               'holder', l.holder, 'lease_until', l.lease_until, 'lease_seconds', l.lease_seconds
             ) order by l.holder)
             from streamkeeper.leases l where l.kind = 'host' and l.subject = $1::text
           ), '[]')
         )::text",
    )
    .await
}

/// JSON, as PostgreSQL wrote it.
type Text = ([(HeaderName, &'static str); 1], String);

/// What the database has of this id, past all rights.
async fn look(
    State(demo): State<Arc<DemoState>>,
    Path(id): Path<String>,
    query: &'static str,
) -> Result<Text, ApiError> {
    let id: Uuid = id.parse().map_err(|_| bad_value("id must be a uuid"))?;
    let mut session = demo.database.begin(Caller::of(Role::Service), &RequestSettings::default()).await?;
    let found: Result<String, _> = sqlx::query_scalar(query).bind(id).fetch_one(session.connection()).await;
    found.map(json_text).map_err(|error| session.error(error))
}

fn json_text(text: String) -> Text {
    ([(CONTENT_TYPE, "application/json; charset=utf-8")], text)
}

/// The body, or an error that names the field.
fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::bad_json(error.to_string()))
}

/// A field whose value is out of its bounds.
fn bad_value(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "22023", message.into())
}
