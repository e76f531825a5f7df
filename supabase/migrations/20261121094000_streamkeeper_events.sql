-- Events: what people watch together, in one live period or in several. A host is told when one has ended.

-- So many seconds after that time. They are the same in every time zone, so that generated columns may use this.
create function streamkeeper.seconds_after(p_at timestamptz, p_seconds integer) returns timestamptz
  language sql immutable set search_path = ''
  as $$ select p_at + make_interval(secs => p_seconds) $$;

-- The later of two times, once there are both.
create function streamkeeper.once_both(p_one timestamptz, p_other timestamptz) returns timestamptz
  language sql immutable set search_path = ''
  as $$ select case when num_nulls(p_one, p_other) = 0 then greatest(p_one, p_other) end $$;

create table public.events (
  id uuid primary key default gen_random_uuid(),
  host_user_id text not null check (char_length(host_user_id) between 1 and 200),
  stream_id uuid references public.livestreams (id) on delete set null,
  title text not null check (char_length(title) between 1 and 200),
  is_public boolean not null default true,
  status text not null default 'scheduled' check (status in ('scheduled', 'live', 'ended')),
  -- Which live period this is, or was the last one; 0: there was none yet. All that is said of an end names it.
  generation integer not null default 0 check (generation >= 0),
  starts_at timestamptz check (isfinite(starts_at)),
  scheduled_end_at timestamptz check (isfinite(scheduled_end_at)),
  started_at timestamptz,
  ended_at timestamptz,
  -- What ended it. After `absence` it opens again for whoever comes within a day, before its
  -- scheduled end; after all others it does not.
  ended_by text check (ended_by in ('absence', 'call', 'schedule', 'stream', 'successor')),
  end_reason text check (char_length(end_reason) <= 500),
  grace_seconds integer not null check (grace_seconds between 5 and 3600),
  never_joined_seconds integer not null default 600 check (never_joined_seconds between 5 and 86400),
  -- Since when there has been no viewer, and no host; null while there is one.
  viewers_gone_since timestamptz default clock_timestamp(),
  host_gone_since timestamptz default clock_timestamp(),
  -- A time, and no timer: whoever looks next, on whichever node and after whatever outage, sees what is due.
  empty_since timestamptz generated always as (streamkeeper.once_both(viewers_gone_since, host_gone_since)) stored,
  due_at timestamptz generated always as (
    case status
      when 'live' then least(
        scheduled_end_at,
        streamkeeper.seconds_after(streamkeeper.once_both(viewers_gone_since, host_gone_since), grace_seconds)
      )
      when 'scheduled' then least(
        scheduled_end_at,
        case
          when streamkeeper.once_both(viewers_gone_since, host_gone_since) is null then starts_at
          else streamkeeper.seconds_after(greatest(starts_at, viewers_gone_since, host_gone_since), never_joined_seconds)
        end
      )
    end
  ) stored,
  created_at timestamptz not null default clock_timestamp(),

  -- Each status comes with its times, and only with those. Ended without a start: nobody came, or it was called off.
  constraint events_times_fit_status check (
    case status
      when 'scheduled' then generation = 0 and num_nonnulls(started_at, ended_at, ended_by, end_reason) = 0
      when 'live' then generation > 0 and started_at is not null and num_nonnulls(ended_at, ended_by, end_reason) = 0
      else num_nulls(ended_at, ended_by) = 0 and (generation = 0) = (started_at is null)
    end
  ),
  constraint events_times_in_order check (ended_at >= started_at and scheduled_end_at > starts_at)
);
comment on table public.events is 'One row per event. Written only by the functions that create, watch, sweep and end events.';
comment on column public.events.due_at is
  'When something has to be decided about it: it is over by its schedule, nobody has been there for its grace, nobody ever '
  'came, or a viewer has been waiting for its start.';

-- What is due.
create index events_by_due on public.events (due_at) where due_at is not null;
create index events_by_host on public.events (host_user_id, created_at);
-- Which event follows a stream, and that there is but one at a time.
create unique index events_open_by_stream on public.events (stream_id) where status <> 'ended';
create index events_by_stream on public.events (stream_id);

alter table public.events enable row level security;
revoke all on public.events from public, anon, authenticated, service_role;
grant select on public.events to authenticated, service_role;
create policy "own events, or admin" on public.events for select to authenticated
  using (host_user_id = (select streamkeeper.current_user_id()) or (select streamkeeper.is_admin()));

-- Generated columns are worked out with the rights of whoever writes the row: that is always the owner of these functions.
revoke execute on function streamkeeper.seconds_after(timestamptz, integer) from public;
revoke execute on function streamkeeper.once_both(timestamptz, timestamptz) from public;
