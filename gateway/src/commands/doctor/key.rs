//! The key that the app's page has: everybody can read it there, so it must be the one that may be read.

use super::backend::{Outcome, outcome};
use super::finding::{Finding, Level};
use super::http::Http;
use super::jwt::Jwt;
use super::settings::Settings;

const DAY: f64 = 86_400.0;

/// What to do about a secret key in a page.
pub const WITHDRAW: &str = "take it out of the page and of everything that was built with it, make it invalid where it was made \
                        (Supabase: Settings, API Keys), and give the page the publishable key instead";

/// For the service role alone, and without arguments.
const SERVICE_ONLY: &str = "sweep";

/// What is to be said about the key, and the key itself if it may be shown to the backend as the page would.
pub async fn check<'a>(http: &Http, settings: &'a Settings, now: f64) -> (Vec<Finding>, Option<&'a str>) {
    let Some(key) = settings.api_key.as_deref() else {
        let fix = "--api-key or API_KEY: the publishable (anon) key; a gateway without ANON_KEY needs none";
        return (vec![Finding::unknown("key", "no key was given", fix)], None);
    };
    let finding = match verdict(key, now) {
        Some(finding) => finding,
        None => opaque(http, settings, key).await,
    };
    let usable = finding.level < Level::Danger && finding.level != Level::Unknown;
    (vec![finding], usable.then_some(key))
}

/// What the key says of itself. None: nothing.
fn verdict(key: &str, now: f64) -> Option<Finding> {
    if key.starts_with("sb_publishable_") {
        return Some(Finding::ok("key", "the key is a publishable one"));
    }
    if key.starts_with("sb_secret_") {
        return Some(secret("the key is a secret one (sb_secret_…)"));
    }
    let jwt = Jwt::read(key)?;
    Some(match jwt.text("role") {
        "anon" => anon(&jwt, now),
        "authenticated" => Finding::problem(
            "key",
            "the key is a signed-in user's token",
            "everybody who opens the page would be that user, until it expires",
            "give the page the publishable (anon) key; users' tokens come from accessToken()",
        ),
        "" => Finding::problem("key", "the key is a token without a role", "no backend takes it", "use the anon key"),
        "service_role" => secret("the key is a token of service_role"),
        _ => secret("the key is a token of a role that is none of a browser's"),
    })
}

/// A gateway's ANON_KEY or its SERVICE_KEY? Only the backend that made it knows, so that it is asked; by GET, whose
/// transaction can only read.
async fn opaque(http: &Http, settings: &Settings, key: &str) -> Finding {
    let unknown = |why: &str| {
        let what = format!("whether the key, which is a text like any other, is one for a page: {why}");
        Finding::unknown("key", what, "see that it is the gateway's ANON_KEY, and not its SERVICE_KEY")
    };
    let Some(url) = settings.url.as_ref() else { return unknown("no backend was given to ask") };
    if !url.is_private() {
        return unknown("it was not sent without encryption");
    }
    let headers = [("accept", "application/json"), ("apikey", key)];
    let Ok(answer) = http.get(&url.at(&format!("/rest/v1/rpc/{SERVICE_ONLY}")), &headers).await else {
        return unknown("the backend cannot be reached");
    };
    match outcome(SERVICE_ONLY, answer.status.as_u16(), answer.json().as_ref()) {
        Outcome::Ran => secret("the key may call what is for the backend only: it is the SERVICE_KEY"),
        Outcome::Refused | Outcome::Key(_) => Finding::ok("key", "the key opens nothing that is for the backend only"),
        Outcome::There | Outcome::Missing | Outcome::Down(_) => unknown("the backend does not answer calls"),
    }
}

fn secret(what: &str) -> Finding {
    let why = "it goes past row-level security: whoever opens the page can read and change everything";
    Finding::danger("key", what, why, WITHDRAW)
}

fn anon(jwt: &Jwt, now: f64) -> Finding {
    let fix = "get the current publishable (anon) key where it is made (Supabase: Settings, API Keys)";
    match jwt.seconds("exp").map(|exp| exp - now) {
        Some(left) if left <= 0.0 => {
            Finding::problem("key", "the key is for anon and has expired", "every call is answered with 401", fix)
        }
        Some(left) if left < 30.0 * DAY => {
            let what = format!("the key is for anon and expires in {:.0} days", left / DAY);
            Finding::hint("key", what, "from then on every call is answered with 401", fix)
        }
        _ => Finding::ok("key", "the key is a token of anon"),
    }
}
