//! Tables and views: row-level security, policies, and who may read and write past the functions.

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
    view: bool,
    /// A table's row-level security, a view's `security_invoker`.
    guarded: bool,
    /// Of each role and privilege, also on some columns only: `anon select`.
    granted: Vec<String>,
}

const RELATIONS: &str = "
select n.nspname || '.' || c.relname as name, format('%I.%I', n.nspname, c.relname) as quoted, c.relkind = 'v' as view,
  case c.relkind
    when 'v' then coalesce((
      select bool_or(lower(o) in ('security_invoker=true', 'security_invoker=on', 'security_invoker=1', 'security_invoker=yes'))
      from unnest(c.reloptions) o), false)
    else c.relrowsecurity
  end as guarded,
  array(
    select r || ' ' || p
    from unnest('{anon,authenticated}'::text[]) r, unnest('{select,insert,update,delete,truncate}'::text[]) p
    where has_schema_privilege(r, n.oid, 'usage') and (
      has_table_privilege(r, c.oid, p) or (p in ('select', 'insert', 'update') and has_any_column_privilege(r, c.oid, p)))
  ) as granted
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('public', 'streamkeeper') and c.relkind in ('r', 'p', 'v')
  and not exists (select from pg_depend d where d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype = 'e')
order by 1";

const POLICIES: &str = "
select format('%s.%s', schemaname, tablename) as name, format('%I.%I', schemaname, tablename) as quoted, policyname::text as policy
from pg_policies where schemaname in ('public', 'streamkeeper') order by 1, 3";

/// Looks at all of them, ours and the app's.
pub async fn check(connection: &mut PgConnection, made: &Made) -> Result<Vec<Finding>, sqlx::Error> {
    let there: Vec<Relation> = sqlx::query_as(RELATIONS).fetch_all(&mut *connection).await?;
    let policies: Vec<(String, String, String)> = sqlx::query_as(POLICIES).fetch_all(connection).await?;
    let (ours, theirs): (Vec<&Relation>, Vec<&Relation>) =
        there.iter().partition(|relation| made.relations.contains_key(&relation.name));
    let mut findings = missing(&ours, made);
    findings.push(grants(&ours, made));
    findings.extend(unguarded(&ours));
    findings.extend(unguarded_of_app(&theirs));
    findings.extend(self::policies(&policies, &ours, made));
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

/// Strangers and users read what the migrations let them, and write nothing at all: that is what the functions are for.
fn grants(ours: &[&Relation], made: &Made) -> Finding {
    let (mut what, mut fix) = (Vec::new(), Vec::new());
    for relation in ours {
        for grant in &relation.granted {
            let Some((role, privilege)) = grant.split_once(' ') else { continue };
            let may = made.relations.get(&relation.name).and_then(|roles| roles.get(role));
            if may.is_none_or(|may| !may.contains(privilege)) {
                what.push(format!("{role} may {privilege} {}", relation.name));
                fix.push(format!("revoke {privilege} on {} from public, {role};", relation.quoted));
            }
        }
    }
    if what.is_empty() {
        return Finding::ok(
            "grants.tables",
            "strangers and users write no table of ours, and read what the migrations say",
        );
    }
    let why = "writes are for the functions, which check whose it is; `grant all on all tables` takes that away";
    Finding::danger(
        "grants.tables",
        format!("table rights that nobody should have: {}", what.join(", ")),
        why,
        fix.join("\n"),
    )
}

fn unguarded(ours: &[&Relation]) -> Vec<Finding> {
    let open = |view: bool| ours.iter().filter(move |r| r.view == view && !r.guarded).copied().collect::<Vec<_>>();
    // Those of the helpers' schema are read by functions only.
    let (tables, views): (_, Vec<&Relation>) =
        (open(false), open(true).into_iter().filter(|view| view.name.split('.').next() == Some(EXPOSED)).collect());
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
    let reached = |relation: &&&Relation| {
        relation.name.split('.').next() == Some(EXPOSED) && !relation.guarded && !relation.granted.is_empty()
    };
    let (views, tables): (Vec<&Relation>, Vec<&Relation>) =
        theirs.iter().filter(reached).copied().partition(|relation| relation.view);
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

fn policies(there: &[(String, String, String)], ours: &[&Relation], made: &Made) -> Vec<Finding> {
    let is_ours = |name: &str| ours.iter().any(|relation| relation.name == name);
    let strange: Vec<_> = there
        .iter()
        .filter(|(table, _, policy)| is_ours(table) && !made.policies.contains(&(table.clone(), policy.clone())))
        .collect();
    let gone: Vec<String> = made
        .policies
        .iter()
        .filter(|(table, policy)| is_ours(table) && !there.iter().any(|(t, _, p)| t == table && p == policy))
        .map(|(table, policy)| format!("\"{policy}\" on {table}"))
        .collect();
    let mut findings = Vec::new();
    if !strange.is_empty() {
        let what: Vec<String> = strange.iter().map(|(table, _, policy)| format!("\"{policy}\" on {table}")).collect();
        let fix: Vec<String> = strange
            .iter()
            .map(|(_, quoted, policy)| format!("drop policy \"{}\" on {quoted};", policy.replace('"', "\"\"")))
            .collect();
        let why = "policies add up: each one more shows or lets change more than ours do";
        findings.push(Finding::danger(
            "policies",
            format!("policies that are not ours: {}", what.join(", ")),
            why,
            fix.join("\n"),
        ));
    }
    if !gone.is_empty() {
        let fix = "run `create policy …` of the migrations again";
        findings.push(Finding::problem(
            "policies",
            format!("policies are missing: {}", gone.join(", ")),
            "people do not see what is theirs",
            fix,
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("policies", "the policies are those of the migrations"));
    }
    findings
}
