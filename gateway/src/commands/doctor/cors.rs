//! Whether browsers let a page of the app call the backend, and for how long they need not ask again.

use axum::http::Method;

use super::finding::Finding;
use super::http::{Answer, Http};
use super::settings::{Address, Settings};

/// What our calls carry beyond what any page may send.
const HEADERS: [&str; 3] = ["apikey", "authorization", "content-type"];

/// Ten minutes: Chromium keeps an answer for two hours at most, and without a word for five seconds.
const LEAST_MAX_AGE: u64 = 600;

/// Asks as a browser would before the call that ends a stream.
pub async fn check(http: &Http, settings: &Settings) -> Vec<Finding> {
    let Some(page) = settings.page.as_ref() else {
        return vec![Finding::unknown("cors", "no page was given", "--page or PAGE_URL: an address of the app")];
    };
    let origin = page.origin();
    let mut findings = Vec::new();
    for place in [&settings.url, &settings.gateway_url].into_iter().flatten() {
        if place.origin() == origin {
            findings.push(Finding::ok("cors", "page and backend have the same origin: browsers do not ask"));
            continue;
        }
        if page.scheme == "https" && !place.is_private() {
            let what = format!("the page is https, and {} is not", place.origin());
            let why = "browsers refuse mixed content";
            findings.push(Finding::problem("cors.mixed", what, why, "serve it over https"));
        }
        findings.extend(preflight(http, place, &origin).await);
    }
    findings
}

async fn preflight(http: &Http, place: &Address, origin: &str) -> Vec<Finding> {
    let asked = HEADERS.join(",");
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", asked.as_str()),
    ];
    let url = place.at("/rest/v1/rpc/touch_stream");
    match http.send(Method::OPTIONS, &url, &headers).await {
        Ok(answer) => verdict(&answer, place, origin),
        Err(error) => vec![Finding::unknown("cors", format!("{} did not answer: {error}", place.origin()), "")],
    }
}

fn verdict(answer: &Answer, place: &Address, origin: &str) -> Vec<Finding> {
    let place = place.origin();
    let allowed = answer.header("access-control-allow-origin");
    let why = "the browser refuses each call, and the page sees a network that is down";
    let fix = format!(
        "a gateway: CORS_ORIGINS={origin}; a proxy in front has to pass OPTIONS on and keep the answer's headers"
    );
    if !answer.status.is_success() || (allowed != "*" && allowed != origin) {
        let what = format!("{place} does not let pages of {origin} call (its answer was {})", answer.status.as_u16());
        return vec![Finding::problem("cors", what, why, fix)];
    }
    let list = answer.header("access-control-allow-headers").to_ascii_lowercase();
    let listed: Vec<&str> = list.split(',').map(str::trim).collect();
    let lets = |header: &&&str| listed.contains(*header) || (listed.contains(&"*") && **header != "authorization");
    let missing: Vec<&str> = HEADERS.iter().filter(|header| !lets(header)).copied().collect();
    if !missing.is_empty() {
        let what = format!("{place} does not let pages send {}", missing.join(", "));
        let fix = format!("add them to Access-Control-Allow-Headers: {}", HEADERS.join(", "));
        return vec![Finding::problem("cors.headers", what, why, fix)];
    }
    let max_age = answer.header("access-control-max-age").parse().unwrap_or(5);
    if max_age < LEAST_MAX_AGE {
        let what = format!("{place} lets browsers remember a preflight for {max_age} s");
        let why = "the call of a page that is being closed may have to wait for another one, and be lost";
        return vec![Finding::hint("cors.max_age", what, why, "Access-Control-Max-Age: 86400")];
    }
    vec![Finding::ok(
        "cors",
        format!("{place} lets pages of {origin} call, and need not be asked again for {max_age} s"),
    )]
}
