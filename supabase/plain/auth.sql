-- The part of Supabase's `auth` schema that policies and applications use, for a plain PostgreSQL. May be run again.

create schema if not exists auth;
grant usage on schema auth to anon, authenticated, service_role;
grant usage on schema public to anon, authenticated, service_role;

create table if not exists auth.users (
  id uuid primary key default gen_random_uuid(),
  email text unique,
  raw_app_meta_data jsonb not null default '{}',
  raw_user_meta_data jsonb not null default '{}',
  created_at timestamptz not null default now()
);
revoke all on auth.users from public, anon, authenticated;
grant select, insert, update, delete on auth.users to service_role;

-- Supabase's own three, with its types. Streamkeeper's user ids are text, so it does not use uid() itself.
create or replace function auth.jwt() returns jsonb
  language sql stable set search_path = ''
  as $$
    select coalesce(
      nullif(current_setting('request.jwt.claim', true), ''),
      nullif(current_setting('request.jwt.claims', true), '')
    )::jsonb
  $$;

create or replace function auth.uid() returns uuid
  language sql stable set search_path = ''
  as $$
    select nullif(coalesce(auth.jwt() ->> 'sub', current_setting('request.jwt.claim.sub', true)), '')::uuid
  $$;

create or replace function auth.role() returns text
  language sql stable set search_path = ''
  as $$
    select nullif(coalesce(auth.jwt() ->> 'role', current_setting('request.jwt.claim.role', true)), '')
  $$;

grant execute on function auth.jwt(), auth.uid(), auth.role() to anon, authenticated, service_role;
