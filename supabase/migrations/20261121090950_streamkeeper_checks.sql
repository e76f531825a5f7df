-- Refusals that many functions share: each names the argument and its bounds.

-- Refuses everybody but admins and the backend itself.
create function streamkeeper.check_admin(p_what text) returns void
  language plpgsql stable set search_path = ''
  as $$
  begin
    if not (streamkeeper.is_service() or streamkeeper.is_admin()) then
      raise exception '% is for admins only', p_what using errcode = 'insufficient_privilege';
    end if;
  end
  $$;

-- Refuses a name that is missing, empty or too long.
create function streamkeeper.check_name(p_name text, p_value text, p_max integer) returns void
  language plpgsql immutable set search_path = ''
  as $$
  begin
    perform streamkeeper.check_length(p_name, p_value, p_max);
    if coalesce(p_value, '') = '' then
      raise exception '% is %; it must have 1 to % characters',
        p_name, case when p_value is null then 'null' else 'empty' end, p_max
        using errcode = 'invalid_parameter_value';
    end if;
  end
  $$;

-- Refuses a number that is missing or out of bounds.
create function streamkeeper.check_between(p_name text, p_value bigint, p_min bigint, p_max bigint) returns void
  language plpgsql immutable set search_path = ''
  as $$
  begin
    if p_value is null or p_value not between p_min and p_max then
      raise exception '% is %; it must be between % and %', p_name, coalesce(p_value::text, 'null'), p_min, p_max
        using errcode = 'invalid_parameter_value';
    end if;
  end
  $$;

revoke execute on function streamkeeper.check_admin(text) from public;
revoke execute on function streamkeeper.check_name(text, text, integer) from public;
revoke execute on function streamkeeper.check_between(text, bigint, bigint, bigint) from public;
-- Functions that run with their caller's rights use these two.
grant execute on function streamkeeper.check_admin(text) to authenticated, service_role;
grant execute on function streamkeeper.check_between(text, bigint, bigint, bigint) to authenticated, service_role;
