//! The numbers. PostgreSQL counts them, in one statement and so at one moment.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;

use crate::commands::CommandError;

/// All that there is to know, in the shape of `--json`.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Report {
    pub checked_at: String,
    pub database: Database,
    pub chats: Chats,
    pub log: Log,
    pub usage: Usage,
    /// The warnings among what `chat_usage` says about the last day, from which alerts are made.
    #[serde(skip_serializing)]
    pub last_day: Vec<Finding>,
    #[serde(default)]
    pub alerts: Vec<Finding>,
}

/// Whether the database answers, and how fast.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Database {
    pub status: String,
    pub version: String,
    #[serde(default)]
    pub latency_ms: f64,
}

/// Chats by their status, and those whose status is not what it should be.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct Chats {
    pub upcoming: i64,
    pub open: i64,
    pub closing: i64,
    pub closed: i64,
    /// Not closed yet, though their time is over. The day's work takes them.
    pub left_active: i64,
    /// Those of them that the day's work has missed.
    pub overdue: i64,
    /// Closed before their time, and for no reason.
    pub closed_early: i64,
    /// Whose appointment was, at least in part, within the last day.
    pub met_in_last_day: i64,
}

/// What the webhook brought within the last day.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct Log {
    pub events_in_last_day: i64,
    pub by_type: BTreeMap<String, i64>,
    /// Whenever that was.
    pub last_received_at: Option<String>,
    /// From what happened until we knew.
    pub lag_seconds: Lag,
}

/// Null when nothing came.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct Lag {
    pub median: Option<f64>,
    pub max: Option<f64>,
}

/// What `chat_usage` says about the last 30 days.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct Usage {
    pub from: String,
    pub to: String,
    pub monthly_active_users: ActiveUsers,
    pub connections: i64,
    pub open_now: i64,
    pub lost: i64,
    pub peak_concurrent: i64,
    pub peak_at: Option<String>,
    pub connected_seconds: i64,
    pub idle_saved_seconds: i64,
    pub efficiency: Efficiency,
    pub reconnects: BTreeMap<String, i64>,
    pub peak_hours: Vec<Hour>,
    pub insights: Vec<Finding>,
    /// What only `--json` shows.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct ActiveUsers {
    pub total: i64,
    pub months: Vec<Month>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Month {
    pub month: String,
    pub users: i64,
}

/// Shares of 1; null when there was nothing to share.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct Efficiency {
    pub reuse: Option<f64>,
    pub idle: Option<f64>,
}

/// An hour of the day, UTC.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Hour {
    pub hour: i64,
    pub connections: i64,
    pub peak_concurrent: i64,
}

/// Something that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Finding {
    pub level: String,
    pub code: String,
    pub message: String,
}

/// A chat is closed at the first 02:00 after its time, so that after 25 hours that has not happened.
const REPORT: &str = "
select json_build_object(
  'checked_at', now(),
  'database', json_build_object('status', 'ok', 'version', current_setting('server_version')),
  'chats', (
    select json_build_object(
      'upcoming', count(*) filter (where s.status = 'upcoming'),
      'open', count(*) filter (where s.status = 'open'),
      'closing', count(*) filter (where s.status = 'closing'),
      'closed', count(*) filter (where s.status = 'closed'),
      'left_active', count(*) filter (where c.closed_at is null and c.closes_at < now()),
      'overdue', count(*) filter (where c.closed_at is null and c.closes_at < now() - interval '25 hours'),
      'closed_early', count(*) filter (
        where c.closed_at < c.closes_at and c.close_reason is null and c.closes_at >= now()
      ),
      'met_in_last_day', count(*) filter (where c.starts_at <= now() and c.ends_at > now() - interval '1 day')
    )
    from public.chats c, streamkeeper.chat_status(c) as s (status)
  ),
  'log', (
    select json_build_object(
      'events_in_last_day', coalesce(sum(t.n), 0),
      'by_type', coalesce(json_object_agg(t.type, t.n) filter (where t.type is not null), '{}'),
      'last_received_at', (select max(l.received_at) from public.chat_logs l),
      'lag_seconds', (
        select json_build_object(
          'median', round((percentile_cont(0.5) within group (order by g.lag))::numeric, 3),
          'max', round(max(g.lag)::numeric, 3)
        )
        from public.chat_logs l,
          -- Two clocks: an event that is known before it happened came at once.
          lateral (select greatest(extract(epoch from l.received_at - l.created_at), 0)::float8 as lag) g
        where l.received_at > now() - interval '1 day' and l.created_at is not null
      )
    )
    from (
      select l.type, count(*) as n from public.chat_logs l where l.received_at > now() - interval '1 day' group by l.type
    ) t
  ),
  'usage', public.chat_usage(now() - interval '30 days', now()),
  'last_day', (
    select coalesce(json_agg(i) filter (where i ->> 'level' = 'warning'), '[]')
    from json_array_elements(public.chat_usage(now() - interval '1 day', now()) -> 'insights') i
  )
)::text";

impl Report {
    /// Asks the database.
    pub async fn read(connection: &mut PgConnection) -> Result<Self, CommandError> {
        let start = Instant::now();
        sqlx::query("select 1").execute(&mut *connection).await?;
        let latency = start.elapsed();
        let json: String = sqlx::query_scalar(REPORT).fetch_one(connection).await?;
        let mut report: Self = serde_json::from_str(&json).map_err(|error| {
            CommandError::new(format!("the database's report is not what this version expects: {error}"))
        })?;
        report.database.latency_ms = (latency.as_secs_f64() * 1e6).round() / 1e3;
        Ok(report)
    }
}
