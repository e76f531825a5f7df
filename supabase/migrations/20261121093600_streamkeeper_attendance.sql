-- Who is in a session. A join is a heartbeat too: whoever is not heard of for 90 s has left when that time was over, and
-- whoever is back within a minute of leaving has not been away.

create function public.live_room_join(p_session_id uuid) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_user_id text := streamkeeper.current_user_id();
    v_session public.live_room_sessions;
    v_now timestamptz;
    v_seconds integer := streamkeeper.default_lease_seconds();
    v_attendance public.live_room_attendance;
    v_lease streamkeeper.leases;
    v_away_since timestamptz;
  begin
    if v_user_id is null then
      raise exception 'live_room_join needs a signed-in user'
        using errcode = 'insufficient_privilege', hint = 'The token must carry the user''s id in its sub claim.';
    end if;
    -- Shared by all who join: the end of the session waits for them, and who comes later sees that it has ended.
    select * into v_session from public.live_room_sessions s where s.id = p_session_id for share;
    if not found then
      raise exception 'there is no session %', coalesce(p_session_id::text, 'null') using errcode = 'PT404';
    elsif v_session.status in ('ended', 'cancelled') then
      raise exception 'session % is over', p_session_id using errcode = 'PT409';
    elsif v_session.status = 'scheduled' and v_session.lobby_at is null then
      raise exception 'session % has not begun', p_session_id using errcode = 'PT409';
    end if;

    select * into v_attendance from public.live_room_attendance a
    where a.session_id = p_session_id and a.user_id = v_user_id
    order by a.joined_at desc, a.id desc limit 1 for update;
    v_now := clock_timestamp();
    select * into v_lease from streamkeeper.leases l
    where l.kind = 'viewer' and l.subject = p_session_id::text and l.holder = v_user_id;
    v_away_since := coalesce(
      v_attendance.left_at,
      case when streamkeeper.has_lapsed(v_lease, v_now, streamkeeper.sweeper_alive_since()) then v_lease.lease_until end
    );
    if v_attendance.id is not null and (v_away_since is null or v_away_since >= v_now - interval '60 seconds') then
      update public.live_room_attendance a set left_at = null, last_seen_at = greatest(a.last_seen_at, v_now)
      where a.id = v_attendance.id
      returning a.* into v_attendance;
    else
      update public.live_room_attendance a set left_at = greatest(a.joined_at, v_away_since)
      where a.id = v_attendance.id and a.left_at is null;
      insert into public.live_room_attendance as a (session_id, user_id, joined_at, last_seen_at)
      values (p_session_id, v_user_id, v_now, v_now)
      -- Another tab has just come in.
      on conflict (session_id, user_id) where left_at is null
      do update set last_seen_at = greatest(a.last_seen_at, excluded.last_seen_at)
      returning a.* into v_attendance;
    end if;

    insert into streamkeeper.leases as l (kind, subject, holder, lease_seconds, lease_until, renewed_at)
    values ('viewer', p_session_id::text, v_user_id, v_seconds, v_now + make_interval(secs => v_seconds), v_now)
    on conflict (kind, subject, holder)
    do update
    set lease_seconds = excluded.lease_seconds, lease_until = excluded.lease_until, renewed_at = excluded.renewed_at
    returning l.* into v_lease;
    return json_build_object(
      'success', true,
      'status', case v_session.status when 'scheduled' then 'lobby' else v_session.status end,
      'session_id', v_session.id,
      'room_id', v_session.room_id,
      'stream_id', v_session.stream_id,
      'joined_at', v_attendance.joined_at,
      'lease_until', v_lease.lease_until
    );
  end
  $$;
comment on function public.live_room_join(uuid) is
  'The caller is in this session, for 90 s from now on; to be repeated, every 30 s for instance. Into a live session, or '
  'one whose lobby is open; others: PT409.';

create function public.live_room_leave(p_session_id uuid) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_user_id text := streamkeeper.current_user_id();
    v_left boolean;
  begin
    update public.live_room_attendance a set left_at = greatest(a.joined_at, clock_timestamp())
    where a.session_id = p_session_id and a.user_id = v_user_id and a.left_at is null;
    v_left := found;
    if v_left then
      delete from streamkeeper.leases l
      where l.kind = 'viewer' and l.subject = p_session_id::text and l.holder = v_user_id;
    end if;
    return json_build_object('success', true, 'status', case when v_left then 'left' else 'already_left' end);
  end
  $$;
comment on function public.live_room_leave(uuid) is 'The caller is not in this session any more. Repeating it is harmless.';

-- Ends the attendance of those whose leases have lapsed, at the time of the lapse; returns of how many. Waits for nobody,
-- and comes last in its transaction: who joins holds a share of the session and waits for the row that this has locked.
create function streamkeeper.close_lapsed_attendance(p_limit integer) returns integer
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_alive_since timestamptz := streamkeeper.sweeper_alive_since();
    v_now timestamptz := clock_timestamp();
    v_ids bigint[];
    v_left integer;
  begin
    select array_agg(t.id) into v_ids
    from (
      select a.id
      from streamkeeper.leases l
      join public.live_room_attendance a
        on a.session_id = l.subject::uuid and a.user_id = l.holder and a.left_at is null
      where l.kind = 'viewer' and l.lease_until < v_now and streamkeeper.has_lapsed(l, v_now, v_alive_since)
      order by l.lease_until limit p_limit for update of a skip locked
    ) t;
    -- First the locks, then a fresh look: whoever joined in between has won.
    with gone as (
      delete from streamkeeper.leases l
      using public.live_room_attendance a
      where a.id = any (v_ids) and a.left_at is null
        and l.kind = 'viewer' and l.subject = a.session_id::text and l.holder = a.user_id
        and streamkeeper.has_lapsed(l, v_now, v_alive_since)
      returning a.id, l.lease_until
    )
    update public.live_room_attendance a set left_at = greatest(a.joined_at, g.lease_until)
    from gone g
    where a.id = g.id;
    get diagnostics v_left = row_count;
    return v_left;
  end
  $$;

create function public.sweep_attendance() returns integer
  language plpgsql volatile security definer set search_path = ''
  as $$
  begin
    perform streamkeeper.check_admin('sweep_attendance');
    return streamkeeper.close_lapsed_attendance(5000);
  end
  $$;
comment on function public.sweep_attendance() is
  'Whoever is in a session and was not heard of for 90 s has left when they were over; returns how many. To be called every '
  '15 s, in a transaction of its own. Admin, service.';

revoke execute on function streamkeeper.close_lapsed_attendance(integer) from public;
revoke execute on function public.live_room_join(uuid) from public, anon, authenticated, service_role;
revoke execute on function public.live_room_leave(uuid) from public, anon, authenticated, service_role;
revoke execute on function public.sweep_attendance() from public, anon, authenticated, service_role;
grant execute on function public.live_room_join(uuid) to authenticated, service_role;
grant execute on function public.live_room_leave(uuid) to authenticated, service_role;
grant execute on function public.sweep_attendance() to authenticated, service_role;
