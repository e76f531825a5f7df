-- Chats that are due are closed by pg_cron as well, where that is installed. Elsewhere a gateway does it.

-- As before, with one job more.
create or replace function streamkeeper.schedule_jobs() returns boolean
  language plpgsql volatile set search_path = ''
  as $$
  begin
    if not exists (select from pg_extension e where e.extname = 'pg_cron' and string_to_array(e.extversion, '.')::int[] >= '{1,5}')
      or not exists (select from pg_namespace n where n.nspname = 'cron' and has_schema_privilege(n.oid, 'usage'))
    then
      return false;
    end if;
    -- A job of the same name and user is replaced. Times are UTC, unless the server's cron.timezone says otherwise.
    perform cron.schedule('streamkeeper-sweep', '15 seconds', 'select public.sweep()');
    perform cron.schedule('streamkeeper-auto-end', '17 4 * * *', 'select public.auto_end_inactive_streams()');
    perform cron.schedule('streamkeeper-close-chats', '0 2 * * *', 'select public.close_expired_chats()');
    return true;
  end
  $$;

do $$ begin perform streamkeeper.schedule_jobs(); end $$;
