-- When something has swept last: what an operator's monitoring asks, on whichever gateway, cron or call it was.

create function streamkeeper.last_sweep_at() returns timestamptz
  language sql stable security definer set search_path = ''
  as $$ select nullif(w.last_run_at, '-infinity') from streamkeeper.sweeper w $$;
comment on function streamkeeper.last_sweep_at() is 'Null: never yet. Service.';

revoke execute on function streamkeeper.last_sweep_at() from public;
grant execute on function streamkeeper.last_sweep_at() to service_role;
