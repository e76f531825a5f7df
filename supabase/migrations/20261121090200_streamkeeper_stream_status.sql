-- Reading: one stream's status, and the list of what is live. Open to everyone, so they give public fields only.

-- Whole seconds from start to end; to now while live; 0 before the start.
create function streamkeeper.duration_seconds(p_started_at timestamptz, p_ended_at timestamptz) returns integer
  language sql stable set search_path = ''
  as $$
    select coalesce(greatest(floor(extract(epoch from coalesce(p_ended_at, now()) - p_started_at)), 0), 0)::integer
  $$;

-- The shape `StreamStatus`. Why a stream ended and when its host was last seen is between the host and the operators.
create function streamkeeper.stream_status(p_stream public.livestreams) returns json
  language plpgsql stable set search_path = ''
  as $$
  declare
    v_private boolean := streamkeeper.may_act_for(p_stream.streamer_id);
  begin
    return json_build_object(
      'success', true,
      'stream_id', p_stream.id,
      'streamer_id', p_stream.streamer_id,
      'title', p_stream.title,
      'status', p_stream.status,
      'is_live', p_stream.is_live,
      'started_at', p_stream.started_at,
      'ended_at', p_stream.ended_at,
      'last_seen_at', case when v_private then p_stream.last_seen_at end,
      'duration_seconds', streamkeeper.duration_seconds(p_stream.started_at, p_stream.ended_at),
      'end_reason', case when v_private then p_stream.end_reason end
    );
  end
  $$;

revoke execute on function streamkeeper.duration_seconds(timestamptz, timestamptz) from public;
revoke execute on function streamkeeper.stream_status(public.livestreams) from public;

-- DEFINER, because anon may read no table: what leaves is what these two select, and nothing more.
create function public.get_stream_status(p_stream_id uuid) returns json
  language plpgsql stable security definer set search_path = ''
  as $$
  declare
    v_stream public.livestreams;
  begin
    select * into v_stream from public.livestreams s where s.id = p_stream_id;
    if not found then
      return json_build_object('success', false, 'status', 'not_found', 'stream_id', p_stream_id);
    end if;
    return streamkeeper.stream_status(v_stream);
  end
  $$;
comment on function public.get_stream_status(uuid) is
  'What a stream''s status is, for everyone who knows its id. Its end_reason and last_seen_at: owner, admin, service.';

create function public.list_active_streams() returns table (
    stream_id uuid, title text, streamer_id text, streamer_name text,
    started_at timestamptz, duration_seconds integer, viewers integer
  )
  language sql stable security definer set search_path = ''
  as $$
    select s.id, s.title, s.streamer_id, u.display_name,
      s.started_at, streamkeeper.duration_seconds(s.started_at, s.ended_at), null::integer
    from public.livestreams s
    left join public.app_users u on u.user_id = s.streamer_id
    where s.status = 'live'
    order by s.started_at desc, s.id
  $$;
comment on function public.list_active_streams() is
  'What is live, newest first. viewers is null: unknown, until something counts them.';

-- Supabase grants execute to these roles by default: taken away first, then given where it is meant.
revoke execute on function public.get_stream_status(uuid) from public, anon, authenticated, service_role;
revoke execute on function public.list_active_streams() from public, anon, authenticated, service_role;
grant execute on function public.get_stream_status(uuid) to anon, authenticated, service_role;
grant execute on function public.list_active_streams() to anon, authenticated, service_role;
