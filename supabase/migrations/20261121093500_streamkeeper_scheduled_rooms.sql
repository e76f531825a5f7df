-- What comes before a session is live: a time, and a lobby in which people may wait.

-- Locks and heals the room, and gives its session that is still to come; null: there is none. A live one is refused.
create function streamkeeper.coming_session(p_room_id uuid, p_found_by text) returns public.live_room_sessions
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_session public.live_room_sessions;
  begin
    perform streamkeeper.lock_room(p_room_id);
    perform streamkeeper.heal_rooms(array[p_room_id], p_found_by);
    select * into v_session from public.live_room_sessions s
    where s.room_id = p_room_id and s.status in ('scheduled', 'live');
    if v_session.status = 'live' then
      raise exception 'room % is live', p_room_id using
        errcode = 'PT409', hint = 'End it first.', detail = streamkeeper.room_session(v_session)::text;
    end if;
    return v_session;
  end
  $$;

-- Changes that session, or opens one; the room follows.
create function streamkeeper.plan_session(
    p_session public.live_room_sessions, p_room_id uuid, p_title text, p_starts_at timestamptz, p_lobby_at timestamptz
  ) returns json
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_room public.live_rooms;
  begin
    if p_session.id is null then
      select * into strict v_room from public.live_rooms r where r.id = p_room_id;
      perform streamkeeper.open_session(v_room, p_title, p_starts_at, p_lobby_at, null);
    else
      update public.livestreams l set scheduled_at = p_starts_at, title = coalesce(p_title, l.title)
      where l.id = p_session.stream_id;
      update public.live_room_sessions s
      set starts_at = p_starts_at, lobby_at = p_lobby_at, title = coalesce(p_title, s.title)
      where s.id = p_session.id;
      perform streamkeeper.rooms_in_step(array[p_room_id]);
    end if;
    return streamkeeper.room(p_room_id);
  end
  $$;

create function public.live_room_schedule(
    p_room_id uuid, p_starts_at timestamptz, p_title text default null
  ) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_now timestamptz := clock_timestamp();
    v_session public.live_room_sessions;
  begin
    perform streamkeeper.check_length('p_title', p_title, 200);
    if p_starts_at is null or p_starts_at not between v_now and v_now + interval '1 year' then
      raise exception 'p_starts_at is %; it must be in the future, within a year', coalesce(p_starts_at::text, 'null')
        using errcode = 'invalid_parameter_value';
    end if;
    v_session := streamkeeper.coming_session(p_room_id, 'live_room_schedule');
    return streamkeeper.plan_session(v_session, p_room_id, p_title, p_starts_at, null);
  end
  $$;
comment on function public.live_room_schedule(uuid, timestamptz, text) is
  'Says when a room is going to be live, at most a year ahead; again: another time. A lobby that was open is closed. A room '
  'that is live: PT409. Host, admin, service.';

create function public.live_room_open_lobby(p_room_id uuid) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_session public.live_room_sessions := streamkeeper.coming_session(p_room_id, 'live_room_open_lobby');
  begin
    return streamkeeper.plan_session(
      v_session, p_room_id, null, v_session.starts_at, coalesce(v_session.lobby_at, clock_timestamp())
    );
  end
  $$;
comment on function public.live_room_open_lobby(uuid) is
  'Lets people wait in a room before it is live, whether it is scheduled or not. A room that is live: PT409. Host, admin, '
  'service.';

create function public.live_room_cancel(p_room_id uuid) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_session public.live_room_sessions := streamkeeper.coming_session(p_room_id, 'live_room_cancel');
  begin
    if v_session.id is not null then
      perform streamkeeper.finish(
        array[v_session.stream_id], null, 'cancelled', streamkeeper.current_user_id(), null, 1
      );
    end if;
    return streamkeeper.room(p_room_id);
  end
  $$;
comment on function public.live_room_cancel(uuid) is
  'Calls off what a room is scheduled for, and closes its lobby. Repeating it is harmless. A room that is live: PT409. '
  'Host, admin, service.';

revoke execute on function streamkeeper.coming_session(uuid, text) from public;
revoke execute on function streamkeeper.plan_session(public.live_room_sessions, uuid, text, timestamptz, timestamptz)
  from public;
revoke execute on function public.live_room_schedule(uuid, timestamptz, text)
  from public, anon, authenticated, service_role;
revoke execute on function public.live_room_open_lobby(uuid) from public, anon, authenticated, service_role;
revoke execute on function public.live_room_cancel(uuid) from public, anon, authenticated, service_role;
grant execute on function public.live_room_schedule(uuid, timestamptz, text) to authenticated, service_role;
grant execute on function public.live_room_open_lobby(uuid) to authenticated, service_role;
grant execute on function public.live_room_cancel(uuid) to authenticated, service_role;
