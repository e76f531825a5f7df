-- What a host does with events: makes one, looks at it, ends it.

-- May the caller watch it? A public one everybody, any other whoever has signed in.
create function streamkeeper.may_watch(p_event public.events) returns boolean
  language sql stable set search_path = ''
  as $$
    select p_event.is_public or streamkeeper.current_user_id() is not null
      or streamkeeper.may_act_for(p_event.host_user_id)
  $$;

-- The shape of an event. Why it ended is between the host and the operators; what it is called, between those who may watch.
create function streamkeeper.event_json(p_event public.events) returns json
  language plpgsql stable set search_path = ''
  as $$
  declare
    v_private boolean := streamkeeper.may_act_for(p_event.host_user_id);
    v_may_watch boolean := streamkeeper.may_watch(p_event);
  begin
    return json_build_object(
      'success', true,
      'event_id', p_event.id,
      'host_user_id', p_event.host_user_id,
      'stream_id', p_event.stream_id,
      'title', case when v_may_watch then p_event.title end,
      'is_public', p_event.is_public,
      'may_watch', v_may_watch,
      'is_host', coalesce(p_event.host_user_id = streamkeeper.current_user_id(), false),
      'status', p_event.status,
      -- Not over, or only until the next one comes.
      'may_join', not streamkeeper.is_closed(p_event),
      'generation', p_event.generation,
      'starts_at', p_event.starts_at,
      'scheduled_end_at', p_event.scheduled_end_at,
      'started_at', p_event.started_at,
      'ended_at', p_event.ended_at,
      'grace_seconds', p_event.grace_seconds,
      'empty_since', case when p_event.status <> 'ended' then p_event.empty_since end,
      -- When it is over unless somebody comes.
      'ends_at', p_event.due_at,
      'ended_by', p_event.ended_by,
      'end_reason', case when v_private then p_event.end_reason end
    );
  end
  $$;

create function streamkeeper.default_grace_seconds() returns integer
  language sql immutable set search_path = ''
  as $$ select 30 $$;

-- Refuses times that cannot be meant.
create function streamkeeper.check_event_times(p_starts_at timestamptz, p_scheduled_end_at timestamptz, p_now timestamptz)
  returns void
  language plpgsql stable set search_path = ''
  as $$
  declare
    v_start timestamptz := greatest(p_now, p_starts_at);
    v_wrong text := case
      when p_starts_at > p_now + interval '366 days' then
        format('p_starts_at is %s; it must be at most 366 days from now', p_starts_at)
      when p_starts_at < p_now - interval '1 day' then
        format('p_starts_at is %s; it must be at most 1 day ago', p_starts_at)
      when p_scheduled_end_at <= v_start then
        format('p_scheduled_end_at is %s; it must be later than p_starts_at, and than now', p_scheduled_end_at)
      when p_scheduled_end_at > v_start + interval '366 days' then
        format('p_scheduled_end_at is %s; it must be at most 366 days after the start', p_scheduled_end_at)
    end;
  begin
    if v_wrong is not null then
      raise exception '%', v_wrong using errcode = 'invalid_parameter_value';
    end if;
  end
  $$;

create function public.create_event(
    p_title text, p_event_id uuid default null, p_stream_id uuid default null, p_starts_at timestamptz default null,
    p_scheduled_end_at timestamptz default null, p_is_public boolean default true, p_grace_seconds integer default null
  ) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_user_id text := streamkeeper.current_user_id();
    v_now timestamptz := clock_timestamp();
    v_grace_seconds integer := coalesce(p_grace_seconds, streamkeeper.default_grace_seconds());
    v_stream public.livestreams;
    v_event public.events;
  begin
    perform streamkeeper.check_name('p_title', p_title, 200);
    perform streamkeeper.check_between('p_grace_seconds', v_grace_seconds, 5, 3600);
    if v_user_id is null then
      raise exception 'create_event needs a signed-in user'
        using errcode = 'insufficient_privilege', hint = 'The token must carry the user''s id in its sub claim.';
    end if;

    -- A client that makes up the id can repeat a lost call, and has made one event.
    select * into v_event from public.events e where e.id = p_event_id;
    if found then
      if v_event.host_user_id <> v_user_id then
        raise exception 'event % belongs to somebody else', p_event_id using errcode = 'insufficient_privilege';
      end if;
      return streamkeeper.event_json(v_event);
    end if;

    perform streamkeeper.check_event_times(p_starts_at, p_scheduled_end_at, v_now);
    if (select count(*) from public.events e where e.host_user_id = v_user_id and e.status <> 'ended') >= 100 then
      raise exception 'there are 100 events of this host that have not ended; there can be at most 100' using errcode = 'PT409';
    end if;
    if p_stream_id is not null then
      if exists (select from public.livestreams s where s.id = p_stream_id and s.streamer_id <> v_user_id) then
        raise exception 'stream % belongs to somebody else', p_stream_id using errcode = 'insufficient_privilege';
      end if;
      select * into v_stream from public.livestreams s where s.id = p_stream_id for update;
      if not found then
        raise exception 'there is no stream %', p_stream_id using errcode = 'PT404';
      elsif v_stream.status = 'ended' then
        raise exception 'stream % has ended', p_stream_id using errcode = 'PT409';
      elsif exists (
        select from public.events e
        where e.stream_id = p_stream_id and e.status <> 'ended' and e.id is distinct from p_event_id
      ) then
        raise exception 'stream % has an event that has not ended', p_stream_id using errcode = 'PT409';
      end if;
      -- What follows this stream from now on is the new one.
      update public.events e set ended_by = 'successor' where e.stream_id = p_stream_id and e.ended_by = 'absence';
    end if;

    insert into public.events (
      id, host_user_id, stream_id, title, is_public, starts_at, scheduled_end_at, grace_seconds
    ) values (
      coalesce(p_event_id, gen_random_uuid()), v_user_id, p_stream_id, p_title, coalesce(p_is_public, true), p_starts_at,
      p_scheduled_end_at, v_grace_seconds
    )
    on conflict (id) do nothing
    returning * into v_event;
    if not found then
      -- The same call, sent twice, is a moment ahead.
      return public.create_event(p_title, p_event_id, p_grace_seconds => v_grace_seconds);
    end if;
    if v_stream.status = 'live' then
      perform streamkeeper.event_follows_stream(v_event, v_stream);
      select * into strict v_event from public.events e where e.id = v_event.id;
    end if;
    return streamkeeper.event_json(v_event);
  end
  $$;
comment on function public.create_event(text, uuid, uuid, timestamptz, timestamptz, boolean, integer) is
  'An event of the caller''s. An own event''s id: that event, as it is. It begins when its host or, from p_starts_at on, a '
  'viewer comes. p_stream_id: an own stream, whose going live brings the host, and whose end ends the event. '
  'p_grace_seconds: how long nobody may be there (default 30). PT409: the caller has 100 events that have not ended.';

create function public.get_event(p_event_id uuid) returns json
  language plpgsql stable security definer set search_path = ''
  as $$
  declare
    v_event public.events;
  begin
    select * into v_event from public.events e where e.id = p_event_id;
    if not found then
      raise exception 'there is no event %', coalesce(p_event_id::text, 'null') using errcode = 'PT404';
    end if;
    return streamkeeper.event_json(v_event);
  end
  $$;
comment on function public.get_event(uuid) is
  'What an event''s status is, for everyone who knows its id. may_watch: a public one everybody, any other whoever has '
  'signed in. Its end_reason: host, admin, service.';

create function public.end_event(p_event_id uuid, p_reason text default null) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_reason text := coalesce(p_reason, 'ended_by_host');
    v_event public.events;
    v_stream public.livestreams;
    v_already boolean;
  begin
    perform streamkeeper.check_length('p_reason', p_reason, 500);
    select * into v_event from public.events e where e.id = p_event_id;
    if not found then
      raise exception 'there is no event %', coalesce(p_event_id::text, 'null') using errcode = 'PT404';
    elsif not streamkeeper.may_act_for(v_event.host_user_id) then
      raise exception 'event % belongs to somebody else', p_event_id using errcode = 'insufficient_privilege';
    end if;

    -- Its stream goes first, and takes the event along: what is over is over everywhere.
    select * into v_stream from public.livestreams s where s.id = v_event.stream_id for update;
    select e.status = 'ended' into v_already from public.events e where e.id = p_event_id;
    if v_stream.status <> 'ended' and not v_already then
      perform streamkeeper.finish(array[v_stream.id], null, v_reason, streamkeeper.current_user_id(), null, 1);
    end if;

    select * into strict v_event from public.events e where e.id = p_event_id for update;
    if v_event.status <> 'ended' then
      v_event := streamkeeper.settle_event(v_event);
    end if;
    if v_event.status <> 'ended' then
      v_already := false;
      perform streamkeeper.finish_event(v_event, clock_timestamp(), 'call', v_reason);
    elsif v_event.ended_by = 'absence' then
      -- Over for good, now that somebody has said so.
      update public.events e set ended_by = 'call' where e.id = p_event_id;
    end if;
    return json_build_object(
      'success', true, 'status', 'ended', 'event_id', p_event_id, 'generation', v_event.generation, 'already', v_already
    );
  end
  $$;
comment on function public.end_event(uuid, text) is
  'Ends an event for good, and its stream with it. Repeating it is harmless: already. Host, admin, service.';

revoke execute on function streamkeeper.may_watch(public.events) from public;
revoke execute on function streamkeeper.event_json(public.events) from public;
revoke execute on function streamkeeper.default_grace_seconds() from public;
revoke execute on function streamkeeper.check_event_times(timestamptz, timestamptz, timestamptz) from public;
revoke execute on function public.create_event(text, uuid, uuid, timestamptz, timestamptz, boolean, integer)
  from public, anon, authenticated, service_role;
revoke execute on function public.get_event(uuid) from public, anon, authenticated, service_role;
revoke execute on function public.end_event(uuid, text) from public, anon, authenticated, service_role;
grant execute on function public.create_event(text, uuid, uuid, timestamptz, timestamptz, boolean, integer)
  to authenticated, service_role;
grant execute on function public.get_event(uuid) to anon, authenticated, service_role;
grant execute on function public.end_event(uuid, text) to authenticated, service_role;
