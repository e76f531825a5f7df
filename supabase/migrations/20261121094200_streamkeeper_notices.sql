-- What a host is told, and how it went. The row is written in the transaction that decides; a gateway's workers send.

create table public.notification_preferences (
  user_id text primary key check (char_length(user_id) between 1 and 200),
  enabled boolean not null default true,
  -- How long a notice waits before it is sent.
  delay_seconds integer not null default 0 check (delay_seconds between 0 and 86400),
  -- Whether it is sent alone, or with all others of an hour, or of a day.
  batch text not null default 'none' check (batch in ('none', 'hourly', 'daily')),
  channel text not null default 'email' check (channel in ('email')),
  updated_at timestamptz not null default clock_timestamp()
);
comment on table public.notification_preferences is 'How a host wants to be told. Without a row: at once, by mail.';

create table public.notifications (
  id uuid primary key default gen_random_uuid(),
  -- At most one for each live period of an event, whoever finds out how often that it is over.
  dedupe_key text not null unique,
  event_id uuid not null references public.events (id) on delete cascade,
  generation integer not null,
  host_user_id text not null,
  kind text not null default 'event_ended' check (kind in ('event_ended')),
  channel text not null default 'email' check (channel in ('email')),
  state text not null check (state in ('queued', 'sending', 'sent', 'failed', 'suppressed', 'batched')),
  -- The event may be live again when this is sent.
  ended_at timestamptz not null,
  ended_by text not null,
  end_reason text,
  attempts integer not null default 0 check (attempts >= 0),
  -- Of `suppressed`: why.
  last_error text check (char_length(last_error) <= 1000),
  due_at timestamptz not null,
  -- When a worker's job was made for it. Null where there is no queue yet: the sweeper makes it once there is.
  enqueued_at timestamptz,
  sent_at timestamptz,
  created_at timestamptz not null default clock_timestamp()
);
comment on table public.notifications is 'One row per notice to a host: what it is about and what became of it.';

create index notifications_by_event on public.notifications (event_id, created_at);
create index notifications_by_host on public.notifications (host_user_id, created_at);
create index notifications_open on public.notifications (due_at) where state in ('queued', 'sending', 'batched');
create index notifications_not_enqueued on public.notifications (due_at)
  where enqueued_at is null and state in ('queued', 'batched');

create table public.emails (
  id uuid primary key default gen_random_uuid(),
  notification_id uuid not null references public.notifications (id) on delete cascade,
  recipient text not null check (char_length(recipient) between 3 and 320),
  subject text not null check (char_length(subject) <= 500),
  -- The same for every try to send the same: a mailbox can tell that it has it already.
  message_id text not null unique check (char_length(message_id) <= 200),
  state text not null default 'queued' check (state in ('queued', 'sending', 'sent', 'failed')),
  attempts integer not null default 0 check (attempts >= 0),
  last_error text check (char_length(last_error) <= 1000),
  sent_at timestamptz,
  created_at timestamptz not null default clock_timestamp()
);
comment on table public.emails is 'One row per mail, without its body.';
create index emails_by_notification on public.emails (notification_id);

alter table public.notification_preferences enable row level security;
alter table public.notifications enable row level security;
alter table public.emails enable row level security;
revoke all on public.notification_preferences, public.notifications, public.emails
  from public, anon, authenticated, service_role;
grant select on public.notification_preferences, public.notifications, public.emails to authenticated, service_role;
-- Deliveries are the workers' to write down.
grant update on public.notifications to service_role;
grant insert, update on public.emails to service_role;

create policy "own preferences, or admin" on public.notification_preferences for select to authenticated
  using (user_id = (select streamkeeper.current_user_id()) or (select streamkeeper.is_admin()));
create policy "own notices, or admin" on public.notifications for select to authenticated
  using (host_user_id = (select streamkeeper.current_user_id()) or (select streamkeeper.is_admin()));
-- The inner select is itself under the policy above.
create policy "mails of own notices, or admin" on public.emails for select to authenticated
  using (
    (select streamkeeper.is_admin())
    or exists (select from public.notifications n where n.id = emails.notification_id)
  );

-- Where a user is reached: at the address that the application gave, else at the one of the own account; null: nowhere.
create function streamkeeper.user_email(p_user_id text) returns text
  language plpgsql stable security definer set search_path = ''
  as $$
  declare
    v_email text := (select nullif(u.email, '') from public.app_users u where u.user_id = p_user_id);
  begin
    if v_email is null and to_regclass('auth.users') is not null then
      select nullif(a.email, '') into v_email from auth.users a where a.id = p_user_id::uuid;
    end if;
    return v_email;
  exception when invalid_text_representation or undefined_column or undefined_function or insufficient_privilege then
    -- Ids of another identity provider, or an auth schema that is another's.
    return null;
  end
  $$;
comment on function streamkeeper.user_email(text) is 'Service.';

-- Makes the worker's job for a notice, in this transaction, where there are workers: in the schema that the gateway makes.
-- 16 tries take 40 hours: the queue waits e, e², … and at most e¹⁰ seconds between them.
create function streamkeeper.enqueue_notice(p_notification_id uuid) returns boolean
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_notice public.notifications;
  begin
    if not exists (
      select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname = 'graphile_worker' and p.proname = 'add_job'
        and has_schema_privilege(n.oid, 'usage') and has_function_privilege(p.oid, 'execute')
    ) then
      return false;
    end if;
    update public.notifications n set enqueued_at = clock_timestamp()
    where n.id = p_notification_id and n.enqueued_at is null and n.state in ('queued', 'batched')
    returning n.* into v_notice;
    if found then
      perform graphile_worker.add_job(
        'event_notice', payload => json_build_object('notification_id', v_notice.id), run_at => v_notice.due_at,
        max_attempts => 16, job_key => v_notice.dedupe_key
      );
    end if;
    return found;
  exception when others then
    -- A queue that does not work must not keep an event from ending: the row is there, and the sweeper tries again.
    raise warning 'streamkeeper: a notice was not queued: %', sqlerrm;
    return false;
  end
  $$;

-- The jobs of those notices that were decided on before there was a queue.
create function streamkeeper.enqueue_notices(p_limit integer) returns integer
  language sql volatile set search_path = ''
  as $$
    select count(*) filter (where streamkeeper.enqueue_notice(n.id))::integer
    from (
      select w.id from public.notifications w
      where w.enqueued_at is null and w.state in ('queued', 'batched')
      order by w.due_at limit p_limit for update skip locked
    ) n
  $$;

-- When a notice of now is to be sent to somebody with these preferences.
create function streamkeeper.notice_due_at(p_preferences public.notification_preferences, p_now timestamptz) returns timestamptz
  language plpgsql stable set search_path = ''
  as $$
  declare
    v_at timestamptz := streamkeeper.seconds_after(p_now, coalesce(p_preferences.delay_seconds, 0));
    v_zone text;
    v_local timestamp;
  begin
    case coalesce(p_preferences.batch, 'none')
      when 'hourly' then
        return date_trunc('hour', v_at) + interval '1 hour';
      when 'daily' then
        -- At eight in the morning, where the host is.
        v_zone := streamkeeper.time_zone_of(p_preferences.user_id);
        v_local := date_trunc('day', v_at at time zone v_zone) + interval '8 hours';
        if v_local at time zone v_zone <= v_at then
          v_local := v_local + interval '1 day';
        end if;
        return v_local at time zone v_zone;
      else
        return v_at;
    end case;
  end
  $$;

-- Tells the host that this live period is over, once. The caller has locked the event and ended it.
create function streamkeeper.notify_host(p_event public.events) returns void
  language plpgsql volatile set search_path = ''
  as $$
  declare
    v_now timestamptz := clock_timestamp();
    v_preferences public.notification_preferences;
    v_why_not text;
    v_id uuid;
  begin
    select * into v_preferences from public.notification_preferences p where p.user_id = p_event.host_user_id;
    v_why_not := case
      when not v_preferences.enabled then 'the host has switched notices off'
      -- Of an event that nobody came to the host was told before it began: that is no reason to keep quiet of its end.
      when p_event.generation > 0 and exists (
        select from public.notifications n
        where n.event_id = p_event.id and n.generation > 0 and n.state not in ('suppressed', 'failed')
          and n.created_at > v_now - interval '1 hour'
      ) then 'the host was told within the hour'
      -- Of many events that nobody came to one mail is enough.
      when p_event.generation = 0 and exists (
        select from public.notifications n
        where n.host_user_id = p_event.host_user_id and n.generation = 0 and n.state not in ('suppressed', 'failed')
          and n.created_at > v_now - interval '1 hour'
      ) then 'the host was told of another one within the hour'
    end;
    insert into public.notifications (
      dedupe_key, event_id, generation, host_user_id, state, ended_at, ended_by, end_reason, last_error, due_at, created_at
    ) values (
      format('event-ended:%s:%s', p_event.id, p_event.generation), p_event.id, p_event.generation, p_event.host_user_id,
      case
        when v_why_not is not null then 'suppressed'
        when v_preferences.batch <> 'none' then 'batched'
        else 'queued'
      end,
      p_event.ended_at, p_event.ended_by, p_event.end_reason, v_why_not,
      streamkeeper.notice_due_at(v_preferences, v_now), v_now
    )
    on conflict (dedupe_key) do nothing
    returning id into v_id;
    if v_id is not null and v_why_not is null then
      perform streamkeeper.enqueue_notice(v_id);
    end if;
  end
  $$;

revoke execute on function streamkeeper.user_email(text) from public;
revoke execute on function streamkeeper.enqueue_notice(uuid) from public;
revoke execute on function streamkeeper.enqueue_notices(integer) from public;
revoke execute on function streamkeeper.notice_due_at(public.notification_preferences, timestamptz) from public;
revoke execute on function streamkeeper.notify_host(public.events) from public;
grant execute on function streamkeeper.user_email(text) to service_role;

create function public.set_notification_preferences(
    p_enabled boolean default null, p_delay_seconds integer default null, p_batch text default null,
    p_channel text default null
  ) returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_user_id text := streamkeeper.current_user_id();
    v_preferences public.notification_preferences;
  begin
    if v_user_id is null then
      raise exception 'set_notification_preferences needs a signed-in user'
        using errcode = 'insufficient_privilege', hint = 'The token must carry the user''s id in its sub claim.';
    end if;
    if p_delay_seconds is not null then
      perform streamkeeper.check_between('p_delay_seconds', p_delay_seconds, 0, 86400);
    end if;
    if p_batch not in ('none', 'hourly', 'daily') then
      raise exception 'p_batch is %; it must be none, hourly or daily', p_batch using errcode = 'invalid_parameter_value';
    elsif p_channel <> 'email' then
      raise exception 'p_channel is %; it must be email', p_channel using errcode = 'invalid_parameter_value';
    end if;
    insert into public.notification_preferences as p (user_id, enabled, delay_seconds, batch, channel)
    values (
      v_user_id, coalesce(p_enabled, true), coalesce(p_delay_seconds, 0), coalesce(p_batch, 'none'),
      coalesce(p_channel, 'email')
    )
    on conflict (user_id) do update set
      enabled = coalesce(p_enabled, p.enabled),
      delay_seconds = coalesce(p_delay_seconds, p.delay_seconds),
      batch = coalesce(p_batch, p.batch),
      channel = coalesce(p_channel, p.channel),
      updated_at = clock_timestamp()
    returning p.* into v_preferences;
    return json_build_object(
      'enabled', v_preferences.enabled,
      'delay_seconds', v_preferences.delay_seconds,
      'batch', v_preferences.batch,
      'channel', v_preferences.channel
    );
  end
  $$;
comment on function public.set_notification_preferences(boolean, integer, text, text) is
  'How the caller wants to be told that an own event has ended; null leaves as it is. Answers what holds now.';

revoke execute on function public.set_notification_preferences(boolean, integer, text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.set_notification_preferences(boolean, integer, text, text) to authenticated, service_role;
