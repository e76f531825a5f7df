-- What the chat vendor's webhook reports: each delivery once, and never lost for a field that we do not know.

create table public.chat_logs (
  id bigint generated always as identity primary key,
  -- The vendor sends a delivery again, under the same id, until it is confirmed.
  webhook_id text not null unique check (char_length(webhook_id) between 1 and 200),
  type text not null check (char_length(type) between 1 and 100),
  cid text check (char_length(cid) <= 255),
  user_id text check (char_length(user_id) <= 255),
  message_id text check (char_length(message_id) <= 255),
  text text check (char_length(text) <= 10000),
  created_at timestamptz,
  received_at timestamptz not null default clock_timestamp()
);
comment on table public.chat_logs is 'One row per event of the chat vendor. Written only by record_chat_event.';
comment on column public.chat_logs.text is 'The first 10,000 characters.';
comment on column public.chat_logs.created_at is 'When it happened, by the vendor''s clock.';

-- The list, newest first; and that of one chat, or of one user.
create index chat_logs_by_time on public.chat_logs (received_at desc, id desc);
create index chat_logs_by_chat on public.chat_logs (cid, received_at desc);
create index chat_logs_by_user on public.chat_logs (user_id, received_at desc);

alter table public.chat_logs enable row level security;
revoke all on public.chat_logs from public, anon, authenticated, service_role;
grant select on public.chat_logs to authenticated, service_role;

-- The inner select is itself under the policy of chats: whoever sees the chat sees its log.
create policy "own messages and own chats, or admin" on public.chat_logs for select to authenticated
  using (
    user_id = (select streamkeeper.current_user_id())
    or (select streamkeeper.is_admin())
    or cid in (select c.cid from public.chats c)
  );

-- The same JSON for reading. An escape that PostgreSQL's text cannot hold (U+0000, half a surrogate pair) would make every
-- field of the document unreadable: then such escapes are left out.
create function streamkeeper.readable_json(p_json json) returns jsonb
  language plpgsql immutable set search_path = ''
  as $$
  begin
    return p_json::jsonb;
  exception when untranslatable_character or invalid_text_representation then
    -- The first branch steps over escaped backslashes, after which a `u` is only a letter.
    return regexp_replace(p_json::text, '(\\[^u])|\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\1', 'g')::jsonb;
  end
  $$;

-- The id at this path. Null if it is none, or too long: cut short it would be somebody else's.
create function streamkeeper.json_id(p_json jsonb, p_path text[]) returns text
  language sql immutable set search_path = ''
  as $$
    select v.id from (select p_json #>> p_path as id) v
    where jsonb_typeof(p_json #> p_path) = 'string' and char_length(v.id) between 1 and 255
  $$;

-- The time at this path, if it is an ISO 8601 one with its offset: anything else would be read by our own clock and zone.
create function streamkeeper.json_time(p_json jsonb, p_path text[]) returns timestamptz
  language plpgsql stable set search_path = ''
  as $$
  begin
    return (
      select v.at::timestamptz from (select p_json #>> p_path as at) v
      where v.at ~ '^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)$'
    );
  exception when data_exception then
    return null;
  end
  $$;

create function public.record_chat_event(p_webhook_id text, p_event json) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_event jsonb;
    v_type text;
  begin
    if not streamkeeper.is_service() then
      raise exception 'record_chat_event is for the service only' using errcode = 'insufficient_privilege';
    end if;
    perform streamkeeper.check_name('p_webhook_id', p_webhook_id, 200);
    if p_event is null or json_typeof(p_event) <> 'object' then
      raise exception 'p_event is %; it must be an object', coalesce(json_typeof(p_event), 'null')
        using errcode = 'invalid_parameter_value';
    end if;
    v_event := streamkeeper.readable_json(p_event);
    if jsonb_typeof(v_event -> 'type') is distinct from 'string' then
      raise exception 'p_event.type is %; it must be a string', coalesce(jsonb_typeof(v_event -> 'type'), 'missing')
        using errcode = 'invalid_parameter_value';
    end if;
    v_type := v_event ->> 'type';
    perform streamkeeper.check_name('p_event.type', v_type, 100);

    insert into public.chat_logs (webhook_id, type, cid, user_id, message_id, text, created_at)
    values (
      p_webhook_id,
      v_type,
      coalesce(
        streamkeeper.json_id(v_event, '{cid}'),
        streamkeeper.json_id(v_event, '{message,cid}'),
        streamkeeper.json_id(v_event, '{channel_type}') || ':' || streamkeeper.json_id(v_event, '{channel_id}')
      ),
      coalesce(streamkeeper.json_id(v_event, '{user,id}'), streamkeeper.json_id(v_event, '{message,user,id}')),
      coalesce(streamkeeper.json_id(v_event, '{message,id}'), streamkeeper.json_id(v_event, '{message_id}')),
      left(v_event #>> '{message,text}', 10000),
      streamkeeper.json_time(v_event, '{created_at}')
    )
    on conflict (webhook_id) do nothing;
    return json_build_object('success', true, 'recorded', found);
  end
  $$;
comment on function public.record_chat_event(text, json) is
  'Keeps one event of the chat vendor''s webhook. recorded: false when this webhook id had been kept before. Service.';

create function public.list_chat_logs(p_limit integer default 100, p_before timestamptz default null)
  returns setof public.chat_logs
  language plpgsql stable set search_path = ''
  as $$
  begin
    perform streamkeeper.check_between('p_limit', p_limit, 1, 1000);
    if streamkeeper.is_service() or streamkeeper.is_admin() then
      return query
        select * from public.chat_logs l
        where l.received_at < coalesce(p_before, 'infinity')
        order by l.received_at desc, l.id desc limit p_limit;
    else
      -- The policy decides. Its condition again, in a form that finds a user's few rows among millions by index.
      return query
        select * from public.chat_logs l
        where l.received_at < coalesce(p_before, 'infinity') and (
          l.user_id = (select streamkeeper.current_user_id()) or l.cid = any (array(select c.cid from public.chats c))
        )
        order by l.received_at desc, l.id desc limit p_limit;
    end if;
  end
  $$;
comment on function public.list_chat_logs(integer, timestamptz) is
  'What was received, newest first, before p_before if that is given: all of it for admins; for users what they wrote, and '
  'what was said in their chats. At most 1000 rows.';

revoke execute on function streamkeeper.readable_json(json) from public;
revoke execute on function streamkeeper.json_id(jsonb, text[]) from public;
revoke execute on function streamkeeper.json_time(jsonb, text[]) from public;
revoke execute on function public.record_chat_event(text, json) from public, anon, authenticated, service_role;
revoke execute on function public.list_chat_logs(integer, timestamptz) from public, anon, authenticated, service_role;
grant execute on function public.record_chat_event(text, json) to service_role;
grant execute on function public.list_chat_logs(integer, timestamptz) to authenticated, service_role;
