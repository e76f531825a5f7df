-- Nodes: the gateways at which viewers are connected. For each event a node writes a lease when its own count leaves 0, and
-- takes it back when it is 0 again: what the database does is independent of the number of viewers. What a lease is worth
-- hangs on the node's heartbeat, which carries its counts.

create table streamkeeper.nodes (
  id text primary key check (char_length(id) between 1 and 100),
  started_at timestamptz not null,
  heartbeat_at timestamptz not null,
  -- A node that was told to stop: its viewers are on their way to others.
  stopped_at timestamptz,
  -- When it last came, or came back, and found no other node there.
  alone_at timestamptz,
  -- {event id: {viewers, users}}
  counts jsonb not null default '{}'
);
comment on table streamkeeper.nodes is 'One row per process of a gateway. Leases of kind node are held by these.';

alter table streamkeeper.nodes enable row level security;
revoke all on streamkeeper.nodes from public, anon, authenticated, service_role;
grant select on streamkeeper.nodes to service_role;

comment on table streamkeeper.leases is
  'Who holds what, until when. Of kind host: the subject is a live stream, the holder one page load of its host; they change '
  'only while their stream''s row is locked, and go when the stream ends. Of kind node: the subject is an event that has '
  'viewers at the node which is the holder, or <event>:host where its host is connected; they change only while their '
  'event''s row is locked, and are good for as long as the node is heard of (node_lease_until).';

create index leases_of_nodes on streamkeeper.leases (holder) where kind = 'node';

-- For how long a node that is not heard of any more counts as there: two heartbeats may get lost.
create function streamkeeper.node_lease_seconds() returns integer
  language sql immutable set search_path = ''
  as $$ select 15 $$;

-- How long the viewers of a node that stops have to reach another one. Also how long nobody's absence ends an event after
-- a time in which nobody could have come.
create function streamkeeper.hand_over_seconds() returns integer
  language sql immutable set search_path = ''
  as $$ select 45 $$;

-- Until when the leases of this node are good.
create function streamkeeper.node_lease_until(p_node streamkeeper.nodes) returns timestamptz
  language sql immutable set search_path = ''
  as $$
    select coalesce(
      streamkeeper.seconds_after(p_node.stopped_at, streamkeeper.hand_over_seconds()),
      streamkeeper.seconds_after(p_node.heartbeat_at, streamkeeper.node_lease_seconds())
    )
  $$;

-- Are they over? As with hosts, the node must have had the time of one lease in which it could have been heard.
create function streamkeeper.node_has_lapsed(
    p_node streamkeeper.nodes, p_now timestamptz, p_alive_since timestamptz
  ) returns boolean
  language sql immutable set search_path = ''
  as $$
    select streamkeeper.node_lease_until(p_node) < p_now
      and streamkeeper.seconds_after(
        p_alive_since,
        case when p_node.stopped_at is null then streamkeeper.node_lease_seconds() else streamkeeper.hand_over_seconds() end
      ) <= p_now
  $$;

-- Whether a node is heard of: one that has not stopped, and that has been heard since the server was started.
create function streamkeeper.is_heard(p_node streamkeeper.nodes, p_now timestamptz) returns boolean
  language sql stable set search_path = ''
  as $$
    select p_node.stopped_at is null and p_node.heartbeat_at between
      greatest(streamkeeper.seconds_after(p_now, - streamkeeper.node_lease_seconds()), pg_postmaster_start_time()) and p_now
  $$;

-- Since when viewers could always reach some node. Where there never was one, nobody waits for one.
create function streamkeeper.nodes_alive_since(p_now timestamptz) returns timestamptz
  language sql stable set search_path = ''
  as $$
    select case
      when count(*) = 0 then '-infinity'
      when bool_or(streamkeeper.is_heard(n, p_now)) then coalesce(max(n.alone_at), '-infinity')
      else p_now
    end
    from streamkeeper.nodes n
  $$;

-- This node is there. Its row is locked until the transaction ends, after its event's: what one event waits for must not
-- keep the node's others waiting. Whoever looks for lapsed nodes passes over those that are locked.
create function streamkeeper.node_seen(p_node text) returns void
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_now timestamptz := clock_timestamp();
    v_alone_at timestamptz;
    v_stopped_at timestamptz;
  begin
    perform streamkeeper.check_name('p_node', p_node, 100);
    if not exists (select from streamkeeper.nodes n where streamkeeper.is_heard(n, v_now)) then
      v_alone_at := v_now;
    end if;
    insert into streamkeeper.nodes as n (id, started_at, heartbeat_at, alone_at) values (p_node, v_now, v_now, v_alone_at)
    on conflict (id) do update set heartbeat_at = v_now, alone_at = coalesce(v_alone_at, n.alone_at)
    returning n.stopped_at into v_stopped_at;
    if v_stopped_at is not null then
      raise exception 'node % has stopped', p_node
        using errcode = 'PT409', hint = 'Each process of a gateway takes a name of its own.';
    end if;
  end
  $$;

revoke execute on function streamkeeper.node_lease_seconds() from public;
revoke execute on function streamkeeper.hand_over_seconds() from public;
revoke execute on function streamkeeper.node_lease_until(streamkeeper.nodes) from public;
revoke execute on function streamkeeper.node_has_lapsed(streamkeeper.nodes, timestamptz, timestamptz) from public;
revoke execute on function streamkeeper.is_heard(streamkeeper.nodes, timestamptz) from public;
revoke execute on function streamkeeper.nodes_alive_since(timestamptz) from public;
revoke execute on function streamkeeper.node_seen(text) from public;
