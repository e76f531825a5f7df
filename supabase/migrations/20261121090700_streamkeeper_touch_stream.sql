-- Holding a stream: from its start, by a heartbeat, until a goodbye.

create function public.touch_stream(p_stream_id uuid, p_holder text, p_lease_seconds integer default 90) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_stream public.livestreams;
    v_lease_until timestamptz;
  begin
    perform streamkeeper.check_holder(p_holder);
    if p_lease_seconds is null or p_lease_seconds not between 0 and 900 then
      raise exception 'p_lease_seconds is %; it must be between 0 and 900', coalesce(p_lease_seconds::text, 'null')
        using errcode = 'invalid_parameter_value';
    end if;
    if exists (
      select from public.livestreams s where s.id = p_stream_id and not streamkeeper.may_act_for(s.streamer_id)
    ) then
      raise exception 'stream % belongs to somebody else', p_stream_id using errcode = 'insufficient_privilege';
    end if;

    -- A sweeper that has this row makes us wait, and then we see that the stream has ended; one that comes later finds
    -- the row locked, or the lease renewed.
    select * into v_stream from public.livestreams s where s.id = p_stream_id for update;
    if not found then
      return json_build_object('success', false, 'status', 'not_found', 'lease_until', null);
    elsif v_stream.status <> 'live' then
      return json_build_object('success', true, 'status', v_stream.status, 'lease_until', null);
    end if;

    update public.livestreams s set last_seen_at = greatest(clock_timestamp(), s.started_at) where s.id = p_stream_id;
    v_lease_until := streamkeeper.hold(p_stream_id, p_holder, p_lease_seconds);
    -- A goodbye ends the stream if it was the last one. Whose lease is over has just gone from the table.
    if p_lease_seconds = 0 and not exists (
      select from streamkeeper.leases l
      where l.kind = 'host' and l.subject = p_stream_id::text and l.holder <> p_holder
    ) then
      perform streamkeeper.finish(
        array[p_stream_id], array[v_lease_until], 'left', streamkeeper.current_user_id(), p_holder, 1
      );
      v_stream.status := 'ended';
      v_lease_until := null;
    end if;
    perform streamkeeper.sweep_lazily(p_spare => p_stream_id);
    return json_build_object('success', true, 'status', v_stream.status, 'lease_until', v_lease_until);
  end
  $$;
comment on function public.touch_stream(uuid, text, integer) is
  'Heartbeat and goodbye of a holder: it holds the live stream for so many seconds from now on. 0: it has left, and the '
  'stream ends if nobody else holds it. lease_until is null where the stream is not live. Owner, admin, service.';

revoke execute on function public.touch_stream(uuid, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.touch_stream(uuid, text, integer) to authenticated, service_role;

-- As before; now p_holder holds the stream from its start.
create or replace function public.start_stream(
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
    if p_holder is not null then
      perform streamkeeper.check_holder(p_holder);
    end if;
    if v_user_id is null then
      raise exception 'start_stream needs a signed-in user'
        using errcode = 'insufficient_privilege', hint = 'The token must carry the user''s id in its sub claim.';
    end if;

    -- An id that nobody uses yet is taken: a client that makes up the id can repeat a lost call and start one stream.
    insert into public.livestreams as s (id, streamer_id, title, status, started_at, last_seen_at)
    values (coalesce(p_stream_id, gen_random_uuid()), v_user_id, p_title, 'live', v_now, v_now)
    on conflict (id) do nothing
    returning s.* into v_stream;
    if not found then
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
    end if;

    if p_holder is not null then
      perform streamkeeper.hold(v_stream.id, p_holder, streamkeeper.default_lease_seconds());
    end if;
    perform streamkeeper.sweep_lazily(p_spare => v_stream.id);
    return streamkeeper.stream_status(v_stream);
  end
  $$;
comment on function public.start_stream(uuid, text, text) is
  'Takes a new stream, or an own scheduled one, live. An own live one: the same. Ended: PT409. Somebody else''s: 42501. '
  'p_holder names the page load that holds the stream, for 90 s; then touch_stream has to go on. Without it: no lease.';
