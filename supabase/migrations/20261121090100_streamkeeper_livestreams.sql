-- The streams, and the audit trail of everything that tried to end one.

create table public.livestreams (
  id uuid primary key default gen_random_uuid(),
  streamer_id text not null check (char_length(streamer_id) between 1 and 200),
  title text check (char_length(title) <= 200),
  status text not null default 'scheduled' check (status in ('scheduled', 'live', 'ended')),
  -- Derived, so that it can never disagree with the status.
  is_live boolean not null generated always as (status = 'live') stored,
  scheduled_at timestamptz,
  started_at timestamptz,
  last_seen_at timestamptz,
  ended_at timestamptz,
  end_reason text check (char_length(end_reason) <= 500),
  created_at timestamptz not null default now(),

  -- Each status comes with its times, and only with those. Ended without a start: called off before it began.
  constraint livestreams_times_fit_status check (
    case status
      when 'scheduled' then num_nonnulls(started_at, last_seen_at, ended_at, end_reason) = 0
      when 'live' then num_nulls(started_at, last_seen_at) = 0 and num_nonnulls(ended_at, end_reason) = 0
      else ended_at is not null and (started_at is null) = (last_seen_at is null)
    end
  ),
  constraint livestreams_times_in_order check (ended_at >= started_at and last_seen_at >= started_at)
);
comment on table public.livestreams is 'One row per stream. Written only by start_stream and end_stream_comprehensive.';

-- The list of active streams, newest first.
create index livestreams_live_by_start on public.livestreams (started_at desc) where status = 'live';
-- What is live of one streamer, and a streamer's own rows.
create index livestreams_by_streamer on public.livestreams (streamer_id, status);

-- No foreign key: a call that named an unknown stream is part of the trail, and the trail outlives the stream.
create table public.end_attempts (
  id bigint generated always as identity primary key,
  stream_id uuid,
  actor text,
  role text not null,
  reason text,
  holder text,
  attempt integer not null,
  outcome text not null check (outcome in ('ended', 'already_ended', 'not_found')),
  at timestamptz not null default clock_timestamp()
);
comment on table public.end_attempts is
  'One row per stream that a call of end_stream_comprehensive looked at, or one without stream_id if there was none.';
comment on column public.end_attempts.attempt is 'Which attempt of its sender this was: more than 1 means that earlier ones got lost.';

create index end_attempts_by_stream on public.end_attempts (stream_id, at);

alter table public.livestreams enable row level security;
alter table public.end_attempts enable row level security;

-- Nobody writes directly, the service role included: rights, the audit trail and exactly-once live in the functions.
revoke all on public.livestreams, public.end_attempts from public, anon, authenticated, service_role;
grant select on public.livestreams, public.end_attempts to authenticated, service_role;

create policy "own streams, or admin" on public.livestreams for select to authenticated
  using (streamer_id = (select streamkeeper.current_user_id()) or (select streamkeeper.is_admin()));

-- The inner select is itself under the policy above: whoever sees the stream sees its trail.
create policy "attempts on own streams, or admin" on public.end_attempts for select to authenticated
  using (
    (select streamkeeper.is_admin())
    or exists (select from public.livestreams s where s.id = end_attempts.stream_id)
  );
