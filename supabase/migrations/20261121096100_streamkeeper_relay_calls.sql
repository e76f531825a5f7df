-- What operators say of relays, and what gateways ask and tell. None of it is for browsers.

create function streamkeeper.check_upstream(p_name text, p_upstream text) returns void
  language plpgsql immutable set search_path = ''
  as $$
  begin
    -- Not the value: it may carry a token.
    if char_length(p_upstream) > 2000 then
      raise exception '% is % characters long; at most 2000 are allowed', p_name, char_length(p_upstream)
        using errcode = 'invalid_parameter_value';
    elsif p_upstream !~ '^https?://[^\s/?#]' or p_upstream ~ '\s' then
      raise exception '% must be an address that begins with http:// or https://', p_name
        using errcode = 'invalid_parameter_value';
    end if;
  end
  $$;

-- What everybody may know of a stream's relays.
create function streamkeeper.relays_json(p_stream_id uuid) returns json
  language sql stable set search_path = ''
  as $$
    select coalesce(json_object_agg(r.kind, json_build_object(
      'generation', r.generation, 'state', r.state, 'reason', r.reason, 'since', r.since
    ) order by r.kind), '{}')
    from streamkeeper.stream_relays r where r.stream_id = p_stream_id
  $$;

create function public.set_stream_relay(p_stream_id uuid, p_hls text default null, p_ts text default null) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_status text;
  begin
    perform streamkeeper.check_admin('set_stream_relay');
    if num_nonnulls(p_hls, p_ts) = 0 then
      raise exception 'one of p_hls and p_ts must be given' using errcode = 'invalid_parameter_value';
    end if;
    if p_hls <> '' then
      perform streamkeeper.check_upstream('p_hls', p_hls);
    end if;
    if p_ts <> '' then
      perform streamkeeper.check_upstream('p_ts', p_ts);
    end if;
    -- Under the stream's lock it does not end meanwhile: no relay outlives it.
    select s.status into v_status from public.livestreams s where s.id = p_stream_id for update;
    if not found then
      raise exception 'there is no stream %', coalesce(p_stream_id::text, 'null') using errcode = 'PT404';
    elsif v_status <> 'live' then
      raise exception 'stream % is %; only a live one is relayed', p_stream_id, v_status using errcode = 'PT409';
    end if;

    delete from streamkeeper.stream_relays r
    where r.stream_id = p_stream_id and ((r.kind = 'hls' and p_hls = '') or (r.kind = 'ts' and p_ts = ''));
    -- The same upstream again is the same relay; another one is its successor.
    insert into streamkeeper.stream_relays as r (stream_id, kind, upstream)
    select p_stream_id, t.kind, t.upstream
    from (values ('hls', p_hls), ('ts', p_ts)) as t (kind, upstream)
    where t.upstream <> ''
    on conflict (stream_id, kind) do update
    set upstream = excluded.upstream, generation = excluded.generation, state = 'ok', reason = null, since = excluded.since
    where r.upstream <> excluded.upstream;
    return json_build_object('success', true, 'stream_id', p_stream_id, 'relays', streamkeeper.relays_json(p_stream_id));
  end
  $$;
comment on function public.set_stream_relay(uuid, text, text) is
  'From where gateways relay a live stream, as HLS and as MPEG-TS. Null: as it is; empty: not any more. The same upstream '
  'again changes nothing, another one is a new generation. PT404, PT409: there is no such stream, or it is not live. Admin, service.';

create function public.live_relays(p_stream_id uuid default null) returns table (
    stream_id uuid, kind text, generation bigint, upstream text, state text, reason text, since timestamptz,
    title text, started_at timestamptz
  )
  language sql stable security definer set search_path = ''
  as $$
    select r.stream_id, r.kind, r.generation, r.upstream, r.state, r.reason, r.since, s.title, s.started_at
    from streamkeeper.stream_relays r
    join public.livestreams s on s.id = r.stream_id and s.status = 'live'
    where p_stream_id is null or r.stream_id = p_stream_id
    order by s.started_at desc, r.stream_id, r.kind
  $$;
comment on function public.live_relays(uuid) is
  'The relays of one live stream, or of all: what gateways mirror. upstream is a secret. Service.';

create function public.report_relay(
    p_stream_id uuid, p_kind text, p_generation bigint, p_state text, p_reason text default null
  ) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_outcome text := 'outdated';
    v_stream public.livestreams;
  begin
    perform streamkeeper.check_length('p_reason', p_reason, 200);
    if p_state is null or p_state not in ('ok', 'degraded', 'ended') then
      raise exception 'p_state is %; it must be ok, degraded or ended', coalesce(p_state, 'null')
        using errcode = 'invalid_parameter_value';
    elsif p_state = 'ok' and p_reason is not null or p_state <> 'ok' and coalesce(p_reason, '') = '' then
      raise exception 'p_reason goes with p_state degraded or ended, and must be there then'
        using errcode = 'invalid_parameter_value';
    end if;

    if p_state = 'ended' then
      -- The stream first, then a fresh look: what its successor relays has not ended.
      select * into v_stream from public.livestreams s where s.id = p_stream_id for update;
      if v_stream.status = 'live' and exists (
        select from streamkeeper.stream_relays r
        where r.stream_id = p_stream_id and r.kind = p_kind and r.generation = p_generation
      ) then
        perform streamkeeper.finish(array[p_stream_id], null, p_reason, null, null, 1);
        v_outcome := 'ended';
      end if;
    else
      update streamkeeper.stream_relays r
      set state = p_state, reason = p_reason, since = case when r.state = p_state then r.since else clock_timestamp() end
      where r.stream_id = p_stream_id and r.kind = p_kind and r.generation = p_generation;
      if found then
        v_outcome := 'noted';
      end if;
    end if;
    return json_build_object('success', true, 'outcome', v_outcome);
  end
  $$;
comment on function public.report_relay(uuid, text, bigint, text, text) is
  'What a gateway says of a relay: ok, degraded (it does not get the stream), or ended (what it gets is no live stream any '
  'more), which ends the stream with that reason. What another generation said is outdated, and changes nothing. Service.';

revoke execute on function streamkeeper.check_upstream(text, text) from public;
revoke execute on function streamkeeper.relays_json(uuid) from public;
revoke execute on function public.set_stream_relay(uuid, text, text) from public, anon, authenticated, service_role;
revoke execute on function public.live_relays(uuid) from public, anon, authenticated, service_role;
revoke execute on function public.report_relay(uuid, text, bigint, text, text) from public, anon, authenticated, service_role;
grant execute on function public.set_stream_relay(uuid, text, text) to authenticated, service_role;
grant execute on function public.live_relays(uuid) to service_role;
grant execute on function public.report_relay(uuid, text, bigint, text, text) to service_role;
