//! Variables that are addresses: of the database, of web pages, of the keys.

use std::net::IpAddr;

use axum::http::{HeaderValue, Uri};
use sqlx::postgres::PgConnectOptions;

use super::value::{ConfigError, Variables, optional};

/// `DATABASE_URL`, which is all that `migrate` needs.
pub fn database_options(variables: Variables) -> Result<PgConnectOptions, ConfigError> {
    const NAME: &str = "DATABASE_URL";
    let url = optional(variables, NAME).ok_or_else(|| {
        ConfigError::new(format!("{NAME} is missing; it is a URL like postgres://user:password@host:5432/database"))
    })?;
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(ConfigError::new(format!("{NAME} must begin with postgres:// or postgresql://")));
    }
    // The parser's own message may quote the URL, password and all.
    let options: PgConnectOptions =
        url.parse().map_err(|_| ConfigError::new(format!("{NAME} is not a valid PostgreSQL URL")))?;
    Ok(options.application_name("streamkeeper-gateway"))
}

/// Is this database on this machine?
pub(super) fn is_local(database: &PgConnectOptions) -> bool {
    let host = database.get_host();
    database.get_socket().is_some() || host.starts_with('/') || is_loopback(host)
}

/// `JWKS_URL`. Whoever can change what it answers can sign in as anybody: nothing between here and there may.
pub(super) fn jwks_url(variables: Variables) -> Result<Option<Uri>, ConfigError> {
    const NAME: &str = "JWKS_URL";
    let Some(url) = optional(variables, NAME) else { return Ok(None) };
    // Not the value: its query may carry a key.
    let expected = "it must be like https://project.supabase.co/auth/v1/.well-known/jwks.json";
    let uri: Uri = url.parse().map_err(|_| ConfigError::new(format!("{NAME} is no URL; {expected}")))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(ConfigError::new(format!("{NAME} is no absolute URL; {expected}")));
    };
    if authority.as_str().contains('@') {
        return Err(ConfigError::new(format!("{NAME} has a user or a password in it; {expected}")));
    }
    if scheme != "https" && !(scheme == "http" && is_loopback(authority.host())) {
        return Err(ConfigError::new(format!("{NAME} must begin with https://, or name this machine; {expected}")));
    }
    Ok(Some(uri))
}

/// `FRONTEND_URL`, which stands at the beginning of links in mails.
pub(super) fn frontend_url(variables: Variables) -> Result<Option<String>, ConfigError> {
    web_url("FRONTEND_URL", "https://app.example.org", variables)
}

/// `PUBLIC_URL`, which stands at the beginning of playback URLs.
pub(super) fn public_url(variables: Variables) -> Result<Option<String>, ConfigError> {
    let url = web_url("PUBLIC_URL", "https://gateway.example.org", variables)?;
    Ok(url.map(|url| url.trim_end_matches('/').to_owned()))
}

fn web_url(name: &str, example: &str, variables: Variables) -> Result<Option<String>, ConfigError> {
    let Some(url) = optional(variables, name) else { return Ok(None) };
    let uri = url.parse::<Uri>().ok();
    let is_good = uri.is_some_and(|uri| {
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        is_web && uri.query().is_none() && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
    });
    match is_good {
        true => Ok(Some(url)),
        false => Err(ConfigError::new(format!("{name} must be like {example}, without user and query"))),
    }
}

/// `CORS_ORIGINS`. None: all.
pub(super) fn cors_origins(variables: Variables) -> Result<Option<Vec<HeaderValue>>, ConfigError> {
    match optional(variables, "CORS_ORIGINS") {
        None => Ok(None),
        Some(list) if list.trim() == "*" => Ok(None),
        Some(list) => list.split(',').map(|origin| cors_origin(origin.trim())).collect::<Result<_, _>>().map(Some),
    }
}

fn cors_origin(text: &str) -> Result<HeaderValue, ConfigError> {
    let error = || {
        let expected = "a list like https://example.org,http://localhost:5173, or *";
        ConfigError::new(format!("CORS_ORIGINS has `{text}` in it; it must be {expected}"))
    };
    // What a browser sends: scheme and authority, and nothing behind them.
    let uri: Uri = text.parse().map_err(|_| error())?;
    match (uri.scheme_str(), uri.authority()) {
        (Some(scheme @ ("http" | "https")), Some(authority)) if text == format!("{scheme}://{authority}") => {
            HeaderValue::from_str(text).map_err(|_| error())
        }
        _ => Err(error()),
    }
}

/// Is this host this machine?
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
