//! Tables, views, and whatever else holds rows: is each guarded, ours and the app's?

use std::collections::BTreeSet;

use sqlx::FromRow;
use sqlx::postgres::PgConnection;

use super::EXPOSED;
use crate::commands::doctor::finding::Finding;
use crate::commands::doctor::made::Made;

#[derive(Debug, FromRow)]
struct Relation {
    /// `public.livestreams`
    name: String,
    /// The same, as SQL wants it.
    quoted: String,
    /// `table`, `view`, or `copy`: a materialised view or foreign table, which nothing can guard but its grants.
    kind: String,
    /// A table's row-level security, a view's `security_invoker`.
    guarded: bool,
    /// May somebody who opens a page do anything with it, or with some of its columns?
    reached: bool,
}

const RELATIONS: &str = "
select n.nspname || '.' || c.relname as name, format('%I.%I', n.nspname, c.relname) as quoted,
  case c.relkind when 'v' then 'view' when 'm' then 'copy' when 'f' then 'copy' else 'table' end as kind,
  case c.relkind
    when 'v' then coalesce((
      select bool_or(lower(o) in ('security_invoker=true', 'security_invoker=on', 'security_invoker=1', 'security_invoker=yes'))
      from unnest(c.reloptions) o), false)
    when 'm' then false
    when 'f' then false
    else c.relrowsecurity
  end as guarded,
  exists (
    select from unnest('{anon,authenticated}'::text[]) r
    where has_schema_privilege(r, n.oid, 'usage') and (
      has_table_privilege(r, c.oid, 'select, insert, update, delete, truncate')
      or has_any_column_privilege(r, c.oid, 'select, insert, update'))
  ) as reached
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('public', 'streamkeeper') and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and not exists (select from pg_depend d where d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype = 'e')
order by 1";

/// Looks at all of them, ours and the app's.
pub async fn check(connection: &mut PgConnection, made: &Made) -> Result<Vec<Finding>, sqlx::Error> {
    let there: Vec<Relation> = sqlx::query_as(RELATIONS).fetch_all(connection).await?;
    let (ours, theirs): (Vec<&Relation>, Vec<&Relation>) =
        there.iter().partition(|relation| made.relations.contains_key(&relation.name));
    let mut findings = missing(&ours, made);
    findings.extend(unguarded(&ours));
    findings.extend(unguarded_of_app(&theirs));
    Ok(findings)
}

fn names(relations: &[&Relation]) -> String {
    relations.iter().map(|relation| relation.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn lines(relations: &[&Relation], line: impl Fn(&Relation) -> String) -> String {
    relations.iter().map(|relation| line(relation)).collect::<Vec<_>>().join("\n")
}

fn missing(ours: &[&Relation], made: &Made) -> Vec<Finding> {
    let there: BTreeSet<&str> = ours.iter().map(|relation| relation.name.as_str()).collect();
    let missing: Vec<&str> = made.relations.keys().map(String::as_str).filter(|name| !there.contains(name)).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let fix = "supabase db push, or streamkeeper-gateway migrate; what was dropped by hand comes back from a backup";
    vec![Finding::problem("tables", format!("tables are missing: {}", missing.join(", ")), "functions need them", fix)]
}

fn unguarded(ours: &[&Relation]) -> Vec<Finding> {
    let open = |kind: &str| ours.iter().filter(|r| r.kind == kind && !r.guarded).copied().collect::<Vec<_>>();
    // Those of the helpers' schema are read by functions only.
    let (tables, views): (_, Vec<&Relation>) =
        (open("table"), open("view").into_iter().filter(|view| view.name.split('.').next() == Some(EXPOSED)).collect());
    let mut findings = Vec::new();
    if tables.is_empty() {
        findings.push(Finding::ok("rls", "row-level security is on for every table of ours"));
    } else {
        let what = format!("row-level security is off: {}", names(&tables));
        let fix = lines(&tables, |table| format!("alter table {} enable row level security;", table.quoted));
        findings.push(Finding::danger("rls", what, "everybody reads everybody's rows", fix));
    }
    if views.is_empty() {
        findings.push(Finding::ok("views", "every view of ours runs with its reader's rights"));
    } else {
        let fix = lines(&views, |view| format!("alter view {} set (security_invoker = true);", view.quoted));
        let why = "they show what their owner may see, which is everything";
        findings.push(Finding::danger(
            "views",
            format!("views have lost security_invoker: {}", names(&views)),
            why,
            fix,
        ));
    }
    findings
}

/// The app's own, where somebody who opens its page can reach them.
fn unguarded_of_app(theirs: &[&Relation]) -> Vec<Finding> {
    let open = |kind: &str| {
        let exposed = |r: &&&Relation| r.name.split('.').next() == Some(EXPOSED) && r.reached;
        theirs.iter().filter(exposed).filter(|r| r.kind == kind && !r.guarded).copied().collect::<Vec<_>>()
    };
    let (tables, views, copies) = (open("table"), open("view"), open("copy"));
    let mut findings = Vec::new();
    if !tables.is_empty() {
        let what = format!("the app's tables without row-level security, open to its pages: {}", names(&tables));
        let why = "everybody with the publishable key reads, and maybe writes, all of their rows";
        let fix = lines(&tables, |table| format!("alter table {} enable row level security;", table.quoted));
        findings.push(Finding::danger(
            "rls.app",
            what,
            why,
            format!("{fix}\n-- and a policy for each thing that people may do"),
        ));
    }
    if !copies.is_empty() {
        let what = format!("the app's materialised views and foreign tables, open to its pages: {}", names(&copies));
        let why = "row-level security does not reach them: everybody with the publishable key has all of their rows";
        let fix = lines(&copies, |copy| format!("revoke all on {} from public, anon, authenticated;", copy.quoted));
        findings.push(Finding::danger("rls.app", what, why, fix));
    }
    if !views.is_empty() {
        let what = format!("the app's views that run with their owner's rights: {}", names(&views));
        let why = "they go past the row-level security of the tables under them";
        let fix = lines(&views, |view| format!("alter view {} set (security_invoker = true);", view.quoted));
        findings.push(Finding::problem("views.app", what, why, fix));
    }
    if findings.is_empty() {
        findings
            .push(Finding::ok("rls.app", "nothing of the app's that its pages reach is without row-level security"));
    }
    findings
}
