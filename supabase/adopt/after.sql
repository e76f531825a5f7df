-- Takes over what before.sql has moved aside, once the migrations have been applied: copies it into our tables, puts right
-- what was stuck, and says how much of each. See README.md.
--
-- It may be run again: what is there already stays as it is.

create schema if not exists streamkeeper_adopted;
revoke all on schema streamkeeper_adopted from public;

-- What each run did. Not only as notices: Supabase's SQL editor does not show those.
create table if not exists streamkeeper_adopted.report (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  what text not null,
  count bigint not null
);

-- One statement, so that it happens as a whole or not at all.
do $$
declare
  v_result json;
  v_key record;
  v_line record;
  v_old regclass[];
begin
  if to_regproc('public.rebuild_weekly_usage') is null then
    raise exception 'the migrations have not been applied yet: apply them, and then run this';
  end if;
  -- Times without a zone are UTC's, as they are on Supabase.
  perform set_config('timezone', 'UTC', true);

  if to_regclass('streamkeeper_adopted.livestreams') is not null then
    -- What becomes of each stream. Through JSON: a column that the old table does not have is null.
    create or replace view streamkeeper_adopted.streams as
      with old as (
        select (t.j ->> 'id')::uuid as id,
          t.j ->> 'streamer_id' as streamer_id,
          left(t.j ->> 'title', 200) as title,
          coalesce(t.j ->> 'status' in ('ended', 'cancelled'), false) as says_ended,
          coalesce((t.j ->> 'is_live')::boolean, t.j ->> 'status' = 'live', false) as says_live,
          (t.j ->> 'scheduled_at')::timestamptz as scheduled_at,
          (t.j ->> 'started_at')::timestamptz as started_at,
          (t.j ->> 'ended_at')::timestamptz as ended_at,
          least((t.j ->> 'updated_at')::timestamptz, now()) as updated_at,
          least((t.j ->> 'created_at')::timestamptz, now()) as created_at
        from (select to_jsonb(l) as j from streamkeeper_adopted.livestreams l) t
      ),
      -- A start that is still to come is a plan. What was started a second time has kept its first end.
      timed as (
        select o.*,
          case
            when o.started_at <= now() then o.started_at
            when o.says_live then coalesce(o.updated_at, o.created_at, now())
          end as began_at,
          case when o.ended_at <= now() and not (o.says_live and o.ended_at < o.started_at) then o.ended_at end as over_at
        from old o
      ),
      -- `active` was the status of what is live, of what is scheduled, and of what is stuck. seen_at is the last sign of
      -- the stream, within a day: what comes later is somebody who corrects its title.
      judged as (
        select t.*,
          case
            when t.over_at is not null or t.says_ended then 'ended'
            when t.says_live then 'live'
            when t.began_at is null then 'scheduled'
            else 'ended'
          end as status,
          case
            when t.began_at is not null then least(greatest(t.began_at, t.updated_at), t.began_at + interval '24 hours')
          end as seen_at
        from timed t
      ),
      dated as (
        select j.*, greatest(j.began_at, coalesce(j.over_at, j.seen_at, j.updated_at, j.created_at, now())) as end_at
        from judged j
      )
      select d.id, d.streamer_id, d.title, d.status,
        case when d.status = 'scheduled' then coalesce(d.scheduled_at, d.started_at) else d.scheduled_at end as scheduled_at,
        d.began_at as started_at,
        case when d.status = 'ended' and d.began_at is not null then d.end_at else d.seen_at end as last_seen_at,
        case when d.status = 'ended' then d.end_at end as ended_at,
        coalesce(d.created_at, d.began_at, now()) as created_at,
        case
          when d.status = 'live' and d.began_at is distinct from d.started_at then 'was live without a start'
          when d.status <> 'ended' then null
          when d.over_at is null and not d.says_ended then 'had begun, was not live, and had not ended'
          when d.over_at is null then 'had ended without a time'
          when d.over_at < d.began_at then 'had ended before it began'
          when d.says_live or not d.says_ended then 'was live or active after its end'
        end as repaired
      from dated d;

    with streams as materialized (
      select s.*, coalesce(char_length(s.streamer_id) between 1 and 200, false) as has_streamer
      from streamkeeper_adopted.streams s
    ),
    adopted as (
      insert into public.livestreams
        (id, streamer_id, title, status, scheduled_at, started_at, last_seen_at, ended_at, end_reason, created_at)
      select s.id, s.streamer_id, s.title, s.status, s.scheduled_at, s.started_at, s.last_seen_at, s.ended_at,
        case when s.status = 'ended' and s.repaired is not null then 'adopted: ' || s.repaired end, s.created_at
      from streams s
      where s.has_streamer
      on conflict (id) do nothing
      returning id
    ),
    lines as (
      select 1 as rank, 'streams taken over' as what, count(*) from adopted
      union all
      select 2, 'streams taken over as ' || s.status, count(*) from streams s join adopted a on a.id = s.id group by s.status
      union all
      select 3, 'streams repaired: ' || s.repaired, count(*)
      from streams s join adopted a on a.id = s.id where s.repaired is not null group by s.repaired
      union all
      select 4, 'streams left behind: they have no streamer', count(*)
      from streams s where not s.has_streamer having count(*) > 0
    )
    insert into streamkeeper_adopted.report (what, count)
    select l.what, l.count from lines l order by l.rank, l.what;

    insert into streamkeeper_adopted.report (what, count)
    values ('streams ended: nobody had been there for 24 hours', public.auto_end_inactive_streams());
  end if;

  v_result := public.rebuild_weekly_usage();
  insert into streamkeeper_adopted.report (what, count)
  values
    ('weekly usage: rows written', (v_result ->> 'inserted')::bigint + (v_result ->> 'updated')::bigint),
    ('weekly usage: minutes in all', (v_result ->> 'seconds')::bigint / 60);
  if to_regclass('streamkeeper_adopted.weekly_usage') is not null then
    insert into streamkeeper_adopted.report (what, count)
    select 'weekly usage: minutes in the old table', coalesce(sum((to_jsonb(u) ->> 'streamed_minutes')::numeric), 0)
    from streamkeeper_adopted.weekly_usage u;
  end if;

  -- Chats were appointment_chats, of appointments; those two stay where they are.
  if to_regclass('public.appointment_chats') is not null and to_regclass('public.appointments') is not null then
    with chats as materialized (
      select case when position(':' in c.stream_channel_id) > 0 then '' else 'messaging:' end || c.stream_channel_id as cid,
        array_remove(array[nullif(a.individual_id::text, ''), nullif(a.volunteer_id::text, '')], null) as members,
        a.start_time, a.end_time, case when c.status = 'closed' then coalesce(c.closed_at, now()) end as closed_at,
        coalesce(c.created_at, now()) as created_at, coalesce(a.end_time > a.start_time, false) as has_times
      from public.appointment_chats c
      left join public.appointments a on a.id = c.appointment_id
    ),
    adopted as (
      insert into public.chats (cid, members, starts_at, ends_at, closed_at, created_at)
      select c.cid, c.members, c.start_time, c.end_time, c.closed_at, c.created_at from chats c where c.has_times
      on conflict (cid) do nothing
      returning 1
    )
    insert into streamkeeper_adopted.report (what, count)
    select 'chats taken over', count(*) from adopted
    union all
    select 'chats left behind: their appointment has no end after its start', count(*)
    from chats c where not c.has_times having count(*) > 0;

    v_result := public.repair_chats();
    insert into streamkeeper_adopted.report (what, count)
    values
      ('chats opened again: they had been closed before their time', (v_result ->> 'reopened')::bigint),
      ('chats closed: they had been left active', (v_result ->> 'closed')::bigint);
  end if;

  if to_regclass('streamkeeper_adopted.chat_logs') is not null then
    with adopted as (
      insert into public.chat_logs (webhook_id, type, cid, user_id, message_id, text, created_at, received_at)
      select 'adopted:' || l.id, 'message.new', c.cid, l.sender_id::text, l.stream_message_id, left(l.content, 10000),
        l.created_at, coalesce(l.created_at, now())
      from streamkeeper_adopted.chat_logs l
      left join lateral (
        select h.cid from public.appointment_chats o
        join public.chats h on h.cid in (o.stream_channel_id, 'messaging:' || o.stream_channel_id)
        where o.appointment_id = l.appointment_id order by o.id limit 1
      ) c on true
      on conflict (webhook_id) do nothing
      returning 1
    )
    insert into streamkeeper_adopted.report (what, count) select 'chat messages taken over', count(*) from adopted;
  end if;

  -- What refers to the old tables. Foreign keys follow a table that is moved: they would refuse every new row.
  v_old := array(
    select to_regclass('streamkeeper_adopted.' || t.name)
    from unnest('{livestreams,live_rooms,live_room_sessions,live_room_attendance,community_live_streams,app_users}'::text[])
      as t (name)
    where to_regclass('streamkeeper_adopted.' || t.name) is not null
  );
  for v_key in
    select k.conrelid::regclass as on_table, k.conname, c.relname as old,
      replace(pg_get_constraintdef(k.oid), 'REFERENCES streamkeeper_adopted.', 'REFERENCES public.') as definition
    from pg_constraint k
    join pg_class c on c.oid = k.confrelid
    where k.contype = 'f' and k.confrelid = any (v_old) and k.connamespace <> 'streamkeeper_adopted'::regnamespace
  loop
    begin
      execute format('alter table %s drop constraint %I', v_key.on_table, v_key.conname);
      begin
        execute format('alter table %s add constraint %I %s', v_key.on_table, v_key.conname, v_key.definition);
      exception when foreign_key_violation then
        -- Rows of what was left behind.
        execute format('alter table %s add constraint %I %s not valid', v_key.on_table, v_key.conname, v_key.definition);
      end;
      insert into streamkeeper_adopted.report (what, count)
      values (format('foreign key turned to the new %s: %s of %s', v_key.old, v_key.conname, v_key.on_table), 1);
    exception when datatype_mismatch or undefined_column or invalid_foreign_key or wrong_object_type then
      insert into streamkeeper_adopted.report (what, count)
      values (format('to do: still refers to the old %s: %s of %s', v_key.old, v_key.conname, v_key.on_table), 1);
    end;
  end loop;
  insert into streamkeeper_adopted.report (what, count)
  select distinct format('to do: still reads the old %s: %s', c.relname, pg_describe_object(d.classid, d.objid, 0)), 1
  from pg_depend d
  join pg_class c on c.oid = d.refobjid
  where d.refobjid = any (v_old) and d.refclassid = 'pg_class'::regclass and d.deptype = 'n'
    and d.classid in ('pg_rewrite'::regclass, 'pg_policy'::regclass)
    and pg_describe_object(d.classid, d.objid, 0) !~ 'streamkeeper_adopted\.';
  insert into streamkeeper_adopted.report (what, count)
  select 'to do: names a table that is new now: function ' || p.oid::regprocedure, 1
  from pg_proc p
  where v_old <> '{}' and p.pronamespace = 'public'::regnamespace
    and p.prosrc ~
      '\m(livestreams|weekly_usage|chat_logs|app_users|live_(rooms|room_sessions|room_attendance)|community_live_streams)\M'
    and position('streamkeeper.' in p.prosrc) = 0;
  insert into streamkeeper_adopted.report (what, count)
  select format('to do: publishes the old %s: publication %s', c.relname, p.pubname), 1
  from pg_publication_rel r
  join pg_publication p on p.oid = r.prpubid
  join pg_class c on c.oid = r.prrelid
  where r.prrelid = any (v_old);

  for v_line in select r.what, r.count from streamkeeper_adopted.report r where r.at = now() order by r.id loop
    raise notice 'streamkeeper: %: %', v_line.what, v_line.count;
  end loop;
end
$$;

select r.what, r.count
from streamkeeper_adopted.report r
where r.at = (select max(last.at) from streamkeeper_adopted.report last)
order by r.id;
