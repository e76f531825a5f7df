//! What the doctor is given: by options, or by the environment, where secrets belong.

use std::fmt;

use axum::http::Uri;
use sqlx::postgres::PgConnectOptions;

use crate::config::{Variables, database_options};

/// What `doctor --help` prints.
pub const USAGE: &str = "\
usage: streamkeeper-gateway doctor [--json] [OPTION VALUE]...
  --url           BACKEND_URL   the Supabase project, or the gateway: what the page has as backend.url
  --api-key       API_KEY       the publishable (anon) key that the page has
  --gateway-url   GATEWAY_URL   the gateway, when it is not the backend itself
  --page          PAGE_URL      a page of the app: its security policy is read, and its origin has to be let in
  --chat-url      CHAT_URL      where the page's chat connects to, like wss://chat.stream-io-api.com
  --database-url  DATABASE_URL  the database, for what cannot be seen from outside
                  ACCESS_TOKEN  a user's token, to see whether the backend believes it
                  ADMIN_TOKEN   the gateway's, to read its metrics
Each can be given as an option or as a variable, the last two as variables only. Without --url and --database-url there is
nothing to look at. Exit code: 0 without problems, 1 with, 2 for a wrong option.
";

/// A place that is asked over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// As it was given.
    pub url: String,
    /// `https`, `wss`, …
    pub scheme: String,
    /// Without the port.
    pub host: String,
    /// The scheme's own, unless another one is given.
    pub port: u16,
}

impl Address {
    /// Reads it. None for what is none, and for one with a user or a password in it.
    pub fn parse(text: &str, schemes: &[&str]) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let scheme = uri.scheme_str().filter(|scheme| schemes.contains(scheme))?.to_owned();
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let default = if matches!(scheme.as_str(), "https" | "wss") { 443 } else { 80 };
        let (host, port) = (authority.host().to_ascii_lowercase(), authority.port_u16().unwrap_or(default));
        Some(Self { url: text.to_owned(), scheme, host, port })
    }

    /// A path behind it.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url.trim_end_matches('/'))
    }

    /// What a browser sends as `Origin` from there.
    pub fn origin(&self) -> String {
        let default = if matches!(self.scheme.as_str(), "https" | "wss") { 443 } else { 80 };
        match self.port == default {
            true => format!("{}://{}", self.scheme, self.host),
            false => format!("{}://{}:{}", self.scheme, self.host, self.port),
        }
    }

    /// Can nobody on the way read what is sent there?
    pub fn is_private(&self) -> bool {
        matches!(self.scheme.as_str(), "https" | "wss") || crate::config::is_loopback(&self.host)
    }
}

/// Everything that was given.
pub struct Settings {
    pub(super) url: Option<Address>,
    pub(super) api_key: Option<String>,
    pub(super) gateway_url: Option<Address>,
    pub(super) page: Option<Address>,
    pub(super) chat_url: Option<Address>,
    pub(super) database: Option<PgConnectOptions>,
    pub(super) access_token: Option<String>,
    pub(super) admin_token: Option<String>,
    pub(super) json: bool,
}

impl fmt::Debug for Settings {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("url", &self.url).field("page", &self.page).finish_non_exhaustive()
    }
}

/// Each option, and the variable that says the same.
const OPTIONS: [(&str, &str); 6] = [
    ("--url", "BACKEND_URL"),
    ("--api-key", "API_KEY"),
    ("--gateway-url", "GATEWAY_URL"),
    ("--page", "PAGE_URL"),
    ("--chat-url", "CHAT_URL"),
    ("--database-url", "DATABASE_URL"),
];

impl Settings {
    /// From the arguments behind `doctor`, and from the variables where there is no option. An error is one line that names
    /// what is wrong and never says what it was: it may be a key that somebody put in the wrong place.
    pub fn read(arguments: &[String], variables: Variables) -> Result<Self, String> {
        let (options, json) = options(arguments)?;
        let given = |name: &str| {
            let option = OPTIONS.iter().find(|(_, variable)| *variable == name).map(|(option, _)| *option);
            let value = options.iter().find(|(given, _)| Some(*given) == option).map(|(_, value)| value.clone());
            value.or_else(|| variables(name)).filter(|value| !value.is_empty())
        };
        let address = |name: &str, schemes: &[&str]| match given(name) {
            None => Ok(None),
            Some(url) => Address::parse(&url, schemes).map(Some).ok_or_else(|| {
                format!("{name} is no address: it must begin with {}://, without a user", schemes.join(":// or "))
            }),
        };
        let web = ["https", "http"];
        let database = match given("DATABASE_URL") {
            None => None,
            Some(_) => Some(database_options(&given).map_err(|error| error.to_string())?),
        };
        let settings = Self {
            url: address("BACKEND_URL", &web)?,
            api_key: given("API_KEY"),
            gateway_url: address("GATEWAY_URL", &web)?,
            page: address("PAGE_URL", &web)?,
            chat_url: address("CHAT_URL", &["wss", "https", "ws", "http"])?,
            database,
            access_token: given("ACCESS_TOKEN"),
            admin_token: given("ADMIN_TOKEN"),
            json,
        };
        match settings.url.is_none() && settings.database.is_none() && settings.gateway_url.is_none() {
            true => Err("there is nothing to look at: give --url, --gateway-url or --database-url".to_owned()),
            false => Ok(settings),
        }
    }

    /// What must not be in the output, whoever says it: a server may quote what it was sent.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let secrets = [&self.api_key, &self.access_token, &self.admin_token];
        secrets.into_iter().flatten().map(String::as_str)
    }
}

/// Options and their values.
type Given = Vec<(&'static str, String)>;

/// The options with their values, and whether JSON is wanted.
fn options(arguments: &[String]) -> Result<(Given, bool), String> {
    let (mut found, mut json) = (Vec::new(), false);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--json" && !json {
            json = true;
            continue;
        }
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (argument.as_str(), None),
        };
        let Some((name, _)) = OPTIONS.iter().find(|(option, _)| *option == name) else {
            return Err("there is an option that is not known; `doctor --help` prints those that are".to_owned());
        };
        let Some(value) = value.or_else(|| arguments.next().cloned()) else {
            return Err(format!("{name} needs a value"));
        };
        if found.iter().any(|(given, _)| given == name) {
            return Err(format!("{name} is there twice"));
        }
        found.push((*name, value));
    }
    Ok((found, json))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let lookup = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        Settings::read(&arguments, &lookup)
    }

    #[test]
    fn an_option_goes_before_the_variable_of_the_same_meaning() {
        let variables = [("BACKEND_URL", "https://a.example"), ("API_KEY", "sb_publishable_1"), ("ADMIN_TOKEN", "")];
        let settings = read("--url http://127.0.0.1:9/ --json --page=https://b.example/?a=b", &variables).unwrap();
        assert_eq!(settings.url.unwrap().at("/health"), "http://127.0.0.1:9/health");
        assert_eq!(settings.page.unwrap().origin(), "https://b.example");
        assert_eq!((settings.api_key.as_deref(), settings.admin_token), (Some("sb_publishable_1"), None));
        assert!(settings.json && settings.database.is_none());
        let settings = read("--database-url postgres://localhost/", &variables).unwrap();
        assert!(settings.url.is_some() && settings.database.is_some());
    }

    #[test]
    fn what_is_wrong_is_named_and_never_shown() {
        for (line, name) in [
            ("", "there is nothing"),
            ("hunter2", "there is an option"),
            ("--apikey=hunter2", "there is an option"),
            ("--access-token hunter2", "there is an option"),
            ("--url", "--url needs"),
            ("--url hunter2", "BACKEND_URL"),
            ("--url https://hunter2@a.example", "BACKEND_URL"),
            ("--url ftp://a.example/hunter2", "BACKEND_URL"),
            ("--url https://a.example --url https://b.example", "--url is there twice"),
            ("--url https://a.example --page /hunter2", "PAGE_URL"),
            ("--url https://a.example --chat-url hunter2", "CHAT_URL"),
            ("--database-url mysql://hunter2@localhost/", "DATABASE_URL"),
            ("--database-url postgres://hunter2@localhost:port/", "DATABASE_URL"),
            ("--json --json", "there is an option"),
        ] {
            let error = read(line, &[]).expect_err(line);
            assert!(error.starts_with(name) && !error.contains("hunter2") && !error.contains('\n'), "{line}: {error}");
        }
    }

    #[test]
    fn nobody_on_the_way_reads_what_is_encrypted_or_stays_here() {
        let private = |url| Address::parse(url, &["http", "https", "ws", "wss"]).unwrap().is_private();
        assert!(private("https://a.example") && private("http://127.0.0.1:1") && private("ws://localhost"));
        assert!(!private("http://a.example") && !private("ws://192.168.0.1"));
    }
}
