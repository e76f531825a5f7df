-- The chat connections of the users' pages: when each was opened, and how it ended. A page tells us both, once.

create table streamkeeper.chat_connections (
  user_id text not null check (char_length(user_id) between 1 and 200),
  connection_id text not null check (char_length(connection_id) between 1 and 100),
  -- By our clock, never by the page's.
  opened_at timestamptz not null,
  closed_at timestamptz,
  cause text,
  reason text,
  reused integer not null default 0,
  avoided integer not null default 0,
  idle_saved_ms bigint not null default 0,
  primary key (user_id, connection_id),

  constraint chat_connections_times_in_order check (closed_at >= opened_at),
  constraint chat_connections_end_only_if_closed check (
    closed_at is not null or (reason is null and reused = 0 and avoided = 0 and idle_saved_ms = 0)
  )
);
comment on table streamkeeper.chat_connections is 'One row per chat connection. Written only by record_chat_connection.';
comment on column streamkeeper.chat_connections.cause is 'Why it was opened: requested (or null), or what it came back from.';
comment on column streamkeeper.chat_connections.reused is 'How many askings for a connection one that was open has answered.';
comment on column streamkeeper.chat_connections.avoided is 'How many askings have joined one that was on its way.';
comment on column streamkeeper.chat_connections.idle_saved_ms is 'For how long nothing had been open, because nobody was there.';

-- What was open at some time within a range, and what is open now.
create index chat_connections_by_time on streamkeeper.chat_connections using gist (tstzrange(opened_at, closed_at, '[]'));
create index chat_connections_open on streamkeeper.chat_connections (opened_at) where closed_at is null;

-- Not in an exposed schema, and nobody's to write; the service role may look.
alter table streamkeeper.chat_connections enable row level security;
revoke all on streamkeeper.chat_connections from public, anon, authenticated, service_role;
grant select on streamkeeper.chat_connections to service_role;

-- Refuses what is not one of the reasons for which a connection ends.
create function streamkeeper.check_chat_reason(p_name text, p_value text) returns void
  language plpgsql immutable set search_path = ''
  as $$
  declare
    c_reasons constant text[] := '{sign_out,switched_user,inactive,hidden,offline,page_hidden,frozen,lost,unhealthy,token,refused,forced,disposed}';
  begin
    if p_value <> all (c_reasons) then
      raise exception '% is "%"; it must be one of %', p_name, left(p_value, 100), array_to_string(c_reasons, ', ')
        using errcode = 'invalid_parameter_value';
    end if;
  end
  $$;

create function public.record_chat_connection(
    p_connection_id text,
    p_closed boolean default false,
    p_connected_ms bigint default 0,
    p_reason text default null,
    p_cause text default null,
    p_reused integer default 0,
    p_avoided integer default 0,
    p_idle_saved_ms bigint default 0
  ) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    c_week_ms constant bigint := 604800000;
    v_user_id text := streamkeeper.current_user_id();
    v_now timestamptz := clock_timestamp();
  begin
    if v_user_id is null then
      raise exception 'record_chat_connection needs a signed-in user'
        using errcode = 'insufficient_privilege', hint = 'The token must carry the user''s id in its sub claim.';
    end if;
    perform streamkeeper.check_name('p_connection_id', p_connection_id, 100);
    perform streamkeeper.check_between('p_connected_ms', p_connected_ms, 0, c_week_ms);
    perform streamkeeper.check_chat_reason('p_reason', p_reason);
    perform streamkeeper.check_chat_reason('p_cause', nullif(p_cause, 'requested'));
    perform streamkeeper.check_between('p_reused', p_reused, 0, 1000000);
    perform streamkeeper.check_between('p_avoided', p_avoided, 0, 1000000);
    perform streamkeeper.check_between('p_idle_saved_ms', p_idle_saved_ms, 0, c_week_ms);

    if p_closed then
      -- The page's count of time only says when a connection began whose opening got lost.
      insert into streamkeeper.chat_connections as c
        (user_id, connection_id, opened_at, closed_at, cause, reason, reused, avoided, idle_saved_ms)
      values (
        v_user_id, p_connection_id, v_now - p_connected_ms * interval '1 millisecond', v_now,
        p_cause, p_reason, p_reused, p_avoided, p_idle_saved_ms
      )
      on conflict (user_id, connection_id) do update set
        closed_at = greatest(excluded.closed_at, c.opened_at),
        cause = coalesce(c.cause, excluded.cause),
        reason = excluded.reason,
        reused = excluded.reused,
        avoided = excluded.avoided,
        idle_saved_ms = excluded.idle_saved_ms
      where c.closed_at is null;
    else
      insert into streamkeeper.chat_connections (user_id, connection_id, opened_at, cause)
      values (v_user_id, p_connection_id, v_now, p_cause)
      on conflict (user_id, connection_id) do nothing;
    end if;
    return json_build_object('success', true);
  end
  $$;
comment on function public.record_chat_connection(text, boolean, bigint, text, text, integer, integer, bigint) is
  'A page of the caller has opened a chat connection, or (p_closed) closed it. In any order and however often: the first '
  'opening and the first closing count. p_connected_ms serves only where the opening got lost.';

revoke execute on function streamkeeper.check_chat_reason(text, text) from public;
revoke execute on function public.record_chat_connection(text, boolean, bigint, text, text, integer, integer, bigint)
  from public, anon, authenticated, service_role;
grant execute on function public.record_chat_connection(text, boolean, bigint, text, text, integer, integer, bigint)
  to authenticated, service_role;
