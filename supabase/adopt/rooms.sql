-- Takes over the rooms that before.sql has moved aside, once the migrations have been applied, and before after.sql. See
-- README.md. It may be run again: what is there already stays as it is.

create schema if not exists streamkeeper_adopted;
revoke all on schema streamkeeper_adopted from public;

-- One statement, so that it happens as a whole or not at all.
do $$
declare
  v_has_listing boolean := to_regclass('streamkeeper_adopted.community_live_streams') is not null;
  v_sessions_ended bigint;
  v_rooms_reset bigint;
  v_streams_synced bigint := 0;
  v_line record;
begin
  if to_regproc('public.live_room_create_session') is null then
    raise exception 'the migrations have not been applied yet: apply them, and then run this';
  end if;
  create table if not exists streamkeeper_adopted.report (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    what text not null,
    count bigint not null
  );
  if to_regclass('streamkeeper_adopted.live_rooms') is null
    or to_regclass('streamkeeper_adopted.live_room_sessions') is null
  then
    return;
  end if;
  perform set_config('timezone', 'UTC', true);

  -- Through JSON: a column that the old table does not have is null.
  create or replace view streamkeeper_adopted.rooms as
    select (t.j ->> 'id')::uuid as id, t.j ->> 'host_user_id' as host_user_id,
      left(coalesce(t.j ->> 'title', t.j ->> 'name'), 200) as title, coalesce(t.j ->> 'status', 'idle') as status,
      (t.j ->> 'current_session_id')::uuid as current_session_id,
      coalesce(least((t.j ->> 'created_at')::timestamptz, now()), now()) as created_at,
      coalesce(char_length(t.j ->> 'host_user_id') between 1 and 200, false) as has_host
    from (select to_jsonb(r) as j from streamkeeper_adopted.live_rooms r) t;

  -- What becomes of each session. On is what its room says is on, what does not say itself that it is over, and of what
  -- there was a sign within a day.
  create or replace view streamkeeper_adopted.sessions as
    with old as (
      select (t.j ->> 'id')::uuid as id, (t.j ->> 'room_id')::uuid as room_id,
        left(coalesce(t.j ->> 'title', t.j ->> 'session_title'), 200) as title, t.j ->> 'status' as status,
        coalesce((t.j ->> 'starts_at')::timestamptz, (t.j ->> 'scheduled_at')::timestamptz) as starts_at,
        case when (t.j ->> 'started_at')::timestamptz <= now() then (t.j ->> 'started_at')::timestamptz end as started_at,
        case when (t.j ->> 'ended_at')::timestamptz <= now() then (t.j ->> 'ended_at')::timestamptz end as ended_at,
        least((t.j ->> 'updated_at')::timestamptz, now()) as updated_at,
        coalesce(least((t.j ->> 'created_at')::timestamptz, now()), now()) as created_at
      from (select to_jsonb(s) as j from streamkeeper_adopted.live_room_sessions s) t
    ),
    timed as (
      select o.*, r.host_user_id, r.has_host, r.title as room_title, r.status as room_status,
        coalesce(o.status not in ('ended', 'cancelled'), true) as says_open,
        case when o.status = 'cancelled' then null when o.status = 'live' then coalesce(o.started_at, o.created_at)
          else o.started_at end as began_at,
        coalesce(r.current_session_id = o.id and r.status <> 'idle' and o.ended_at is null, false) as is_current
      from old o
      join streamkeeper_adopted.rooms r on r.id = o.room_id
    ),
    seen as (
      -- The last sign of it, within a day.
      select t.*, case
        when t.began_at is not null then least(greatest(t.began_at, t.updated_at), t.began_at + interval '24 hours')
      end as seen_at
      from timed t
    ),
    judged as (
      select s.*,
        s.is_current and s.says_open
          and coalesce(s.seen_at, s.starts_at, s.created_at) > now() - interval '24 hours' as is_on
      from seen s
    )
    select j.id, j.room_id, j.host_user_id, j.has_host, coalesce(j.title, j.room_title) as title, b.becomes, j.says_open,
      j.room_status, j.starts_at, j.created_at, j.began_at as started_at, j.seen_at,
      case when not j.is_on
        then greatest(j.began_at, coalesce(j.ended_at, j.seen_at, j.updated_at, j.created_at)) end as ended_at
    from judged j
    cross join lateral (
      select case
        when j.is_on then case when j.began_at is null then 'scheduled' else 'live' end
        when j.began_at is null then 'cancelled'
        else 'ended'
      end as becomes
    ) b;

  create temporary table taken_rooms on commit drop as
    select r.* from streamkeeper_adopted.rooms r
    where r.has_host and not exists (select from public.live_rooms n where n.id = r.id);
  create temporary table taken_sessions on commit drop as
    select s.* from streamkeeper_adopted.sessions s
    where s.has_host and not exists (select from public.live_room_sessions n where n.id = s.id);

  insert into public.live_rooms (id, host_user_id, title, created_at)
  select r.id, r.host_user_id, r.title, r.created_at from taken_rooms r;
  -- Each session has a stream now, of the same id.
  insert into public.livestreams
    (id, streamer_id, title, status, scheduled_at, started_at, last_seen_at, ended_at, end_reason, created_at)
  select s.id, s.host_user_id, s.title, case when s.becomes = 'cancelled' then 'ended' else s.becomes end, s.starts_at,
    s.started_at, case when s.becomes = 'ended' then s.ended_at else s.seen_at end, s.ended_at,
    case when s.says_open and s.ended_at is not null then 'adopted: was stuck' end, s.created_at
  from taken_sessions s
  on conflict (id) do nothing;
  insert into public.live_room_sessions
    (id, room_id, stream_id, title, status, starts_at, lobby_at, started_at, ended_at, end_reason, created_at)
  select s.id, s.room_id, s.id, s.title, s.becomes, s.starts_at,
    case when s.becomes = 'scheduled' and s.room_status = 'lobby' then s.created_at end, s.started_at, s.ended_at,
    case when s.says_open and s.ended_at is not null then 'adopted: was stuck' end, s.created_at
  from taken_sessions s;
  perform streamkeeper.rooms_in_step(array(select r.id from taken_rooms r));

  -- The permanent room of a user is the one that the user's row names, or else the newest.
  insert into public.app_users (user_id)
  select distinct r.host_user_id from taken_rooms r
  on conflict (user_id) do nothing;
  if to_regclass('streamkeeper_adopted.app_users') is not null then
    insert into public.app_users as u (user_id, display_name, email, live_room_id)
    select distinct on (t.j ->> 'user_id') t.j ->> 'user_id',
      left(coalesce(t.j ->> 'display_name', t.j ->> 'full_name', t.j ->> 'name'), 200), left(t.j ->> 'email', 320), r.id
    from (select to_jsonb(o) as j from streamkeeper_adopted.app_users o) t
    left join public.live_rooms r on r.id::text = t.j ->> 'live_room_id' and r.host_user_id = t.j ->> 'user_id'
    where char_length(t.j ->> 'user_id') between 1 and 200
    order by t.j ->> 'user_id', r.id
    on conflict (user_id) do update set
      display_name = coalesce(u.display_name, excluded.display_name),
      email = coalesce(u.email, excluded.email),
      live_room_id = coalesce(u.live_room_id, excluded.live_room_id);
  end if;
  update public.app_users u set live_room_id = (
    select r.id from public.live_rooms r where r.host_user_id = u.user_id order by r.created_at desc, r.id limit 1
  )
  where u.live_room_id is null and u.user_id in (select r.host_user_id from taken_rooms r);

  if to_regclass('streamkeeper_adopted.live_room_attendance') is not null then
    -- Of somebody who was in a session twice at the same time, the earlier time ended where the later one began.
    insert into public.live_room_attendance (session_id, user_id, joined_at, last_seen_at, left_at)
    select a.session_id, a.user_id, a.joined_at, a.joined_at,
      case when over.at is not null then greatest(a.joined_at, over.at) end
    from (
      select (t.j ->> 'session_id')::uuid as session_id, t.j ->> 'user_id' as user_id,
        (t.j ->> 'joined_at')::timestamptz as joined_at, (t.j ->> 'left_at')::timestamptz as left_at,
        lead((t.j ->> 'joined_at')::timestamptz) over (
          partition by t.j ->> 'session_id', t.j ->> 'user_id' order by (t.j ->> 'joined_at')::timestamptz
        ) as next_joined_at
      from (select to_jsonb(o) as j from streamkeeper_adopted.live_room_attendance o) t
    ) a
    join taken_sessions s on s.id = a.session_id
    cross join lateral (values (coalesce(a.left_at, a.next_joined_at, s.ended_at))) as over (at)
    where a.joined_at is not null and char_length(a.user_id) between 1 and 200;
    -- Who is still there has 90 s to say so.
    insert into streamkeeper.leases (kind, subject, holder, lease_seconds, lease_until)
    select 'viewer', a.session_id::text, a.user_id, 90, now() + interval '90 seconds'
    from public.live_room_attendance a
    join taken_sessions s on s.id = a.session_id
    where a.left_at is null;
  end if;

  v_sessions_ended := (select count(*) from taken_sessions s where s.says_open and s.ended_at is not null);
  v_rooms_reset := (
    select count(*) from taken_rooms r join public.live_rooms n on n.id = r.id where r.status <> 'idle' and n.status = 'idle'
  );
  if v_has_listing then
    -- The listing is derived now: what it said was live, and is not, has ended by that.
    select count(*) into v_streams_synced
    from (select to_jsonb(o) as j from streamkeeper_adopted.community_live_streams o) t
    where t.j ->> 'status' in ('live', 'active')
      and exists (select from taken_rooms)
      and not exists (
        select from public.live_room_sessions s
        where s.status in ('scheduled', 'live')
          and s.id::text in (t.j ->> 'id', t.j ->> 'session_id', t.j ->> 'live_room_session_id')
      );
  end if;
  insert into streamkeeper_adopted.report (what, count)
  values
    ('rooms taken over', (select count(*) from taken_rooms)),
    ('rooms left behind: they have no host', (select count(*) from streamkeeper_adopted.rooms r where not r.has_host)),
    ('room sessions taken over', (select count(*) from taken_sessions)),
    ('room sessions ended: they were stuck', v_sessions_ended),
    ('rooms reset to idle: they were stuck', v_rooms_reset),
    ('listed streams ended: nothing was on', v_streams_synced),
    (
      'users with several rooms: one is theirs now, the others stay as rows',
      (select count(*) from (select from taken_rooms r group by r.host_user_id having count(*) > 1) t)
    );

  raise notice 'Ended % stuck sessions', v_sessions_ended;
  raise notice 'Reset % stuck rooms to idle', v_rooms_reset;
  raise notice 'Synced % stuck streams to ended', v_streams_synced;
  for v_line in select r.what, r.count from streamkeeper_adopted.report r where r.at = now() order by r.id loop
    raise notice 'streamkeeper: %: %', v_line.what, v_line.count;
  end loop;
end
$$;
