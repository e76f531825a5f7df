-- Who is calling. Everything that decides about rights asks these functions, and nothing else.
--
-- The schema is not one that the HTTP API exposes: its functions serve policies and other functions, never a browser.

create schema if not exists streamkeeper;
revoke all on schema streamkeeper from public;
grant usage on schema streamkeeper to authenticated, service_role;

-- The verified claims of the caller's token; null when there is no token (a direct connection, cron).
create function streamkeeper.claims() returns jsonb
  language sql stable set search_path = ''
  as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;

-- The caller's user id: text, because not every identity provider hands out uuids. Null for anon.
-- Older PostgREST versions set one setting for each claim instead of one JSON object for all.
create function streamkeeper.current_user_id() returns text
  language sql stable set search_path = ''
  as $$
    select nullif(coalesce(streamkeeper.claims() ->> 'sub', current_setting('request.jwt.claim.sub', true)), '')
  $$;

-- Admins are named by `app_metadata`, which only the project's operators write; users can write their `user_metadata`.
create function streamkeeper.is_admin() returns boolean
  language sql stable set search_path = ''
  as $$ select coalesce(streamkeeper.claims() -> 'app_metadata' ->> 'role' = 'admin', false) $$;

-- The database role that the request runs as, also inside SECURITY DEFINER functions, where `current_user` is the owner.
create function streamkeeper.caller_role() returns text
  language sql stable set search_path = ''
  as $$ select coalesce(nullif(current_setting('role', true), 'none'), session_user) $$;

-- The backend itself: `service_role`, or an operator's own connection that has its rights.
create function streamkeeper.is_service() returns boolean
  language sql stable set search_path = ''
  as $$ select pg_has_role(streamkeeper.caller_role(), 'service_role', 'usage') $$;

-- May the caller do what belongs to this user? Never null, so that `not may_act_for(…)` is safe to branch on.
create function streamkeeper.may_act_for(p_user_id text) returns boolean
  language sql stable set search_path = ''
  as $$
    select streamkeeper.is_service() or streamkeeper.is_admin()
      or coalesce(p_user_id = streamkeeper.current_user_id(), false)
  $$;

-- Refuses a text argument that is too long, naming the argument and the bound.
create function streamkeeper.check_length(p_name text, p_value text, p_max integer) returns void
  language plpgsql immutable set search_path = ''
  as $$
  begin
    if char_length(p_value) > p_max then
      raise exception '% is % characters long; at most % are allowed', p_name, char_length(p_value), p_max
        using errcode = 'invalid_parameter_value';
    end if;
  end
  $$;

revoke execute on all functions in schema streamkeeper from public;
grant execute on all functions in schema streamkeeper to authenticated, service_role;

-- What the application knows about its users. The application's backend writes it, with the service role.
create table public.app_users (
  user_id text primary key check (char_length(user_id) between 1 and 200),
  display_name text check (char_length(display_name) <= 200),
  email text check (char_length(email) <= 320),
  time_zone text not null default 'UTC' check (char_length(time_zone) between 1 and 100),
  created_at timestamptz not null default now()
);
comment on table public.app_users is 'Names, addresses and time zones of users. A user reads the own row, an admin all.';

alter table public.app_users enable row level security;
revoke all on public.app_users from public, anon, authenticated, service_role;
grant select on public.app_users to authenticated;
grant select, insert, update, delete on public.app_users to service_role;

create policy "own row, or admin" on public.app_users for select to authenticated
  using (user_id = (select streamkeeper.current_user_id()) or (select streamkeeper.is_admin()));
