-- The other ways in which a stream ends, now that streams are held.

-- As before: an explicit end ends, whoever holds. With the stream go its leases.
create or replace function public.end_stream_comprehensive(
    p_stream_id uuid default null,
    p_streamer_id text default null,
    p_force_end_all boolean default false,
    p_reason text default null,
    p_holder text default null,
    p_attempt integer default 1
  ) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_ended uuid[];
    v_already_ended uuid[];
    v_status text;
  begin
    perform streamkeeper.check_length('p_streamer_id', p_streamer_id, 200);
    perform streamkeeper.check_length('p_reason', p_reason, 500);
    perform streamkeeper.check_length('p_holder', p_holder, 100);
    if p_attempt is null or p_attempt not between 1 and 1000 then
      raise exception 'p_attempt is %; it must be between 1 and 1000', coalesce(p_attempt::text, 'null')
        using errcode = 'invalid_parameter_value';
    end if;
    if num_nonnulls(p_stream_id, p_streamer_id, nullif(p_force_end_all, false)) <> 1 then
      raise exception 'exactly one of p_stream_id, p_streamer_id and p_force_end_all must be given'
        using errcode = 'invalid_parameter_value';
    end if;

    -- The rows are locked, in one order for all callers, and read once the lock is held: whoever comes second sees that
    -- the first has ended them. Only an explicit id reaches a scheduled stream; the others end what is live.
    if p_stream_id is not null then
      if exists (
        select from public.livestreams s
        where s.id = p_stream_id and not streamkeeper.may_act_for(s.streamer_id)
      ) then
        raise exception 'stream % belongs to somebody else', p_stream_id using errcode = 'insufficient_privilege';
      end if;
      select array_agg(t.id) filter (where t.status <> 'ended'), array_agg(t.id) filter (where t.status = 'ended')
      into v_ended, v_already_ended
      from (select s.id, s.status from public.livestreams s where s.id = p_stream_id for update) t;
    else
      if p_force_end_all and not (streamkeeper.is_service() or streamkeeper.is_admin()) then
        raise exception 'p_force_end_all is for admins only' using errcode = 'insufficient_privilege';
      elsif p_streamer_id is not null and not streamkeeper.may_act_for(p_streamer_id) then
        raise exception 'p_streamer_id names somebody else' using errcode = 'insufficient_privilege';
      end if;
      select array_agg(t.id) into v_ended
      from (
        select s.id from public.livestreams s
        where s.status = 'live' and (p_force_end_all or s.streamer_id = p_streamer_id)
        order by s.id for update
      ) t;
    end if;

    v_status := case
      when v_ended is not null then 'ended'
      when v_already_ended is null and p_stream_id is not null then 'not_found'
      else 'already_ended'
    end;
    if v_ended is not null then
      perform streamkeeper.finish(v_ended, null, p_reason, streamkeeper.current_user_id(), p_holder, p_attempt);
    else
      insert into public.end_attempts (stream_id, actor, role, reason, holder, attempt, outcome)
      select t.id, streamkeeper.current_user_id(), streamkeeper.caller_role(), p_reason, p_holder, p_attempt, v_status
      from unnest(coalesce(v_already_ended, array[p_stream_id])) as t (id);
    end if;

    return json_build_object(
      'success', v_status <> 'not_found',
      'status', v_status,
      'ended', to_json(coalesce(v_ended, '{}')),
      'already_ended', to_json(coalesce(v_already_ended, '{}')),
      'affected_count', coalesce(cardinality(v_ended), 0)
    );
  end
  $$;

create function public.end_stream_on_user_disconnect(p_streamer_id text, p_grace_seconds integer default 0) returns boolean
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_alive_since timestamptz;
    v_now timestamptz;
    v_ids uuid[];
    v_ended_at timestamptz[];
  begin
    perform streamkeeper.check_length('p_streamer_id', p_streamer_id, 200);
    if p_streamer_id is null then
      raise exception 'p_streamer_id is null; it must name a user' using errcode = 'invalid_parameter_value';
    end if;
    if p_grace_seconds is null or p_grace_seconds not between 0 and 86400 then
      raise exception 'p_grace_seconds is %; it must be between 0 and 86400', coalesce(p_grace_seconds::text, 'null')
        using errcode = 'invalid_parameter_value';
    end if;
    if not streamkeeper.may_act_for(p_streamer_id) then
      raise exception 'p_streamer_id names somebody else' using errcode = 'insufficient_privilege';
    end if;

    select array_agg(t.id) into v_ids
    from (
      select s.id from public.livestreams s
      where s.status = 'live' and s.streamer_id = p_streamer_id order by s.id for update
    ) t;
    v_alive_since := streamkeeper.sweeper_alive_since();
    v_now := clock_timestamp();
    -- Of those only what nobody holds, another device for instance. What was held ends when that was over.
    select array_agg(t.id), array_agg(t.lapsed_at) into v_ids, v_ended_at
    from (
      select s.id, max(l.lease_until) as lapsed_at
      from public.livestreams s
      left join streamkeeper.leases l on l.kind = 'host' and l.subject = s.id::text
      where s.id = any (v_ids) and s.last_seen_at <= v_now - make_interval(secs => p_grace_seconds)
      group by s.id
      having bool_and(l.subject is null or streamkeeper.has_lapsed(l, v_now, v_alive_since))
    ) t;
    perform streamkeeper.finish(v_ids, v_ended_at, 'disconnected', streamkeeper.current_user_id(), null, 1);

    return not exists (
      select from public.livestreams s where s.status = 'live' and s.streamer_id = p_streamer_id
    );
  end
  $$;
comment on function public.end_stream_on_user_disconnect(text, integer) is
  'Ends what is live of one streamer and held by nobody. True: nothing of theirs is live any more. What was seen within '
  'the last p_grace_seconds is left for a later call. Owner, admin, service.';

create function public.auto_end_inactive_streams() returns integer
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_now timestamptz := clock_timestamp();
    v_ids uuid[];
    v_ended_at timestamptz[];
  begin
    if not (streamkeeper.is_service() or streamkeeper.is_admin()) then
      raise exception 'auto_end_inactive_streams is for admins only' using errcode = 'insufficient_privilege';
    end if;
    -- Whose host was there at some time is the sweeper's. The host of any other is taken to have been there for one lease
    -- more than it was seen: to stamp now() would book the whole day.
    select array_agg(t.id), array_agg(t.ended_at) into v_ids, v_ended_at
    from (
      select s.id, least(
        v_now,
        coalesce(s.last_seen_at, s.started_at, s.created_at)
          + make_interval(secs => streamkeeper.default_lease_seconds())
      ) as ended_at
      from public.livestreams s
      where s.status = 'live'
        and coalesce(s.last_seen_at, s.started_at, s.created_at) <= v_now - interval '24 hours'
        and not exists (select from streamkeeper.leases l where l.kind = 'host' and l.subject = s.id::text)
      order by s.id for update of s skip locked
    ) t;
    perform streamkeeper.finish(v_ids, v_ended_at, 'inactive', streamkeeper.current_user_id(), null, 1);
    return coalesce(cardinality(v_ids), 0);
  end
  $$;
comment on function public.auto_end_inactive_streams() is
  'Ends the live streams that nobody ever held and whose host has not been seen for 24 hours; returns how many. To be '
  'called daily, or more often. Admin, service.';

revoke execute on function public.end_stream_on_user_disconnect(text, integer)
  from public, anon, authenticated, service_role;
revoke execute on function public.auto_end_inactive_streams() from public, anon, authenticated, service_role;
grant execute on function public.end_stream_on_user_disconnect(text, integer) to authenticated, service_role;
grant execute on function public.auto_end_inactive_streams() to authenticated, service_role;
