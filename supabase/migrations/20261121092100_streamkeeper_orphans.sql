-- Orphans: streams that are on the list of what is live, that nobody holds, and that should have been ended by now. As long
-- as everything works there are none, so that an operator can be woken by one.

-- Those of that time, on a server that was started then.
create function streamkeeper.orphans(p_now timestamptz, p_server_started_at timestamptz)
  returns table (stream_id uuid, since timestamptz, reason text)
  language sql stable set search_path = ''
  as $$
    select s.id, o.since, o.reason
    from streamkeeper.sweeper w
    cross join lateral (
      select a.alive_since, a.alive_since < p_now as runs
      from streamkeeper.alive_since(w, p_now, p_server_started_at) as a (alive_since)
    ) sweeper
    cross join public.livestreams s
    cross join lateral (
      select max(l.lease_until) as lapsed_at, make_interval(secs => max(l.lease_seconds)) as lease
      from streamkeeper.leases l
      where l.kind = 'host' and l.subject = s.id::text
    ) held
    cross join lateral (
      select max(a.at) as at
      from public.end_attempts a
      where a.stream_id = s.id and a.outcome = 'not_found' and a.actor = s.streamer_id
    ) asked
    -- due_at: when it should have been ended at the latest. A sweeper that runs first gives everybody a full lease; one that
    -- was not seen for 10 minutes, also not since the server has started, has stopped.
    cross join lateral (
      select held.lapsed_at, 'not_swept', greatest(held.lapsed_at, sweeper.alive_since + held.lease)
      where held.lapsed_at is not null and sweeper.runs
      union all
      select held.lapsed_at, 'sweeper_stopped',
        greatest(held.lapsed_at, w.last_run_at, p_server_started_at) + interval '9 minutes'
      where held.lapsed_at is not null and not sweeper.runs
      union all
      select asked.at, 'end_came_first', greatest(asked.at, s.started_at)
      where held.lapsed_at is null and asked.at is not null
      union all
      select s.last_seen_at, 'not_auto_ended', s.last_seen_at + interval '24 hours'
      where held.lapsed_at is null and asked.at is null
    ) as o (since, reason, due_at)
    where s.status = 'live' and o.due_at + interval '1 minute' < p_now
  $$;

create function public.orphaned_streams() returns table (
    stream_id uuid, title text, streamer_id text, streamer_name text, streamer_email text,
    started_at timestamptz, last_seen_at timestamptz, since timestamptz, reason text
  )
  language plpgsql stable security definer set search_path = ''
  as $$
  begin
    perform streamkeeper.check_admin('orphaned_streams');
    return query
      select s.id, s.title, s.streamer_id, u.display_name, u.email, s.started_at, s.last_seen_at, o.since, o.reason
      from streamkeeper.orphans(clock_timestamp(), pg_postmaster_start_time()) o
      join public.livestreams s on s.id = o.stream_id
      left join public.app_users u on u.user_id = s.streamer_id
      order by o.since, s.id;
  end
  $$;
comment on function public.orphaned_streams() is
  'Live streams that nobody holds and that should have been ended more than a minute ago; since when nobody does, and why '
  'they still are. not_swept: its leases are over, and the sweeper runs but does not end it. sweeper_stopped: its leases '
  'are over, and nothing has swept for 10 minutes. not_auto_ended: nobody ever held it, and it was not seen for 24 hours. '
  'end_came_first: nobody ever held it, and its streamer''s end had come when there was no such stream yet. Admin, service.';

revoke execute on function streamkeeper.orphans(timestamptz, timestamptz) from public;
revoke execute on function public.orphaned_streams() from public, anon, authenticated, service_role;
grant execute on function public.orphaned_streams() to authenticated, service_role;
