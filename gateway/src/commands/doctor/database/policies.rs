//! The policies of our tables: are they there, do they say what the migrations say, and are there others?

use sqlx::FromRow;
use sqlx::postgres::PgConnection;

use crate::commands::doctor::finding::Finding;
use crate::commands::doctor::made::Made;
use crate::commands::doctor::policy::Policy;

#[derive(Debug, FromRow)]
struct Row {
    name: String,
    quoted: String,
    policy: String,
    permissive: bool,
    command: String,
    roles: Vec<String>,
    using: String,
    with_check: String,
}

const POLICIES: &str = "
select format('%s.%s', schemaname, tablename) as name, format('%I.%I', schemaname, tablename) as quoted,
  policyname::text as policy, permissive = 'PERMISSIVE' as permissive, lower(cmd) as command, roles::text[] as roles,
  coalesce(qual, '') as using, coalesce(with_check, '') as with_check
from pg_policies where schemaname in ('public', 'streamkeeper') order by 1, 3";

/// A policy, and its table as SQL wants it.
type There = (Policy, String);

/// Those of our tables only: the app's own are its own business.
pub async fn check(connection: &mut PgConnection, made: &Made) -> Result<Vec<Finding>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(POLICIES).fetch_all(&mut *connection).await?;
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%s.%s', schemaname, tablename) from pg_tables where schemaname in ('public', 'streamkeeper')",
    )
    .fetch_all(connection)
    .await?;
    let is_ours = |row: &Row| made.relations.contains_key(&row.name);
    let there: Vec<There> = rows.into_iter().filter(is_ours).map(policy).collect();
    let same = |a: &Policy, b: &Policy| a.table == b.table && a.name == b.name;
    let (mut gone, mut changed) = (Vec::new(), Vec::new());
    for ours in made.policies.iter().filter(|policy| tables.contains(&policy.table)) {
        match there.iter().find(|(policy, _)| same(policy, ours)) {
            None => gone.push(ours),
            Some((policy, _)) if !policy.means(ours) => changed.push(ours),
            Some(_) => {}
        }
    }
    let strange = there.iter().filter(|(policy, _)| !made.policies.iter().any(|ours| same(policy, ours)));
    let (more, less): (Vec<&There>, Vec<&There>) = strange.partition(|(policy, _)| policy.permissive);
    let mut findings = differing(&gone, &changed);
    findings.extend(strangers(&more, &less));
    if findings.is_empty() {
        findings.push(Finding::ok("policies", "the policies go by what those of the migrations go by"));
    }
    Ok(findings)
}

fn policy(row: Row) -> There {
    let policy = Policy {
        table: row.name,
        name: row.policy,
        permissive: row.permissive,
        command: row.command,
        roles: row.roles.into_iter().collect(),
        using: row.using,
        check: row.with_check,
    };
    (policy, row.quoted)
}

fn named<'a>(policies: impl Iterator<Item = &'a Policy>) -> String {
    policies.map(|policy| format!("\"{}\" on {}", policy.name, policy.table)).collect::<Vec<_>>().join(", ")
}

fn dropped(policy: &Policy, quoted: &str) -> String {
    format!("drop policy \"{}\" on {quoted};", policy.name.replace('"', "\"\""))
}

fn differing(gone: &[&Policy], changed: &[&Policy]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !changed.is_empty() {
        let what = format!("policies do not say what the migrations say: {}", named(changed.iter().copied()));
        let why = "people may see, or even change, what is not theirs, or not see what is";
        let fix = changed.iter().map(|ours| format!("{}\n{}", dropped(ours, &ours.table), ours.statement()));
        findings.push(Finding::danger("policies", what, why, fix.collect::<Vec<_>>().join("\n")));
    }
    if !gone.is_empty() {
        let what = format!("policies are missing: {}", named(gone.iter().copied()));
        let fix = gone.iter().map(|ours| ours.statement()).collect::<Vec<_>>().join("\n");
        findings.push(Finding::problem("policies", what, "people do not see what is theirs", fix));
    }
    findings
}

fn strangers(more: &[&There], less: &[&There]) -> Vec<Finding> {
    let all = |policies: &[&There]| named(policies.iter().map(|(policy, _)| policy));
    let mut findings = Vec::new();
    if !more.is_empty() {
        let what = format!("policies that are not ours: {}", all(more));
        let why = "policies add up: each one more shows or lets change more than ours do";
        let fix = more.iter().map(|(policy, quoted)| dropped(policy, quoted)).collect::<Vec<_>>().join("\n");
        findings.push(Finding::danger("policies", what, why, fix));
    }
    if !less.is_empty() {
        let what = format!("restrictive policies that are not ours: {}", all(less));
        let why = "they show less than ours do: whoever misses something is perhaps kept out by one of them";
        findings.push(Finding::hint("policies.restrictive", what, why, ""));
    }
    findings
}
