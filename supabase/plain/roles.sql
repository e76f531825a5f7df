-- The roles that Supabase brings, for a plain PostgreSQL. Harmless where they exist.
--
-- `authenticator` is what a server may log in as: it has no rights of its own (NOINHERIT) and takes one of the others for
-- each request. It cannot log in until an operator lets it: alter role authenticator login password '…'.

do $$
declare
  v_role text;
begin
  foreach v_role in array array[
    'anon nologin noinherit',
    'authenticated nologin noinherit',
    'service_role nologin noinherit bypassrls',
    'authenticator nologin noinherit'
  ] loop
    begin
      -- Roles belong to the whole cluster: another database may be creating them at this moment.
      execute 'create role ' || v_role;
    exception when duplicate_object or unique_violation then
      null;
    end;
  end loop;
end
$$;

grant anon, authenticated, service_role to authenticator;
