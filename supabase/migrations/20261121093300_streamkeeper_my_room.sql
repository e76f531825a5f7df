-- Reading rooms, and getting one's own.

-- The shapes `RoomSession` and `Room`.
create function streamkeeper.room_session(p_session public.live_room_sessions) returns jsonb
  language sql immutable set search_path = ''
  as $$
    select jsonb_build_object(
      'id', p_session.id,
      'room_id', p_session.room_id,
      'stream_id', p_session.stream_id,
      'title', p_session.title,
      'status', p_session.status,
      'starts_at', p_session.starts_at,
      'started_at', p_session.started_at,
      'ended_at', p_session.ended_at
    )
  $$;

create function streamkeeper.room(p_room_id uuid) returns jsonb
  language sql stable set search_path = ''
  as $$
    select jsonb_build_object(
      'id', r.id,
      'title', r.title,
      'status', r.status,
      'host_user_id', r.host_user_id,
      'current_session_id', r.current_session_id,
      'host_present', r.host_present,
      'starts_at', r.starts_at,
      'is_host', coalesce(r.host_user_id = streamkeeper.current_user_id(), false),
      'current_session', (
        select streamkeeper.room_session(s) from public.live_room_sessions s where s.id = r.current_session_id
      )
    )
    from public.live_rooms r
    where r.id = p_room_id
  $$;

create function public.my_room() returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_user_id text := streamkeeper.current_user_id();
    v_room_id uuid;
    v_created boolean := false;
  begin
    if v_user_id is null then
      raise exception 'my_room needs a signed-in user'
        using errcode = 'insufficient_privilege', hint = 'The token must carry the user''s id in its sub claim.';
    end if;
    -- Nearly always.
    select u.live_room_id into v_room_id from public.app_users u where u.user_id = v_user_id;
    if v_room_id is null then
      insert into public.app_users (user_id) values (v_user_id) on conflict (user_id) do nothing;
      -- The user's row is the lock: of many first visits at the same time the first one makes the room.
      select u.live_room_id into v_room_id from public.app_users u where u.user_id = v_user_id for update;
    end if;
    if v_room_id is null then
      insert into public.live_rooms (host_user_id) values (v_user_id) returning id into v_room_id;
      update public.app_users u set live_room_id = v_room_id where u.user_id = v_user_id;
      v_created := true;
    end if;
    return streamkeeper.room(v_room_id) || jsonb_build_object('created', v_created);
  end
  $$;
comment on function public.my_room() is
  'The caller''s permanent room, with its open session as current_session; made on the first visit: created.';

create function public.get_live_room(p_room_id uuid) returns json
  language sql stable security definer set search_path = ''
  as $$
    select coalesce(
      streamkeeper.room(p_room_id) || '{"success": true}',
      jsonb_build_object('success', false, 'status', 'not_found', 'id', p_room_id)
    )::json
  $$;
comment on function public.get_live_room(uuid) is
  'A room and its open session, for everyone who knows its id; is_host says whether it is the caller''s.';

revoke execute on function streamkeeper.room_session(public.live_room_sessions) from public;
revoke execute on function streamkeeper.room(uuid) from public;
revoke execute on function public.my_room() from public, anon, authenticated, service_role;
revoke execute on function public.get_live_room(uuid) from public, anon, authenticated, service_role;
grant execute on function public.my_room() to authenticated, service_role;
grant execute on function public.get_live_room(uuid) to anon, authenticated, service_role;
