-- The sweeper ends what nobody holds any more. Cron, the gateway, and every call of start, touch and list are the sweeper:
-- one at a time, by the same rule.
--
-- Only a sweeper that has itself been alive may end by deadline. Whatever kept it from running (a database that was
-- stopped, a network that was down) kept the hosts from renewing as well, so after a gap each of them first gets one full
-- lease of time.

create table streamkeeper.sweeper (
  only_row boolean primary key default true check (only_row),
  last_run_at timestamptz not null,
  alive_since timestamptz not null
);
comment on table streamkeeper.sweeper is 'When the sweeper ran last, and since when it has been running without a gap.';
insert into streamkeeper.sweeper (last_run_at, alive_since) values ('-infinity', now());

alter table streamkeeper.sweeper enable row level security;
revoke all on streamkeeper.sweeper from public, anon, authenticated, service_role;

-- Since when a sweeper with these books has been alive, if it runs now, on a server that was started then.
--
-- 40 s without a run are a gap. Not more: a host renews its 90 s every 20 s, and after an outage may need 30 s (a call that
-- times out, and the next one) to get through; with a longer limit there are outages that nobody takes for a gap, and that
-- have used up the leases of all hosts. The runs have to be closer than that: every 15 s.
--
-- A last run in the future is one by a clock that was set back since: nothing is known, so that is a gap too.
create function streamkeeper.alive_since(
    p_books streamkeeper.sweeper, p_now timestamptz, p_server_started_at timestamptz
  ) returns timestamptz
  language sql stable set search_path = ''
  as $$
    select case
      when p_books.last_run_at between greatest(p_now - interval '40 seconds', p_server_started_at) and p_now
      then p_books.alive_since
      else p_now
    end
  $$;

create function streamkeeper.sweeper_alive_since() returns timestamptz
  language sql stable set search_path = ''
  as $$
    select streamkeeper.alive_since(w, clock_timestamp(), pg_postmaster_start_time()) from streamkeeper.sweeper w
  $$;

-- One run, unless somebody else is at it: ends at most p_limit streams, those that lapsed first, but not p_spare.
-- Waits for nobody: rows that are locked belong to somebody who is just renewing or ending them.
create function streamkeeper.sweep_leases(p_limit integer, p_spare uuid default null) returns json
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_alive_since timestamptz;
    v_now timestamptz;
    v_due uuid[];
    v_held_back integer := 0;
    v_ids uuid[];
    v_ended_at timestamptz[];
  begin
    perform from streamkeeper.sweeper w for update skip locked;
    if not found then
      return json_build_object('ran', false, 'ended', 0, 'held_back', 0);
    end if;
    v_alive_since := streamkeeper.sweeper_alive_since();
    v_now := clock_timestamp();
    update streamkeeper.sweeper w set last_run_at = v_now, alive_since = v_alive_since;

    select (array_agg(t.id order by t.lapsed_at) filter (where t.has_lapsed))[:p_limit],
      count(*) filter (where not t.has_lapsed)
    into v_due, v_held_back
    from (
      select s.id, max(l.lease_until) as lapsed_at, bool_and(streamkeeper.has_lapsed(l, v_now, v_alive_since)) as has_lapsed
      from streamkeeper.leases l
      join public.livestreams s on s.id = l.subject::uuid and s.status = 'live'
      where l.kind = 'host' and l.lease_until < v_now and s.id is distinct from p_spare
        and not exists (
          select from streamkeeper.leases good
          where good.kind = 'host' and good.subject = l.subject and good.lease_until >= v_now
        )
      group by s.id
    ) t;

    -- First the locks, then a fresh look: whoever renewed in between has won.
    select array_agg(t.id) into v_ids
    from (
      select s.id from public.livestreams s
      where s.id = any (v_due) and s.status = 'live' order by s.id for update skip locked
    ) t;
    select array_agg(t.id), array_agg(t.lapsed_at) into v_ids, v_ended_at
    from (
      select l.subject::uuid as id, max(l.lease_until) as lapsed_at
      from streamkeeper.leases l
      where l.kind = 'host' and l.subject = any (v_ids::text[])
      group by l.subject
      having bool_and(streamkeeper.has_lapsed(l, v_now, v_alive_since))
    ) t;
    perform streamkeeper.finish(v_ids, v_ended_at, 'lease_expired', null, null, 1);

    return json_build_object('ran', true, 'ended', coalesce(cardinality(v_ids), 0), 'held_back', v_held_back);
  end
  $$;

-- The same on the way of another call, which must not become slow by it: not in a transaction that may only read, not
-- within seconds of the last run, and a few streams only. Called last, because it locks rows in no particular order.
create function streamkeeper.sweep_lazily(p_spare uuid default null) returns void
  language plpgsql volatile set search_path = ''
  as $$
  begin
    if current_setting('transaction_read_only')::boolean or exists (
      select from streamkeeper.sweeper w
      where w.last_run_at between clock_timestamp() - interval '5 seconds' and clock_timestamp()
    ) then
      return;
    end if;
    perform streamkeeper.sweep_leases(10, p_spare);
  exception when others then
    -- A row that cannot be ended must not keep a host from renewing, nor anybody from starting.
    raise warning 'streamkeeper: a sweep failed: %', sqlerrm;
  end
  $$;

revoke execute on function streamkeeper.alive_since(streamkeeper.sweeper, timestamptz, timestamptz) from public;
revoke execute on function streamkeeper.sweeper_alive_since() from public;
revoke execute on function streamkeeper.sweep_leases(integer, uuid) from public;
revoke execute on function streamkeeper.sweep_lazily(uuid) from public;

create function public.sweep() returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  begin
    if not (streamkeeper.is_service() or streamkeeper.is_admin()) then
      raise exception 'sweep is for admins only' using errcode = 'insufficient_privilege';
    end if;
    -- As many as are done well within a statement's time; the next run goes on.
    return streamkeeper.sweep_leases(5000);
  end
  $$;
comment on function public.sweep() is
  'Ends the live streams whose leases have all lapsed, at the time of the last lapse. To be called every 15 s. ran: '
  'false when another sweeper was at it. held_back: streams whose time is up, but which first get one full lease, '
  'because the sweeper has not been alive for that long.';

revoke execute on function public.sweep() from public, anon, authenticated, service_role;
grant execute on function public.sweep() to authenticated, service_role;

-- The list as before, after a sweep: what nobody holds any more is not on it, also where nothing runs every minute.
-- Volatile for that; over GET its transaction may only read, and it lists what there is.
create or replace function public.list_active_streams() returns table (
    stream_id uuid, title text, streamer_id text, streamer_name text,
    started_at timestamptz, duration_seconds integer, viewers integer
  )
  language plpgsql volatile security definer set search_path = ''
  as $$
  begin
    perform streamkeeper.sweep_lazily();
    return query
      select s.id, s.title, s.streamer_id, u.display_name,
        s.started_at, streamkeeper.duration_seconds(s.started_at, s.ended_at), null::integer
      from public.livestreams s
      left join public.app_users u on u.user_id = s.streamer_id
      where s.status = 'live'
      order by s.started_at desc, s.id;
  end
  $$;
