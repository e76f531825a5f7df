-- The sweeper of events: finds what is due. Any number of gateways may call it, every second; each event is one's.

-- Makes of these events what they have become by now, but of those that nobody else is at; returns how many have ended.
create function streamkeeper.settle_events(p_ids uuid[]) returns integer
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_event public.events;
    v_ended integer := 0;
  begin
    for v_event in
      select e.* from public.events e
      where e.id = any (p_ids) and e.status <> 'ended'
      order by e.id for update skip locked
    loop
      begin
        v_event := streamkeeper.settle_event(v_event);
        if v_event.status = 'ended' then
          v_ended := v_ended + 1;
        end if;
      exception when others then
        -- What is wrong with one event must not keep all others from ending. It is tried again with the next sweep.
        raise warning 'streamkeeper: event % was not settled: %', v_event.id, sqlerrm;
      end;
    end loop;
    return v_ended;
  end
  $$;

create function public.sweep_events(p_limit integer default 500) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_now timestamptz := clock_timestamp();
    v_alive_since timestamptz := streamkeeper.sweeper_alive_since();
    v_counts_since timestamptz := streamkeeper.absence_counts_since(v_now);
    v_ended integer;
    v_held_back integer;
  begin
    perform streamkeeper.check_between('p_limit', p_limit, 1, 10000);
    v_ended := streamkeeper.end_scheduled_streams(p_limit);

    v_ended := v_ended + streamkeeper.settle_events(array(
      select e.id from public.events e
      where e.due_at <= v_now
        and (
          e.empty_since is null or e.scheduled_end_at <= v_now
          or streamkeeper.absence_ends_from(v_counts_since, e.grace_seconds) <= v_now
        )
      order by e.due_at limit p_limit
    ));
    -- Those whose nodes are not heard of any more.
    v_ended := v_ended + streamkeeper.settle_events(array(
      select distinct left(l.subject, 36)::uuid
      from streamkeeper.nodes n
      join streamkeeper.leases l on l.kind = 'node' and l.holder = n.id
      where streamkeeper.node_has_lapsed(n, v_now, v_alive_since)
      limit p_limit
    ));
    -- Of events that are there no more: nobody else takes these away.
    delete from streamkeeper.leases d
    where (d.kind, d.subject, d.holder) in (
      select l.kind, l.subject, l.holder
      from streamkeeper.nodes n
      join streamkeeper.leases l on l.kind = 'node' and l.holder = n.id
      where streamkeeper.node_has_lapsed(n, v_now, v_alive_since)
        and not exists (select from public.events e where e.id = left(l.subject, 36)::uuid)
      limit p_limit for update of l skip locked
    );
    select count(*) into v_held_back
    from public.events e
    where e.due_at <= v_now and e.empty_since is not null and coalesce(e.scheduled_end_at > v_now, true)
      and streamkeeper.absence_ends_from(v_counts_since, e.grace_seconds) > v_now;

    perform streamkeeper.enqueue_notices(p_limit);
    delete from streamkeeper.nodes n
    where n.id in (
      select o.id from streamkeeper.nodes o
      where o.heartbeat_at < v_now - interval '1 day'
        and not exists (select from streamkeeper.leases l where l.kind = 'node' and l.holder = o.id)
      for update skip locked
    );
    return json_build_object('ended', v_ended, 'held_back', v_held_back);
  end
  $$;
comment on function public.sweep_events(integer) is
  'Ends the events that are over: nobody has been there for the grace, nobody ever came, or it was to end by now. To be '
  'called every second. held_back: events whose time is up, but after a restart or an outage everybody has time to come '
  'back first. Service.';

revoke execute on function streamkeeper.settle_events(uuid[]) from public;
revoke execute on function public.sweep_events(integer) from public, anon, authenticated, service_role;
grant execute on function public.sweep_events(integer) to service_role;
