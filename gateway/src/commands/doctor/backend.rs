//! The backend as a page meets it: is it there, what is it, does it have our functions, and what do they let a stranger do?

use serde_json::Value;

use super::clock;
use super::finding::{Finding, quoted};
use super::http::{Answer, Http};
use super::made::Made;
use super::settings::{Address, Settings};
use crate::rpc::FUNCTIONS;

/// What answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gateway,
    Supabase,
    Other,
}

/// Everything that can be seen at the backend's address with the page's own key.
pub async fn check(http: &Http, settings: &Settings, key: Option<&str>, made: &Made) -> Vec<Finding> {
    let Some(url) = settings.url.as_ref() else {
        let fix = "--url or BACKEND_URL: the Supabase project or the gateway";
        return vec![Finding::unknown("url", "no backend was given", fix)];
    };
    let mut findings = Vec::new();
    if !url.is_private() {
        let why = "keys and tokens can be read on the way";
        findings.push(Finding::danger("url.https", "the backend's address is not https", why, "serve it over https"));
    }
    // The root of a Supabase project and the gateway's `/health` need no key.
    let health = match http.get(&url.at("/health"), &[("accept", "application/json")]).await {
        Ok(answer) => answer,
        Err(error) => {
            let why = "no page can start or end a stream";
            let fix = "see that the address is right, and that it is running";
            findings.push(Finding::problem("url", format!("the backend cannot be reached: {error}"), why, fix));
            return findings;
        }
    };
    let kind = kind(url, &health);
    findings.push(Finding::ok(
        "url",
        match kind {
            Kind::Gateway => "the backend is a gateway",
            Kind::Supabase => "the backend is a Supabase project",
            Kind::Other => {
                "the backend answers; it is neither a gateway nor Supabase, so it has to be PostgREST at /rest/v1"
            }
        },
    ));
    findings.push(match clock::ahead(&health) {
        Some(ahead) => clock::verdict("clock", "the backend's", ahead),
        None => Finding::unknown("clock", "the backend's answer has no time", ""),
    });
    findings.extend(match (key, kind) {
        (None, Kind::Supabase | Kind::Other) => {
            vec![Finding::unknown("functions", "nothing was called without a key", "--api-key or API_KEY")]
        }
        // What is a danger in a page is not sent from here either; and a gateway may well do without a key.
        (None, Kind::Gateway) if settings.api_key.is_some() => {
            vec![Finding::unknown("functions", "nothing was called with that key", "--api-key with the right one")]
        }
        (key, _) => functions(http, settings, url, key, made).await,
    });
    findings
}

fn kind(url: &Address, health: &Answer) -> Kind {
    let body = health.json().unwrap_or_default();
    if body.get("database").is_some() && body.get("version").is_some() {
        return Kind::Gateway;
    }
    let is_supabase =
        url.host.ends_with(".supabase.co") || health.headers.keys().any(|name| name.as_str().starts_with("sb-"));
    if is_supabase { Kind::Supabase } else { Kind::Other }
}

/// What came of calling a function without arguments, by GET: its transaction may only read, so that nothing happens
/// whatever it is.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is there, and needs arguments.
    There,
    /// It is there, and we may not.
    Refused,
    /// It ran, to its end or into an error of its own.
    Ran,
    Missing,
    /// The key is not taken.
    Key(String),
    /// Nothing can be said.
    Down(String),
}

/// By what the backend answered.
pub fn outcome(function: &str, status: u16, body: Option<&Value>) -> Outcome {
    let said = |name: &str| body.and_then(|body| body.get(name)).and_then(Value::as_str).unwrap_or_default();
    let (code, hint) = (said("code"), said("hint"));
    let sentence = || format!("{status} {code} {}", quoted(said("message")));
    match (status, code) {
        (_, "PGRST202") if hint.contains(&format!("public.{function}(")) => Outcome::There,
        (_, "PGRST202") => Outcome::Missing,
        (401 | 403, "42501") => Outcome::Refused,
        (401 | 403, _) => Outcome::Key(sentence()),
        (204, _) => Outcome::Ran,
        (200..=299, _) if body.is_some() => Outcome::Ran,
        // What a function says itself has five characters; all else is a proxy's, or PostgREST's own.
        (400..=499, _) if code.len() == 5 => Outcome::Ran,
        _ => Outcome::Down(sentence()),
    }
}

async fn functions(http: &Http, settings: &Settings, url: &Address, key: Option<&str>, made: &Made) -> Vec<Finding> {
    let mut headers = vec![("accept", "application/json")];
    headers.extend(key.map(|key| ("apikey", key)));
    let (mut missing, mut closed, mut open, mut untried) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for function in FUNCTIONS {
        let for_anon = made.may_execute("anon", &format!("public.{function}"));
        let answer = match http.get(&url.at(&format!("/rest/v1/rpc/{function}")), &headers).await {
            Ok(answer) => answer,
            Err(error) => return vec![down(&error)],
        };
        match outcome(function, answer.status.as_u16(), answer.json().as_ref()) {
            Outcome::Missing => missing.push(*function),
            Outcome::Refused if for_anon => closed.push(*function),
            Outcome::Ran if !for_anon => open.push(*function),
            Outcome::There if !for_anon => untried.push(*function),
            Outcome::There | Outcome::Refused | Outcome::Ran => {}
            Outcome::Key(said) => {
                let fix = "give the page the publishable (anon) key of this very project";
                let why = "every call of the page is refused";
                return vec![Finding::problem(
                    "key.backend",
                    format!("the backend does not take the key: {said}"),
                    why,
                    fix,
                )];
            }
            Outcome::Down(said) => return vec![down(&said)],
        }
    }
    let mut findings = said(&missing, &closed, &open);
    // From inside the grants of every function are seen.
    if !untried.is_empty() && settings.database.is_none() {
        let what = format!("whether a stranger is refused by those that need arguments: {}", untried.join(", "));
        findings.push(Finding::unknown("functions.untried", what, "--database-url or DATABASE_URL: its grants say"));
    }
    findings
}

fn said(missing: &[&str], closed: &[&str], open: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !missing.is_empty() {
        let what = format!(
            "the backend does not have {} of {} functions: {}",
            missing.len(),
            FUNCTIONS.len(),
            missing.join(", ")
        );
        let why = "the page's calls of these are answered with PGRST202";
        let fix = "supabase db push (or `streamkeeper-gateway migrate`); if they are in the database, PostgREST has not seen \
                   them yet: notify pgrst, 'reload schema';";
        findings.push(Finding::problem("functions", what, why, fix));
    }
    if !closed.is_empty() {
        let what = format!("a stranger may not call {}", closed.join(", "));
        let why = "pages of people who have not signed in cannot see what is on";
        findings.push(Finding::problem("functions.closed", what, why, "see grants.functions, with --database-url"));
    }
    if !open.is_empty() {
        let what = format!("a stranger may call {}", open.join(", "));
        let why = "these are for users or admins: either anon was granted them, or the key is more than a page's";
        let grants: Vec<String> =
            open.iter().map(|name| format!("revoke execute on function public.{name} from public, anon;")).collect();
        findings.push(Finding::danger("functions.open", what, why, grants.join("\n")));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            "functions",
            format!(
                "all {} functions are there, and those that need no argument refuse whom they should",
                FUNCTIONS.len()
            ),
        ));
    }
    findings
}

fn down(said: &str) -> Finding {
    let why = "the page's calls end like that";
    let fix = "if that is 404 the address is wrong: it is what /rest/v1/rpc/… follows; else see the backend's log";
    Finding::problem("functions", format!("the backend does not answer calls: {}", quoted(said)), why, fix)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_answer_means() {
        let of = |status, body: Value| outcome("sweep", status, Some(&body));
        let error = |status, code: &str, hint: &str| of(status, json!({"code": code, "hint": hint}));
        assert_eq!(of(200, json!({"ran": true})), Outcome::Ran);
        assert_eq!(outcome("sweep", 204, None), Outcome::Ran);
        assert_eq!(error(405, "25006", ""), Outcome::Ran);
        assert_eq!(error(400, "22023", ""), Outcome::Ran);
        assert_eq!(error(401, "42501", ""), Outcome::Refused);
        assert_eq!(error(404, "PGRST202", ""), Outcome::Missing);
        let similar = "Perhaps you meant to call the function public.sweep_events(p_limit)";
        assert_eq!(error(404, "PGRST202", similar), Outcome::Missing);
        assert_eq!(error(404, "PGRST202", "Perhaps you meant to call the function public.sweep(p)"), Outcome::There);
        assert!(matches!(error(401, "PGRST301", ""), Outcome::Key(_)));
        assert!(matches!(of(401, json!({"message": "Invalid API key"})), Outcome::Key(_)));
        // A page for everything, a proxy's limit, another schema, the database away.
        for (status, body) in [
            (200, None),
            (302, None),
            (404, None),
            (429, Some(json!({"message": "slow down"}))),
            (406, Some(json!({"code": "PGRST106"}))),
            (503, Some(json!({"code": "PGRST001"}))),
        ] {
            assert!(matches!(outcome("sweep", status, body.as_ref()), Outcome::Down(_)), "{status}");
        }
    }
}
