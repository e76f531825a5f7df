-- What a media server says of meetings: the only word that is left of a host whose browser was killed.
--
-- A meeting is named after what it is for: a stream's id, a room session's, or a room's. Other meetings are none of ours.

create table streamkeeper.meeting_signals (
  -- The same for every delivery of the same signal.
  key text primary key check (char_length(key) between 1 and 200),
  stream_id uuid not null references public.livestreams (id) on delete cascade,
  signal text not null check (signal in ('created', 'destroyed', 'joined', 'left')),
  -- By the media server's clock. Signals overtake each other.
  at timestamptz not null,
  received_at timestamptz not null default clock_timestamp()
);
comment on table streamkeeper.meeting_signals is
  'One row per signal about a stream''s meeting: created, destroyed, and its host joined or left. Kept for 30 days.';

create index meeting_signals_by_stream on streamkeeper.meeting_signals (stream_id, at);
create index meeting_signals_by_age on streamkeeper.meeting_signals (received_at);
alter table streamkeeper.meeting_signals enable row level security;
revoke all on streamkeeper.meeting_signals from public, anon, authenticated, service_role;

-- The stream that a meeting of this name was for at this time; null: none.
create function streamkeeper.stream_of_meeting(p_meeting text, p_at timestamptz) returns uuid
  language plpgsql stable set search_path = ''
  as $$
  declare
    v_id uuid;
  begin
    v_id := p_meeting::uuid;
    return coalesce(
      (select s.id from public.livestreams s where s.id = v_id),
      (select s.stream_id from public.live_room_sessions s where s.id = v_id),
      -- A room has one session after the other: the one that had begun by then.
      (
        select s.stream_id from public.live_room_sessions s
        where s.room_id = v_id and s.started_at <= p_at
        order by s.started_at desc limit 1
      )
    );
  exception when invalid_text_representation then
    return null;
  end
  $$;

create function public.meeting_signal(
    p_key text, p_meeting text, p_signal text, p_at timestamptz, p_user_id text default null, p_grace_seconds integer default 10
  ) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_stream public.livestreams;
    v_lease_until timestamptz;
    v_outcome text;
  begin
    perform streamkeeper.check_name('p_key', p_key, 200);
    perform streamkeeper.check_length('p_meeting', p_meeting, 500);
    perform streamkeeper.check_between('p_grace_seconds', p_grace_seconds, 0, 900);
    if p_signal is null or p_signal not in ('created', 'destroyed', 'joined', 'left') then
      raise exception 'p_signal is %; it must be created, destroyed, joined or left', coalesce(p_signal, 'null')
        using errcode = 'invalid_parameter_value';
    elsif p_at is null or not isfinite(p_at) then
      raise exception 'p_at is %; it must be a time', coalesce(p_at::text, 'null') using errcode = 'invalid_parameter_value';
    end if;
    -- A media server whose clock is ahead must not have the last word for ever.
    p_at := least(p_at, clock_timestamp());

    select * into v_stream from public.livestreams s where s.id = streamkeeper.stream_of_meeting(p_meeting, p_at) for update;
    if not found then
      return json_build_object('success', true, 'outcome', 'unknown_meeting');
    elsif p_signal in ('joined', 'left') and p_user_id is distinct from v_stream.streamer_id then
      return json_build_object('success', true, 'outcome', 'not_the_host', 'stream_id', v_stream.id);
    end if;

    insert into streamkeeper.meeting_signals (key, stream_id, signal, at) values (p_key, v_stream.id, p_signal, p_at)
    on conflict (key) do nothing;
    if not found then
      return json_build_object('success', true, 'outcome', 'repeated', 'stream_id', v_stream.id);
    end if;
    delete from streamkeeper.meeting_signals m
    where m.key in (
      select o.key from streamkeeper.meeting_signals o
      where o.received_at < clock_timestamp() - interval '30 days' limit 100 for update skip locked
    );

    if p_signal in ('created', 'joined') then
      v_outcome := 'noted';
      -- The host is back: what an earlier end has cut short is as long as any again. A page that said goodbye stays away.
      if not exists (
        select from streamkeeper.meeting_signals m
        where m.stream_id = v_stream.id and m.at > p_at and m.signal in ('destroyed', 'left')
      ) then
        update streamkeeper.leases l set
          lease_seconds = greatest(l.lease_seconds, streamkeeper.default_lease_seconds()),
          lease_until = greatest(
            l.lease_until, clock_timestamp() + make_interval(secs => streamkeeper.default_lease_seconds())
          )
        where l.kind = 'host' and l.subject = v_stream.id::text and l.lease_seconds > 0;
      end if;
    elsif v_stream.status = 'ended' then
      v_outcome := 'already_ended';
    elsif v_stream.status <> 'live' or p_at < v_stream.started_at or exists (
      select from streamkeeper.meeting_signals m
      where m.stream_id = v_stream.id and m.at > p_at and m.signal in ('created', 'joined')
    ) then
      -- It was before this, or the host has come back since.
      v_outcome := 'outdated';
    else
      -- A page that is there says so within its 20 s, and one that is loaded again at once: then it goes on. What is left
      -- of a page that was killed is a lease, and that ends now. No holder was seen for longer than the grace: at once.
      update streamkeeper.leases l set
        lease_seconds = least(l.lease_seconds, p_grace_seconds),
        lease_until = least(l.lease_until, clock_timestamp() + make_interval(secs => p_grace_seconds))
      where l.kind = 'host' and l.subject = v_stream.id::text;
      select max(l.lease_until) into v_lease_until
      from streamkeeper.leases l where l.kind = 'host' and l.subject = v_stream.id::text;
      if p_grace_seconds = 0 or v_lease_until is null then
        perform streamkeeper.finish(array[v_stream.id], array[p_at], 'meeting_' || p_signal, null, null, 1);
        v_outcome := 'ended';
      else
        v_outcome := 'ending';
      end if;
    end if;
    return json_build_object(
      'success', true, 'outcome', v_outcome, 'stream_id', v_stream.id,
      'ends_at', case when v_outcome = 'ending' then v_lease_until end
    );
  end
  $$;
comment on function public.meeting_signal(text, text, text, timestamptz, text, integer) is
  'What a media server said of a meeting that is named after a stream, a session or a room: created, destroyed, joined, left '
  '(p_user_id: who; only the host matters). destroyed and left end the stream, unless its page says within p_grace_seconds '
  'that it is there, or the host joins again. Each p_key counts once; what is older than what is known changes nothing. Service.';

revoke execute on function streamkeeper.stream_of_meeting(text, timestamptz) from public;
revoke execute on function public.meeting_signal(text, text, text, timestamptz, text, integer)
  from public, anon, authenticated, service_role;
grant execute on function public.meeting_signal(text, text, text, timestamptz, text, integer) to service_role;
