-- A session follows its stream, and a room its open session: here, for everybody. Whoever ends a stream (a call, a lease,
-- an admin, the sweeper) ends its session, its attendance and its room with it, in the same transaction.
--
-- Locks are taken in one order, by everybody: streams by id, rooms by id, sessions, attendance, leases of viewers.

-- What each room should say.
create view streamkeeper.room_truth as
  select r.id as room_id, s.id as current_session_id, s.starts_at,
    case
      when s.id is null then 'idle'
      when s.status = 'live' then 'live'
      when s.lobby_at is not null then 'lobby'
      else 'scheduled'
    end as status,
    -- A holder that asked for 0 seconds has said goodbye.
    exists (
      select from streamkeeper.leases l
      where l.kind = 'host' and l.subject = s.stream_id::text and l.lease_seconds > 0
    ) as host_present
  from public.live_rooms r
  left join public.live_room_sessions s on s.room_id = r.id and s.status in ('scheduled', 'live');
revoke all on streamkeeper.room_truth from public, anon, authenticated, service_role;

-- Makes these rooms say it; returns how many of them have become idle.
create function streamkeeper.rooms_in_step(p_room_ids uuid[]) returns integer
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_idle integer;
  begin
    with changed as (
      update public.live_rooms r
      set status = t.status, current_session_id = t.current_session_id, host_present = t.host_present,
        starts_at = t.starts_at
      from streamkeeper.room_truth t
      where t.room_id = r.id and r.id = any (p_room_ids)
        and (r.status, r.current_session_id, r.host_present, r.starts_at)
          is distinct from (t.status, t.current_session_id, t.host_present, t.starts_at)
      returning r.status
    )
    select count(*) filter (where c.status = 'idle') into v_idle from changed c;
    return v_idle;
  end
  $$;

-- Brings the open sessions of these streams into step with them, and then their rooms; returns how many sessions are over
-- by that. The caller has locked the streams.
create function streamkeeper.sessions_in_step(p_stream_ids uuid[]) returns integer
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_room_ids uuid[] := array(
      select distinct s.room_id from public.live_room_sessions s where s.stream_id = any (p_stream_ids)
    );
    v_over integer;
  begin
    if v_room_ids = '{}' then
      return 0;
    end if;
    perform from public.live_rooms r where r.id = any (v_room_ids) order by r.id for update;

    with followed as (
      update public.live_room_sessions s
      set status = case
          when l.status = 'live' then 'live'
          -- Over without a start: it was called off.
          when l.started_at is null then 'cancelled'
          else 'ended'
        end,
        started_at = l.started_at, ended_at = l.ended_at, end_reason = l.end_reason
      from public.livestreams l
      where l.id = any (p_stream_ids) and l.id = s.stream_id
        and ((s.status = 'scheduled' and l.status in ('live', 'ended')) or (s.status = 'live' and l.status = 'ended'))
      returning s.status
    )
    select count(*) filter (where f.status <> 'live') into v_over from followed f;

    perform streamkeeper.rooms_in_step(v_room_ids);
    return v_over;
  end
  $$;

-- Nobody is in a session that is over, whoever ended it. Whose lease had lapsed before has left then.
create function streamkeeper.attendance_follows_sessions() returns trigger
  language plpgsql set search_path = ''
  as $$
  declare
    v_over uuid[] := (
      select array_agg(n.id) from new_sessions n join old_sessions o on o.id = n.id
      where n.status in ('ended', 'cancelled') and n.status <> o.status
    );
  begin
    if v_over is not null then
      update public.live_room_attendance a
      set left_at = greatest(a.joined_at, least(s.ended_at, (
        select l.lease_until from streamkeeper.leases l
        where l.kind = 'viewer' and l.subject = a.session_id::text and l.holder = a.user_id
      )))
      from public.live_room_sessions s
      where s.id = a.session_id and a.session_id = any (v_over) and a.left_at is null;
      delete from streamkeeper.leases l where l.kind = 'viewer' and l.subject = any (v_over::text[]);
    end if;
    return null;
  end
  $$;

create trigger attendance_follows_sessions after update on public.live_room_sessions
  referencing old table as old_sessions new table as new_sessions
  for each statement execute function streamkeeper.attendance_follows_sessions();

create function streamkeeper.sessions_follow_streams() returns trigger
  language plpgsql set search_path = ''
  as $$
  declare
    v_ids uuid[] := (
      select array_agg(n.id) from new_streams n join old_streams o on o.id = n.id where n.status <> o.status
    );
  begin
    if v_ids is not null then
      begin
        perform streamkeeper.sessions_in_step(v_ids);
      exception when others then
        -- Nothing that is wrong with a room may keep a stream from ending. cleanup_stuck_rooms() finds the room.
        raise warning 'streamkeeper: rooms did not follow their streams: %', sqlerrm;
      end;
    end if;
    return null;
  end
  $$;

create trigger sessions_follow_streams after update on public.livestreams
  referencing old table as old_streams new table as new_streams
  for each statement execute function streamkeeper.sessions_follow_streams();

-- host_present follows the leases of the host. Whoever changes those has locked the stream's row; with the end of the
-- stream they go, and the room follows that.
create function streamkeeper.room_follows_lease() returns trigger
  language plpgsql set search_path = ''
  as $$
  begin
    perform streamkeeper.rooms_in_step(array(
      select s.room_id from public.live_room_sessions s
      where s.stream_id = new.subject::uuid and s.status in ('scheduled', 'live')
    ));
    return null;
  exception when others then
    raise warning 'streamkeeper: a room did not follow its host''s lease: %', sqlerrm;
    return null;
  end
  $$;

create trigger room_follows_new_lease after insert on streamkeeper.leases for each row
  when (new.kind = 'host') execute function streamkeeper.room_follows_lease();
-- Renewing is no news.
create trigger room_follows_lease after update on streamkeeper.leases for each row
  when (new.kind = 'host' and (new.lease_seconds > 0) <> (old.lease_seconds > 0))
  execute function streamkeeper.room_follows_lease();

-- Viewers have leases too, of the session, under their user id.
alter table streamkeeper.leases drop constraint leases_holder_check;
alter table streamkeeper.leases add constraint leases_holder_check check (char_length(holder) between 1 and 200);
alter table streamkeeper.leases add constraint leases_of_viewers_are_on_sessions
  check (kind <> 'viewer' or subject::uuid is not null);
comment on table streamkeeper.leases is
  'Who holds what, until when. Of kind host: the subject is a live stream, the holder one page load of its host; of kind '
  'viewer: a session of a room, and a user. A host''s leases change only while its stream''s row is locked, a viewer''s '
  'while its open attendance is; they go when the stream ends.';

revoke execute on function streamkeeper.rooms_in_step(uuid[]) from public;
revoke execute on function streamkeeper.sessions_in_step(uuid[]) from public;
revoke execute on function streamkeeper.attendance_follows_sessions() from public;
revoke execute on function streamkeeper.sessions_follow_streams() from public;
revoke execute on function streamkeeper.room_follows_lease() from public;
