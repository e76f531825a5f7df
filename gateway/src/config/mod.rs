//! What the environment says, checked once at the start. A wrong value is an error that names its variable.

mod address;
mod mail;
mod relay;
mod value;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::{HeaderValue, Uri};
use sqlx::postgres::PgConnectOptions;

use crate::database::CONNECT_TIMEOUT;
use crate::mail::Mailer;
use crate::orphans::{self, Operator};
use crate::rooms::{self, listing};
use crate::rpc::FUNCTIONS;
use crate::webhooks::jitsi;
use crate::{auth, connections, cron, events, notices, server, sweeper};
pub use address::database_options;
pub(crate) use address::is_loopback;
use address::{cors_origins, frontend_url, is_local, jwks_url, public_url};
pub use value::{ConfigError, Key, Variables};
use value::{key, number, number_within, optional, random, secret};

/// More are nobody's doing.
const MAX_PROXY_HOPS: usize = 10;

/// As long as a lease may be.
const MAX_JITSI_GRACE_SECS: usize = 900;

/// Everything that the gateway needs to know to serve.
pub struct Config {
    /// The database, and as whom to log in: a role that may `set role` to the three API roles.
    pub database: PgConnectOptions,
    /// How long one waits for the database to accept a connection.
    pub connect_timeout: Duration,
    /// Where to listen.
    pub bind: SocketAddr,
    /// The HS256 secret of the tokens. One of this and `jwks_url` is there.
    pub jwt_secret: Option<String>,
    /// Where the public keys are that tokens are verified with.
    pub jwks_url: Option<Uri>,
    /// Which `aud` a token must have. None: any.
    pub jwt_audience: Option<String>,
    /// The public key that stands for "no user". Need not be a token.
    pub anon_key: Option<String>,
    /// The secret key that stands for the application's backend. Need not be a token.
    pub service_key: Option<Key>,
    /// The secret that Stream signs its webhooks with. None: webhooks are refused.
    pub stream_api_secret: Option<String>,
    /// The secret that a Jitsi's webhooks are signed with, or show. None: they are refused.
    pub jitsi_webhook_secret: Option<String>,
    /// How long a page has to say that it is there, when its meeting is over.
    pub jitsi_grace: Duration,
    /// Which web pages may call. None: any, as is usual for an API that knows no cookies.
    pub cors_origins: Option<Vec<HeaderValue>>,
    /// How many proxies of ours stand in front, each of which adds to `X-Forwarded-For`.
    pub proxy_hops: usize,
    /// How long a client may take nothing of what is written to it.
    pub write_patience: Duration,
    /// How long a client may take for its first request's head.
    pub head_patience: Duration,
    /// How long the requests under way have when the process is to stop.
    pub stop_patience: Duration,
    /// How many may read the listing.
    pub listing: listing::Limits,
    /// How long things take at events.
    pub events: events::settings::Settings,
    /// How long things take at relays, and how many clients they have.
    pub relay: crate::relay::settings::Settings,
    /// The functions that may be called.
    pub functions: &'static [&'static str],
    /// How often the keys at `jwks_url` are fetched at most.
    pub jwks_fetch_interval: Duration,
    /// How often the clean-up runs.
    pub sweep_interval: Duration,
    /// How often stuck rooms are looked for.
    pub rooms_interval: Duration,
    /// How often it is found out whether the day's work is due.
    pub cron_interval: Duration,
    /// What operators show to see what is for them only. None: nobody sees it, but in demo mode everybody.
    pub admin_token: Option<Key>,
    /// What takes mail to people. None: nothing, and what is for hosts waits.
    pub mailer: Option<Mailer>,
    /// Where hosts have their dashboards, for links in mails.
    pub frontend_url: Option<String>,
    /// Where this gateway is, for playback URLs. None: they begin with their path.
    pub public_url: Option<String>,
    /// How long things take at the queue of notices.
    pub notices: notices::Settings,
    /// Who is told what a person has to see to. None: nobody.
    pub operator: Option<Operator>,
    /// How often it is found out whether there is something to tell.
    pub orphans_interval: Duration,
    /// The built operator's page, if this server is to serve it.
    pub operator_directory: Option<PathBuf>,
    /// Set in demo mode only.
    pub demo: Option<DemoConfig>,
}

/// What only the demo needs.
#[derive(Debug, Clone, Default)]
pub struct DemoConfig {
    /// The built demo page, if this server is to serve it.
    pub directory: Option<PathBuf>,
    /// Where the mails are that were not sent.
    pub mail_directory: Option<PathBuf>,
}

impl fmt::Debug for Config {
    /// Without the secrets, and without the database's options, which carry a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("bind", &self.bind).field("demo", &self.demo).finish_non_exhaustive()
    }
}

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
        let (jwt_secret, jwks_url) = (secret("JWT_SECRET", demo, variables)?, jwks_url(variables)?);
        if jwt_secret.is_none() && jwks_url.is_none() {
            let message = "JWT_SECRET is missing, and so is JWKS_URL: tokens are verified with the one or the other";
            return Err(ConfigError::new(message));
        }
        let anon_key = optional(variables, "ANON_KEY");
        let service_key = key("SERVICE_KEY", variables)?;
        // Every browser has the anon key.
        if let (Some(service), Some(anon)) = (&service_key, &anon_key)
            && service.is(anon)
        {
            return Err(ConfigError::new("SERVICE_KEY is the same as ANON_KEY"));
        }
        let can_sign = jwt_secret.is_some() || service_key.is_some();
        let mailer = mail::mailer(variables)?;
        let demo_config = if demo { Some(demo_config(variables)?) } else { None };
        let in_demo = demo_config.as_ref().and_then(|demo| demo.directory.as_ref()).map(|page| page.join("operator"));
        Ok(Self {
            database,
            connect_timeout: CONNECT_TIMEOUT,
            bind,
            jwt_secret,
            jwks_url,
            jwt_audience: optional(variables, "JWT_AUDIENCE"),
            anon_key: if demo {
                anon_key.or_else(|| Some(format!("sb_publishable_demo_{}", random())))
            } else {
                anon_key
            },
            service_key,
            stream_api_secret: secret("STREAM_API_SECRET", demo, variables)?,
            jitsi_webhook_secret: secret("JITSI_WEBHOOK_SECRET", demo, variables)?,
            jitsi_grace: number("JITSI_END_GRACE_SECS", MAX_JITSI_GRACE_SECS, variables)?
                .map_or(jitsi::GRACE, |seconds| Duration::from_secs(seconds as u64)),
            cors_origins: cors_origins(variables)?,
            admin_token: key("ADMIN_TOKEN", variables)?,
            operator: mail::operator(mailer.as_ref(), variables)?,
            mailer,
            frontend_url: frontend_url(variables)?,
            public_url: public_url(variables)?,
            notices: notices::Settings::default(),
            orphans_interval: orphans::INTERVAL,
            proxy_hops: number("PROXY_HOPS", MAX_PROXY_HOPS, variables)?.unwrap_or_default(),
            write_patience: connections::PATIENCE,
            head_patience: connections::HEAD_PATIENCE,
            stop_patience: server::STOP_PATIENCE,
            listing: listing::Limits::default(),
            events: events::settings::Settings {
                grace_seconds: number_within("EVENT_END_GRACE_SECS", events::settings::GRACE_SECONDS, variables)?,
                ..Default::default()
            },
            relay: relay::settings(demo, can_sign, variables)?,
            functions: FUNCTIONS,
            jwks_fetch_interval: auth::FETCH_INTERVAL,
            sweep_interval: sweeper::INTERVAL,
            rooms_interval: rooms::upkeep::CLEAN_UP_INTERVAL,
            cron_interval: cron::INTERVAL,
            operator_directory: page("OPERATOR_DIR", variables)?.or(in_demo.filter(|page| is_page(page))),
            demo: demo_config,
        })
    }
}

fn demo_config(variables: Variables) -> Result<DemoConfig, ConfigError> {
    Ok(DemoConfig {
        directory: page("DEMO_DIR", variables)?,
        mail_directory: optional(variables, "MAIL_DIR").map(PathBuf::from),
    })
}

/// A directory with a built page in it.
fn page(name: &str, variables: Variables) -> Result<Option<PathBuf>, ConfigError> {
    match optional(variables, name).map(PathBuf::from) {
        Some(directory) if !is_page(&directory) => {
            Err(ConfigError::new(format!("{name} is `{}`; there is no index.html in it", directory.display())))
        }
        directory => Ok(directory),
    }
}

fn is_page(directory: &Path) -> bool {
    directory.join("index.html").is_file()
}

#[cfg(test)]
mod tests {
    use super::value::MIN_SECRET_BYTES;
    use super::*;

    const URL: (&str, &str) = ("DATABASE_URL", "postgres://user:hunter2@localhost/db");
    const SECRET: (&str, &str) = ("JWT_SECRET", "an example of a secret with 32 bytes");

    const FROM: (&str, &str) = ("MAIL_FROM", "streamkeeper@example.org");

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
            ("JITSI_WEBHOOK_SECRET", "hunter2"),
            ("JITSI_END_GRACE_SECS", "901"),
            ("EVENT_END_GRACE_SECS", "4"),
            ("EVENT_END_GRACE_SECS", "3601"),
            ("EVENT_END_GRACE_SECS", "30s"),
            ("RELAY_STALL_SECS", "4"),
            ("RELAY_STALL_SECS", "3601"),
            ("RELAY_TICKET_SECS", "9"),
            ("RELAY_MAX_CLIENTS", "0"),
            ("RELAY_CLIENTS_PER_ADDRESS", "0"),
            ("SERVICE_KEY", "hunter2"),
            ("SERVICE_KEY", "hunter2 hunter2 hunter2"),
            ("SERVICE_KEY", "hunter2_hunter2_hünter2"),
            ("ADMIN_TOKEN", "hunter2"),
            ("OPERATOR_EMAIL", "nobody"),
            ("OPERATOR_EMAIL", "ops@example.org, dev@example.org"),
            ("MAIL_FROM", "streamkeeper"),
            ("MAIL_FROM", "a@example.org\r\nBcc: b@example.org"),
            ("MAIL_DIR", "/nowhere"),
            ("OPERATOR_DIR", "/nowhere"),
            ("PUBLIC_URL", "gateway.example.org"),
            ("PUBLIC_URL", "https://gateway.example.org/?a=hunter2"),
            ("FRONTEND_URL", "app.example.org"),
            ("FRONTEND_URL", "ftp://app.example.org"),
            ("FRONTEND_URL", "https://user:hunter2@app.example.org"),
            ("FRONTEND_URL", "https://app.example.org/?a=b"),
            ("SMTP_URL", "hunter2"),
            ("SMTP_URL", "http://user:hunter2@mail.example.org"),
            ("SMTP_URL", "smtp://user:hunter2@mail.example.org"),
            ("JWKS_URL", "hunter2"),
            ("JWKS_URL", "/jwks.json?key=hunter2"),
            ("JWKS_URL", "https://user:hunter2@id.example.org/jwks.json"),
            ("JWKS_URL", "http://id.example.org/jwks.json?key=hunter2"),
            ("JWKS_URL", "http://localhost.example.org/jwks.json"),
            ("JWKS_URL", "ftp://127.0.0.1/jwks.json"),
            ("RELAY_UPSTREAMS", "origin.example.com"),
            ("RELAY_UPSTREAMS", "https://good.example.com,https://origin.example.com/?key=hunter2"),
            ("PROXY_HOPS", "-1"),
            ("PROXY_HOPS", "11"),
            ("PROXY_HOPS", "10.0.0.1"),
            ("BIND", "8787"),
            ("BIND", "localhost:8787"),
            ("BIND", "127.0.0.1:99999"),
            ("CORS_ORIGINS", "example.org"),
            ("CORS_ORIGINS", "https://example.org/"),
            ("CORS_ORIGINS", "https://example.org,,"),
            ("CORS_ORIGINS", "ftp://example.org"),
        ] {
            let error = read(false, &[URL, SECRET, FROM, (name, value)]).unwrap_err();
            assert!(error.starts_with(name) && !error.contains("hunter2") && !error.contains('\n'), "{value}: {error}");
        }
        let config = format!("{:?}", read(false, &[URL, SECRET]).unwrap());
        assert!(!config.contains("hunter2") && !config.contains(SECRET.1), "{config}");
    }

    #[test]
    fn tokens_need_a_secret_or_keys_or_both() {
        let jwks = |url| ("JWKS_URL", url);
        for url in [
            "https://id.example.org/jwks.json?key=1",
            "http://127.0.0.1:9/jwks.json",
            "http://[::1]:9/",
            "http://localhost/",
        ] {
            let config = read(false, &[URL, jwks(url)]).unwrap();
            assert!(config.jwt_secret.is_none() && config.jwks_url.unwrap() == url, "{url}");
        }
        let both = read(false, &[URL, SECRET, jwks("https://id.example.org/jwks.json")]).unwrap();
        assert!(both.jwt_secret.is_some() && both.jwks_url.is_some());
        let neither = read(false, &[URL]).unwrap_err();
        assert!(neither.starts_with("JWT_SECRET") && neither.contains("JWKS_URL"), "{neither}");
    }

    #[test]
    fn what_every_browser_has_is_no_service_key() {
        let same = "sb_publishable_0123456789";
        let error = read(false, &[URL, SECRET, ("ANON_KEY", same), ("SERVICE_KEY", same)]).unwrap_err();
        assert!(error.starts_with("SERVICE_KEY") && !error.contains(same), "{error}");
    }

    #[test]
    fn mail_needs_a_way_a_sender_and_somebody_to_read_it() {
        let (operator, smtp) = (("OPERATOR_EMAIL", "ops@example.org"), ("SMTP_URL", "smtp://mail"));
        let directory = std::env::temp_dir();
        let folder = ("MAIL_DIR", directory.to_str().unwrap());
        assert!(read(false, &[URL, SECRET]).unwrap().operator.is_none());
        assert!(read(false, &[URL, SECRET, FROM, smtp]).unwrap().operator.is_none());
        for way in [smtp, folder] {
            let config = read(false, &[URL, SECRET, FROM, operator, way]).unwrap();
            assert_eq!(config.operator.unwrap().address.to_string(), "ops@example.org");
            let error = read(false, &[URL, SECRET, operator, way]).unwrap_err();
            assert!(error.starts_with("MAIL_FROM is missing"), "{error}");
        }
        let error = read(false, &[URL, SECRET, FROM, operator]).unwrap_err();
        assert!(
            error.contains("OPERATOR_EMAIL") && error.contains("SMTP_URL") && error.contains("MAIL_DIR"),
            "{error}"
        );
    }

    #[test]
    fn relays_need_a_secret_that_all_gateways_share() {
        let (jwks, upstreams) =
            (("JWKS_URL", "https://id.example.org/jwks.json"), ("RELAY_UPSTREAMS", "https://origin.example.org"));
        let error = read(false, &[URL, jwks, upstreams]).unwrap_err();
        assert!(error.starts_with("RELAY_UPSTREAMS") && error.contains("JWT_SECRET"), "{error}");
        for secret in [SECRET, ("SERVICE_KEY", "sb_secret_0123456789")] {
            assert!(!read(false, &[URL, jwks, upstreams, secret]).unwrap().relay.upstreams.is_empty());
        }
        assert!(read(false, &[URL, jwks]).unwrap().relay.upstreams.is_empty());
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
        assert!(first.jwt_secret.as_ref().unwrap().len() >= MIN_SECRET_BYTES);
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
