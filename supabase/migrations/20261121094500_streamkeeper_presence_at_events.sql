-- What a node says of the people who are connected to it. A node says one thing after another, about each event.

create function streamkeeper.presence_json(p_event public.events) returns json
  language sql stable set search_path = ''
  as $$
    select json_build_object(
      'success', true,
      'event_id', p_event.id,
      'status', p_event.status,
      'generation', p_event.generation,
      -- Where nobody is there any more, on no node.
      'ends_in_seconds', case when p_event.status = 'live' and p_event.empty_since is not null then
        greatest(round(extract(epoch from p_event.due_at - clock_timestamp())), 0)::integer
      end
    )
  $$;

-- This node has somebody there.
create function streamkeeper.is_here(p_event_id uuid, p_what text, p_node text) returns json
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_event public.events;
    v_first boolean;
  begin
    perform streamkeeper.check_name('p_node', p_node, 100);
    v_event := streamkeeper.lock_event(p_event_id);
    if streamkeeper.is_closed(v_event) then
      raise exception 'event % has ended', p_event_id using errcode = 'PT409';
    end if;
    perform streamkeeper.node_seen(p_node);
    -- For as long as the node is heard of: what ends it is not in this row.
    insert into streamkeeper.leases (kind, subject, holder, lease_seconds, lease_until)
    values ('node', streamkeeper.event_subject(p_event_id, p_what), p_node, streamkeeper.node_lease_seconds(), 'infinity')
    on conflict (kind, subject, holder) do update set renewed_at = clock_timestamp();

    v_first := case p_what when 'viewers' then v_event.viewers_gone_since else v_event.host_gone_since end is not null;
    if v_first then
      v_event := streamkeeper.note_presence(v_event, p_what, null);
      v_event := streamkeeper.begin_event(v_event);
      if p_what = 'viewers' then
        perform streamkeeper.signal_event(v_event, 'viewer_first');
      end if;
    end if;
    return streamkeeper.presence_json(v_event);
  end
  $$;

-- This node has nobody there any more.
create function streamkeeper.is_gone(p_event_id uuid, p_what text, p_node text) returns json
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_event public.events;
    v_subject text := streamkeeper.event_subject(p_event_id, p_what);
  begin
    perform streamkeeper.check_name('p_node', p_node, 100);
    v_event := streamkeeper.lock_event(p_event_id);
    -- Of a node that stops nobody has left: its people are on their way to another one.
    delete from streamkeeper.leases l using streamkeeper.nodes n
    where l.kind = 'node' and l.subject = v_subject and l.holder = p_node and n.id = l.holder and n.stopped_at is null;
    if found and not exists (select from streamkeeper.leases l where l.kind = 'node' and l.subject = v_subject)
      and not (p_what = 'host' and streamkeeper.has_live_stream(v_event))
    then
      v_event := streamkeeper.note_presence(v_event, p_what, clock_timestamp());
      if p_what = 'viewers' then
        perform streamkeeper.signal_event(v_event, 'viewer_left_last');
      end if;
    end if;
    return streamkeeper.presence_json(v_event);
  end
  $$;

create function public.event_viewer_first(p_event uuid, p_node text) returns json
  language sql volatile security definer set search_path = ''
  as $$ select streamkeeper.is_here(p_event, 'viewers', p_node) $$;
comment on function public.event_viewer_first(uuid, text) is
  'A node''s own count of viewers has left 0. An event that had ended in everybody''s absence begins again, as the next '
  'generation, for a day and until its scheduled end; one that has ended for good: PT409. Service.';

create function public.event_viewer_last(p_event uuid, p_node text) returns json
  language sql volatile security definer set search_path = ''
  as $$ select streamkeeper.is_gone(p_event, 'viewers', p_node) $$;
comment on function public.event_viewer_last(uuid, text) is
  'A node''s own count of viewers is 0 again. ends_in_seconds: nobody is there any more, on no node. Service.';

create function public.event_host_here(p_event uuid, p_node text) returns json
  language sql volatile security definer set search_path = ''
  as $$ select streamkeeper.is_here(p_event, 'host', p_node) $$;
comment on function public.event_host_here(uuid, text) is 'The event''s host is connected to a node. Service.';

create function public.event_host_gone(p_event uuid, p_node text) returns json
  language sql volatile security definer set search_path = ''
  as $$ select streamkeeper.is_gone(p_event, 'host', p_node) $$;
comment on function public.event_host_gone(uuid, text) is
  'The last connection of an event''s host to a node is gone. The host of a live stream is there nevertheless. Service.';

-- How many viewers there are at an event, or (null) at all of them: connections, and people for each node.
create function streamkeeper.count_viewers(p_event_id uuid) returns table (viewers bigint, users bigint)
  language sql stable set search_path = ''
  as $$
    select coalesce(sum((c.value ->> 'viewers')::bigint), 0)::bigint, coalesce(sum((c.value ->> 'users')::bigint), 0)::bigint
    from streamkeeper.nodes n
    cross join lateral (
      select n.counts -> p_event_id::text where p_event_id is not null
      union all
      select e.value from jsonb_each(n.counts) e where p_event_id is null
    ) as c (value)
    where streamkeeper.is_heard(n, clock_timestamp())
  $$;

create function public.node_heartbeat(p_node text, p_counts jsonb default '{}') returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_bad record;
  begin
    perform streamkeeper.check_name('p_node', p_node, 100);
    if jsonb_typeof(p_counts) is distinct from 'object' then
      raise exception 'p_counts is %; it must be an object', coalesce(jsonb_typeof(p_counts), 'null')
        using errcode = 'invalid_parameter_value';
    end if;
    select c.key, c.value into v_bad
    from jsonb_each(p_counts) c
    where c.key::uuid is null
      or jsonb_path_exists(
        c.value,
        'strict $ ? (@.viewers.floor() == @.viewers && @.users.floor() == @.users
          && @.viewers >= 0 && @.users >= 0 && @.viewers <= 1000000000 && @.users <= 1000000000)',
        silent => true
      ) is not true
    limit 1;
    if found then
      raise exception 'p_counts has % at %; it must be {"viewers": n, "users": n}, each between 0 and 1000000000',
        left(v_bad.value::text, 100), v_bad.key
        using errcode = 'invalid_parameter_value';
    end if;

    perform streamkeeper.node_seen(p_node);
    update streamkeeper.nodes n set counts = p_counts where n.id = p_node;
    return json_build_object(
      'success', true,
      'events', (
        select coalesce(json_object_agg(c.key, json_build_object(
          'status', coalesce(e.status, 'not_found'),
          'generation', e.generation,
          -- Whether it is known who is here, viewers and host. Where it is not, the node has to say so once more.
          'held', (
            (c.value ->> 'viewers')::bigint = 0 or exists (
              select from streamkeeper.leases l
              where l.kind = 'node' and l.holder = p_node and l.subject = c.key
            )
          ) and (
            not coalesce((c.value ->> 'host')::boolean, (c.value ->> 'viewers')::bigint = 0) or exists (
              select from streamkeeper.leases l
              where l.kind = 'node' and l.holder = p_node and l.subject = streamkeeper.event_subject(e.id, 'host')
            )
          ),
          'over', e.id is null or streamkeeper.is_closed(e),
          'end_reason', e.end_reason,
          'elsewhere', coalesce(o.viewers, 0)
        )), '{}')
        from jsonb_each(p_counts) c
        left join public.events e on e.id = c.key::uuid
        left join (
          select x.key, sum((x.value ->> 'viewers')::bigint) as viewers
          from streamkeeper.nodes n, jsonb_each(n.counts) x
          where n.id <> p_node and streamkeeper.is_heard(n, clock_timestamp())
          group by x.key
        ) o on o.key = c.key
      )
    );
  end
  $$;
comment on function public.node_heartbeat(text, jsonb) is
  'A node is there, and has so many: {event id: {viewers, users, host}}, at each event where somebody is; host: its host is '
  'one of them. To be called every 5 s; '
  'after 15 s without, its people count as gone. Answers how each of these events is: {status, generation, held, over, '
  'end_reason, elsewhere}. Service.';

create function public.node_stop(p_node text) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_node streamkeeper.nodes;
  begin
    perform streamkeeper.check_name('p_node', p_node, 100);
    update streamkeeper.nodes n set stopped_at = coalesce(n.stopped_at, clock_timestamp()), counts = '{}'
    where n.id = p_node
    returning n.* into v_node;
    if not found then
      raise exception 'there is no node %', p_node using errcode = 'PT404';
    end if;
    return json_build_object('success', true, 'held_until', streamkeeper.node_lease_until(v_node));
  end
  $$;
comment on function public.node_stop(text) is
  'A node stops. Its people are on their way to others: for 45 s they count as there. Service.';

create function public.event_viewers(p_event_id uuid) returns json
  language plpgsql stable security definer set search_path = ''
  as $$
  declare
    v_event public.events;
  begin
    select * into v_event from public.events e where e.id = p_event_id;
    if not found then
      raise exception 'there is no event %', coalesce(p_event_id::text, 'null') using errcode = 'PT404';
    elsif not streamkeeper.may_watch(v_event) then
      raise exception 'event % is for people who have signed in', p_event_id using errcode = 'insufficient_privilege';
    end if;
    return (
      select json_build_object('viewers', c.viewers, 'users', c.users, 'as_of', clock_timestamp())
      from streamkeeper.count_viewers(p_event_id) c
    );
  end
  $$;
comment on function public.event_viewers(uuid) is
  'How many viewers an event has: connections, and people. Who is connected to several nodes is one person on each of them. '
  'As the nodes'' last heartbeats told, at most 15 s ago. Whoever may watch it.';

create function public.event_totals() returns json
  language sql stable security definer set search_path = ''
  as $$
    select json_build_object(
      'viewers', c.viewers,
      'users', c.users,
      'events', (select count(*) from public.events e where e.status = 'live'),
      'nodes', (select count(*) from streamkeeper.nodes n where streamkeeper.is_heard(n, clock_timestamp())),
      'as_of', clock_timestamp()
    )
    from streamkeeper.count_viewers(null) c
  $$;
comment on function public.event_totals() is
  'How many viewers all events have together, how many events are live, and how many nodes there are. Whoever has signed in.';

revoke execute on function streamkeeper.presence_json(public.events) from public;
revoke execute on function streamkeeper.is_here(uuid, text, text) from public;
revoke execute on function streamkeeper.is_gone(uuid, text, text) from public;
revoke execute on function streamkeeper.count_viewers(uuid) from public;
revoke execute on function public.event_viewer_first(uuid, text) from public, anon, authenticated, service_role;
revoke execute on function public.event_viewer_last(uuid, text) from public, anon, authenticated, service_role;
revoke execute on function public.event_host_here(uuid, text) from public, anon, authenticated, service_role;
revoke execute on function public.event_host_gone(uuid, text) from public, anon, authenticated, service_role;
revoke execute on function public.node_heartbeat(text, jsonb) from public, anon, authenticated, service_role;
revoke execute on function public.node_stop(text) from public, anon, authenticated, service_role;
revoke execute on function public.event_viewers(uuid) from public, anon, authenticated, service_role;
revoke execute on function public.event_totals() from public, anon, authenticated, service_role;
grant execute on function public.event_viewer_first(uuid, text) to service_role;
grant execute on function public.event_viewer_last(uuid, text) to service_role;
grant execute on function public.event_host_here(uuid, text) to service_role;
grant execute on function public.event_host_gone(uuid, text) to service_role;
grant execute on function public.node_heartbeat(text, jsonb) to service_role;
grant execute on function public.node_stop(text) to service_role;
grant execute on function public.event_viewers(uuid) to anon, authenticated, service_role;
grant execute on function public.event_totals() to authenticated, service_role;
