-- What becomes of an event when people come and go, and when nobody does. All of it is decided here, under the event's lock.
--
-- Locks are taken in one order, by everybody: streams by id, rooms, events, nodes, leases. Where an event ends with its
-- stream, the stream is locked and ended first, and the event follows.

-- Says what has just happened to an event, to every node that listens.
create function streamkeeper.signal_event(p_event public.events, p_signal text) returns void
  language sql volatile set search_path = ''
  as $$
    select pg_notify('streamkeeper_events', json_build_object(
      'event_id', p_event.id, 'generation', p_event.generation, 'signal', p_signal, 'at', clock_timestamp()
    )::text)
  $$;

-- A live stream says that its host is there: its own leases decide when it is live no more.
create function streamkeeper.has_live_stream(p_event public.events) returns boolean
  language sql stable set search_path = ''
  as $$ select exists (select from public.livestreams s where s.id = p_event.stream_id and s.status = 'live') $$;

-- What its leases are on: an event's viewers, and its host.
create function streamkeeper.event_subject(p_event_id uuid, p_what text) returns text
  language sql immutable set search_path = ''
  as $$ select case p_what when 'viewers' then p_event_id::text else p_event_id || ':' || p_what end $$;

-- Ends an event that has not ended. The caller has locked it.
create function streamkeeper.finish_event(p_event public.events, p_ended_at timestamptz, p_by text, p_reason text) returns void
  language plpgsql volatile set search_path = ''
  as $$
  declare
    -- greatest(): a wall clock that was set back must not keep it alive by its own constraint.
    v_ended_at timestamptz := greatest(p_ended_at, p_event.started_at, p_event.created_at);
    v_event public.events;
  begin
    update public.events e set
      status = 'ended', ended_at = v_ended_at, ended_by = p_by, end_reason = p_reason,
      viewers_gone_since = coalesce(e.viewers_gone_since, v_ended_at),
      host_gone_since = coalesce(e.host_gone_since, v_ended_at)
    where e.id = p_event.id
    returning e.* into v_event;
    delete from streamkeeper.leases l
    where l.kind = 'node'
      and l.subject in (streamkeeper.event_subject(p_event.id, 'viewers'), streamkeeper.event_subject(p_event.id, 'host'));
    -- What a host calls off before it began is no news to the host.
    if v_event.generation > 0 or p_by in ('absence', 'schedule') then
      perform streamkeeper.notify_host(v_event);
    end if;
    perform streamkeeper.signal_event(v_event, 'event_ended');
  end
  $$;

-- Begins a live period, if this event is to have one now: somebody has come, and it has ended in their absence; or nobody
-- had come yet, and its host is there or its time has come. Viewers who are early wait, and for who is later than its
-- scheduled end there is none. The caller has locked it.
create function streamkeeper.begin_event(inout p_event public.events)
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_now timestamptz := clock_timestamp();
  begin
    if p_event.empty_since is null and p_event.status <> 'live' and coalesce(p_event.scheduled_end_at > v_now, true)
      and (p_event.status = 'ended' or p_event.host_gone_since is null or coalesce(p_event.starts_at <= v_now, true))
    then
      update public.events e set
        status = 'live', generation = e.generation + 1, started_at = v_now,
        ended_at = null, ended_by = null, end_reason = null
      where e.id = p_event.id
      returning e.* into p_event;
      perform streamkeeper.signal_event(p_event, 'event_started');
    end if;
  end
  $$;

-- Is this what nobody may open again?
create function streamkeeper.is_over(p_event public.events) returns boolean
  language sql stable set search_path = ''
  as $$
    select p_event.status = 'ended'
      and (p_event.ended_by <> 'absence' or coalesce(p_event.scheduled_end_at <= clock_timestamp(), false))
  $$;

-- Is this what nobody may come to? An old link opens nothing after a day: then only the stream of its host does.
create function streamkeeper.is_closed(p_event public.events) returns boolean
  language sql stable set search_path = ''
  as $$
    select streamkeeper.is_over(p_event)
      or p_event.status = 'ended' and p_event.ended_at <= clock_timestamp() - interval '24 hours'
  $$;

-- Notes that somebody is there (null), or since when nobody is. The caller has locked the event.
create function streamkeeper.note_presence(inout p_event public.events, p_what text, p_gone_since timestamptz)
  language plpgsql volatile set search_path = ''
  as $$
  begin
    update public.events e set
      viewers_gone_since = case p_what when 'viewers' then p_gone_since else e.viewers_gone_since end,
      host_gone_since = case p_what when 'host' then p_gone_since else e.host_gone_since end
    where e.id = p_event.id
    returning e.* into p_event;
  end
  $$;

-- Since when the absence of everybody can mean something: the sweeper runs, and there is a node that people can reach.
create function streamkeeper.absence_counts_since(p_now timestamptz) returns timestamptz
  language sql stable set search_path = ''
  as $$ select greatest(streamkeeper.sweeper_alive_since(), streamkeeper.nodes_alive_since(p_now)) $$;

-- From when on it ends an event with this grace: after a restart or an outage everybody has time to come back first.
create function streamkeeper.absence_ends_from(p_counts_since timestamptz, p_grace_seconds integer) returns timestamptz
  language sql immutable set search_path = ''
  as $$ select streamkeeper.seconds_after(p_counts_since, greatest(p_grace_seconds, streamkeeper.hand_over_seconds())) $$;

-- Takes away the leases of nodes that are not heard of any more, and notes who is gone by that. The caller has locked it.
create function streamkeeper.let_lapse(inout p_event public.events)
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_alive_since timestamptz := streamkeeper.sweeper_alive_since();
    v_what text;
    v_subject text;
    v_nodes text[];
    v_lapsed_at timestamptz;
  begin
    foreach v_what in array array['viewers', 'host'] loop
      v_subject := streamkeeper.event_subject(p_event.id, v_what);
      -- Only those that have lapsed, and not those that are locked: such a node is just being heard.
      select array_agg(t.id) into v_nodes
      from (
        select n.id from streamkeeper.nodes n
        where n.id in (select l.holder from streamkeeper.leases l where l.kind = 'node' and l.subject = v_subject)
          and streamkeeper.node_has_lapsed(n, clock_timestamp(), v_alive_since)
        for share skip locked
      ) t;
      continue when v_nodes is null;
      -- First the locks, then a fresh look: a node whose heartbeat was on its way is there.
      with lapsed as (
        delete from streamkeeper.leases l using streamkeeper.nodes n
        where l.kind = 'node' and l.subject = v_subject and n.id = l.holder and n.id = any (v_nodes)
          and streamkeeper.node_has_lapsed(n, clock_timestamp(), v_alive_since)
        returning streamkeeper.node_lease_until(n) as at
      )
      select max(t.at) into v_lapsed_at from lapsed t;
      if v_lapsed_at is not null
        and not exists (select from streamkeeper.leases l where l.kind = 'node' and l.subject = v_subject)
        and not (v_what = 'host' and streamkeeper.has_live_stream(p_event))
      then
        p_event := streamkeeper.note_presence(p_event, v_what, v_lapsed_at);
        if v_what = 'viewers' then
          perform streamkeeper.signal_event(p_event, 'viewer_left_last');
        end if;
      end if;
    end loop;
  end
  $$;

-- Makes of an event what it has become by now: the one place in which time decides. The caller has locked it.
create function streamkeeper.settle_event(inout p_event public.events)
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_stream public.livestreams;
    v_now timestamptz;
  begin
    if p_event.status = 'ended' then
      return;
    end if;
    p_event := streamkeeper.let_lapse(p_event);
    select * into v_stream from public.livestreams s where s.id = p_event.stream_id;
    if v_stream.status = 'live' and p_event.host_gone_since is not null
      and coalesce(v_stream.started_at <= p_event.due_at, true)
    then
      -- It did not follow when its stream went live, in time.
      p_event := streamkeeper.note_presence(p_event, 'host', null);
    end if;
    p_event := streamkeeper.begin_event(p_event);

    v_now := clock_timestamp();
    if v_stream.status = 'ended' then
      perform streamkeeper.finish_event(p_event, v_stream.ended_at, 'stream', v_stream.end_reason);
    elsif p_event.scheduled_end_at <= v_now then
      -- Not before its stream, which has to be locked first: the sweeper does that.
      if v_stream.id is null then
        perform streamkeeper.finish_event(p_event, p_event.scheduled_end_at, 'schedule', 'scheduled_end');
      end if;
    elsif p_event.empty_since is not null and p_event.due_at <= v_now
      and streamkeeper.absence_ends_from(streamkeeper.absence_counts_since(v_now), p_event.grace_seconds) <= v_now
    then
      perform streamkeeper.finish_event(
        p_event, p_event.due_at, 'absence',
        case p_event.status when 'live' then 'everyone_left' else 'never_joined' end
      );
    end if;
    select * into strict p_event from public.events e where e.id = p_event.id;
  end
  $$;

-- Ends the streams of events whose scheduled end has come, and with them the events; of all, or of one. Waits for nobody.
create function streamkeeper.end_scheduled_streams(p_limit integer, p_event_id uuid default null) returns integer
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_ids uuid[];
    v_ended_at timestamptz[];
    v_ended integer := 0;
  begin
    select array_agg(t.id), array_agg(t.scheduled_end_at) into v_ids, v_ended_at
    from (
      select s.id, e.scheduled_end_at
      from public.events e
      join public.livestreams s on s.id = e.stream_id and s.status <> 'ended'
      where e.due_at <= clock_timestamp() and e.scheduled_end_at <= clock_timestamp()
        and (p_event_id is null or e.id = p_event_id)
      order by s.id limit p_limit for update of s skip locked
    ) t;
    -- All of them are locked before the first one's rooms and events are.
    for i in 1 .. coalesce(cardinality(v_ids), 0) loop
      begin
        perform streamkeeper.finish(array[v_ids[i]], array[v_ended_at[i]], 'scheduled_end', null, null, 1);
        v_ended := v_ended + 1;
      exception when others then
        raise warning 'streamkeeper: stream % did not end as scheduled: %', v_ids[i], sqlerrm;
      end;
    end loop;
    return v_ended;
  end
  $$;

-- The event, locked, as it is now.
create function streamkeeper.lock_event(p_event_id uuid) returns public.events
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_event public.events;
  begin
    perform streamkeeper.end_scheduled_streams(1, p_event_id);
    select * into v_event from public.events e where e.id = p_event_id for update;
    if not found then
      raise exception 'there is no event %', coalesce(p_event_id::text, 'null') using errcode = 'PT404';
    end if;
    return streamkeeper.settle_event(v_event);
  end
  $$;

-- A stream that goes live brings its event's host; one that ends, ends its event for good.
create function streamkeeper.event_follows_stream(p_event public.events, p_stream public.livestreams) returns void
  language plpgsql volatile set search_path = ''
  as $$
  begin
    if p_stream.status = 'live' then
      p_event := streamkeeper.settle_event(p_event);
      if not streamkeeper.is_over(p_event) then
        p_event := streamkeeper.note_presence(p_event, 'host', null);
        p_event := streamkeeper.begin_event(p_event);
      end if;
    elsif p_stream.status = 'ended' then
      if p_event.status <> 'ended' then
        perform streamkeeper.finish_event(
          p_event, p_stream.ended_at,
          case when p_event.scheduled_end_at <= p_stream.ended_at then 'schedule' else 'stream' end,
          p_stream.end_reason
        );
      elsif p_event.ended_by = 'absence' then
        update public.events e set ended_by = 'stream' where e.id = p_event.id;
      end if;
    end if;
  end
  $$;

create function streamkeeper.events_follow_streams() returns trigger
  language plpgsql set search_path = ''
  as $$
  declare
    v_event public.events;
    v_stream public.livestreams;
  begin
    if not exists (
      select from new_streams n join old_streams o on o.id = n.id join public.events e on e.stream_id = n.id
      where n.status <> o.status
    ) then
      return null;
    end if;
    for v_event in
      select e.* from public.events e
      where not streamkeeper.is_over(e) and e.stream_id in (
        select n.id from new_streams n join old_streams o on o.id = n.id where n.status <> o.status
      )
      order by e.id for update
    loop
      select * into strict v_stream from public.livestreams s where s.id = v_event.stream_id;
      perform streamkeeper.event_follows_stream(v_event, v_stream);
    end loop;
    return null;
  exception when others then
    -- Nothing that is wrong with an event may keep a stream from ending. The sweeper ends what was left behind.
    raise warning 'streamkeeper: an event did not follow its stream: %', sqlerrm;
    return null;
  end
  $$;

-- Triggers of one kind run in the order of their names, and rooms come before events.
create trigger then_events_follow_streams after update on public.livestreams
  referencing old table as old_streams new table as new_streams
  for each statement execute function streamkeeper.events_follow_streams();

revoke execute on function streamkeeper.signal_event(public.events, text) from public;
revoke execute on function streamkeeper.has_live_stream(public.events) from public;
revoke execute on function streamkeeper.event_subject(uuid, text) from public;
revoke execute on function streamkeeper.finish_event(public.events, timestamptz, text, text) from public;
revoke execute on function streamkeeper.begin_event(public.events) from public;
revoke execute on function streamkeeper.is_over(public.events) from public;
revoke execute on function streamkeeper.is_closed(public.events) from public;
revoke execute on function streamkeeper.note_presence(public.events, text, timestamptz) from public;
revoke execute on function streamkeeper.absence_counts_since(timestamptz) from public;
revoke execute on function streamkeeper.absence_ends_from(timestamptz, integer) from public;
revoke execute on function streamkeeper.let_lapse(public.events) from public;
revoke execute on function streamkeeper.settle_event(public.events) from public;
revoke execute on function streamkeeper.end_scheduled_streams(integer, uuid) from public;
revoke execute on function streamkeeper.lock_event(uuid) from public;
revoke execute on function streamkeeper.event_follows_stream(public.events, public.livestreams) from public;
revoke execute on function streamkeeper.events_follow_streams() from public;
