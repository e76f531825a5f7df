-- Chats that belong to an appointment, and the one definition of what a chat's status is.

create table public.chats (
  id uuid primary key default gen_random_uuid(),
  -- The channel as the chat vendor names it: type and id.
  cid text not null unique check (char_length(cid) between 1 and 255),
  members text[] not null default '{}'
    check (cardinality(members) <= 1000 and array_position(members, null) is null and '' <> all (members)),
  starts_at timestamptz not null check (isfinite(starts_at)),
  ends_at timestamptz not null check (isfinite(ends_at)),
  -- People may go on talking for 6 hours after the end. In UTC, because a generated column may not depend on a setting.
  closes_at timestamptz not null
    generated always as (((ends_at at time zone 'UTC') + interval '6 hours') at time zone 'UTC') stored,
  closed_at timestamptz,
  close_reason text check (char_length(close_reason) <= 500),
  -- Derived, so that it can never disagree with closed_at.
  status text not null generated always as (case when closed_at is null then 'active' else 'closed' end) stored,
  created_at timestamptz not null default now(),

  constraint chats_times_in_order check (ends_at > starts_at),
  constraint chats_reason_only_if_closed check (closed_at is not null or close_reason is null)
);
comment on table public.chats is
  'One row per chat of an appointment. The application''s backend writes it, with the service role.';
comment on column public.chats.status is
  'Whether somebody has closed it yet. What a person should see is chat_list''s status, which also knows the time.';
comment on column public.chats.close_reason is
  'Why the backend closed it before its time: repair_chats() leaves those alone. Null if it was closed by deadline.';

-- Whose chats. Read far more often than written: no list of pending entries that every reader has to go through.
create index chats_by_member on public.chats using gin (members) with (fastupdate = off);
-- Which are due.
create index chats_active_by_deadline on public.chats (closes_at) where closed_at is null;

alter table public.chats enable row level security;
revoke all on public.chats from public, anon, authenticated, service_role;
grant select on public.chats to authenticated;
grant select, insert, update, delete on public.chats to service_role;

-- Whom a chat must have among its members for the caller to see it: the caller; for an admin nobody in particular. One
-- condition for both, because one with `or` would have no index.
create function streamkeeper.required_members() returns text[]
  language sql stable set search_path = ''
  as $$ select case when streamkeeper.is_admin() then '{}' else array[streamkeeper.current_user_id()] end $$;

create policy "member, or admin" on public.chats for select to authenticated
  using (members @> (select streamkeeper.required_members()));

-- The one definition. It goes by the clock where nobody has closed the chat yet: a closing that is late is no status.
create function streamkeeper.chat_status(p_chat public.chats) returns text
  language sql stable set search_path = ''
  as $$
    select case
      when p_chat.closed_at is not null or p_chat.closes_at < now() then 'closed'
      when p_chat.ends_at <= now() then 'closing'
      when p_chat.starts_at <= now() then 'open'
      else 'upcoming'
    end
  $$;

revoke execute on function streamkeeper.required_members() from public;
revoke execute on function streamkeeper.chat_status(public.chats) from public;
grant execute on function streamkeeper.required_members() to authenticated, service_role;
grant execute on function streamkeeper.chat_status(public.chats) to authenticated, service_role;

create function public.chat_list(p_all boolean default false) returns table (
    id uuid, cid text, members text[], starts_at timestamptz, ends_at timestamptz, closes_at timestamptz,
    closed_at timestamptz, status text
  )
  language plpgsql stable set search_path = ''
  as $$
  #variable_conflict use_column
  begin
    if p_all then
      perform streamkeeper.check_admin('chat_list(p_all => true)');
    end if;
    return query
      select c.id, c.cid, c.members, c.starts_at, c.ends_at, c.closes_at, c.closed_at, s.status
      from public.chats c, streamkeeper.chat_status(c) as s (status)
      where p_all
        or (c.members @> array[(select streamkeeper.current_user_id())] and s.status in ('upcoming', 'open'))
      order by c.starts_at, c.id;
  end
  $$;
comment on function public.chat_list(boolean) is
  'The caller''s own chats whose appointment is not over, or (admins) all chats. status is upcoming, open, closing (the '
  'appointment is over, for less than 6 hours) or closed.';

create function public.close_expired_chats() returns integer
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_closed integer;
  begin
    perform streamkeeper.check_admin('close_expired_chats');
    -- Waits for nobody: whose row is locked is just being changed, and comes next time.
    update public.chats c set closed_at = clock_timestamp()
    where c.id in (
      select d.id from public.chats d where d.closed_at is null and d.closes_at < now() for update skip locked
    );
    get diagnostics v_closed = row_count;
    return v_closed;
  end
  $$;
comment on function public.close_expired_chats() is
  'Closes the chats whose appointment ended more than 6 hours ago; returns how many. To be called daily, or more often. '
  'Admin, service.';

create function public.repair_chats() returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_reopened integer;
  begin
    perform streamkeeper.check_admin('repair_chats');
    -- Closed before its time and for no reason: by a clean-up that went by the start, or an appointment was moved.
    update public.chats c set closed_at = null
    where c.id in (
      select d.id from public.chats d
      where d.closed_at < d.closes_at and d.close_reason is null and d.closes_at >= now() for update skip locked
    );
    get diagnostics v_reopened = row_count;
    return json_build_object('reopened', v_reopened, 'closed', public.close_expired_chats());
  end
  $$;
comment on function public.repair_chats() is
  'Opens the chats again that were closed before their time without a close_reason, and closes those left active after it. '
  'Repeating it is harmless. Admin, service.';

revoke execute on function public.chat_list(boolean) from public, anon, authenticated, service_role;
revoke execute on function public.close_expired_chats() from public, anon, authenticated, service_role;
revoke execute on function public.repair_chats() from public, anon, authenticated, service_role;
grant execute on function public.chat_list(boolean) to authenticated, service_role;
grant execute on function public.close_expired_chats() to authenticated, service_role;
grant execute on function public.repair_chats() to authenticated, service_role;
