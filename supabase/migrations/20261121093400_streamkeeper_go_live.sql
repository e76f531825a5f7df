-- Going live in a room, and ending it.

-- A new session with its stream; scheduled, or live at once. The caller has locked the room, which has no open session.
create function streamkeeper.open_session(
    p_room public.live_rooms, p_title text, p_starts_at timestamptz, p_lobby_at timestamptz, p_live_at timestamptz
  ) returns uuid
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_stream_id uuid := gen_random_uuid();
    v_session_id uuid;
  begin
    insert into public.livestreams (id, streamer_id, title, status, scheduled_at, started_at, last_seen_at)
    values (
      v_stream_id, p_room.host_user_id, coalesce(p_title, p_room.title),
      case when p_live_at is null then 'scheduled' else 'live' end, p_starts_at, p_live_at, p_live_at
    );
    insert into public.live_room_sessions (room_id, stream_id, title, status, starts_at, lobby_at, started_at)
    select p_room.id, l.id, l.title, l.status, p_starts_at, p_lobby_at, l.started_at
    from public.livestreams l where l.id = v_stream_id
    returning id into v_session_id;
    perform streamkeeper.rooms_in_step(array[p_room.id]);
    return v_session_id;
  end
  $$;

create function public.live_room_create_session(
    p_room_id uuid,
    p_title text default null,
    p_idempotency_key text default null,
    p_holder text default null,
    p_take_over boolean default false
  ) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_room public.live_rooms;
    v_session public.live_room_sessions;
    v_replayed boolean;
    v_recovered boolean := false;
    v_now timestamptz;
  begin
    perform streamkeeper.check_length('p_title', p_title, 200);
    if p_idempotency_key is not null then
      perform streamkeeper.check_name('p_idempotency_key', p_idempotency_key, 200);
    end if;
    if p_holder is not null then
      perform streamkeeper.check_holder(p_holder);
    end if;
    v_room := streamkeeper.lock_room(p_room_id);

    select * into v_session from public.live_room_sessions s
    where s.room_id = p_room_id and s.idempotency_key = p_idempotency_key;
    v_replayed := found;
    if not v_replayed then
      select rooms > 0 into v_recovered from streamkeeper.heal_rooms(array[p_room_id], 'live_room_create_session');
      select * into v_session from public.live_room_sessions s
      where s.room_id = p_room_id and s.status in ('scheduled', 'live');
      if v_session.status = 'live' and not coalesce(p_take_over, false) then
        raise exception 'room % is live', p_room_id using
          errcode = 'PT409', hint = 'join or take over', detail = streamkeeper.room_session(v_session)::text;
      elsif v_session.status = 'live' then
        perform streamkeeper.finish(
          array[v_session.stream_id], null, 'taken_over', streamkeeper.current_user_id(), p_holder, 1
        );
        v_session := null;
      end if;

      v_now := clock_timestamp();
      if v_session.id is null then
        v_session.id := streamkeeper.open_session(v_room, p_title, null, null, v_now);
      else
        update public.livestreams l
        set status = 'live', started_at = v_now, last_seen_at = v_now, title = coalesce(p_title, l.title)
        where l.id = v_session.stream_id;
      end if;
      update public.live_room_sessions s
      set idempotency_key = p_idempotency_key, requested_title = p_title, title = coalesce(p_title, s.title)
      where s.id = v_session.id
      returning s.* into v_session;
      if p_holder is not null then
        perform streamkeeper.hold(v_session.stream_id, p_holder, streamkeeper.default_lease_seconds());
      end if;
    elsif v_session.requested_title is distinct from p_title then
      raise exception 'p_idempotency_key was used before, with another p_title' using errcode = 'PT422';
    end if;

    perform streamkeeper.sweep_lazily(p_spare => v_session.stream_id);
    return streamkeeper.room_session(v_session) || jsonb_build_object('recovered', v_recovered, 'replayed', v_replayed);
  end
  $$;
comment on function public.live_room_create_session(uuid, text, text, text, boolean) is
  'Takes a room live: its scheduled session, or a new one. A room that was stuck is put right first: recovered. The same '
  'p_idempotency_key and p_title again: the same session, replayed; another p_title: PT422. A room that is live: PT409, '
  'with the live session in the details, unless p_take_over ends that one first. p_holder holds the stream, as in '
  'start_stream. Host, admin, service.';

create function public.live_room_end(
    p_room_id uuid,
    p_session_id uuid default null,
    p_reason text default null,
    p_holder text default null,
    p_attempt integer default 1
  ) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_session public.live_room_sessions;
    v_already boolean;
  begin
    perform streamkeeper.check_length('p_reason', p_reason, 500);
    perform streamkeeper.check_length('p_holder', p_holder, 100);
    if p_attempt is null or p_attempt not between 1 and 1000 then
      raise exception 'p_attempt is %; it must be between 1 and 1000', coalesce(p_attempt::text, 'null')
        using errcode = 'invalid_parameter_value';
    end if;
    perform streamkeeper.lock_room(p_room_id);
    if p_session_id is not null and not exists (
      select from public.live_room_sessions s where s.id = p_session_id and s.room_id = p_room_id
    ) then
      raise exception 'room % has no session %', p_room_id, p_session_id using errcode = 'PT404';
    end if;
    perform streamkeeper.heal_rooms(array[p_room_id], 'live_room_end');

    -- Without an id what is live, or what was last. Tomorrow's session is reached by its id only: a call that comes late, or
    -- twice, must not call it off.
    select * into v_session from public.live_room_sessions s
    where s.id = coalesce(
      p_session_id,
      (select o.id from public.live_room_sessions o where o.room_id = p_room_id and o.status = 'live'),
      (
        select o.id from public.live_room_sessions o
        where o.room_id = p_room_id and o.status in ('ended', 'cancelled') order by o.created_at desc limit 1
      )
    );
    v_already := coalesce(v_session.status in ('ended', 'cancelled'), true);
    if not v_already then
      perform streamkeeper.finish(
        array[v_session.stream_id], null, p_reason, streamkeeper.current_user_id(), p_holder, p_attempt
      );
    end if;
    return json_build_object(
      'success', true,
      'status', case when v_already then 'already_ended' else 'ended' end,
      'room_id', p_room_id,
      'session_id', v_session.id,
      'stream_id', v_session.stream_id,
      'already', v_already
    );
  end
  $$;
comment on function public.live_room_end(uuid, uuid, text, text, integer) is
  'Ends what is live in a room: session, attendance, stream and room. With p_session_id only that session, also one that is '
  'still to come: a call that comes late does nothing to the next one. Repeating it is harmless: already. p_holder and p_attempt are for the trail, as in '
  'end_stream_comprehensive. Host, admin, service.';

revoke execute on function streamkeeper.open_session(public.live_rooms, text, timestamptz, timestamptz, timestamptz)
  from public;
revoke execute on function public.live_room_create_session(uuid, text, text, text, boolean)
  from public, anon, authenticated, service_role;
revoke execute on function public.live_room_end(uuid, uuid, text, text, integer)
  from public, anon, authenticated, service_role;
grant execute on function public.live_room_create_session(uuid, text, text, text, boolean) to authenticated, service_role;
grant execute on function public.live_room_end(uuid, uuid, text, text, integer) to authenticated, service_role;
