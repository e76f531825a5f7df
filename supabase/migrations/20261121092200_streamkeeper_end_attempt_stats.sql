-- How well ending works, day by day, from the trail.

create index end_attempts_by_time on public.end_attempts (at);

create function public.end_attempt_stats(p_from timestamptz default null, p_to timestamptz default null) returns table (
    day date, attempts bigint, ended bigint, already_ended bigint, held_elsewhere bigint, not_found bigint,
    lost bigint, retries bigint, by_deadline bigint, success_rate numeric
  )
  language plpgsql stable security definer set search_path = ''
  as $$
  #variable_conflict use_column
  declare
    v_to timestamptz := coalesce(p_to, now());
    v_from timestamptz := coalesce(p_from, v_to - interval '30 days');
  begin
    perform streamkeeper.check_admin('end_attempt_stats');
    if not (isfinite(v_from) and isfinite(v_to) and v_from < v_to) then
      raise exception 'p_from is % and p_to is %; p_from must be before p_to', v_from, v_to
        using errcode = 'invalid_parameter_value';
    elsif v_to - v_from > interval '400 days' then
      raise exception 'p_to is more than 400 days after p_from' using errcode = 'invalid_parameter_value';
    end if;
    return query
      with trail as (
        select a.at, a.outcome, a.attempt,
          -- What the sweeper and the daily clean-up end is nobody's attempt.
          a.outcome = 'ended' and a.holder is null
            and coalesce(a.reason in ('lease_expired', 'inactive'), false) as by_deadline,
          lag(a.attempt) over (partition by a.stream_id, a.actor, a.holder order by a.id) as previous
        from public.end_attempts a
        -- A week earlier, for what came before: a browser may be offline for days between two attempts.
        where a.at >= v_from - interval '7 days' and a.at < v_to
      ),
      counts as (
        select (t.at at time zone 'UTC')::date as day,
          count(*) filter (where t.outcome = 'ended' and not t.by_deadline) as ended,
          count(*) filter (where t.outcome = 'already_ended') as already_ended,
          count(*) filter (where t.outcome = 'held_elsewhere') as held_elsewhere,
          count(*) filter (where t.outcome = 'not_found') as not_found,
          -- Attempts that never arrived travel as a number with the next one that does. Where the numbers do not go up,
          -- somebody has begun anew.
          sum(t.attempt - 1 - case when t.previous < t.attempt then t.previous else 0 end) as lost,
          count(*) filter (where t.attempt > 1) as retries,
          count(*) filter (where t.by_deadline) as by_deadline
        from trail t
        where t.at >= v_from
        group by 1
      ),
      days as (
        select d.day::date, coalesce(c.ended, 0) as ended, coalesce(c.already_ended, 0) as already_ended,
          coalesce(c.held_elsewhere, 0) as held_elsewhere, coalesce(c.not_found, 0) as not_found,
          coalesce(c.lost, 0) as lost, coalesce(c.retries, 0) as retries, coalesce(c.by_deadline, 0) as by_deadline
        from generate_series(
          date_trunc('day', v_from at time zone 'UTC'), (v_to - interval '1 microsecond') at time zone 'UTC', interval '1 day'
        ) as d (day)
        left join counts c on c.day = d.day::date
      )
      select d.day, t.succeeded + d.not_found + d.lost, d.ended, d.already_ended, d.held_elsewhere, d.not_found, d.lost,
        d.retries, d.by_deadline, round(t.succeeded / nullif(t.succeeded + d.not_found + d.lost, 0)::numeric, 4)
      from days d, lateral (values (d.ended + d.already_ended + d.held_elsewhere)) as t (succeeded)
      order by d.day;
  end
  $$;
comment on function public.end_attempt_stats(timestamptz, timestamptz) is
  'Attempts to end a stream, per day (UTC), from p_from until before p_to: the last 30 days, at most 400. attempts = ended + '
  'already_ended + held_elsewhere + not_found + lost. held_elsewhere: a leave, of a stream that somebody else holds. lost: '
  'never reached the database, which learns of them from the next one that did. retries: those that arrived and were not '
  'the first. success_rate: all but not_found and lost, of attempts. by_deadline: streams that no attempt ended, but the '
  'sweeper or auto_end_inactive_streams. Refused calls leave no trail. Admin, service.';

revoke execute on function public.end_attempt_stats(timestamptz, timestamptz) from public, anon, authenticated, service_role;
grant execute on function public.end_attempt_stats(timestamptz, timestamptz) to authenticated, service_role;
