//! What is asked of the database, and told to it. It alone decides what is live.

use std::time::Duration;

use axum::http::StatusCode;
use serde::de::IgnoredAny;
use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use tokio::time::timeout;
use uuid::Uuid;

use super::registry::Live;
use super::report::Health;
use super::source::{Id, Kind, Source};
use crate::auth::{Caller, Role};
use crate::database::{Database, RequestSettings};
use crate::error::ApiError;

/// Relays in the database.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
}

/// A live stream's relay, and what may be told of the stream.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The relay.
    pub live: Live,
    /// Since when it has been like that, as PostgreSQL writes JSON.
    pub since: String,
    /// What the stream is called.
    pub title: Option<String>,
    /// When it began.
    pub started_at: String,
}

/// What a relay has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// How it is.
    Is(Health),
    /// That its stream is over, for this reason.
    Ended(&'static str),
}

/// How long the database has to answer: one that is gone without a word says nothing at all.
pub const PATIENCE: Duration = Duration::from_secs(5);

const LIVE: &str =
    "select stream_id, kind, generation, upstream, state, reason, to_json(since) #>> '{}' as since, title,
      to_json(started_at) #>> '{}' as started_at
    from public.live_relays($1)";

impl Store {
    /// In this one.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// The relays of one live stream, or of all.
    pub async fn live(&self, key: Option<Uuid>) -> Result<Vec<Listed>, ApiError> {
        timeout(PATIENCE, self.read(key)).await.unwrap_or_else(|_| Err(late()))
    }

    async fn read(&self, key: Option<Uuid>) -> Result<Vec<Listed>, ApiError> {
        let mut session = self.database.begin(Caller::of(Role::Service), &RequestSettings::default()).await?;
        let rows = sqlx::query(LIVE).bind(key).fetch_all(session.connection()).await;
        let listed = rows.and_then(|rows| rows.iter().map(listed).collect::<Result<Vec<_>, _>>());
        let listed = listed.map_err(|error| session.error(error))?;
        session.commit().await?;
        Ok(listed.into_iter().flatten().collect())
    }

    /// Tells it what a relay says. What a predecessor says changes nothing there.
    pub async fn tell(&self, Id { key, kind, generation }: Id, said: &Said) -> Result<(), ApiError> {
        let (state, reason) = match said {
            Said::Is(Health::Ok) => ("ok", None),
            Said::Is(Health::Degraded(why)) => ("degraded", Some(&**why)),
            Said::Ended(why) => ("ended", Some(*why)),
        };
        let mut session = self.database.begin(Caller::of(Role::Service), &RequestSettings::default()).await?;
        let call = sqlx::query_scalar("select public.report_relay($1, $2, $3, $4, $5)");
        let call = call.bind(key).bind(kind.as_str()).bind(generation).bind(state).bind(reason);
        let told: Result<Json<IgnoredAny>, _> = call.fetch_one(session.connection()).await;
        told.map_err(|error| session.error(error))?;
        session.commit().await
    }
}

/// The database has not answered in time.
pub fn late() -> ApiError {
    ApiError::new(StatusCode::GATEWAY_TIMEOUT, "57014", "The database took too long")
}

/// A row; nothing, where it is of a kind that this gateway does not know yet.
fn listed(row: &PgRow) -> Result<Option<Listed>, sqlx::Error> {
    let kind: String = row.try_get("kind")?;
    let Some(kind) = Kind::ALL.into_iter().find(|known| known.as_str() == kind) else { return Ok(None) };
    let id = Id { key: row.try_get("stream_id")?, kind, generation: row.try_get("generation")? };
    let reason: Option<String> = row.try_get("reason")?;
    let health = reason.map_or(Health::Ok, |reason| Health::Degraded(reason.into()));
    Ok(Some(Listed {
        live: Live { source: Source { id, upstream: row.try_get("upstream")? }, health },
        since: row.try_get("since")?,
        title: row.try_get("title")?,
        started_at: row.try_get("started_at")?,
    }))
}
