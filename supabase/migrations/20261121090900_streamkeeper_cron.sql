-- The clean-up by pg_cron, where that is installed. Elsewhere a gateway does it, or start, touch and list on the way.

-- True when the jobs are scheduled; false where there is no pg_cron, or one before 1.5, which cannot run every 15 s, or none
-- that this role may use. May be called again, and by hand after `create extension pg_cron`.
create function streamkeeper.schedule_jobs() returns boolean
  language plpgsql volatile set search_path = ''
  as $$
  begin
    if not exists (select from pg_extension e where e.extname = 'pg_cron' and string_to_array(e.extversion, '.')::int[] >= '{1,5}')
      or not exists (select from pg_namespace n where n.nspname = 'cron' and has_schema_privilege(n.oid, 'usage'))
    then
      return false;
    end if;
    -- A job of the same name and user is replaced.
    perform cron.schedule('streamkeeper-sweep', '15 seconds', 'select public.sweep()');
    perform cron.schedule('streamkeeper-auto-end', '17 4 * * *', 'select public.auto_end_inactive_streams()');
    return true;
  end
  $$;

revoke execute on function streamkeeper.schedule_jobs() from public;

do $$ begin perform streamkeeper.schedule_jobs(); end $$;
