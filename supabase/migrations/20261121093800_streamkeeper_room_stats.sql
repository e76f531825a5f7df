-- What an operator wants to know about rooms, and the jobs that look after them.

create function public.room_stats() returns json
  language plpgsql stable security definer set search_path = ''
  as $$
  begin
    perform streamkeeper.check_admin('room_stats');
    return json_build_object(
      'rooms', (select count(*) from public.live_rooms),
      'hosts_with_several_rooms', (
        select count(*) from (
          select from public.live_rooms r group by r.host_user_id having count(*) > 1
        ) t
      ),
      'live_sessions', (select count(*) from public.live_room_sessions s where s.status = 'live'),
      'scheduled_sessions', (select count(*) from public.live_room_sessions s where s.status = 'scheduled'),
      'stuck', (select count(*) from streamkeeper.stuck(streamkeeper.rooms_in_use())),
      'recoveries', (
        select coalesce(json_object_agg(t.found_by, t.count), '{}') from (
          select r.found_by, count(*) from streamkeeper.room_recoveries r group by r.found_by
        ) t
      )
    );
  end
  $$;
comment on function public.room_stats() is
  'Rooms that were made; hosts who have more than one; sessions that are live or scheduled; rooms that are stuck now; and '
  'how many were put right, by what found them. Calls that were refused (PT409) leave no trail here: the gateway counts '
  'them. Admin, service.';

revoke execute on function public.room_stats() from public, anon, authenticated, service_role;
grant execute on function public.room_stats() to authenticated, service_role;

-- As before, with two jobs more.
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
    perform cron.schedule('streamkeeper-sweep-attendance', '15 seconds', 'select public.sweep_attendance()');
    perform cron.schedule('streamkeeper-stuck-rooms', '7 * * * *', 'select public.cleanup_stuck_rooms()');
    perform cron.schedule('streamkeeper-auto-end', '17 4 * * *', 'select public.auto_end_inactive_streams()');
    perform cron.schedule('streamkeeper-close-chats', '0 2 * * *', 'select public.close_expired_chats()');
    return true;
  end
  $$;

do $$ begin perform streamkeeper.schedule_jobs(); end $$;
