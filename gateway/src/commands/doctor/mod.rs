//! `doctor`: against somebody's own project, what is missing in it or dangerous, and what to do about each.
//!
//! It looks as a page would ([`backend`], [`cors`], [`page`]), as a stranger ([`gateway`]), and from inside the database
//! ([`mod@database`]); what it was not given the means to look at, it lists. It changes nothing, and prints no secret.

mod backend;
mod clock;
mod cors;
mod csp;
mod database;
mod finding;
mod gateway;
mod html;
mod http;
mod jwt;
mod key;
mod leaks;
mod made;
mod page;
mod policy;
mod settings;
mod text;
mod token;

use serde_json::json;

use super::{CommandError, Output};
use finding::{Finding, Level};
use http::Http;
use made::Made;
pub use settings::{Settings, USAGE};

/// Too short to be a secret, and long enough to be part of some word.
const LEAST_SECRET: usize = 8;

/// Looks at everything that it can. Not good: there is a problem or a danger.
pub async fn doctor(settings: &Settings) -> Result<Output, CommandError> {
    let http = Http::new().map_err(CommandError::new)?;
    let (made, now) = (Made::by_migrations(), clock::now());
    let (mut findings, key) = key::check(&http, settings, now).await;
    findings.extend(backend::check(&http, settings, key, &made).await);
    findings.extend(token::check(&http, settings, key, now).await);
    findings.extend(gateway::check(&http, settings).await);
    findings.extend(cors::check(&http, settings).await);
    findings.extend(page::check(&http, settings).await);
    findings.extend(database::check(settings.database.as_ref(), &made).await);
    report(settings, &findings)
}

fn report(settings: &Settings, findings: &[Finding]) -> Result<Output, CommandError> {
    let success = findings.iter().all(|finding| finding.level < Level::Problem);
    let mut text = match settings.json {
        true => {
            let report = json!({ "success": success, "findings": findings });
            serde_json::to_string_pretty(&report).map_err(CommandError::new)? + "\n"
        }
        false => text::of(findings),
    };
    for secret in settings.secrets().filter(|secret| secret.len() >= LEAST_SECRET) {
        text = text.replace(secret, "…");
    }
    Ok(Output { text, success })
}
