//! Who may read and write our tables past the functions, also by single columns.

use std::collections::BTreeSet;

use sqlx::FromRow;
use sqlx::postgres::PgConnection;

use crate::commands::doctor::finding::Finding;
use crate::commands::doctor::made::{Columns, Made};

#[derive(Debug, FromRow)]
struct Grant {
    /// `public.livestreams`
    name: String,
    /// The same, as SQL wants it.
    quoted: String,
    role: String,
    privilege: String,
    /// None: all of the table.
    columns: Option<Vec<String>>,
}

const GRANTS: &str = "
select n.nspname || '.' || c.relname as name, format('%I.%I', n.nspname, c.relname) as quoted, r as role, p as privilege,
  case when not has_table_privilege(r, c.oid, p) then array(
    select a.attname::text from pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and has_column_privilege(r, c.oid, a.attnum, p)
  ) end as columns
from pg_class c join pg_namespace n on n.oid = c.relnamespace,
  unnest('{anon,authenticated}'::text[]) r, unnest('{select,insert,update,delete,truncate}'::text[]) p
where n.nspname in ('public', 'streamkeeper') and c.relkind in ('r', 'p', 'v') and has_schema_privilege(r, n.oid, 'usage')
  and (has_table_privilege(r, c.oid, p) or (p in ('select', 'insert', 'update') and has_any_column_privilege(r, c.oid, p)))
order by 1, 3, 4";

/// Strangers and users read what the migrations let them, and write nothing at all: that is what the functions are for.
pub async fn check(connection: &mut PgConnection, made: &Made) -> Result<Vec<Finding>, sqlx::Error> {
    let there: Vec<Grant> = sqlx::query_as(GRANTS).fetch_all(connection).await?;
    let (mut what, mut fix) = (Vec::new(), Vec::new());
    for grant in &there {
        let Some(roles) = made.relations.get(&grant.name) else { continue };
        let may = roles.get(&grant.role).and_then(|rights| rights.get(&grant.privilege));
        if let Some(excess) = excess(grant, may) {
            what.push(format!("{} may {} {excess}{}", grant.role, grant.privilege, grant.name));
            fix.push(format!("revoke {} on {} from public, {};", grant.privilege, grant.quoted, grant.role));
            // That has taken the columns away as well.
            if let Some(Some(columns)) = may {
                let columns = columns.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                fix.push(format!("grant {} ({columns}) on {} to {};", grant.privilege, grant.quoted, grant.role));
            }
        }
    }
    if what.is_empty() {
        let what = "strangers and users write no table of ours, and read the columns that the migrations say";
        return Ok(vec![Finding::ok("grants.tables", what)]);
    }
    let why = "writes are for the functions, which check whose it is, and some columns are for nobody's eyes; `grant … on all \
               tables` takes that away";
    let what = format!("table rights that nobody should have: {}", what.join(", "));
    Ok(vec![Finding::danger("grants.tables", what, why, fix.join("\n"))])
}

/// What goes past what may be: nothing to say where all of it does, else the columns.
fn excess(grant: &Grant, may: Option<&Columns>) -> Option<String> {
    let there: Option<BTreeSet<&String>> = grant.columns.as_ref().map(|columns| columns.iter().collect());
    match (may, there) {
        (Some(None), _) => None,
        (None, _) => Some(String::new()),
        (Some(Some(_)), None) => Some("every column of ".to_owned()),
        (Some(Some(may)), Some(there)) => {
            let more: Vec<&str> =
                there.into_iter().filter(|column| !may.contains(*column)).map(String::as_str).collect();
            (!more.is_empty()).then(|| format!("{} of ", more.join(", ")))
        }
    }
}
