//! What the database knows: true for all gateways together, and still true after a restart of any of them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use sqlx::FromRow;
use sqlx::types::Json;

use super::room_stats::RoomStats;
use crate::auth::{Caller, Role};
use crate::database::{Database, RequestSettings};
use crate::error::ApiError;

/// The numbers of one moment.
#[derive(Debug, FromRow)]
pub struct Numbers {
    attempts: Json<BTreeMap<String, u64>>,
    retries: i64,
    by_deadline: i64,
    replayed: i64,
    live: i64,
    orphans: Json<BTreeMap<String, i64>>,
    chats_left_active: i64,
    chats_overdue: i64,
    last_sweep_at: Option<f64>,
    rooms: Json<RoomStats>,
}

/// Since midnight (UTC): a day of the trail is soon read, and monitoring knows how to add up a counter that begins anew.
const NUMBERS: &str = "
with orphans as materialized (select o.reason from public.orphaned_streams() o)
select
  json_build_object(
    'ended', d.ended, 'already_ended', d.already_ended, 'held_elsewhere', d.held_elsewhere, 'not_found', d.not_found,
    'lost', d.lost
  ) as attempts,
  d.retries, d.by_deadline,
  (select count(*) from public.end_attempts a where a.at >= midnight and a.replayed) as replayed,
  (select count(*) from public.livestreams s where s.status = 'live') as live,
  (
    select json_object_agg(r.reason, (select count(*) from orphans o where o.reason = r.reason))
    from (
      select unnest('{not_swept,sweeper_stopped,not_auto_ended,end_came_first}'::text[]) as reason
      union select o.reason from orphans o
    ) r
  ) as orphans,
  c.left_active as chats_left_active, c.overdue as chats_overdue,
  extract(epoch from streamkeeper.last_sweep_at())::float8 as last_sweep_at,
  public.room_stats() as rooms
from (
    select count(*) as left_active, count(*) filter (where c.closes_at < now() - interval '25 hours') as overdue
    from public.chats c where c.closed_at is null and c.closes_at < now()
  ) c,
  date_trunc('day', now(), 'UTC') as midnight,
  public.end_attempt_stats(midnight, midnight + interval '24 hours') d";

impl Numbers {
    /// Asks the database.
    pub async fn read(database: &Database) -> Result<Self, ApiError> {
        let mut session = database.begin(Caller::of(Role::Service), &RequestSettings::default()).await?;
        let numbers = sqlx::query_as(NUMBERS).fetch_one(session.connection()).await;
        numbers.map_err(|error| session.error(error))
    }

    /// Puts all of them on a page.
    pub fn register(self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("streamkeeper");
        let attempts: Family<[(&str, Cow<'static, str>); 1], Counter> = Family::default();
        for (outcome, count) in self.attempts.0 {
            attempts.get_or_create(&[("outcome", outcome.into())]).inc_by(count);
        }
        let help = "Attempts to end a stream since midnight (UTC); lost: never reached the database, which learnt of them \
                    from the next one that did";
        registry.register("end_attempts", help, attempts);
        let help = "Attempts to end a stream since midnight (UTC) that arrived and were not the first";
        registry.register("end_retries", help, ConstCounter::new(count(self.retries)));
        let help =
            "Ends since midnight (UTC) that came from a browser's outbox, because they could not be delivered before";
        registry.register("ends_replayed", help, ConstCounter::new(count(self.replayed)));
        let help = "Streams that were ended by deadline and not by an attempt since midnight (UTC)";
        registry.register("ended_by_deadline", help, ConstCounter::new(count(self.by_deadline)));
        registry.register("live_streams", "Streams that are live now", ConstGauge::new(self.live));
        let orphans: Family<[(&str, Cow<'static, str>); 1], Gauge> = Family::default();
        for (reason, count) in self.orphans.0 {
            orphans.get_or_create(&[("reason", reason.into())]).set(count);
        }
        registry.register("orphaned_streams", "What orphaned_streams() lists now", orphans);
        let help = "Chats whose time is over now and that nobody has closed yet";
        registry.register("chats_left_active", help, ConstGauge::new(self.chats_left_active));
        let help = "Chats among those that the day's work has missed";
        registry.register("chats_overdue", help, ConstGauge::new(self.chats_overdue));
        self.rooms.0.register(registry);
        if let Some(at) = self.last_sweep_at {
            let help = "When some sweeper has run last, by the database's clock";
            registry.register("last_sweep_timestamp_seconds", help, ConstGauge::new(at));
        }
    }
}

fn count(rows: i64) -> u64 {
    u64::try_from(rows).unwrap_or_default()
}
