-- Leases: a stream lives while somebody holds it, and a holder has to say again and again that it is still there.

create table streamkeeper.leases (
  kind text not null check (kind in ('host', 'viewer', 'node')),
  subject text not null check (char_length(subject) between 1 and 200),
  holder text not null check (char_length(holder) between 1 and 100),
  -- How long the holder asked for: also how long it is given to come back after an outage. 0: it has said goodbye.
  lease_seconds integer not null check (lease_seconds between 0 and 900),
  lease_until timestamptz not null,
  renewed_at timestamptz not null default clock_timestamp(),
  primary key (kind, subject, holder),

  -- A stream's leases are found by its id; the cast fails for anything else.
  constraint leases_of_hosts_are_on_streams check (kind <> 'host' or subject::uuid is not null)
);
comment on table streamkeeper.leases is
  'Who holds what, until when. Of kind host: the subject is a live stream, the holder one page load of its host. '
  'A host''s leases change only while its stream''s row is locked, and go when the stream ends.';

-- What has lapsed.
create index leases_by_deadline on streamkeeper.leases (kind, lease_until);

-- Not in an exposed schema, and nobody's to write; the service role may look.
alter table streamkeeper.leases enable row level security;
revoke all on streamkeeper.leases from public, anon, authenticated, service_role;
grant select on streamkeeper.leases to service_role;

-- How long a holder has that does not say otherwise.
create function streamkeeper.default_lease_seconds() returns integer
  language sql immutable set search_path = ''
  as $$ select 90 $$;

-- Refuses an empty name of a holder, and one that is too long.
create function streamkeeper.check_holder(p_holder text) returns void
  language plpgsql immutable set search_path = ''
  as $$
  begin
    perform streamkeeper.check_length('p_holder', p_holder, 100);
    if coalesce(p_holder, '') = '' then
      raise exception 'p_holder is %; it must have 1 to 100 characters',
        case when p_holder is null then 'null' else 'empty' end
        using errcode = 'invalid_parameter_value';
    end if;
  end
  $$;

-- Is this lease over? Its time has to be up, and its holder must have had one full lease of time in which it could have
-- renewed it: an outage is not the holder's fault. Whoever said goodbye asked for 0 seconds, and is not waited for.
create function streamkeeper.has_lapsed(
    p_lease streamkeeper.leases, p_now timestamptz, p_alive_since timestamptz
  ) returns boolean
  language sql stable set search_path = ''
  as $$
    select p_lease.lease_until < p_now and p_alive_since + make_interval(secs => p_lease.lease_seconds) <= p_now
  $$;

-- Gives this holder its lease on a stream, from now on and for so long, and takes away those of others which are over:
-- the latest to lapse is always still there. The caller has locked the stream's row.
create function streamkeeper.hold(p_stream_id uuid, p_holder text, p_lease_seconds integer) returns timestamptz
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_alive_since timestamptz := streamkeeper.sweeper_alive_since();
    v_now timestamptz := clock_timestamp();
    v_lease_until timestamptz := v_now + make_interval(secs => p_lease_seconds);
  begin
    insert into streamkeeper.leases (kind, subject, holder, lease_seconds, lease_until, renewed_at)
    values ('host', p_stream_id::text, p_holder, p_lease_seconds, v_lease_until, v_now)
    on conflict (kind, subject, holder) do update
    set lease_seconds = excluded.lease_seconds, lease_until = excluded.lease_until, renewed_at = excluded.renewed_at;
    delete from streamkeeper.leases l
    where l.kind = 'host' and l.subject = p_stream_id::text and l.holder <> p_holder
      and streamkeeper.has_lapsed(l, v_now, v_alive_since);
    return v_lease_until;
  end
  $$;

-- Ends these streams, each at its time in p_ended_at (null: now), with their leases, and puts it on the trail. The caller
-- has locked their rows and seen that none of them has ended.
create function streamkeeper.finish(
    p_ids uuid[], p_ended_at timestamptz[], p_reason text, p_actor text, p_holder text, p_attempt integer
  ) returns void
  language plpgsql volatile set search_path = ''
  as $$
  begin
    -- greatest(): a wall clock that was set back must not keep a stream alive by its own constraint.
    update public.livestreams s
    set
      status = 'ended',
      ended_at = greatest(coalesce(t.ended_at, clock_timestamp()), s.started_at),
      end_reason = p_reason
    from unnest(p_ids, p_ended_at) as t (id, ended_at)
    where s.id = t.id;
    delete from streamkeeper.leases l where l.kind = 'host' and l.subject = any (p_ids::text[]);
    insert into public.end_attempts (stream_id, actor, role, reason, holder, attempt, outcome)
    select t.id, p_actor, streamkeeper.caller_role(), p_reason, p_holder, p_attempt, 'ended'
    from unnest(p_ids) as t (id);
  end
  $$;

revoke execute on function streamkeeper.default_lease_seconds() from public;
revoke execute on function streamkeeper.check_holder(text) from public;
revoke execute on function streamkeeper.has_lapsed(streamkeeper.leases, timestamptz, timestamptz) from public;
revoke execute on function streamkeeper.hold(uuid, text, integer) from public;
revoke execute on function streamkeeper.finish(uuid[], timestamptz[], text, text, text, integer) from public;

comment on table public.livestreams is 'One row per stream. Written only by the functions that start, touch and end streams.';
comment on table public.end_attempts is
  'One row per stream that a call which ends streams, or the sweeper, looked at; one without stream_id if there was none.';
