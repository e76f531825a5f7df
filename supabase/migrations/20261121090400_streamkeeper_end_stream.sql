-- Ending streams: exactly once each, whoever asks and however often.

create function public.end_stream_comprehensive(
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

    -- greatest(): a wall clock that was set back must not keep a stream alive by its own constraint.
    update public.livestreams s
    set status = 'ended', ended_at = greatest(clock_timestamp(), s.started_at), end_reason = p_reason
    where s.id = any (v_ended);

    v_status := case
      when v_ended is not null then 'ended'
      when v_already_ended is null and p_stream_id is not null then 'not_found'
      else 'already_ended'
    end;
    insert into public.end_attempts (stream_id, actor, role, reason, holder, attempt, outcome)
    select t.id, streamkeeper.current_user_id(), streamkeeper.caller_role(), p_reason, p_holder, p_attempt, v_status
    from unnest(coalesce(v_ended, v_already_ended, array[p_stream_id])) as t (id);

    return json_build_object(
      'success', v_status <> 'not_found',
      'status', v_status,
      'ended', to_json(coalesce(v_ended, '{}')),
      'already_ended', to_json(coalesce(v_already_ended, '{}')),
      'affected_count', coalesce(cardinality(v_ended), 0)
    );
  end
  $$;
comment on function public.end_stream_comprehensive(uuid, text, boolean, text, text, integer) is
  'Ends one stream, what is live of one streamer, or (admins) everything that is live. Repeating it is harmless: already_ended.';

revoke execute on function public.end_stream_comprehensive(uuid, text, boolean, text, text, integer)
  from public, anon, authenticated, service_role;
grant execute on function public.end_stream_comprehensive(uuid, text, boolean, text, text, integer)
  to authenticated, service_role;
