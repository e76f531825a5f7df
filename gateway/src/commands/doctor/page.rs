//! A page of the app: whether its security policy lets Streamkeeper work, and whether it gives a secret away.

use super::csp::Policy;
use super::finding::Finding;
use super::html::tags;
use super::http::Http;
use super::leaks;
use super::settings::{Address, Settings};

const SCRIPTS: &str = "without it init() rejects with `unavailable`, and the app goes on without Streamkeeper";

/// Reads the page and its policies, those in the header and those in the page itself.
pub async fn check(http: &Http, settings: &Settings) -> Vec<Finding> {
    let Some(page) = settings.page.as_ref() else {
        return vec![Finding::unknown("csp", "no page was given", "--page or PAGE_URL: an address of the app")];
    };
    let answer = match http.get(&page.url, &[("accept", "text/html")]).await {
        Ok(answer) => answer,
        Err(error) => return vec![Finding::unknown("csp", format!("the page did not answer: {error}"), "")],
    };
    if answer.status.is_redirection() {
        let fix = "give the address that it leads to";
        return vec![Finding::unknown("csp", "the page leads somewhere else", fix)];
    }
    if !answer.status.is_success() {
        let what = format!("the page answered {}", answer.status.as_u16());
        return vec![Finding::unknown("csp", what, "give the address of a page that is there")];
    }
    let headers = |name| answer.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let parsed = |text: &str| Policy::parse_all(text);
    let mut policies: Vec<Policy> = headers("content-security-policy").flat_map(parsed).collect();
    let is_policy = |kind: &str| kind.eq_ignore_ascii_case("content-security-policy");
    let metas = tags(&answer.body, "meta").into_iter().filter(|tag| tag.get("http-equiv").is_some_and(is_policy));
    policies.extend(metas.flat_map(|tag| tag.get("content").map(parsed).unwrap_or_default()));
    let reported: Vec<Policy> = headers("content-security-policy-report-only").flat_map(parsed).collect();

    let needed = needed(settings, page);
    let mut findings = judged(&policies, page, &needed);
    if findings.is_empty() {
        let what = match policies.is_empty() {
            true => "the page has no security policy, so nothing is forbidden".to_owned(),
            false => format!("the page's security policy allows what was looked at ({} addresses)", needed.len()),
        };
        findings.push(Finding::ok("csp", what));
    }
    findings.push(leaks::check(http, page, &answer).await);
    let later = judged(&reported, page, &needed);
    if let Some(first) = later.first() {
        let why = "today that is only reported, and nothing is forbidden";
        let what = format!("once the policy of Content-Security-Policy-Report-Only counts: {}", first.what);
        findings.push(Finding::hint("csp.report_only", what, why, first.fix.clone()));
    }
    if settings.chat_url.is_none() && !policies.is_empty() {
        let fix = "--chat-url or CHAT_URL: for Stream wss://chat.stream-io-api.com, and https://chat.stream-io-api.com as well";
        findings.push(Finding::unknown("csp.chat", "whether the policy lets chat connect", fix));
    }
    findings
}

/// Where the page has to be able to connect to: to its own origin as well, from which it fetches our WebAssembly.
fn needed(settings: &Settings, page: &Address) -> Vec<Address> {
    let mut needed: Vec<Address> =
        [Some(page), settings.url.as_ref(), settings.gateway_url.as_ref()].into_iter().flatten().cloned().collect();
    // watchEvent opens a WebSocket to the gateway.
    needed.extend(settings.gateway_url.iter().map(|gateway| Address {
        url: gateway.url.replacen("http", "ws", 1),
        scheme: gateway.scheme.replacen("http", "ws", 1),
        ..gateway.clone()
    }));
    needed.extend(settings.chat_url.clone());
    needed
}

fn judged(policies: &[Policy], page: &Address, needed: &[Address]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !policies.iter().all(Policy::allows_wasm) {
        let fix = "add 'wasm-unsafe-eval' to script-src";
        findings.push(Finding::problem("csp.script", "the page's policy forbids WebAssembly", SCRIPTS, fix));
    }
    let mut forbidden: Vec<String> = needed
        .iter()
        .filter(|to| !policies.iter().all(|policy| policy.allows_connection(page, to)))
        .map(Address::origin)
        .collect();
    forbidden.dedup();
    if !forbidden.is_empty() {
        let what = format!("the page's policy forbids to connect to {}", forbidden.join(", "));
        let why = "the browser refuses each call, and the page sees a network that is down; from its own origin it fetches our \
                   WebAssembly, without which init() rejects";
        findings.push(Finding::problem(
            "csp.connect",
            what,
            why,
            format!("add to connect-src: {}", forbidden.join(" ")),
        ));
    }
    findings
}
