//! What is asked of the database, and told to it. It alone decides when an event begins and ends.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::IgnoredAny;
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::QueryScalar;
use sqlx::types::Json;
use uuid::Uuid;

use super::hub::{Count, Errand};
use super::presence::Change;
use crate::auth::{Caller, Role};
use crate::database::{Database, RequestSettings};
use crate::error::ApiError;

/// What is known of an event.
#[derive(Debug, Clone, Deserialize)]
pub struct Facts {
    /// Who is no viewer.
    pub host_user_id: String,
    /// Whether somebody who has not signed in may watch.
    pub is_public: bool,
    /// Whether somebody may come: it has not ended, or begins anew with the next viewer.
    pub may_join: bool,
    /// What ended it. Why, is not for everybody.
    pub ended_by: Option<String>,
}

/// What the database says to a heartbeat.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Said {
    /// The events that this node has somebody at.
    pub events: BTreeMap<Uuid, Now>,
}

/// How one of them is.
#[derive(Debug, Clone, Deserialize)]
pub struct Now {
    /// Whether the database knows that somebody is here.
    pub held: bool,
    /// Whether it is over for good; else somebody who is here is reason enough for it to begin again.
    pub over: bool,
    /// How many viewers there are on other nodes.
    pub elsewhere: u64,
}

/// What the database says to a change.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Told {
    /// Set when nobody is there any more, on no node.
    pub ends_in_seconds: Option<u32>,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Swept {
    pub ended: u64,
}

const FACTS: &str = "select case when e ->> 'success' = 'true' then e else 'null' end from public.get_event($1) e";

/// Events in the database, as one node sees them.
#[derive(Debug, Clone)]
pub struct Kernel {
    pub database: Database,
    /// Another one for each process.
    pub node: Uuid,
}

impl Kernel {
    /// What is known of an event.
    pub async fn facts(&self, event: Uuid) -> Result<Facts, ApiError> {
        let facts: Option<Facts> = self.ask(sqlx::query_scalar(FACTS).bind(event)).await?;
        facts.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "PT404", "There is no such event"))
    }

    /// Somebody is there, or nobody any more.
    pub async fn tell(&self, Errand { event, host, change }: Errand) -> Result<Told, ApiError> {
        let call = match (host, change) {
            (false, Change::Here) => "select public.event_viewer_first($1, $2)",
            (false, Change::Gone) => "select public.event_viewer_last($1, $2)",
            (true, Change::Here) => "select public.event_host_here($1, $2)",
            (true, Change::Gone) => "select public.event_host_gone($1, $2)",
        };
        self.ask(sqlx::query_scalar(call).bind(event).bind(self.node.to_string())).await
    }

    /// This node is alive, and has so many.
    pub async fn heartbeat(&self, counts: &BTreeMap<Uuid, Count>) -> Result<Said, ApiError> {
        let call = sqlx::query_scalar("select public.node_heartbeat($1, $2)");
        self.ask(call.bind(self.node.to_string()).bind(Json(counts))).await
    }

    /// This node stops, and others take its viewers over.
    pub async fn stop(&self) -> Result<(), ApiError> {
        let call = sqlx::query_scalar("select public.node_stop($1)").bind(self.node.to_string());
        self.ask::<IgnoredAny>(call).await.map(drop)
    }

    /// Ends what is over.
    pub async fn sweep(&self, limit: i32) -> Result<Swept, ApiError> {
        self.ask(sqlx::query_scalar("select public.sweep_events($1)").bind(limit)).await
    }

    async fn ask<'q, T>(&self, call: QueryScalar<'q, Postgres, Json<T>, PgArguments>) -> Result<T, ApiError>
    where
        T: for<'de> Deserialize<'de> + Send + Unpin + 'static,
    {
        let mut session = self.database.begin(Caller::of(Role::Service), &RequestSettings::default()).await?;
        let Json(said) = call.fetch_one(session.connection()).await.map_err(|error| session.error(error))?;
        session.commit().await?;
        Ok(said)
    }
}
