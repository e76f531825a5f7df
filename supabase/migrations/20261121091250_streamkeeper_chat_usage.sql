-- How much chat is used: the numbers that a chat vendor bills, and what they say.

-- The numbers of a range. Opened and closed are counted where they happened, so that adjacent ranges add up; users,
-- concurrency and time by the part of each connection that lies within the range.
create function streamkeeper.chat_usage_numbers(p_from timestamptz, p_to timestamptz, p_now timestamptz) returns jsonb
  language sql stable set search_path = ''
  as $$
    with connections as materialized (
      select c.*, p_now - interval '12 hours' > c.opened_at and c.closed_at is null as is_lost,
        c.opened_at >= p_from as is_new, c.closed_at >= p_from and c.closed_at < p_to as is_closed
      from streamkeeper.chat_connections c
      where tstzrange(c.opened_at, c.closed_at, '[]') && tstzrange(p_from, p_to)
    ),
    -- When each of them was there. Of a lost one nobody knows for how long: only that it was.
    spans as materialized (
      select c.user_id, c.is_lost, greatest(c.opened_at, p_from) as since,
        least(case when c.is_lost then c.opened_at else coalesce(c.closed_at, p_now) end, p_to) as until
      from connections c
      where c.is_new or not c.is_lost
    ),
    months as (
      select to_char(m.month, 'YYYY-MM') as month, count(distinct s.user_id) as users
      from (
        select distinct s.user_id, date_trunc('month', s.since at time zone 'UTC') as first,
          date_trunc('month', greatest(s.since, s.until - interval '1 microsecond') at time zone 'UTC') as last
        from spans s
      ) s, generate_series(s.first, s.last, interval '1 month') as m (month)
      group by m.month
    ),
    -- How many were open from each moment on at which that number changes. A connection that ends as another begins was
    -- not open at the same time. Each full hour stands among the moments, so that every hour of the day has its own.
    changes as (
      select d.at, sum(d.change) as change
      from (
        select s.since, 1 from spans s where s.since < s.until
        union all
        select s.until, -1 from spans s where s.since < s.until
        union all
        select h.at, 0 from generate_series(date_trunc('hour', p_from, 'UTC'), p_to, interval '1 hour') as h (at)
      ) as d (at, change)
      group by d.at
    ),
    levels as materialized (
      select c.at, (sum(c.change) over (order by c.at))::bigint as level from changes c
    ),
    peak as (
      select l.level, l.at from levels l where l.level > 0 order by l.level desc, l.at limit 1
    ),
    hours as (
      select h.hour, coalesce(o.n, 0) as connections, coalesce(b.level, 0) as peak_concurrent
      from generate_series(0, 23) as h (hour)
      left join (
        select extract(hour from c.opened_at at time zone 'UTC') as hour, count(*) as n
        from connections c where c.is_new group by 1
      ) o on o.hour = h.hour
      left join (
        select extract(hour from l.at at time zone 'UTC') as hour, max(l.level) as level from levels l group by 1
      ) b on b.hour = h.hour
    ),
    sums as (
      select count(*) filter (where c.is_new) as opened,
        count(*) filter (where c.is_new and c.is_lost) as lost,
        coalesce(sum(c.reused) filter (where c.is_closed), 0)::bigint as reused,
        coalesce(sum(c.avoided) filter (where c.is_closed), 0)::bigint as avoided,
        round(coalesce(sum(c.idle_saved_ms) filter (where c.is_closed), 0) / 1000)::bigint as idle_saved_seconds
      from connections c
    ),
    time as (
      select round(coalesce(sum(extract(epoch from s.until - s.since)), 0))::bigint as connected_seconds from spans s
    )
    select jsonb_build_object(
      'from', p_from,
      'to', p_to,
      'monthly_active_users', jsonb_build_object(
        'total', (select count(distinct s.user_id) from spans s),
        'months', (select coalesce(jsonb_agg(to_jsonb(m) order by m.month), '[]') from months m)
      ),
      'connections', u.opened,
      'open_now', (
        select count(*) from streamkeeper.chat_connections c
        where c.closed_at is null and c.opened_at >= p_now - interval '12 hours'
      ),
      'lost', u.lost,
      'peak_concurrent', coalesce((select p.level from peak p), 0),
      'peak_at', (select p.at from peak p),
      'connected_seconds', t.connected_seconds,
      'idle_saved_seconds', u.idle_saved_seconds,
      'reused', u.reused,
      'avoided', u.avoided,
      'efficiency', jsonb_build_object(
        'reuse', round((u.reused + u.avoided)::numeric / nullif(u.opened + u.reused + u.avoided, 0), 4),
        'idle', round(u.idle_saved_seconds::numeric / nullif(u.idle_saved_seconds + t.connected_seconds, 0), 4)
      ),
      'reconnects', (
        select coalesce(jsonb_object_agg(r.cause, r.n), '{}')
        from (
          select c.cause, count(*) as n from connections c where c.is_new and c.cause <> 'requested' group by c.cause
        ) r
      ),
      'closes', (
        select coalesce(jsonb_object_agg(r.reason, r.n), '{}')
        from (
          select coalesce(c.reason, 'unknown') as reason, count(*) as n from connections c where c.is_closed group by 1
        ) r
      ),
      'peak_hours', (select jsonb_agg(to_jsonb(h) order by h.hour) from hours h)
    )
    from sums u, time t
  $$;

-- What these numbers say, to a person who pays for them. Nothing is said about fewer than 20 connections.
create function streamkeeper.chat_insights(p_usage jsonb) returns jsonb
  language sql immutable set search_path = ''
  as $$
    with numbers as (
      select (p_usage ->> 'connections')::numeric as connections,
        (p_usage ->> 'lost')::numeric as lost,
        (p_usage -> 'efficiency' ->> 'reuse')::numeric as reuse,
        (p_usage -> 'efficiency' ->> 'idle')::numeric as idle,
        coalesce((p_usage -> 'reconnects' ->> 'unhealthy')::numeric, 0) as unhealthy,
        coalesce((p_usage -> 'reconnects' ->> 'lost')::numeric, 0) as dropped,
        coalesce((p_usage -> 'reconnects' ->> 'forced')::numeric, 0) as forced,
        coalesce((p_usage -> 'closes' ->> 'token')::numeric, 0)
          + coalesce((p_usage -> 'closes' ->> 'refused')::numeric, 0) as refused,
        coalesce((p_usage -> 'closes' ->> 'inactive')::numeric, 0)
          + coalesce((p_usage -> 'closes' ->> 'hidden')::numeric, 0) as idle_closes
    ),
    rules as (
      select r.* from numbers n, lateral (values
        (1, n.connections < 20, 'info', 'few_connections',
          format('%s connections are too few to say anything about them.', n.connections)),
        (2, n.lost > n.connections * 0.1, 'warning', 'many_lost', format(
          '%s of %s connections never reported that they were closed: pages end without their last call. Is it blocked?',
          n.lost, n.connections)),
        (3, n.unhealthy > n.connections * 0.1, 'warning', 'many_unhealthy', format(
          '%s of %s connections replaced one that had gone silent: look for proxies that drop idle sockets.',
          n.unhealthy, n.connections)),
        (4, n.dropped > n.connections * 0.2, 'warning', 'many_dropped', format(
          '%s of %s connections replaced one that was cut off: look at the network, and at the vendor''s status.',
          n.dropped, n.connections)),
        (5, n.refused > n.connections * 0.05, 'warning', 'many_refused', format(
          '%s connections were closed over their token, or refused: check how tokens are made, and for how long they last.',
          n.refused)),
        (6, n.forced > n.connections * 0.05, 'warning', 'many_forced', format(
          '%s of %s connections were asked for by hand: people see that chat does not work.', n.forced, n.connections)),
        (7, n.reuse < 0.25, 'info', 'low_reuse', format(
          'Only %s %% of what asked for a connection was given one that was open: does each page connect more than once?',
          round(n.reuse * 100))),
        (8, n.idle_closes = 0, 'info', 'no_idle_closes',
          'No connection was closed because nobody was there: are the inactivity timeouts switched off?'),
        (9, n.idle >= 0.1, 'info', 'idle_saves', format(
          'Closing connections while nobody was there saved %s %% of the time.', round(n.idle * 100)))
      ) as r (rank, applies, level, code, message)
      where n.connections >= 20 or r.code = 'few_connections'
    )
    select coalesce(
      jsonb_agg(jsonb_build_object('level', r.level, 'code', r.code, 'message', r.message) order by r.rank), '[]'
    )
    from rules r
    where r.applies
  $$;

create function public.chat_usage(p_from timestamptz, p_to timestamptz) returns json
  language plpgsql stable security definer set search_path = ''
  as $$
  declare
    v_usage jsonb;
  begin
    perform streamkeeper.check_admin('chat_usage');
    if not coalesce(isfinite(p_from) and isfinite(p_to) and p_from < p_to, false) then
      raise exception 'p_from is % and p_to is %; p_from must be before p_to',
        coalesce(p_from::text, 'null'), coalesce(p_to::text, 'null')
        using errcode = 'invalid_parameter_value';
    elsif p_to - p_from > interval '400 days' then
      raise exception 'p_to is more than 400 days after p_from'
        using errcode = 'invalid_parameter_value';
    end if;
    v_usage := streamkeeper.chat_usage_numbers(p_from, p_to, now());
    return v_usage || jsonb_build_object('insights', streamkeeper.chat_insights(v_usage));
  end
  $$;
comment on function public.chat_usage(timestamptz, timestamptz) is
  'Use of chat from p_from until before p_to, at most 400 days: monthly active users, connections, peak concurrency '
  '(exact), time, efficiency, reasons, hours of the day (UTC), insights. open_now is of now. lost: opened in the range, '
  'never closed, for more than 12 hours; it counts as a connection of its user, but not as time. Admin, service.';

revoke execute on function streamkeeper.chat_usage_numbers(timestamptz, timestamptz, timestamptz) from public;
revoke execute on function streamkeeper.chat_insights(jsonb) from public;
revoke execute on function public.chat_usage(timestamptz, timestamptz) from public, anon, authenticated, service_role;
grant execute on function public.chat_usage(timestamptz, timestamptz) to authenticated, service_role;
