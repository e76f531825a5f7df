-- Starting a stream. The caller becomes its streamer.

create function public.start_stream(
    p_stream_id uuid default null, p_title text default null, p_holder text default null
  ) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_user_id text := streamkeeper.current_user_id();
    v_now timestamptz := clock_timestamp();
    v_stream public.livestreams;
  begin
    perform streamkeeper.check_length('p_title', p_title, 200);
    perform streamkeeper.check_length('p_holder', p_holder, 100);
    if v_user_id is null then
      raise exception 'start_stream needs a signed-in user'
        using errcode = 'insufficient_privilege', hint = 'The token must carry the user''s id in its sub claim.';
    end if;

    -- An id that nobody uses yet is taken: a client that makes up the id can repeat a lost call and start one stream.
    insert into public.livestreams as s (id, streamer_id, title, status, started_at, last_seen_at)
    values (coalesce(p_stream_id, gen_random_uuid()), v_user_id, p_title, 'live', v_now, v_now)
    on conflict (id) do nothing
    returning s.* into v_stream;
    if found then
      return streamkeeper.stream_status(v_stream);
    end if;

    select * into strict v_stream from public.livestreams s where s.id = p_stream_id for update;
    if v_stream.streamer_id <> v_user_id then
      raise exception 'stream % belongs to somebody else', p_stream_id using errcode = 'insufficient_privilege';
    elsif v_stream.status = 'ended' then
      raise exception 'stream % has ended', p_stream_id
        using errcode = 'PT409', hint = 'An ended stream is never revived: start a new one.';
    end if;

    v_now := greatest(clock_timestamp(), v_stream.started_at);
    update public.livestreams s set
      status = 'live',
      -- A stream that is live already stays as it is; being started again only shows that its host is there.
      title = case when v_stream.is_live then s.title else coalesce(p_title, s.title) end,
      started_at = coalesce(s.started_at, v_now),
      last_seen_at = v_now
    where s.id = v_stream.id
    returning s.* into v_stream;
    return streamkeeper.stream_status(v_stream);
  end
  $$;
comment on function public.start_stream(uuid, text, text) is
  'Takes a new stream, or an own scheduled one, live. An own live one: the same. Ended: PT409. Somebody else''s: 42501. '
  'p_holder names the page load that holds the stream.';

revoke execute on function public.start_stream(uuid, text, text) from public, anon, authenticated, service_role;
grant execute on function public.start_stream(uuid, text, text) to authenticated, service_role;
