-- The listing: what is on, derived from the sessions, so that it cannot be out of step with them.

-- How many people are in a session. The host is no viewer.
create function streamkeeper.viewers(p_session_id uuid, p_host_user_id text) returns integer
  language sql stable security definer set search_path = ''
  as $$
    select count(*)::integer from public.live_room_attendance a
    where a.session_id = p_session_id and a.left_at is null and a.user_id <> p_host_user_id
  $$;

-- The public name of who has a room.
create function streamkeeper.host_name(p_host_user_id text) returns text
  language sql stable security definer set search_path = ''
  as $$
    select u.display_name from public.app_users u
    where u.user_id = p_host_user_id
      and exists (select from public.live_rooms r where r.host_user_id = p_host_user_id)
  $$;

create view public.community_live_streams with (security_invoker = true) as
  select s.id, s.room_id, s.stream_id, r.host_user_id, streamkeeper.host_name(r.host_user_id) as host_name,
    s.title,
    case when s.status = 'scheduled' and s.lobby_at is not null then 'lobby' else s.status end as status,
    s.status = 'live' as is_live,
    s.starts_at, s.started_at, s.ended_at,
    streamkeeper.duration_seconds(s.started_at, s.ended_at) as duration_seconds,
    streamkeeper.viewers(s.id, r.host_user_id) as viewers
  from public.live_room_sessions s
  join public.live_rooms r on r.id = s.room_id;
comment on view public.community_live_streams is
  'One row per session, with the status lobby for a scheduled one in whose lobby people may wait. Open ones for everybody; '
  'those that are over for their host and admins.';

revoke all on public.community_live_streams from public, anon, authenticated, service_role;
grant select on public.community_live_streams to anon, authenticated, service_role;
-- The view runs with its reader's rights, and so do these.
grant usage on schema streamkeeper to anon;
revoke execute on function streamkeeper.viewers(uuid, text) from public;
revoke execute on function streamkeeper.host_name(text) from public;
grant execute on function streamkeeper.viewers(uuid, text) to anon, authenticated, service_role;
grant execute on function streamkeeper.host_name(text) to anon, authenticated, service_role;
grant execute on function streamkeeper.duration_seconds(timestamptz, timestamptz) to anon, authenticated, service_role;

create function public.live_room_listing() returns setof public.community_live_streams
  language plpgsql volatile security definer set search_path = ''
  as $$
  begin
    perform streamkeeper.sweep_lazily();
    if not current_setting('transaction_read_only')::boolean then
      perform streamkeeper.close_lapsed_attendance(100);
    end if;
    return query
      select c.* from public.community_live_streams c
      -- By the sessions themselves, of which there is an index.
      where c.id in (select s.id from public.live_room_sessions s where s.status in ('scheduled', 'live'))
      order by c.is_live desc, c.started_at desc, c.starts_at, c.id;
  end
  $$;
comment on function public.live_room_listing() is
  'What is on in the rooms: first what is live, the newest first, then what is scheduled. For everyone.';

revoke execute on function public.live_room_listing() from public, anon, authenticated, service_role;
grant execute on function public.live_room_listing() to anon, authenticated, service_role;

-- Gateways are told of changes, once a statement. Not of attendance: a million viewers who come would be a million notices
-- of one number; readers see it when they read the listing the next time.
create function streamkeeper.notify_listing() returns trigger
  language plpgsql set search_path = ''
  as $$
  begin
    perform pg_notify('streamkeeper_listing', json_build_object('at', clock_timestamp())::text);
    return null;
  end
  $$;
revoke execute on function streamkeeper.notify_listing() from public;

create trigger notify_listing after insert or update or delete on public.live_room_sessions
  for each statement execute function streamkeeper.notify_listing();

-- Supabase's Realtime tells browsers of the same changes.
do $$
begin
  if exists (select from pg_publication p where p.pubname = 'supabase_realtime' and not p.puballtables) then
    alter publication supabase_realtime add table public.live_room_sessions;
  end if;
exception when insufficient_privilege then
  raise notice 'streamkeeper: Realtime does not tell of live rooms'
    using hint = 'Add live_room_sessions to the publication supabase_realtime.';
end
$$;
