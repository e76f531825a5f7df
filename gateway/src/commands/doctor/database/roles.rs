//! The roles that requests run as, and the schemas that they reach.

use sqlx::postgres::PgConnection;

use crate::commands::doctor::finding::Finding;

/// Name, whether it goes past row-level security, and whether it may make things in the schema `public`.
type Role = (String, bool, bool);

const ROLES: &str = "
select r.rolname::text, r.rolsuper or r.rolbypassrls, has_schema_privilege(r.oid, 'public', 'create')
from pg_roles r where r.rolname in ('anon', 'authenticated', 'service_role')";

/// The schemas that PostgREST exposes, where that is set in the database (on Supabase it is).
const SCHEMAS: &str = "
select coalesce(bool_or(s like 'pgrst.db_schema%=%' and
    'streamkeeper' = any (regexp_split_to_array(split_part(s, '=', 2), '[\\s,\"]+'))), false)
from pg_db_role_setting d, unnest(d.setconfig) s
where d.setdatabase in (0, (select oid from pg_database where datname = current_database()))";

/// What is wrong with them.
pub async fn check(connection: &mut PgConnection) -> Result<Vec<Finding>, sqlx::Error> {
    let roles: Vec<Role> = sqlx::query_as(ROLES).fetch_all(&mut *connection).await?;
    let exposed: bool = sqlx::query_scalar(SCHEMAS).fetch_one(connection).await?;
    let mut findings = Vec::new();
    for name in ["anon", "authenticated", "service_role"] {
        let Some((_, unbound, may_create)) = roles.iter().find(|(role, ..)| role == name) else {
            let fix = "streamkeeper-gateway migrate";
            findings.push(Finding::problem("roles", format!("there is no role {name}"), "requests run as it", fix));
            continue;
        };
        if name == "service_role" {
            if !unbound {
                let why = "a backend with the service role sees no row";
                let fix = "alter role service_role bypassrls;";
                findings.push(Finding::problem("roles", "service_role does not go past row-level security", why, fix));
            }
            continue;
        }
        if *unbound {
            let why = "every row of every table that it may read is everybody's";
            let fix = format!("alter role {name} nosuperuser nobypassrls;");
            findings.push(Finding::danger("roles", format!("{name} goes past row-level security"), why, fix));
        }
        if *may_create {
            let why = "what somebody makes there can take the place of what others call";
            let fix = format!("revoke create on schema public from public, {name};");
            findings.push(Finding::danger("schema", format!("{name} may make things in the schema public"), why, fix));
        }
    }
    if exposed {
        let why = "its functions are helpers, and do not check who calls";
        let fix = "take `streamkeeper` out of the exposed schemas (Supabase: Settings, API)";
        findings.push(Finding::danger("schema", "the API exposes the schema streamkeeper", why, fix));
    }
    if findings.is_empty() {
        findings
            .push(Finding::ok("roles", "the roles of requests are there, and have no more rights than they should"));
    }
    Ok(findings)
}
