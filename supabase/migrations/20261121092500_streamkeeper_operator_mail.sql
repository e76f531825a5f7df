-- Mail to an operator about orphans. The database decides when there is something to tell, so that many gateways send one
-- mail; it keeps what has been told, so that nobody is told twice.

create table streamkeeper.operator_mail (
  only_row boolean primary key default true check (only_row),
  sent_at timestamptz not null,
  -- Until then it is left to the one who asked last to send a mail.
  claimed_until timestamptz not null
);
comment on table streamkeeper.operator_mail is 'When an operator was told of orphans last, and whether somebody is about to.';
insert into streamkeeper.operator_mail (sent_at, claimed_until) values ('-infinity', '-infinity');

create table streamkeeper.told_orphans (
  stream_id uuid primary key,
  -- Null: in the mail that somebody is about to send.
  told_at timestamptz
);
comment on table streamkeeper.told_orphans is 'Which of the orphans of now an operator has been told of.';

alter table streamkeeper.operator_mail enable row level security;
alter table streamkeeper.told_orphans enable row level security;
revoke all on streamkeeper.operator_mail, streamkeeper.told_orphans from public, anon, authenticated, service_role;

-- What an operator has to be told now, or null: there is no orphan that is new, or the last mail was less than an hour ago,
-- or somebody else is about to send one. Whoever gets it has two minutes to send it and say so; then the next one gets it.
create function streamkeeper.claim_operator_mail() returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_now timestamptz := clock_timestamp();
    v_report json;
  begin
    -- Times of the far future are from a clock that was set back since.
    perform from streamkeeper.operator_mail m
    where m.sent_at not between v_now - interval '1 hour' and v_now + interval '1 hour'
      and m.claimed_until not between v_now and v_now + interval '1 hour'
    for update skip locked;
    if not found then
      return null;
    end if;

    with orphans as materialized (select * from public.orphaned_streams()),
    -- What is no orphan any more is a new one when it becomes one again.
    forgotten as (
      delete from streamkeeper.told_orphans t where t.stream_id not in (select o.stream_id from orphans o)
    ),
    listed as (
      select o.*, t.told_at is null as is_new
      from orphans o
      left join streamkeeper.told_orphans t on t.stream_id = o.stream_id
    ),
    claimed as (
      insert into streamkeeper.told_orphans (stream_id) select l.stream_id from listed l where l.is_new
      on conflict (stream_id) do nothing
    )
    select json_build_object(
      -- The same for every try to tell the same.
      'key', md5(string_agg(format('%s %s', l.stream_id, l.since), ',' order by l.stream_id) filter (where l.is_new)),
      'total', count(*),
      'new', count(*) filter (where l.is_new),
      -- A mail that nobody can read tells nothing.
      'streams', (
        select json_agg(s order by s.is_new desc, s.since)
        from (
          select f.stream_id, f.streamer_id, f.started_at, f.since, f.reason, f.is_new
          from listed f order by f.is_new desc, f.since, f.stream_id limit 50
        ) s
      )
    ) into v_report
    from listed l
    having bool_or(l.is_new);

    if v_report is not null then
      update streamkeeper.operator_mail m set claimed_until = v_now + interval '2 minutes';
    end if;
    return v_report;
  end
  $$;
comment on function streamkeeper.claim_operator_mail() is
  'Which orphans an operator is to be told of: {key, total, new, streams: [the first 50]}, or null. Service.';

-- What became of the mail. One that was not sent is anybody's again.
create function streamkeeper.settle_operator_mail(p_sent boolean) returns void
  language plpgsql volatile security definer set search_path = ''
  as $$
  begin
    update streamkeeper.operator_mail m
    set claimed_until = '-infinity', sent_at = case when p_sent then clock_timestamp() else m.sent_at end;
    if p_sent then
      update streamkeeper.told_orphans t set told_at = clock_timestamp() where t.told_at is null;
    end if;
  end
  $$;
comment on function streamkeeper.settle_operator_mail(boolean) is
  'The mail that was claimed has been sent, or could not be. Service.';

revoke execute on function streamkeeper.claim_operator_mail() from public;
revoke execute on function streamkeeper.settle_operator_mail(boolean) from public;
grant execute on function streamkeeper.claim_operator_mail() to service_role;
grant execute on function streamkeeper.settle_operator_mail(boolean) to service_role;
