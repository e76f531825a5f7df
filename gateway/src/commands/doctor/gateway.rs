//! The gateway, where there is one: is it well, is it of this version, and does it keep to itself what is for operators?

use serde_json::Value;

use super::clock;
use super::finding::Finding;
use super::http::Http;
use super::settings::{Address, Settings};
use crate::config::is_loopback;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The sweeper runs every 15 s.
const SWEPT_WITHIN: f64 = 60.0;

const LAST_SWEEP: &str = "streamkeeper_last_sweep_timestamp_seconds ";

/// Looks at the gateway that was given, or at the backend if that is one.
pub async fn check(http: &Http, settings: &Settings) -> Vec<Finding> {
    let given = settings.gateway_url.as_ref();
    let Some(url) = given.or(settings.url.as_ref()) else {
        return vec![Finding::unknown("gateway", "no gateway was given", "--gateway-url or GATEWAY_URL")];
    };
    let health = match http.get(&url.at("/health"), &[("accept", "application/json")]).await {
        Ok(answer) => answer,
        Err(error) if given.is_some() => {
            let why = "viewers are not counted, hosts get no mail";
            return vec![Finding::problem(
                "gateway",
                format!("the gateway cannot be reached: {error}"),
                why,
                "start it",
            )];
        }
        // The backend's own check has said so.
        Err(_) => return Vec::new(),
    };
    let body = health.json().unwrap_or_default();
    let said = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    if said("version").is_empty() || said("database").is_empty() {
        return match given {
            Some(_) => {
                let fix = "see that --gateway-url is the gateway's, and that a proxy passes its paths on";
                vec![Finding::problem("gateway", "what answers at the gateway's address is none", "", fix)]
            }
            None => vec![Finding::unknown(
                "gateway",
                "no gateway was given",
                "--gateway-url or GATEWAY_URL, if there is one",
            )],
        };
    }
    let mut findings = vec![match (said("database"), said("version")) {
        ("ok", VERSION) => {
            Finding::ok("gateway", format!("the gateway is well, and of version {VERSION} like this program"))
        }
        ("ok", version) => {
            let version: String = version.chars().filter(|c| !c.is_control()).take(40).collect();
            let what = format!("the gateway is of version {version}, this program of {VERSION}");
            let why = "what is expected here may be another version's";
            Finding::hint("gateway.version", what, why, "run the doctor of the gateway's own version")
        }
        _ => {
            let why = "everything that needs the database waits";
            let fix = "see that PostgreSQL runs, and what the gateway's log says of DATABASE_URL";
            Finding::problem("gateway", "the gateway does not reach its database", why, fix)
        }
    }];
    if given.is_some() {
        if !url.is_private() {
            let why = "tokens can be read on the way";
            findings.push(Finding::danger(
                "gateway.https",
                "the gateway's address is not https",
                why,
                "serve it over https",
            ));
        }
        if let Some(ahead) = clock::ahead(&health) {
            findings.push(clock::verdict("clock.gateway", "the gateway's", ahead));
        }
    }
    findings.extend(demo(http, url).await);
    findings.extend(metrics(http, url, settings).await);
    findings
}

/// A demo makes tokens for whoever asks.
async fn demo(http: &Http, url: &Address) -> Option<Finding> {
    let config = http.get(&url.at("/demo/config"), &[]).await.ok()?;
    config.json()?.get("anon_key")?;
    let what = "the gateway runs with --demo";
    let why = "whoever asks it gets a token of anybody, also of an admin";
    let fix = "start it as `streamkeeper-gateway serve`, with the settings of docs/operations.md";
    Some(match is_loopback(&url.host) {
        true => Finding::hint("gateway.demo", what, why, "nothing, as long as nobody else reaches this address"),
        false => Finding::danger("gateway.demo", what, why, fix),
    })
}

/// What is for operators only, and a word of what the gateway answers there. A proxy in front of it, or an app's server,
/// may answer 200 to everything with a page of its own.
const FOR_OPERATORS: [(&str, &str); 3] = [
    (METRICS, "# TYPE streamkeeper_"),
    ("/debug/report", "\"checked_at\""),
    ("/debug/sync-check", "\"discrepancies\""),
];

const METRICS: &str = "/metrics";

async fn metrics(http: &Http, url: &Address, settings: &Settings) -> Vec<Finding> {
    let (mut open, mut to_stranger) = (Vec::new(), None);
    for (path, word) in FOR_OPERATORS {
        let Ok(answer) = http.get(&url.at(path), &[]).await else { continue };
        if answer.status.is_success() && answer.body.contains(word) {
            open.push(path);
            to_stranger = to_stranger.or((path == METRICS).then_some(answer.body));
        }
    }
    let mut findings = Vec::new();
    if !open.is_empty() {
        let what = format!("open to everybody: {}", open.join(", "));
        let why = "everybody sees how many streams, chats and refusals there are, and whose";
        let fix = "set ADMIN_TOKEN, and have no proxy add it";
        findings.push(match is_loopback(&url.host) {
            true => Finding::hint("gateway.metrics", what, why, "nothing, in a demo on this machine"),
            false => Finding::danger("gateway.metrics", what, why, fix),
        });
    }
    let Some(token) = settings.admin_token.as_deref().filter(|_| url.is_private()) else {
        findings.push(match to_stranger {
            Some(metrics) => sweep(&metrics),
            None => Finding::unknown("gateway.sweep", "whether the gateway sweeps", "ADMIN_TOKEN=… (a variable only)"),
        });
        return findings;
    };
    match http.get(&url.at(METRICS), &[("authorization", &format!("Bearer {token}"))]).await {
        Ok(answer) if answer.status.is_success() => findings.push(sweep(&answer.body)),
        Ok(answer) => {
            let what = format!("the gateway answers {} to the ADMIN_TOKEN", answer.status.as_u16());
            let why = "your monitoring sees nothing";
            findings.push(Finding::problem(
                "gateway.metrics",
                what,
                why,
                "give the one that the gateway was started with",
            ));
        }
        Err(error) => findings.push(Finding::unknown("gateway.sweep", format!("/metrics did not answer: {error}"), "")),
    }
    findings
}

/// From the metrics: has something swept lately?
fn sweep(metrics: &str) -> Finding {
    let last: Option<f64> = metrics.lines().find_map(|line| line.strip_prefix(LAST_SWEEP)?.trim().parse().ok());
    let age = last.map(|at| clock::now() - at);
    let why = "a stream whose host is gone stays live, and nobody is told";
    let fix = "see what `the sweep failed` says in the gateway's log";
    match age {
        Some(age) if age <= SWEPT_WITHIN => Finding::ok("gateway.sweep", "something sweeps"),
        Some(age) => Finding::problem("gateway.sweep", format!("nothing has swept for {age:.0} s"), why, fix),
        None => Finding::problem("gateway.sweep", "the gateway knows of no sweep", why, fix),
    }
}
