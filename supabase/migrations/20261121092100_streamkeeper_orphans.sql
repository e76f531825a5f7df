-- Orphans: streams that are on the list of what is live, that nobody holds, and that should have been ended by now. As long
-- as everything works there are none, so that an operator can be woken by one.

create function public.orphaned_streams() returns table (
    stream_id uuid, title text, streamer_id text, streamer_name text, streamer_email text,
    started_at timestamptz, last_seen_at timestamptz, since timestamptz, reason text
  )
  language plpgsql stable security definer set search_path = ''
  as $$
  declare
    v_now timestamptz := clock_timestamp();
    v_alive_since timestamptz;
    v_sweeper_runs boolean;
  begin
    perform streamkeeper.check_admin('orphaned_streams');
    select t.alive_since, t.alive_since < v_now into v_alive_since, v_sweeper_runs
    from streamkeeper.sweeper w, streamkeeper.alive_since(w, v_now, pg_postmaster_start_time()) as t (alive_since);

    return query
      select s.id, s.title, s.streamer_id, u.display_name, u.email, s.started_at, s.last_seen_at, o.since, o.reason
      from public.livestreams s
      left join public.app_users u on u.user_id = s.streamer_id
      cross join lateral (
        select max(l.lease_until) as lapsed_at, make_interval(secs => max(l.lease_seconds)) as lease
        from streamkeeper.leases l
        where l.kind = 'host' and l.subject = s.id::text
      ) h
      cross join lateral (
        select max(a.at) as asked_at
        from public.end_attempts a
        where a.stream_id = s.id and a.outcome = 'not_found' and a.actor = s.streamer_id
      ) e
      -- due_at: when it should have been ended at the latest. A sweeper that is back from an outage waits for a full lease
      -- first; one that was never missed for 10 minutes may still be on its way.
      cross join lateral (
        select 'not_swept', h.lapsed_at, greatest(h.lapsed_at, v_alive_since + h.lease)
        where h.lapsed_at is not null and v_sweeper_runs
        union all
        select 'sweeper_stopped', h.lapsed_at, greatest(h.lapsed_at, pg_postmaster_start_time()) + interval '9 minutes'
        where h.lapsed_at is not null and not v_sweeper_runs
        union all
        select 'end_came_first', e.asked_at, greatest(e.asked_at, s.started_at)
        where h.lapsed_at is null and e.asked_at is not null
        union all
        select 'not_auto_ended', s.last_seen_at, s.last_seen_at + interval '24 hours'
        where h.lapsed_at is null and e.asked_at is null
      ) as o (reason, since, due_at)
      where s.status = 'live' and o.due_at + interval '1 minute' < v_now
      order by o.since, s.id;
  end
  $$;
comment on function public.orphaned_streams() is
  'Live streams that nobody holds and that should have been ended more than a minute ago; since when, and why they were '
  'not. not_swept: its leases are over, and the sweeper runs but does not end it. sweeper_stopped: its leases are over, and '
  'nothing has swept for a while. not_auto_ended: nobody ever held it, and it was not seen for 24 hours. end_came_first: '
  'nobody ever held it, and its streamer''s end arrived before its start. Admin, service.';

revoke execute on function public.orphaned_streams() from public, anon, authenticated, service_role;
grant execute on function public.orphaned_streams() to authenticated, service_role;
