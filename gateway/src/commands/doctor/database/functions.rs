//! Functions: who may execute ours, and which of all run as their owner without a search path of their own.

use std::collections::BTreeSet;

use sqlx::FromRow;
use sqlx::postgres::PgConnection;

use super::EXPOSED;
use crate::commands::doctor::finding::Finding;
use crate::commands::doctor::made::Made;

#[derive(Debug, FromRow)]
struct Function {
    /// `public.sweep`
    name: String,
    /// `public.sweep()`, as SQL wants it.
    signature: String,
    definer: bool,
    has_search_path: bool,
    anon: bool,
    authenticated: bool,
    service_role: bool,
}

/// Not those that an extension has brought: they are its own business.
const FUNCTIONS: &str = "
select n.nspname || '.' || p.proname as name,
  format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as signature,
  p.prosecdef as definer,
  coalesce((select bool_or(s like 'search_path=%') from unnest(p.proconfig) s), false) as has_search_path,
  has_function_privilege('anon', p.oid, 'execute') as anon,
  has_function_privilege('authenticated', p.oid, 'execute') as authenticated,
  has_function_privilege('service_role', p.oid, 'execute') as service_role
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where n.nspname in ('public', 'streamkeeper') and p.prokind in ('f', 'p')
  and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
  and not exists (select from pg_depend d where d.objid = p.oid and d.classid = 'pg_proc'::regclass and d.deptype = 'e')
order by 1, 2";

/// Looks at all functions, ours and the app's.
pub async fn check(connection: &mut PgConnection, made: &Made) -> Result<Vec<Finding>, sqlx::Error> {
    let there: Vec<Function> = sqlx::query_as(FUNCTIONS).fetch_all(connection).await?;
    let mut findings: Vec<Finding> = missing(&there, made).into_iter().collect();
    findings.extend(overloads(&there, made));
    findings.extend(too_much(&there, made));
    findings.extend(too_little(&there, made));
    if findings.is_empty() {
        findings
            .push(Finding::ok("grants.functions", "everybody may execute what the migrations say, and nothing else"));
    }
    findings.extend(definers(&there, made));
    Ok(findings)
}

fn is_exposed(name: &str) -> bool {
    name.split('.').next() == Some(EXPOSED)
}

fn missing(there: &[Function], made: &Made) -> Option<Finding> {
    let names: BTreeSet<&str> = there.iter().map(|function| function.name.as_str()).collect();
    let public = made.functions.iter().filter(|(name, roles)| is_exposed(name) && !roles.is_empty());
    let missing: Vec<&str> = public.map(|(name, _)| name.as_str()).filter(|name| !names.contains(name)).collect();
    (!missing.is_empty()).then(|| {
        let fix = "supabase db push, or streamkeeper-gateway migrate; what was dropped by hand comes back by running the \
                   migration's text again";
        Finding::problem("functions.database", format!("functions are missing: {}", missing.join(", ")), "pages call them", fix)
    })
}

fn overloads(there: &[Function], made: &Made) -> Option<Finding> {
    let ours = |function: &&Function| is_exposed(&function.name) && made.functions.contains_key(&function.name);
    let twice: Vec<&str> = there
        .iter()
        .filter(ours)
        .filter(|function| there.iter().filter(|other| other.name == function.name).count() > 1)
        .map(|function| function.signature.as_str())
        .collect();
    (!twice.is_empty()).then(|| {
        let why = "a call may mean either, and is answered with PGRST203";
        let fix =
            twice.iter().map(|signature| format!("-- one of them: drop function {signature};")).collect::<Vec<_>>();
        let what = format!("functions of ours are there more than once: {}", twice.join(", "));
        Finding::problem("functions.overloads", what, why, fix.join("\n"))
    })
}

/// A stranger may execute nothing of ours but what is for strangers; a user nothing that is for the backend.
fn too_much(there: &[Function], made: &Made) -> Option<Finding> {
    let mut open = Vec::new();
    for function in there.iter().filter(|function| made.functions.contains_key(&function.name)) {
        if function.anon && !made.may_execute("anon", &function.name) {
            open.push((function, "anon"));
        }
        // Helpers are not exposed, and policies of signed-in users need some of them.
        if function.authenticated && is_exposed(&function.name) && !made.may_execute("authenticated", &function.name) {
            open.push((function, "authenticated"));
        }
    }
    (!open.is_empty()).then(|| {
        let what: Vec<String> = open.iter().map(|(function, role)| format!("{role}: {}", function.name)).collect();
        let fix: Vec<String> = open
            .iter()
            .map(|(function, role)| format!("revoke execute on function {} from public, {role};", function.signature))
            .collect();
        let why = "a check inside a function is one line of defence, and not everything has one";
        Finding::danger(
            "grants.functions",
            format!("may execute what they must not: {}", what.join(", ")),
            why,
            fix.join("\n"),
        )
    })
}

fn too_little(there: &[Function], made: &Made) -> Option<Finding> {
    let mut fix = Vec::new();
    let mut what = Vec::new();
    for function in there.iter().filter(|function| is_exposed(&function.name)) {
        let has = [
            ("anon", function.anon),
            ("authenticated", function.authenticated),
            ("service_role", function.service_role),
        ];
        for (role, _) in has.iter().filter(|(role, has)| !has && made.may_execute(role, &function.name)) {
            what.push(format!("{role}: {}", function.name));
            fix.push(format!("grant execute on function {} to {role};", function.signature));
        }
    }
    (!what.is_empty()).then(|| {
        let what = format!("may not execute what they need: {}", what.join(", "));
        Finding::problem("grants.functions", what, "their calls are answered with 42501", fix.join("\n"))
    })
}

/// A function that runs as its owner finds what the caller's search path says, which the caller may have made.
fn definers(there: &[Function], made: &Made) -> Vec<Finding> {
    let open = |function: &&Function| function.definer && !function.has_search_path;
    let (ours, theirs): (Vec<&Function>, Vec<&Function>) =
        there.iter().filter(open).partition(|function| made.functions.contains_key(&function.name));
    let theirs: Vec<&Function> =
        theirs.into_iter().filter(|function| function.anon || function.authenticated).collect();
    let why = "whoever calls one chooses what the names in it mean, and it runs with its owner's rights";
    let listed =
        |functions: &[&Function]| functions.iter().map(|function| function.name.clone()).collect::<Vec<_>>().join(", ");
    let fix = |functions: &[&Function]| {
        let lines =
            functions.iter().map(|function| format!("alter function {} set search_path = '';", function.signature));
        lines.collect::<Vec<_>>().join("\n")
    };
    let mut findings = Vec::new();
    if !ours.is_empty() {
        let what = format!("SECURITY DEFINER functions of ours have lost their search path: {}", listed(&ours));
        findings.push(Finding::danger("definer", what, why, fix(&ours)));
    }
    if !theirs.is_empty() {
        let what = format!("SECURITY DEFINER functions of the app have no search path: {}", listed(&theirs));
        let fix = format!("-- after writing full names (public.…) in their bodies:\n{}", fix(&theirs));
        findings.push(Finding::problem("definer.app", what, why, fix));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("definer", "every function that runs as its owner has a search path of its own"));
    }
    findings
}
