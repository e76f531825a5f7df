//! `/rest/v1/rpc/{function}`: the part of PostgREST that Streamkeeper's clients use.
//!
//! The caller is verified, the function is found by the names of the arguments, and PostgreSQL does the rest: it converts the
//! arguments, checks the rights, runs the function, and builds the JSON.

mod call;
pub(crate) mod request;
mod schema;
pub mod status;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::auth::{Auth, Caller};
use crate::database::{Database, RequestSettings};
use crate::error::ApiError;
use crate::rooms;

/// The functions that may be called. What is not here does not exist, whatever the database grants.
pub const FUNCTIONS: &[&str] = &[
    "start_stream",
    "touch_stream",
    "end_stream_comprehensive",
    "end_stream_on_user_disconnect",
    "auto_end_inactive_streams",
    "get_stream_status",
    "list_active_streams",
    "sweep",
    "orphaned_streams",
    "end_attempt_stats",
    "rebuild_weekly_usage",
    "chat_list",
    "close_expired_chats",
    "repair_chats",
    "list_chat_logs",
    "record_chat_connection",
    "chat_usage",
    "my_room",
    "get_live_room",
    "live_room_create_session",
    "live_room_end",
    "live_room_schedule",
    "live_room_open_lobby",
    "live_room_cancel",
    "live_room_join",
    "live_room_leave",
    "live_room_listing",
    "stuck_rooms",
    "cleanup_stuck_rooms",
    "sweep_attendance",
    "room_stats",
    "create_event",
    "get_event",
    "end_event",
    "event_viewers",
    "event_totals",
    "set_notification_preferences",
];

/// Those that end streams when somebody asks for it.
pub const ENDINGS: &[&str] = &["end_stream_comprehensive", "end_stream_on_user_disconnect"];

/// Where they are.
pub const ROUTE: &str = "/rest/v1/rpc/{function}";

/// What a call needs.
#[derive(Debug)]
pub struct Rpc {
    /// Verifies the caller.
    pub auth: Arc<Auth>,
    /// Runs the function.
    pub database: Database,
    /// The functions that may be called.
    pub functions: &'static [&'static str],
}

/// One call.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The function's name.
    pub function: &'a str,
    /// What it is given.
    pub arguments: &'a Map<String, Value>,
    /// Is exactly one row wanted, also of a function that returns a set?
    pub single: bool,
    /// May it write?
    pub writes: bool,
}

/// Answers one call.
pub async fn rpc(
    State(rpc): State<Arc<Rpc>>,
    Path(function): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let caller = rpc.auth.caller(&headers).await?;
    let writes = match method {
        Method::POST => true,
        Method::GET | Method::HEAD => false,
        _ => {
            let message = format!("Cannot use the {method} method on RPC");
            return Err(ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "PGRST101", message));
        }
    };
    request::check_profile(&headers)?;
    let wanted = request::wanted(&headers)?;
    let arguments = if writes {
        request::body_arguments(&headers, &body.map_err(request::unreadable)?)?
    } else {
        request::query_arguments(&uri)?
    };
    let settings = request::settings(&method, uri.path(), &headers);
    let single = wanted == request::Wanted::Object;
    let call = Call { function: &function, arguments: &arguments, single, writes };
    Ok(match rpc.run(caller, &settings, call).await? {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(answer) => ([(CONTENT_TYPE, wanted.content_type())], answer).into_response(),
    })
}

impl Rpc {
    /// Runs one function as this caller, in a transaction of its own, and returns the JSON to answer with; nothing, if that is
    /// what the function returns.
    pub async fn run(
        &self,
        caller: Caller,
        request: &RequestSettings,
        Call { function, arguments, single, writes }: Call<'_>,
    ) -> Result<Option<String>, ApiError> {
        if !self.functions.contains(&function) {
            return Err(schema::not_found(function, arguments, None));
        }
        let mut session = self.database.begin(caller, request).await?;
        let candidates = schema::find(session.connection(), function).await.map_err(|error| session.error(error))?;
        let found = schema::resolve(function, candidates, arguments)?;
        if !writes || !found.volatile {
            session.read_only().await?;
        }
        let result = call::call(session.connection(), function, &found, arguments, single).await;
        let result = result.map_err(|error| session.error(error))?;
        if single && !found.void && result.rows != 1 {
            return Err(request::not_one_row(result.rows));
        }
        session.commit().await?;
        rooms::log::done(function, &result.body);
        Ok((!found.void).then_some(result.body))
    }
}
