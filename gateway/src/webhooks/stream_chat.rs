//! `POST /webhooks/stream-chat`: what happened in Stream's chats, for `chat_logs`.
//!
//! Stream sends an event again, under the same id, when the answer is 5xx or takes longer than 6 s: a database that is away
//! must not look like a refusal, and an event that came twice must not be an error.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Extension, FromRequest, Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::routing::post;
use serde::de::IgnoredAny;
use tracing::{debug, warn};

use super::IsNew;
use super::signature::is_signed;
use crate::auth::{Caller, Role};
use crate::config::Config;
use crate::database::{Database, RequestSettings};
use crate::error::ApiError;

/// A message comes with its channel's members and all that an app keeps about them.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Stream's are UUIDs.
const MAX_ID_CHARS: usize = 200;

const SIGNATURE: &str = "X-Signature";
const ID: &str = "X-Webhook-Id";

/// What the webhook needs.
struct StreamChat {
    secret: Option<String>,
    database: Database,
}

impl fmt::Debug for StreamChat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamChat").finish_non_exhaustive()
    }
}

/// The route, with a limit of its own.
pub fn routes(config: &Config, database: Database) -> Router {
    let state = StreamChat { secret: config.stream_api_secret.clone(), database };
    let limit = DefaultBodyLimit::max(MAX_BODY_BYTES);
    Router::new().route("/webhooks/stream-chat", post(receive).layer(limit)).with_state(Arc::new(state))
}

async fn receive(
    State(hook): State<Arc<StreamChat>>,
    request: Request,
) -> Result<(Extension<IsNew>, [(HeaderName, &'static str); 1], String), ApiError> {
    let secret = hook.secret.as_deref().ok_or_else(not_set_up)?;
    let headers = request.headers();
    check_encoding(headers)?;
    let signature = text(headers, SIGNATURE).ok_or_else(|| refused(format!("{SIGNATURE} is missing")))?.to_owned();
    let id = webhook_id(headers)?;
    let body = Bytes::from_request(request, &()).await.map_err(unreadable)?;
    if !is_signed(secret, &body, &signature) {
        // An attack, or the secret of another app: the operator has to see which settings do not agree.
        warn!("{SIGNATURE} does not fit the body and STREAM_API_SECRET");
        return Err(refused(format!("{SIGNATURE} is not the signature of this body")));
    }
    let event = object(&body)?;

    let mut session = hook.database.begin(Caller::of(Role::Service), &RequestSettings::default()).await?;
    let call = "select r::text, (r ->> 'recorded')::boolean from public.record_chat_event($1, $2::json) as r";
    let recorded = sqlx::query_as(call).bind(&id).bind(event).fetch_one(session.connection()).await;
    let (answer, is_new): (String, bool) = recorded.map_err(|error| session.error(error))?;
    session.commit().await?;
    debug!(id, is_new, "chat event");
    Ok((Extension(IsNew(is_new)), [(CONTENT_TYPE, "application/json; charset=utf-8")], answer))
}

/// What would have to be unpacked first is not what was signed.
fn check_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => {
            let message = "Content-Encoding is not supported here";
            Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "PGRST102", message)
                .with_hint("Turn the compression of webhooks off in Stream's dashboard."))
        }
        _ => Ok(()),
    }
}

fn webhook_id(headers: &HeaderMap) -> Result<String, ApiError> {
    let wrong = |what: &str| ApiError::new(StatusCode::BAD_REQUEST, "22023", format!("{ID} {what}"));
    match text(headers, ID) {
        None => Err(wrong("is missing")),
        Some(id) if id.len() > MAX_ID_CHARS => Err(wrong(&format!("is longer than {MAX_ID_CHARS} characters"))),
        Some(id) => Ok(id.to_owned()),
    }
}

/// An empty header says as much as none.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
}

/// The body, which PostgreSQL reads for itself, once it is known to be a JSON object.
fn object(body: &[u8]) -> Result<&str, ApiError> {
    let text = str::from_utf8(body).map_err(|_| ApiError::bad_json("The body is not UTF-8"))?;
    let parsed: Result<HashMap<String, IgnoredAny>, _> = serde_json::from_str(text);
    parsed.map_err(|error| ApiError::bad_json("The body is not a JSON object").with_details(error.to_string()))?;
    Ok(text)
}

fn unreadable(error: BytesRejection) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let message = format!("The body is larger than {} KiB", MAX_BODY_BYTES / 1024);
        return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "PGRST102", message);
    }
    ApiError::bad_json("The body could not be read")
}

fn refused(message: String) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "28000", message)
}

/// Not a 404: whoever set up the webhook on Stream's side has the right address.
fn not_set_up() -> ApiError {
    let message = "STREAM_API_SECRET is missing: without it no webhook of Stream can be trusted";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "55000", message)
}
