-- Makes room for the migrations in a database that has a hand-written predecessor's tables: moves those, and the functions
-- that have our names, into the schema streamkeeper_adopted, as they are. See README.md.
--
-- One statement, so that it happens as a whole or not at all. It may be run again.

do $$
declare
  v_table record;
  v_columns name[];
  v_wrong text;
  v_function regprocedure;
  v_tables text[] := '{}';
  v_functions integer := 0;
begin
  for v_table in
    -- A column that only our table has; and those without which it is not the predecessor's. Null: that had none.
    select t.* from (values
      ('livestreams', 'end_reason', '{id,streamer_id,status,started_at,ended_at}'::name[]),
      ('weekly_usage', 'stream_id', '{user_id,week_start_date}'),
      ('chat_logs', 'webhook_id', '{appointment_id,stream_message_id,sender_id,content,created_at}'),
      ('chats', 'closes_at', null),
      ('app_users', 'time_zone', '{user_id,live_room_id}'),
      ('live_rooms', 'changed_at', '{id,host_user_id,status,current_session_id}'),
      ('live_room_sessions', 'requested_title', '{id,room_id,status}'),
      ('live_room_attendance', 'last_seen_at', '{session_id,user_id,joined_at}'),
      ('community_live_streams', 'host_name', '{id,status}'),
      ('end_attempts', 'outcome', null),
      ('events', 'never_joined_seconds', null),
      ('emails', 'message_id', null),
      ('notifications', 'dedupe_key', null),
      ('notification_preferences', 'delay_seconds', null)
    ) as t (name, ours, needed)
    where to_regclass('public.' || t.name) is not null
  loop
    select array_agg(a.attname) into v_columns
    from pg_attribute a
    where a.attrelid = to_regclass('public.' || v_table.name) and a.attnum > 0 and not a.attisdropped;
    continue when v_table.ours = any (v_columns);
    if v_table.needed is null then
      raise exception 'public.% is in the way: the migrations create a table of that name', v_table.name
        using hint = 'Rename yours first, or move it into another schema.';
    end if;
    select string_agg(n.name, ', ') into v_wrong from unnest(v_table.needed) as n (name) where n.name <> all (v_columns);
    if v_wrong is not null then
      raise exception 'public.% has no column %: it is not a table that can be taken over', v_table.name, v_wrong
        using hint = 'Rename the table first, or give it the column.';
    end if;
    v_tables := v_tables || v_table.name;
  end loop;

  for v_table in
    select t.* from (values
      ('livestreams', '{active,live,scheduled,ended,cancelled}'::text[]),
      ('live_rooms', '{idle,scheduled,lobby,live}'),
      ('live_room_sessions', '{scheduled,lobby,live,ended,cancelled}')
    ) as t (name, statuses)
    where t.name = any (v_tables)
  loop
    select string_agg(format('%s is %s', a.attname, format_type(a.atttypid, null)), ', ' order by a.attnum) into v_wrong
    from pg_attribute a
    join (values
      ('id', '{uuid}'::regtype[]),
      ('room_id', '{uuid}'),
      ('current_session_id', '{uuid}'),
      ('streamer_id', '{uuid,text,varchar}'),
      ('host_user_id', '{uuid,text,varchar}'),
      ('started_at', '{timestamptz,timestamp}'),
      ('ended_at', '{timestamptz,timestamp}')
    ) as t (name, types) on t.name = a.attname and a.atttypid <> all (t.types)
    where a.attrelid = to_regclass('public.' || v_table.name);
    if v_wrong is not null then
      raise exception 'public.%.%: it is not a table that can be taken over', v_table.name, v_wrong
        using hint = 'Ids must be uuids, user ids uuids or text, times timestamps.';
    end if;
    execute format($sql$
      select string_agg(format('"%%s" (%%s rows)', t.status, t.rows), ', ' order by t.status)
      from (
        select o.status::text, count(*) as rows from public.%I o where o.status::text <> all ($1) group by 1
      ) t
    $sql$, v_table.name) into v_wrong using v_table.statuses;
    if v_wrong is not null then
      raise exception 'public.%.status holds %; known are %', v_table.name, v_wrong, array_to_string(v_table.statuses, ', ')
        using hint = 'Map it to one of those first.';
    end if;
    execute format($sql$
      select count(*) || ' rows' from (select to_jsonb(o) as j from public.%I o) t
      where not (isfinite((t.j ->> 'started_at')::timestamptz) and isfinite((t.j ->> 'ended_at')::timestamptz))
      having count(*) > 0
    $sql$, v_table.name) into v_wrong;
    if v_wrong is not null then
      raise exception 'public.% has % in which started_at or ended_at is infinite', v_table.name, v_wrong
        using hint = 'Make it null, or the time that is meant.';
    end if;
  end loop;

  create schema if not exists streamkeeper_adopted;
  revoke all on schema streamkeeper_adopted from public;
  for v_function in
    select p.oid::regprocedure
    from pg_proc p
    where p.pronamespace = 'public'::regnamespace
      and p.proname in (
        'end_stream_comprehensive', 'end_stream_on_user_disconnect', 'auto_end_inactive_streams', 'get_stream_status',
        'list_active_streams', 'my_room', 'get_live_room', 'live_room_create_session', 'live_room_end', 'live_room_join',
        'live_room_leave', 'live_room_schedule', 'live_room_open_lobby', 'live_room_cancel', 'live_room_listing',
        'stuck_rooms', 'cleanup_stuck_rooms'
      )
      -- Ours all use a helper.
      and position('streamkeeper.' in p.prosrc) = 0
  loop
    execute format('alter function %s set schema streamkeeper_adopted', v_function);
    v_functions := v_functions + 1;
  end loop;
  for v_table in select t.name from unnest(v_tables) as t (name) loop
    execute format('alter table public.%I set schema streamkeeper_adopted', v_table.name);
  end loop;
  raise notice 'streamkeeper: moved % tables (%) and % functions to streamkeeper_adopted',
    cardinality(v_tables), array_to_string(v_tables, ', '), v_functions;
end
$$;
