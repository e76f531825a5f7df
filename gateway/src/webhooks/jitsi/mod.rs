//! `POST /webhooks/jitsi`: what happens in meetings, from JaaS or from a Jitsi of one's own. When a host's browser is killed,
//! nobody else tells that the host has gone.

mod event_sync;
mod jaas;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::routing::post;
use jiff::Timestamp;
use subtle::ConstantTimeEq;
use tokio::time::sleep;
use tracing::{info, warn};

use super::IsNew;
use crate::auth::{Caller, Role, bearer};
use crate::config::Config;
use crate::database::{Database, RequestSettings};
use crate::error::ApiError;

/// How long a page has, when its meeting is over, to say that it is there nevertheless: one that is loaded again does.
pub const GRACE: Duration = Duration::from_secs(10);

/// The same when its host has left others alone there. A page that was not loaded again says so every 20 s.
const LEFT_GRACE: Duration = Duration::from_secs(25);

/// What a meeting's end is worth in the database, until the sweeper looks.
const SWEEP_DELAY: Duration = Duration::from_millis(500);

/// Longer keys are hashed by nobody: they are refused.
const MAX_KEY_CHARS: usize = 200;

/// Something has happened in a meeting.
#[derive(Debug, Clone, PartialEq)]
struct Signal {
    /// The same for every delivery.
    key: String,
    /// The room's name.
    meeting: String,
    what: &'static str,
    at: Timestamp,
    /// Who joined or left, if that is known.
    user_id: Option<String>,
}

struct Jitsi {
    secret: Option<String>,
    grace: Duration,
    database: Database,
}

impl fmt::Debug for Jitsi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jitsi").finish_non_exhaustive()
    }
}

/// The routes: one for JaaS, and those that `event_sync` makes of it as its `api_prefix`.
pub fn routes(config: &Config, database: Database) -> Router {
    let state = Jitsi { secret: config.jitsi_webhook_secret.clone(), grace: config.jitsi_grace, database };
    Router::new()
        .route("/webhooks/jitsi", post(receive))
        .route("/webhooks/jitsi/events/{of}/{what}", post(receive))
        .with_state(Arc::new(state))
}

type Answer = (Extension<IsNew>, [(HeaderName, &'static str); 1], String);

async fn receive(State(hook): State<Arc<Jitsi>>, headers: HeaderMap, body: Bytes) -> Result<Answer, ApiError> {
    let secret = hook.secret.as_deref().ok_or_else(not_set_up)?;
    let signature = headers.get(jaas::SIGNATURE).and_then(|value| value.to_str().ok());
    let is_jaas = signature.is_some();
    let is_genuine = match signature {
        Some(signature) => jaas::is_signed(secret, &body, signature),
        None => bearer(&headers)?.is_some_and(|given| given.as_bytes().ct_eq(secret.as_bytes()).into()),
    };
    if !is_genuine {
        warn!("neither {} nor Authorization fits JITSI_WEBHOOK_SECRET", jaas::SIGNATURE);
        let message = format!("{} must sign this body, or Authorization be the secret", jaas::SIGNATURE);
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "28000", message));
    }
    let text = str::from_utf8(&body).map_err(|_| ApiError::bad_json("The body is not UTF-8"))?;
    let read = if is_jaas { jaas::signal(text) } else { event_sync::signal(text) };
    let signal = read.map_err(|why| ApiError::bad_json("The body is no event of a meeting").with_details(why))?;
    let Some(signal) = signal else {
        return Ok(answer(true, r#"{"success":true,"outcome":"not_of_interest"}"#.into()));
    };
    if signal.key.chars().count() > MAX_KEY_CHARS {
        return Err(ApiError::bad_json("The event's key is too long"));
    }
    take(&hook, &signal).await
}

async fn take(hook: &Jitsi, signal: &Signal) -> Result<Answer, ApiError> {
    let grace = if signal.what == "left" { hook.grace.max(LEFT_GRACE) } else { hook.grace };
    let call = "select r::text, r ->> 'outcome' from public.meeting_signal($1, $2, $3, $4::timestamptz, $5, $6) as r";
    let mut session = hook.database.begin(Caller::of(Role::Service), &RequestSettings::default()).await?;
    let said: Result<(String, String), _> = sqlx::query_as(call)
        .bind(&signal.key)
        .bind(&signal.meeting)
        .bind(signal.what)
        .bind(signal.at.to_string())
        .bind(&signal.user_id)
        .bind(i32::try_from(grace.as_secs()).unwrap_or(i32::MAX))
        .fetch_one(session.connection())
        .await;
    let (json, outcome) = said.map_err(|error| session.error(error))?;
    session.commit().await?;
    match outcome.as_str() {
        "ended" => info!(meeting = signal.meeting, signal = signal.what, "a meeting's end has ended its stream"),
        "ending" => {
            info!(meeting = signal.meeting, signal = signal.what, ?grace, "a meeting's end will end its stream");
            sweep_after(hook.database.clone(), grace + SWEEP_DELAY);
        }
        _ => {}
    }
    Ok(answer(outcome != "repeated", json))
}

/// Not to wait for the next time that the sweeper looks anyway. If this process is not there any more, it will.
fn sweep_after(database: Database, delay: Duration) {
    drop(tokio::spawn(async move {
        sleep(delay).await;
        if let Err(error) = crate::sweeper::sweep(&database).await {
            warn!(?error, "the sweep after a meeting's end failed");
        }
    }));
}

fn answer(is_new: bool, json: String) -> Answer {
    (Extension(IsNew(is_new)), [(CONTENT_TYPE, "application/json; charset=utf-8")], json)
}

/// Not a 404: whoever set up the webhook has the right address.
fn not_set_up() -> ApiError {
    let message = "JITSI_WEBHOOK_SECRET is missing: without it no webhook of Jitsi can be trusted";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "55000", message)
}
