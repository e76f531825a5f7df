-- A leave: one holder of a stream is gone. That ends the stream unless another tab or device of its host holds it; an end
-- that is meant for all (the default) always does. And a replay: what a browser could not deliver then, it delivers now.

alter table public.end_attempts drop constraint end_attempts_outcome_check;
alter table public.end_attempts add constraint end_attempts_outcome_check
  check (outcome in ('ended', 'already_ended', 'held_elsewhere', 'not_found'));

-- By default what the call that writes the row says of itself, wherever it writes it.
alter table public.end_attempts add column replayed boolean not null
  default coalesce(current_setting('streamkeeper.replayed', true), '') = 'on';
comment on column public.end_attempts.replayed is 'It came from a browser''s outbox: an earlier page, or an earlier try, could not deliver it.';

-- One more argument is another function, and there is to be but one of that name.
drop function public.end_stream_comprehensive(uuid, text, boolean, text, text, integer);

create function public.end_stream_comprehensive(
    p_stream_id uuid default null,
    p_streamer_id text default null,
    p_force_end_all boolean default false,
    p_reason text default null,
    p_holder text default null,
    p_attempt integer default 1,
    p_leave boolean default false,
    p_replayed boolean default false
  ) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_ended uuid[];
    v_already_ended uuid[];
    v_status text;
    v_alive_since timestamptz;
    v_now timestamptz;
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
    if coalesce(p_leave, false) and p_stream_id is null then
      raise exception 'p_leave goes with p_stream_id' using errcode = 'invalid_parameter_value';
    end if;

    perform set_config('streamkeeper.replayed', case when p_replayed then 'on' else '' end, true);

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

    v_alive_since := streamkeeper.sweeper_alive_since();
    v_now := clock_timestamp();
    if p_leave and v_ended is not null and exists (
      select from streamkeeper.leases l
      where l.kind = 'host' and l.subject = p_stream_id::text and l.holder is distinct from p_holder
        and not streamkeeper.has_lapsed(l, v_now, v_alive_since)
    ) then
      if p_holder is not null then
        perform streamkeeper.check_holder(p_holder);
        perform streamkeeper.hold(p_stream_id, p_holder, 0);
      end if;
      v_ended := null;
      v_status := 'held_elsewhere';
    end if;

    v_status := case
      when v_status is not null then v_status
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
comment on function public.end_stream_comprehensive(uuid, text, boolean, text, text, integer, boolean, boolean) is
  'Ends one stream, all of one streamer, or (p_force_end_all) all there are. status: ended, already_ended, not_found, or, '
  'with p_leave, held_elsewhere: p_holder has left, and somebody else holds the stream. Owner, admin, service; forcing: '
  'admin, service.';

revoke execute on function public.end_stream_comprehensive(uuid, text, boolean, text, text, integer, boolean, boolean)
  from public, anon, authenticated, service_role;
grant execute on function public.end_stream_comprehensive(uuid, text, boolean, text, text, integer, boolean, boolean)
  to authenticated, service_role;
