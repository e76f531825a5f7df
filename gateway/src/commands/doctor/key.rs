//! The key that the app's page has: everybody can read it there, so it must be the one that may be read.

use super::finding::Finding;
use super::jwt::Jwt;
use super::settings::Settings;

const DAY: f64 = 86_400.0;

/// What to do about a secret key in a page.
pub const WITHDRAW: &str = "take it out of the page and of everything that was built with it, make it invalid where it was made \
                        (Supabase: Settings, API Keys), and give the page the publishable key instead";

/// What is to be said about the key, and the key itself if it may be shown to the backend as the page would.
pub fn check(settings: &Settings, now: f64) -> (Vec<Finding>, Option<&str>) {
    let Some(key) = settings.api_key.as_deref() else {
        let fix = "--api-key or API_KEY: the publishable (anon) key; a gateway without ANON_KEY needs none";
        return (vec![Finding::unknown("key", "no key was given", fix)], None);
    };
    let finding = verdict(key, now);
    let usable = finding.level < super::finding::Level::Danger;
    (vec![finding], usable.then_some(key))
}

fn verdict(key: &str, now: f64) -> Finding {
    if key.starts_with("sb_publishable_") {
        return Finding::ok("key", "the key is a publishable one");
    }
    if key.starts_with("sb_secret_") {
        return secret("the key is a secret one (sb_secret_…)");
    }
    let Some(jwt) = Jwt::read(key) else {
        return Finding::ok("key", "the key is neither a token nor one of Supabase's new ones: a gateway's ANON_KEY?");
    };
    match jwt.text("role") {
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
