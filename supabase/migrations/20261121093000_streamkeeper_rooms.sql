-- Rooms: a user's one permanent place to go live in. Each time is a session, and each session has a stream of its own.
--
-- The stream is the truth about its session, and the open session is the truth about its room: see the next migration.

create table public.live_rooms (
  id uuid primary key default gen_random_uuid(),
  host_user_id text not null check (char_length(host_user_id) between 1 and 200),
  title text check (char_length(title) <= 200),
  -- No constraint ties the next four to each other: what somebody has set by hand is put right by what comes next.
  status text not null default 'idle' check (status in ('idle', 'scheduled', 'lobby', 'live')),
  current_session_id uuid,
  host_present boolean not null default false,
  starts_at timestamptz,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now()
);
comment on table public.live_rooms is
  'One row per room. A user''s permanent one is app_users.live_room_id. Written by the functions of rooms; its title also '
  'by the application''s backend.';

create table public.live_room_sessions (
  id uuid primary key default gen_random_uuid(),
  room_id uuid not null references public.live_rooms on delete cascade,
  stream_id uuid not null unique references public.livestreams on delete cascade,
  title text check (char_length(title) <= 200),
  status text not null default 'scheduled' check (status in ('scheduled', 'live', 'ended', 'cancelled')),
  -- What the call that took it live asked for: the same key and the same title again are the same call.
  idempotency_key text check (char_length(idempotency_key) between 1 and 200),
  requested_title text,
  starts_at timestamptz,
  lobby_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  end_reason text check (char_length(end_reason) <= 500),
  created_at timestamptz not null default now(),

  constraint live_room_sessions_times_fit_status check (
    case status
      when 'scheduled' then num_nonnulls(started_at, ended_at, end_reason) = 0
      when 'live' then started_at is not null and num_nonnulls(ended_at, end_reason) = 0
      when 'ended' then num_nulls(started_at, ended_at) = 0
      else started_at is null and ended_at is not null
    end
  ),
  constraint live_room_sessions_key_once_a_room unique (room_id, idempotency_key),
  -- For the foreign key of live_rooms: a room's session is never another room's.
  constraint live_room_sessions_of_room unique (room_id, id)
);
comment on table public.live_room_sessions is
  'One row per time that a room was live, or is going to be. lobby_at: since when people may wait inside.';

create unique index live_room_sessions_one_open_a_room on public.live_room_sessions (room_id)
  where status in ('scheduled', 'live');
create index live_room_sessions_by_room on public.live_room_sessions (room_id, created_at);
-- Those that ended just now: row-level security asks for it.
create index live_room_sessions_by_end on public.live_room_sessions (ended_at);

alter table public.live_rooms add constraint live_rooms_current_session_is_its_own
  foreign key (id, current_session_id) references public.live_room_sessions (room_id, id)
  on delete set null (current_session_id);
create index live_rooms_by_host on public.live_rooms (host_user_id);
create index live_rooms_not_idle on public.live_rooms (id)
  where status <> 'idle' or current_session_id is not null or host_present;

create table public.live_room_attendance (
  id bigint generated always as identity primary key,
  session_id uuid not null references public.live_room_sessions on delete cascade,
  user_id text not null check (char_length(user_id) between 1 and 200),
  joined_at timestamptz not null,
  last_seen_at timestamptz not null,
  left_at timestamptz,
  constraint live_room_attendance_times_in_order check (last_seen_at >= joined_at and left_at >= joined_at)
);
comment on table public.live_room_attendance is
  'Who was there, from when until when. Who comes back within a minute has not been away.';

create unique index live_room_attendance_one_open on public.live_room_attendance (session_id, user_id)
  where left_at is null;
create index live_room_attendance_by_user on public.live_room_attendance (session_id, user_id, joined_at desc);

-- Unique: a room is the permanent one of one user.
alter table public.app_users add column live_room_id uuid unique references public.live_rooms on delete set null;

create function streamkeeper.stamp_change() returns trigger
  language plpgsql set search_path = ''
  as $$
  begin
    new.changed_at := clock_timestamp();
    return new;
  end
  $$;
revoke execute on function streamkeeper.stamp_change() from public;

create trigger stamp_change before update on public.live_rooms for each row
  when ((old.status, old.current_session_id) is distinct from (new.status, new.current_session_id))
  execute function streamkeeper.stamp_change();

alter table public.live_rooms enable row level security;
alter table public.live_room_sessions enable row level security;
alter table public.live_room_attendance enable row level security;

revoke all on public.live_rooms, public.live_room_sessions, public.live_room_attendance
  from public, anon, authenticated, service_role;
grant select (id, host_user_id, title, status, current_session_id, host_present, starts_at, created_at)
  on public.live_rooms to anon, authenticated;
-- Never the key: whoever knows it can ask for its answer. Why a session ended is between its host and the operators.
grant select (id, room_id, stream_id, title, status, starts_at, lobby_at, started_at, ended_at, created_at)
  on public.live_room_sessions to anon, authenticated;
grant select on public.live_room_attendance to authenticated;
grant select on public.live_rooms, public.live_room_sessions, public.live_room_attendance to service_role;
grant update (title) on public.live_rooms to service_role;

create policy "rooms in which something is on" on public.live_rooms for select to anon, authenticated
  using (current_session_id is not null);
create policy "own room, or admin" on public.live_rooms for select to authenticated
  using (host_user_id = (select streamkeeper.current_user_id()) or (select streamkeeper.is_admin()));

-- Also what has just ended: Realtime tells of a change only those who may see the row as it is then.
create policy "open sessions" on public.live_room_sessions for select to anon, authenticated
  using (status in ('scheduled', 'live') or ended_at > now() - interval '5 minutes');
create policy "sessions of own rooms, or admin" on public.live_room_sessions for select to authenticated
  using (
    room_id in (select r.id from public.live_rooms r where r.host_user_id = (select streamkeeper.current_user_id()))
    or (select streamkeeper.is_admin())
  );

create policy "own attendance, in own rooms, or admin" on public.live_room_attendance for select to authenticated
  using (
    user_id = (select streamkeeper.current_user_id())
    or (select streamkeeper.is_admin())
    or exists (
      select from public.live_room_sessions s join public.live_rooms r on r.id = s.room_id
      where s.id = session_id and r.host_user_id = (select streamkeeper.current_user_id())
    )
  );
