-- Stuck rooms: those that something by hand, or by a predecessor, has brought out of step. What is stuck is decided here
-- alone, under the room's lock; a room whose session is live is never reset.

-- Why: stream_ended (its session goes on without a stream), stream_not_ended (a stream goes on without its session),
-- session_over (it says that a session is on which is not), no_session (it says that something is on, but not what),
-- out_of_step (it does not say what its open session is).
create function streamkeeper.stuck(p_room_ids uuid[])
  returns table (room_id uuid, status text, current_session_id uuid, why text, since timestamptz)
  language sql stable set search_path = ''
  as $$
    with found as (
      select s.room_id, 1 as rank, 'stream_ended' as why, l.ended_at as since
      from public.live_room_sessions s
      join public.livestreams l on l.id = s.stream_id
      where s.room_id = any (p_room_ids) and s.status in ('scheduled', 'live') and l.status = 'ended'
      union all
      -- By the few streams of the host that are open, not by the many sessions that were.
      select r.id, 2, 'stream_not_ended', s.ended_at
      from public.live_rooms r
      join public.livestreams l on l.streamer_id = r.host_user_id and l.status in ('scheduled', 'live')
      join public.live_room_sessions s on s.stream_id = l.id and s.room_id = r.id
      where r.id = any (p_room_ids) and s.status in ('ended', 'cancelled')
      union all
      select r.id, 3,
        case
          when t.current_session_id is not null then 'out_of_step'
          when r.current_session_id is null then 'no_session'
          else 'session_over'
        end,
        r.changed_at
      from public.live_rooms r
      join streamkeeper.room_truth t on t.room_id = r.id
      where r.id = any (p_room_ids)
        and (r.status, r.current_session_id, r.host_present)
          is distinct from (t.status, t.current_session_id, t.host_present)
    )
    select distinct on (r.id) r.id, r.status, r.current_session_id, f.why, f.since
    from found f
    join public.live_rooms r on r.id = f.room_id
    order by r.id, f.rank
  $$;

-- The rooms that something is on in, or that say so: of all rooms there are too many to look at.
create function streamkeeper.rooms_in_use() returns uuid[]
  language sql stable set search_path = ''
  as $$
    select array(
      select r.id from public.live_rooms r
      where r.status <> 'idle' or r.current_session_id is not null or r.host_present
      union
      select s.room_id from public.live_room_sessions s where s.status in ('scheduled', 'live')
      union
      select s.room_id
      from public.livestreams l
      join public.live_room_sessions s on s.stream_id = l.id
      where l.status in ('scheduled', 'live')
    )
  $$;

-- For that; those that are live have one.
create index livestreams_scheduled on public.livestreams (id) where status = 'scheduled';

-- What was stuck, and who found it.
create table streamkeeper.room_recoveries (
  id bigint generated always as identity primary key,
  room_id uuid not null,
  why text not null,
  found_by text not null,
  at timestamptz not null default clock_timestamp()
);
comment on table streamkeeper.room_recoveries is
  'One row per stuck room that was put right. No foreign key: it outlives the room.';
alter table streamkeeper.room_recoveries enable row level security;
revoke all on streamkeeper.room_recoveries from public, anon, authenticated, service_role;
grant select on streamkeeper.room_recoveries to service_role;

-- Puts these rooms right; of all others nothing changes. The caller has locked them, and their streams before.
create function streamkeeper.heal_rooms(
    p_room_ids uuid[], p_found_by text, out rooms integer, out sessions_ended integer, out rooms_reset integer,
    out streams_synced integer
  )
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_room_ids uuid[];
    v_stream_ids uuid[];
    v_ended_at timestamptz[];
  begin
    with recovered as (
      insert into streamkeeper.room_recoveries (room_id, why, found_by)
      select s.room_id, s.why, p_found_by from streamkeeper.stuck(p_room_ids) s
      returning room_id
    )
    select array_agg(r.room_id) into v_room_ids from recovered r;
    rooms := coalesce(cardinality(v_room_ids), 0);
    sessions_ended := 0;
    rooms_reset := 0;
    streams_synced := 0;
    if rooms = 0 then
      return;
    end if;

    -- Counted now: a room is also reset by the end of its session or stream.
    rooms_reset := (
      select count(*) from public.live_rooms r
      where r.id = any (v_room_ids) and r.status <> 'idle' and not exists (
        select from public.live_room_sessions s join public.livestreams l on l.id = s.stream_id
        where s.room_id = r.id and s.status in ('scheduled', 'live') and l.status <> 'ended'
      )
    );

    -- Such a stream has ended with its session, or when its host was seen last.
    select array_agg(l.id), array_agg(least(clock_timestamp(), greatest(s.ended_at, l.last_seen_at)))
    into v_stream_ids, v_ended_at
    from public.live_room_sessions s
    join public.livestreams l on l.id = s.stream_id
    where s.room_id = any (v_room_ids) and s.status in ('ended', 'cancelled') and l.status in ('scheduled', 'live');
    if v_stream_ids is not null then
      perform streamkeeper.finish(v_stream_ids, v_ended_at, 'session_over', streamkeeper.current_user_id(), null, 1);
      streams_synced := cardinality(v_stream_ids);
    end if;

    sessions_ended := streamkeeper.sessions_in_step(array(
      select s.stream_id from public.live_room_sessions s
      where s.room_id = any (v_room_ids) and s.status in ('scheduled', 'live')
    ));
    perform streamkeeper.rooms_in_step(v_room_ids);
  end
  $$;

-- The room's row, locked, and its streams before it. While somebody holds this lock, nobody else gives the room a stream.
-- For its host, admins and the backend.
create function streamkeeper.lock_room(p_room_id uuid) returns public.live_rooms
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_room public.live_rooms;
  begin
    select * into v_room from public.live_rooms r where r.id = p_room_id;
    if not found then
      raise exception 'there is no room %', coalesce(p_room_id::text, 'null') using errcode = 'PT404';
    elsif not streamkeeper.may_act_for(v_room.host_user_id) then
      raise exception 'room % belongs to somebody else', p_room_id using errcode = 'insufficient_privilege';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('streamkeeper.room ' || p_room_id, 0));
    perform from public.livestreams l
    where l.streamer_id = v_room.host_user_id and l.status in ('scheduled', 'live')
      and exists (select from public.live_room_sessions s where s.stream_id = l.id and s.room_id = p_room_id)
    order by l.id for update;
    select * into strict v_room from public.live_rooms r where r.id = p_room_id for update;
    return v_room;
  end
  $$;

create function public.stuck_rooms() returns table (
    room_id uuid, status text, current_session_id uuid, why text, since timestamptz
  )
  language plpgsql stable security definer set search_path = ''
  as $$
  begin
    perform streamkeeper.check_admin('stuck_rooms');
    return query
      select s.* from streamkeeper.stuck(streamkeeper.rooms_in_use()) s order by s.since, s.room_id;
  end
  $$;
comment on function public.stuck_rooms() is
  'Rooms that do not say what is on in them, since when, and why. stream_ended: the session goes on without a stream. '
  'stream_not_ended: a stream goes on without its session. session_over: the room says that a session is on which is over. '
  'no_session: it says that something is on, but not what. out_of_step: it does not say what its open session is. Going '
  'live, ending the room and cleanup_stuck_rooms() put it right. Admin, service.';

create function public.cleanup_stuck_rooms() returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_room_ids uuid[];
    v_stream_ids uuid[];
    v_healed record;
  begin
    perform streamkeeper.check_admin('cleanup_stuck_rooms');
    -- Waits for nobody: whose row is locked is just being changed, and comes the next time.
    v_room_ids := array(select s.room_id from streamkeeper.stuck(streamkeeper.rooms_in_use()) s limit 1000);
    v_stream_ids := array(
      select l.id from public.livestreams l
      where l.status in ('scheduled', 'live') and exists (
        select from public.live_room_sessions s where s.stream_id = l.id and s.room_id = any (v_room_ids)
      )
      order by l.id for update skip locked
    );
    v_room_ids := array(
      select r.id from public.live_rooms r where r.id = any (v_room_ids) order by r.id for update skip locked
    );
    v_room_ids := array(
      select t.id from unnest(v_room_ids) as t (id)
      where not exists (
        select from public.live_room_sessions s join public.livestreams l on l.id = s.stream_id
        where s.room_id = t.id and l.status in ('scheduled', 'live') and l.id <> all (v_stream_ids)
      )
    );
    v_healed := streamkeeper.heal_rooms(v_room_ids, 'cleanup_stuck_rooms');

    raise notice 'Ended % stuck sessions', v_healed.sessions_ended;
    raise notice 'Reset % stuck rooms to idle', v_healed.rooms_reset;
    raise notice 'Synced % stuck streams to ended', v_healed.streams_synced;
    return json_build_object(
      'sessions_ended', v_healed.sessions_ended,
      'rooms_reset', v_healed.rooms_reset,
      'streams_synced', v_healed.streams_synced
    );
  end
  $$;
comment on function public.cleanup_stuck_rooms() is
  'Puts right what stuck_rooms() finds, at most 1000 rooms a call, and says how much of each. Repeating it is harmless. '
  'Admin, service.';

revoke execute on function streamkeeper.stuck(uuid[]) from public;
revoke execute on function streamkeeper.rooms_in_use() from public;
revoke execute on function streamkeeper.heal_rooms(uuid[], text) from public;
revoke execute on function streamkeeper.lock_room(uuid) from public;
revoke execute on function public.stuck_rooms() from public, anon, authenticated, service_role;
revoke execute on function public.cleanup_stuck_rooms() from public, anon, authenticated, service_role;
grant execute on function public.stuck_rooms() to authenticated, service_role;
grant execute on function public.cleanup_stuck_rooms() to authenticated, service_role;
