-- Relays: which live streams gateways pass on to players, and where they get them from.
--
-- Locks are taken in one order, by everybody: streams by id, rooms, events, leases, relays. Whoever has locked a relay's row
-- waits for nothing else.

-- Later ones are greater: what is late for one relay cannot reach its successor.
create sequence streamkeeper.relay_generations;

create table streamkeeper.stream_relays (
  stream_id uuid not null references public.livestreams (id) on delete cascade,
  kind text not null check (kind in ('hls', 'ts')),
  -- A secret: it may carry a token.
  upstream text not null check (char_length(upstream) between 1 and 2000),
  generation bigint not null unique default nextval('streamkeeper.relay_generations'),
  state text not null default 'ok' check (state in ('ok', 'degraded')),
  reason text check (char_length(reason) <= 200),
  since timestamptz not null default clock_timestamp(),
  primary key (stream_id, kind),

  constraint stream_relays_reason_fits_state check ((state = 'degraded') = (reason is not null))
);
comment on table streamkeeper.stream_relays is
  'One row per relay of a live stream; it goes when the stream ends. degraded: a gateway does not get the stream, for this '
  'reason, since that time; what ends it is its lease, as ever.';

-- Nobody reads or writes it but the functions: whoever has the upstream has the stream, past all that counts and ends it.
alter table streamkeeper.stream_relays enable row level security;
revoke all on streamkeeper.stream_relays from public, anon, authenticated, service_role;
revoke all on sequence streamkeeper.relay_generations from public, anon, authenticated, service_role;

-- Every gateway mirrors this table. How a relay does is no news to them.
create function streamkeeper.notify_relays() returns trigger
  language plpgsql set search_path = ''
  as $$
  begin
    perform pg_notify('streamkeeper_relays', coalesce(new.stream_id, old.stream_id)::text);
    return null;
  end
  $$;

create trigger notify_relays after insert or delete on streamkeeper.stream_relays
  for each row execute function streamkeeper.notify_relays();
create trigger notify_changed_relays after update on streamkeeper.stream_relays
  for each row when (new.generation <> old.generation) execute function streamkeeper.notify_relays();

-- Whoever ends a stream (a call, a lease, an admin, the sweeper, a room, an event) ends its relays with it.
create function streamkeeper.relays_follow_streams() returns trigger
  language plpgsql set search_path = ''
  as $$
  begin
    delete from streamkeeper.stream_relays r
    using new_streams n
    where n.id = r.stream_id and n.status <> 'live';
    return null;
  exception when others then
    -- Nothing that is wrong with a relay may keep a stream from ending. Gateways look for themselves, too.
    raise warning 'streamkeeper: a relay did not follow its stream: %', sqlerrm;
    return null;
  end
  $$;

-- Triggers of one kind run in the order of their names, and relays come last.
create trigger then_relays_follow_streams after update on public.livestreams
  referencing new table as new_streams
  for each statement execute function streamkeeper.relays_follow_streams();

revoke execute on function streamkeeper.notify_relays() from public;
revoke execute on function streamkeeper.relays_follow_streams() from public;
