//! What the environment says, checked once at the start. A wrong value is an error that names its variable.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use axum::http::{HeaderValue, Uri};
use sqlx::postgres::PgConnectOptions;
use uuid::Uuid;

use crate::rpc::FUNCTIONS;
use crate::{cron, sweeper};

/// HMAC-SHA256 is as strong as its secret; RFC 7518 asks for at least the size of the hash. Stream's secrets have 64 bytes.
const MIN_SECRET_BYTES: usize = 32;

/// Everything that the gateway needs to know to serve.
pub struct Config {
    /// The database, and as whom to log in: a role that may `set role` to the three API roles.
    pub database: PgConnectOptions,
    /// Where to listen.
    pub bind: SocketAddr,
    /// The HS256 secret of the tokens.
    pub jwt_secret: String,
    /// Which `aud` a token must have. None: any.
    pub jwt_audience: Option<String>,
    /// The public key that stands for "no user". Need not be a token.
    pub anon_key: Option<String>,
    /// The secret that Stream signs its webhooks with. None: webhooks are refused.
    pub stream_api_secret: Option<String>,
    /// Which web pages may call. None: any, as is usual for an API that knows no cookies.
    pub cors_origins: Option<Vec<HeaderValue>>,
    /// The functions that may be called.
    pub functions: &'static [&'static str],
    /// How often the clean-up runs.
    pub sweep_interval: Duration,
    /// How often it is found out whether the day's work is due.
    pub cron_interval: Duration,
    /// Set in demo mode only.
    pub demo: Option<DemoConfig>,
}

/// What only the demo needs.
#[derive(Debug, Clone, Default)]
pub struct DemoConfig {
    /// The built demo page, if this server is to serve it.
    pub directory: Option<PathBuf>,
}

impl fmt::Debug for Config {
    /// Without the secrets, and without the database's options, which carry a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("bind", &self.bind).field("demo", &self.demo).finish_non_exhaustive()
    }
}

/// One line that names the variable. Never contains its value where that may be secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(String);

impl ConfigError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// Where variables come from: the environment, or a test.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Config {
    /// Reads and checks all variables. Empty ones count as missing.
    pub fn from_variables(demo: bool, variables: Variables) -> Result<Self, ConfigError> {
        let database = database_options(variables)?;
        let bind = match optional(variables, "BIND") {
            None => SocketAddr::from((Ipv4Addr::LOCALHOST, 8787)),
            Some(text) => text.parse().map_err(|_| {
                ConfigError::new(format!("BIND is `{text}`; it must be address:port, like 127.0.0.1:8787"))
            })?,
        };
        if demo {
            // It hands out tokens to whoever asks.
            if !bind.ip().is_loopback() {
                return Err(ConfigError::new(format!("BIND is {bind}; with --demo it must be a loopback address")));
            }
            if !is_local(&database) {
                return Err(ConfigError::new("DATABASE_URL names another machine; with --demo it must be this one"));
            }
        }
        let anon_key = optional(variables, "ANON_KEY");
        Ok(Self {
            database,
            bind,
            jwt_secret: secret("JWT_SECRET", demo, variables)?.ok_or_else(|| {
                ConfigError::new("JWT_SECRET is missing; it is the secret that the users' tokens are signed with")
            })?,
            jwt_audience: optional(variables, "JWT_AUDIENCE"),
            anon_key: if demo {
                anon_key.or_else(|| Some(format!("sb_publishable_demo_{}", random())))
            } else {
                anon_key
            },
            stream_api_secret: secret("STREAM_API_SECRET", demo, variables)?,
            cors_origins: cors_origins(variables)?,
            functions: FUNCTIONS,
            sweep_interval: sweeper::INTERVAL,
            cron_interval: cron::INTERVAL,
            demo: if demo { Some(demo_config(variables)?) } else { None },
        })
    }
}

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

fn optional(variables: Variables, name: &str) -> Option<String> {
    variables(name).filter(|value| !value.is_empty())
}

fn is_local(database: &PgConnectOptions) -> bool {
    let host = database.get_host().trim_matches(['[', ']']);
    database.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A secret that is long enough; the demo makes up what is missing.
fn secret(name: &str, demo: bool, variables: Variables) -> Result<Option<String>, ConfigError> {
    match optional(variables, name) {
        Some(secret) if secret.len() < MIN_SECRET_BYTES => Err(ConfigError::new(format!(
            "{name} is {} bytes long; at least {MIN_SECRET_BYTES} are needed",
            secret.len()
        ))),
        None if demo => Ok(Some(format!("{}{}", random(), random()))),
        given => Ok(given),
    }
}

fn random() -> String {
    Uuid::new_v4().simple().to_string()
}

fn cors_origins(variables: Variables) -> Result<Option<Vec<HeaderValue>>, ConfigError> {
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

fn demo_config(variables: Variables) -> Result<DemoConfig, ConfigError> {
    let directory = optional(variables, "DEMO_DIR").map(PathBuf::from);
    if let Some(directory) = &directory
        && !directory.join("index.html").is_file()
    {
        return Err(ConfigError::new(format!("DEMO_DIR is `{}`; there is no index.html in it", directory.display())));
    }
    Ok(DemoConfig { directory })
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: (&str, &str) = ("DATABASE_URL", "postgres://user:hunter2@localhost/db");
    const SECRET: (&str, &str) = ("JWT_SECRET", "an example of a secret with 32 bytes");

    fn read(demo: bool, variables: &[(&str, &str)]) -> Result<Config, String> {
        let lookup = |name: &str| variables.iter().rfind(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Config::from_variables(demo, &lookup).map_err(|e| e.to_string())
    }

    #[test]
    fn two_variables_are_enough() {
        let config = read(false, &[URL, SECRET]).unwrap();
        assert_eq!(config.bind.to_string(), "127.0.0.1:8787");
        assert!(config.jwt_audience.is_none() && config.anon_key.is_none() && config.cors_origins.is_none());
        assert!(config.stream_api_secret.is_none() && config.demo.is_none());
    }

    #[test]
    fn every_bad_value_is_named_and_no_secret_is_shown() {
        for (name, value) in [
            ("DATABASE_URL", ""),
            ("DATABASE_URL", "mysql://user:hunter2@localhost/db"),
            ("DATABASE_URL", "postgres://user:hunter2@localhost:port/db"),
            ("JWT_SECRET", ""),
            ("JWT_SECRET", "hunter2"),
            ("STREAM_API_SECRET", "hunter2"),
            ("BIND", "8787"),
            ("BIND", "localhost:8787"),
            ("BIND", "127.0.0.1:99999"),
            ("CORS_ORIGINS", "example.org"),
            ("CORS_ORIGINS", "https://example.org/"),
            ("CORS_ORIGINS", "https://example.org,,"),
            ("CORS_ORIGINS", "ftp://example.org"),
        ] {
            let error = read(false, &[URL, SECRET, (name, value)]).unwrap_err();
            assert!(error.starts_with(name) && !error.contains("hunter2") && !error.contains('\n'), "{value}: {error}");
        }
        let config = format!("{:?}", read(false, &[URL, SECRET]).unwrap());
        assert!(!config.contains("hunter2") && !config.contains(SECRET.1), "{config}");
    }

    #[test]
    fn origins_are_a_list_or_a_star() {
        assert!(read(false, &[URL, SECRET, ("CORS_ORIGINS", "*")]).unwrap().cors_origins.is_none());
        let config = read(false, &[URL, SECRET, ("CORS_ORIGINS", "https://a.example, http://localhost:5173")]).unwrap();
        assert_eq!(config.cors_origins.unwrap(), ["https://a.example", "http://localhost:5173"]);
    }

    #[test]
    fn the_demo_brings_its_own_secrets_and_new_ones_each_time() {
        let (first, second) = (read(true, &[URL]).unwrap(), read(true, &[URL]).unwrap());
        assert!(first.jwt_secret.len() >= MIN_SECRET_BYTES);
        assert_ne!(first.jwt_secret, second.jwt_secret);
        assert!(first.stream_api_secret.as_ref().unwrap().len() >= MIN_SECRET_BYTES);
        assert_ne!(first.stream_api_secret, second.stream_api_secret);
        assert_ne!(first.anon_key.unwrap(), second.anon_key.unwrap());
    }

    #[test]
    fn the_demo_stays_on_this_machine() {
        for url in ["postgres://u@127.0.0.1/db", "postgres://u@[::1]:5433/db", "postgres://u@%2Ftmp/db"] {
            read(true, &[("DATABASE_URL", url)]).unwrap();
        }
        for url in
            ["postgres://u@db.example.org/db", "postgres://u@10.0.0.1/db", "postgres://u@localhost.example.org/db"]
        {
            let error = read(true, &[("DATABASE_URL", url)]).unwrap_err();
            assert!(error.starts_with("DATABASE_URL") && error.contains("--demo"), "{error}");
        }
        let error = read(true, &[URL, ("BIND", "0.0.0.0:8787")]).unwrap_err();
        assert!(error.starts_with("BIND") && error.contains("--demo"), "{error}");
        let error = read(true, &[URL, ("DEMO_DIR", "/nowhere")]).unwrap_err();
        assert!(error.starts_with("DEMO_DIR"), "{error}");
    }
}
