-- How long each user was live, week by week. The database books it when a stream ends, in the same transaction, whoever
-- ended it; and nothing that goes wrong with the books can keep a stream from ending.

-- By stream: booking one a second time changes nothing, and what is doubtful can be worked out again for that stream alone.
-- No foreign key: what somebody has used outlives the stream.
create table public.weekly_usage (
  stream_id uuid not null,
  week_start_date date not null check (extract(isodow from week_start_date) = 1),
  user_id text not null check (char_length(user_id) between 1 and 200),
  seconds integer not null check (seconds > 0),
  primary key (stream_id, week_start_date)
);
comment on table public.weekly_usage is
  'Seconds that a stream was live in a week, which begins on Monday in its user''s time zone (app_users.time_zone). The '
  'weeks of a stream add up to its duration. Written only by the database, when the stream ends.';

-- A user's weeks.
create index weekly_usage_by_user on public.weekly_usage (user_id, week_start_date);

alter table public.weekly_usage enable row level security;
revoke all on public.weekly_usage from public, anon, authenticated, service_role;
grant select on public.weekly_usage to authenticated, service_role;

create policy "own usage, or admin" on public.weekly_usage for select to authenticated
  using (user_id = (select streamkeeper.current_user_id()) or (select streamkeeper.is_admin()));

create view public.weekly_usage_totals with (security_invoker = true) as
  select u.user_id, u.week_start_date, sum(u.seconds) as seconds, count(*) as streams
  from public.weekly_usage u
  group by u.user_id, u.week_start_date;
comment on view public.weekly_usage_totals is 'weekly_usage, over all streams of a user. Everybody sees what they see there.';

revoke all on public.weekly_usage_totals from public, anon, authenticated, service_role;
grant select on public.weekly_usage_totals to authenticated, service_role;

-- The zone of a user's weeks: UTC, unless the application has named one that PostgreSQL knows.
create function streamkeeper.time_zone_of(p_user_id text) returns text
  language plpgsql stable set search_path = ''
  as $$
  declare
    v_zone text := (select u.time_zone from public.app_users u where u.user_id = p_user_id);
  begin
    perform now() at time zone v_zone;
    return coalesce(v_zone, 'UTC');
  exception when invalid_parameter_value then
    return 'UTC';
  end
  $$;

-- Whole seconds of each week. Each boundary is rounded down once, for the week before it and the one after it, so that the
-- weeks add up to the whole seconds of the interval.
create function streamkeeper.split_by_week(p_from timestamptz, p_to timestamptz, p_zone text)
  returns table (week_start_date date, seconds integer)
  language sql stable set search_path = ''
  as $$
    select t.monday::date, (t.until - t.since)::integer
    from (
      select m.monday,
        floor(extract(epoch from least(greatest(m.monday at time zone p_zone, p_from), p_to) - p_from)) as since,
        floor(extract(epoch from
          least(greatest((m.monday + interval '7 days') at time zone p_zone, p_from), p_to) - p_from)) as until
      -- From one week before the first: where clocks go back over midnight, Monday's first minutes are Sunday's again.
      from generate_series(
        date_trunc('week', p_from at time zone p_zone) - interval '7 days',
        -- An infinite interval has no weeks that could be listed.
        case when isfinite(p_from) and isfinite(p_to) then p_to at time zone p_zone end,
        interval '7 days'
      ) as m (monday)
    ) t
    where t.until > t.since
  $$;

-- Books what these streams have used; they have ended. It waits for nobody for long, and it never fails.
create function streamkeeper.book_usage(p_ids uuid[]) returns void
  language plpgsql volatile set search_path = '' set lock_timeout = '1s'
  as $$
  begin
    insert into public.weekly_usage as u (stream_id, week_start_date, user_id, seconds)
    select s.id, w.week_start_date, s.streamer_id, w.seconds
    from public.livestreams s,
      streamkeeper.split_by_week(s.started_at, s.ended_at, streamkeeper.time_zone_of(s.streamer_id)) w
    where s.id = any (p_ids)
    on conflict (stream_id, week_start_date) do update set user_id = excluded.user_id, seconds = excluded.seconds;
  exception when others then
    raise warning 'streamkeeper: usage was not booked: %', sqlerrm
      using hint = 'select rebuild_weekly_usage() books what is missing.';
  end
  $$;

-- As before: the one way in which a stream ends. Now its usage is booked.
create or replace function streamkeeper.finish(
    p_ids uuid[], p_ended_at timestamptz[], p_reason text, p_actor text, p_holder text, p_attempt integer
  ) returns void
  language plpgsql volatile set search_path = ''
  as $$
  begin
    -- greatest(): a wall clock that was set back must not keep a stream alive by its own constraint.
    update public.livestreams s
    set
      status = 'ended',
      ended_at = greatest(coalesce(t.ended_at, clock_timestamp()), s.started_at),
      end_reason = p_reason
    from unnest(p_ids, p_ended_at) as t (id, ended_at)
    where s.id = t.id;
    delete from streamkeeper.leases l where l.kind = 'host' and l.subject = any (p_ids::text[]);
    insert into public.end_attempts (stream_id, actor, role, reason, holder, attempt, outcome)
    select t.id, p_actor, streamkeeper.caller_role(), p_reason, p_holder, p_attempt, 'ended'
    from unnest(p_ids) as t (id);
    perform streamkeeper.book_usage(p_ids);
  end
  $$;

create function public.rebuild_weekly_usage(p_from timestamptz default null, p_to timestamptz default null) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_from timestamptz := coalesce(p_from, '-infinity');
    v_to timestamptz := coalesce(p_to, 'infinity');
    v_result json;
  begin
    perform streamkeeper.check_admin('rebuild_weekly_usage');
    if v_from >= v_to then
      raise exception 'p_from is % and p_to is %; p_from must be before p_to', v_from, v_to
        using errcode = 'invalid_parameter_value';
    end if;
    -- One at a time. Streams that end meanwhile book for themselves.
    perform pg_advisory_xact_lock(hashtextextended('streamkeeper.rebuild_weekly_usage', 0));

    -- Of every stream that was live in the range, or is in the books for it, all weeks.
    with streams as materialized (
      select s.id, s.streamer_id, s.status, s.started_at, s.ended_at
      from public.livestreams s
      where (s.status = 'ended' and s.started_at < v_to and s.ended_at > v_from)
        or s.id in (
          select u.stream_id from public.weekly_usage u
          where u.week_start_date between (v_from - interval '8 days')::date and (v_to + interval '1 day')::date
        )
    ),
    users as materialized (
      select t.streamer_id, streamkeeper.time_zone_of(t.streamer_id) as zone
      from (select distinct s.streamer_id from streams s) t
    ),
    truth as materialized (
      select s.id as stream_id, w.week_start_date, s.streamer_id as user_id, w.seconds
      from streams s
      join users z on z.streamer_id = s.streamer_id,
        streamkeeper.split_by_week(s.started_at, s.ended_at, z.zone) w
      where s.status = 'ended'
    ),
    deleted as (
      delete from public.weekly_usage u
      using streams s
      where u.stream_id = s.id and not exists (
        select from truth t where t.stream_id = u.stream_id and t.week_start_date = u.week_start_date
      )
      returning 1
    ),
    updated as (
      update public.weekly_usage u set user_id = t.user_id, seconds = t.seconds
      from truth t
      where t.stream_id = u.stream_id and t.week_start_date = u.week_start_date
        and (t.user_id <> u.user_id or t.seconds <> u.seconds)
      returning 1
    ),
    inserted as (
      insert into public.weekly_usage (stream_id, week_start_date, user_id, seconds)
      select t.stream_id, t.week_start_date, t.user_id, t.seconds
      from truth t
      where not exists (
        select from public.weekly_usage u where u.stream_id = t.stream_id and u.week_start_date = t.week_start_date
      )
      returning 1
    )
    select json_build_object(
      'success', true,
      'streams', (select count(*) from streams),
      'seconds', (select coalesce(sum(t.seconds), 0) from truth t),
      'inserted', (select count(*) from inserted),
      'updated', (select count(*) from updated),
      'deleted', (select count(*) from deleted),
      'unknown_zones', (
        select count(*) from users z join public.app_users u on u.user_id = z.streamer_id where u.time_zone <> z.zone
      )
    ) into v_result;
    return v_result;
  end
  $$;
comment on function public.rebuild_weekly_usage(timestamptz, timestamptz) is
  'Works the usage of all streams that were live between p_from and p_to (null: ever) out again, by today''s time zones of '
  'their users. inserted, updated, deleted: rows of weekly_usage that were wrong; a second run finds none. unknown_zones: '
  'users whose time_zone PostgreSQL does not know, and whose weeks are UTC''s. Usage of streams that have been deleted '
  'stays. Admin, service.';

revoke execute on function streamkeeper.time_zone_of(text) from public;
revoke execute on function streamkeeper.split_by_week(timestamptz, timestamptz, text) from public;
revoke execute on function streamkeeper.book_usage(uuid[]) from public;
revoke execute on function public.rebuild_weekly_usage(timestamptz, timestamptz) from public, anon, authenticated, service_role;
grant execute on function public.rebuild_weekly_usage(timestamptz, timestamptz) to authenticated, service_role;

-- Streams that have ended before there were any books.
do $$ begin perform streamkeeper.book_usage(array(select s.id from public.livestreams s where s.status = 'ended')); end $$;
