//! How everything is, of one moment, as the database knows it: true for all gateways together.

use crate::auth::{Caller, Role};
use crate::database::{Database, RequestSettings};
use crate::error::ApiError;

/// Each part is bounded: what is cut off is still counted. Two weeks of ends and notices; a day of chat, hour by hour.
const REPORT: &str = "
select json_build_object(
  'checked_at', now(),
  'streams', json_build_object(
    'live', (select count(*) from public.livestreams l where l.status = 'live'),
    'list', (
      select coalesce(json_agg(to_json(s) order by s.started_at, s.stream_id), '[]')
      from (
        select l.id as stream_id, l.title, l.streamer_id, l.started_at,
          streamkeeper.duration_seconds(l.started_at, l.ended_at) as duration_seconds,
          (select max(h.lease_until) from streamkeeper.leases h where h.kind = 'host' and h.subject = l.id::text) as held_until
        from public.livestreams l where l.status = 'live' order by l.started_at, l.id limit 50
      ) s
    )
  ),
  'orphans', (select coalesce(json_agg(o), '[]') from (select * from public.orphaned_streams() limit 50) o),
  'ends', (
    select json_agg(to_json(e) order by e.day)
    from public.end_attempt_stats(date_trunc('day', now(), 'UTC') - interval '13 days', now()) e
  ),
  'chat', public.chat_usage(now() - interval '24 hours', now()),
  'viewers', public.event_totals(),
  'rooms', public.room_stats(),
  'stuck_rooms', (select coalesce(json_agg(r), '[]') from (select * from public.stuck_rooms() limit 50) r),
  'notices', json_build_object(
    'states', (
      select coalesce(json_agg(to_json(s) order by s.state), '[]') from (
        select n.state, count(*) as count,
          count(*) filter (where n.state in ('queued', 'sending', 'batched') and n.due_at < now() - interval '1 minute') as late,
          (array_agg(n.last_error order by n.created_at desc)
            filter (where n.state <> 'suppressed' and n.last_error is not null))[1] as last_error
        from public.notifications n
        where n.state in ('queued', 'sending', 'batched') or n.created_at > now() - interval '14 days'
        group by n.state
      ) s
    ),
    'days', (
      select json_agg(json_build_object(
        'day', d.day::date,
        'ended', (select count(*) from public.events e
          where e.status = 'ended' and e.ended_at >= d.day and e.ended_at < d.day + interval '1 day'),
        'sent', (select count(*) from public.notifications n
          where n.state = 'sent' and n.created_at >= d.day and n.created_at < d.day + interval '1 day'),
        'failed', (select count(*) from public.notifications n
          where n.state = 'failed' and n.created_at >= d.day and n.created_at < d.day + interval '1 day')
      ) order by d.day)
      from generate_series(date_trunc('day', now(), 'UTC') - interval '13 days', now(), interval '1 day') as d (day)
    )
  ),
  'sweep', json_build_object('last_at', streamkeeper.last_sweep_at()),
  'nodes', (
    select coalesce(json_agg(to_json(n) order by n.started_at), '[]')
    from (
      select id, started_at, heartbeat_at, stopped_at from streamkeeper.nodes
      where stopped_at is null order by heartbeat_at desc limit 50
    ) n
  )
)::text";

/// Asks the database, which writes the JSON.
pub async fn read(database: &Database) -> Result<String, ApiError> {
    let mut session = database.begin(Caller::of(Role::Service), &RequestSettings::default()).await?;
    session.read_only().await?;
    let report: Result<String, _> = sqlx::query_scalar(REPORT).fetch_one(session.connection()).await;
    report.map_err(|error| session.error(error))
}
