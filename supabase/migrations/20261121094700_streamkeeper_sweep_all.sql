-- What every clean-up calls now also sees to events, so that one by cron is enough where no gateway runs.

-- Events that did not follow the end of their stream: something went wrong in that moment.
create function streamkeeper.events_left_behind() returns uuid[]
  language sql stable set search_path = ''
  as $$
    select array(
      select e.id from public.events e join public.livestreams s on s.id = e.stream_id
      where e.status <> 'ended' and s.status = 'ended'
    )
  $$;

create or replace function public.sweep() returns json
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    v_streams jsonb;
    v_events jsonb := '{"ended": 0, "held_back": 0}';
  begin
    if not (streamkeeper.is_service() or streamkeeper.is_admin()) then
      raise exception 'sweep is for admins only' using errcode = 'insufficient_privilege';
    end if;
    -- As many as are done well within a statement's time; the next run goes on.
    v_streams := streamkeeper.sweep_leases(5000);
    begin
      perform streamkeeper.settle_events(streamkeeper.events_left_behind());
      v_events := public.sweep_events();
    exception when others then
      -- An event that cannot be ended must not keep streams from ending.
      raise warning 'streamkeeper: the sweep of events failed: %', sqlerrm;
    end;
    return v_streams || jsonb_build_object(
      'events_ended', v_events -> 'ended', 'events_held_back', v_events -> 'held_back'
    );
  end
  $$;
comment on function public.sweep() is
  'Ends the live streams whose leases have all lapsed, at the time of the last lapse, and the events that are over. To be '
  'called every 15 s. ran: false when another sweeper was at it. held_back: streams whose time is up, but which first get '
  'one full lease, because the sweeper has not been alive for that long. events_ended, events_held_back: as in sweep_events.';

revoke execute on function streamkeeper.events_left_behind() from public;
