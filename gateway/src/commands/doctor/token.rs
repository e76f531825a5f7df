//! A user's token, if one was given: what it says, and whether the backend believes it.

use serde_json::Value;

use super::finding::{Finding, quoted};
use super::http::Http;
use super::jwt::Jwt;
use super::settings::Settings;

/// As long as a column that holds one may be.
const MAX_USER_ID_CHARS: usize = 200;

/// Reads nothing that is anybody else's, and writes nothing.
const PROBE: &str = "/rest/v1/rpc/chat_list";

/// Looks at it here, and then shows it to the backend.
pub async fn check(http: &Http, settings: &Settings, key: Option<&str>, now: f64) -> Vec<Finding> {
    let Some(token) = settings.access_token.as_deref() else {
        return vec![Finding::unknown("token", "no user's token was given", "ACCESS_TOKEN=… (a variable only)")];
    };
    let Some(jwt) = Jwt::read(token) else {
        let why = "the database reads the user's id from a token's `sub`";
        return vec![Finding::problem("token", "ACCESS_TOKEN is no JWT", why, "give accessToken() a JWT to return")];
    };
    let mut findings = of_itself(&jwt, now);
    let Some(url) = settings.url.as_ref() else { return findings };
    if !url.is_private() {
        let fix = "give an https:// address";
        findings.push(Finding::unknown("token.backend", "the token was not sent without encryption", fix));
        return findings;
    }
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("authorization", bearer.as_str()), ("accept", "application/json")];
    headers.extend(key.map(|key| ("apikey", key)));
    findings.push(match http.get(&url.at(PROBE), &headers).await {
        Err(error) => Finding::unknown("token.backend", format!("the backend did not answer: {error}"), ""),
        Ok(answer) if answer.status.is_success() && answer.json().is_some() => Finding::ok("token.backend", "the backend believes the token"),
        Ok(answer) => {
            let body = answer.json().unwrap_or_default();
            let said = |name: &str| body.get(name).and_then(Value::as_str).map(quoted).unwrap_or_default();
            let what = format!("the backend answers {} {}: {}", answer.status.as_u16(), said("code"), said("message"));
            let why = "whoever has signed in with such a token can do nothing";
            let fix = "401: the backend verifies with another secret or key (JWT_SECRET, JWKS_URL; on Supabase the token has \
                       to be Supabase Auth's, or of a provider that is set up there). 403: the role";
            Finding::problem("token.backend", what, why, fix)
        }
    });
    findings
}

fn of_itself(jwt: &Jwt, now: f64) -> Vec<Finding> {
    let mut findings = Vec::new();
    if jwt.algorithm.eq_ignore_ascii_case("none") {
        let why = "whoever takes it takes anything that anybody writes";
        findings.push(Finding::danger("token.alg", "the token is not signed", why, "sign with ES256, RS256 or HS256"));
    } else if !["HS256", "ES256", "RS256"].contains(&jwt.algorithm.as_str()) {
        let why = "a gateway takes HS256, ES256 and RS256 only";
        findings.push(Finding::problem("token.alg", "the token's algorithm is another", why, "sign with ES256"));
    }
    findings.extend(match jwt.text("role") {
        "authenticated" => None,
        "service_role" => {
            let why = "whoever has it goes past row-level security";
            let fix = "let accessToken() return the user's own token, and make this one's key invalid";
            Some(Finding::danger("token.role", "the token's role is service_role", why, fix))
        }
        _ => Some(Finding::problem(
            "token.role",
            "the token's role is not `authenticated`",
            "the database takes its bearer for nobody, or for somebody it does not know",
            "have the provider put `\"role\": \"authenticated\"` into it",
        )),
    });
    let length = jwt.text("sub").chars().count();
    if length == 0 || length > MAX_USER_ID_CHARS {
        let what = format!("the token's `sub` is {length} characters long");
        let why = "it is the user's id, a text of 1 to 200 characters";
        findings.push(Finding::problem("token.sub", what, why, "have the provider put the user's id there"));
    }
    findings.extend(expiry(jwt, now));
    if jwt.metadata_role("user_metadata") == "admin" && jwt.metadata_role("app_metadata") != "admin" {
        let why = "users write that themselves, so it counts for nothing";
        let fix = "name admins in app_metadata: {\"role\": \"admin\"}";
        findings.push(Finding::hint("token.admin", "user_metadata says `admin`", why, fix));
    }
    if findings.is_empty() {
        let admin = if jwt.metadata_role("app_metadata") == "admin" { ", an admin" } else { "" };
        findings.push(Finding::ok(
            "token",
            format!("the token is of a signed-in user{admin}, signed with {}", jwt.algorithm),
        ));
    }
    findings
}

fn expiry(jwt: &Jwt, now: f64) -> Option<Finding> {
    let Some(exp) = jwt.seconds("exp") else {
        let fix = "have the provider put `exp` into it";
        return Some(Finding::problem("token.exp", "the token never expires", "a gateway refuses such a token", fix));
    };
    if exp <= now {
        let what = format!("the token expired {:.0} s ago", now - exp);
        let fix = "let accessToken() return a fresh one each time";
        return Some(Finding::problem("token.exp", what, "every call is answered with 401", fix));
    }
    (exp - now > 86_400.0).then(|| {
        let what = format!("the token is good for {:.0} hours", (exp - now) / 3600.0);
        let why = "nobody can take it back until then";
        Finding::hint("token.exp", what, why, "an hour is usual")
    })
}
